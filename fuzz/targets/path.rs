//! Paths: what is sent resolves to what was judged, for us and for a WHATWG URL parser; no dot segment is in it, however
//! often a server decodes; parsing again changes nothing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use url::Url;
use vestibule::web::CanonicalPath;

fuzz_target!(|text: &str| {
    let Ok(path) = CanonicalPath::parse(text) else { return };
    let again = CanonicalPath::parse(path.sent()).expect("what is sent is a path");
    assert_eq!(again, path);
    for form in [path.sent(), path.judged()] {
        assert!(form.starts_with('/') && !form.contains("//"), "{form:?}");
    }
    assert!(!path.judged().chars().any(char::is_control), "{:?}", path.judged());

    let mut level = path.sent().as_bytes().to_vec();
    loop {
        for part in level.split(|byte| matches!(byte, b'/' | b'\\')) {
            let name = part.split(|byte| matches!(byte, b';' | b'?' | b'#')).next().unwrap_or_default();
            assert!(name != b"." && name != b"..", "{:?}", String::from_utf8_lossy(&level));
        }
        assert!(!level.contains(&0), "{:?}", String::from_utf8_lossy(&level));
        let next = decoded(&level);
        if next == level {
            break;
        }
        level = next;
    }

    // The question mark keeps spaces at the end, which such a parser cuts off.
    let url = Url::parse(&format!("http://wiki.example{}?", path.sent())).expect("a URL");
    assert_eq!((url.host_str(), url.query(), url.fragment()), (Some("wiki.example"), Some(""), None));
    let judged = CanonicalPath::parse(url.path()).expect("what a browser makes of it is a path");
    assert_eq!(judged.judged(), path.judged());
});

/// Decoded once, as a lenient server does it: what is no encoding stays.
fn decoded(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 3).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        match digits.filter(|_| *byte == b'%') {
            Some(digits) => {
                let text = std::str::from_utf8(digits).expect("digits");
                out.push(u8::from_str_radix(text, 16).expect("digits"));
                at += 3;
            }
            None => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    out
}
