//! Return addresses: followed from any page of ours, they never leave the origins that are allowed.

#![no_main]

use http::HeaderValue;
use libfuzzer_sys::fuzz_target;
use url::Url;
use vestibule::web::{CanonicalPath, Origin, ReturnTo};

fuzz_target!(|text: &str| {
    let own = Origin::parse("https://wiki.example").expect("an origin");
    let other = Origin::parse("https://files.example:8443").expect("an origin");
    let allowed = |origin: &Origin| *origin == other;
    let Some(to) = ReturnTo::parse(text, &own, allowed) else { return };
    assert!(HeaderValue::from_str(to.as_str()).is_ok(), "{to:?}");
    for page in ["https://wiki.example/", "https://wiki.example/a/b?c#d", "https://wiki.example//x/"] {
        let place = Url::parse(page).expect("a page").join(to.as_str()).expect("a URL");
        let origin = Origin::parse(&place.origin().ascii_serialization()).expect("an origin");
        assert!(origin == own || origin == other, "{place}");
        assert!(place.username().is_empty() && place.password().is_none(), "{place}");
        let host = to.host().is_some();
        assert_eq!(host, origin == other, "{place}");
    }
    let path = CanonicalPath::parse(to.path_only()).expect("a path");
    assert_eq!(path.sent(), to.path_only());
    assert!(to.on(&own).as_str().starts_with("https://"));
    // It goes through cookies and links: reading it again gives the same.
    assert_eq!(
        ReturnTo::parse(to.as_str(), &own, allowed),
        Some(to.clone()).filter(|to| to.as_str().len() <= ReturnTo::MAX)
    );
});
