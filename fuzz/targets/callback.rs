//! Callbacks: nothing counts that stands twice, an error wins over a code, and everything that is kept is bounded.

#![no_main]

use libfuzzer_sys::fuzz_target;
use url::form_urlencoded;
use vestibule::oidc::Answer;
use vestibule::oidc::callback::parse;

const NAMES: [&str; 5] = ["state", "code", "error", "error_description", "iss"];

fuzz_target!(|query: &str| {
    let Ok(callback) = parse(query) else { return };
    assert!(query.len() <= 16 * 1024);
    let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    let all = |name: &str| {
        pairs.iter().filter(|(own, _)| own == name).map(|(_, value)| &**value).collect::<Vec<_>>()
    };
    for name in NAMES {
        assert!(all(name).len() <= 1, "{name} stands twice");
    }
    let visible = |text: &str, most: usize| {
        !text.is_empty() && text.len() <= most && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    assert_eq!(all("state"), [callback.state()]);
    assert!(visible(callback.state(), 128));
    assert_eq!(all("iss").first().copied(), callback.issuer());
    assert!(callback.issuer().is_none_or(|issuer| visible(issuer, 512)));
    match callback.answer() {
        Answer::Code(code) => {
            assert!(all("error").is_empty(), "an error wins");
            assert_eq!(all("code"), [code.expose()]);
            assert!(visible(code.expose(), 4096));
        }
        Answer::Error { error, description } => {
            assert_eq!(all("error"), [error]);
            assert!(visible(&error.replace(' ', "_"), 128));
            let harmless = |text: &String| text.chars().count() <= 300 && !text.chars().any(char::is_control);
            assert!(description.as_ref().is_none_or(harmless));
        }
    }
});
