//! A callback is read strictly, whatever a stranger sends.

use proptest::prelude::*;

use super::{Answer, CallbackError as E, MAX_DESCRIPTION, NAMES, parse};

fn encoded(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[test]
fn a_code_comes_with_its_state_and_issuer() {
    let callback =
        parse("code=a%2Bb&state=s-1&iss=https%3A%2F%2Fop.example&session_state=%zz").expect("fine");
    assert_eq!((callback.state(), callback.issuer()), ("s-1", Some("https://op.example")));
    assert!(matches!(callback.answer(), Answer::Code(code) if code.expose() == "a+b"));
    assert!(!format!("{callback:?}").contains("a+b"));
}

#[test]
fn an_error_wins_over_a_code_and_is_bounded() {
    let long = format!("no\u{85}way\r\n{}", "x".repeat(400));
    let query =
        encoded(&[("code", "c"), ("error", "access_denied"), ("state", "s"), ("error_description", &long)]);
    let Answer::Error { error, description } = parse(&query).expect("fine").into_answer() else {
        panic!("the error must win");
    };
    assert_eq!(error, "access_denied");
    let description = description.expect("a description");
    assert_eq!(description.chars().count(), MAX_DESCRIPTION);
    assert!(description.starts_with("nowayxx"));
}

#[test]
fn what_is_not_one_clean_answer_is_refused() {
    let long = |name: &str, length| format!("{name}={}", "a".repeat(length));
    for (query, error) in [
        ("", E::NoState),
        ("code=c", E::NoState),
        ("state=s", E::NoAnswer),
        ("state=&code=c", E::Illegal("state")),
        ("state=s&code=", E::Illegal("code")),
        ("state=s&code=a%20b", E::Illegal("code")),
        ("state=s&code=a%00", E::Illegal("code")),
        ("state=s&error=%0d%0a", E::Illegal("error")),
        ("state=s&code=c&state=s", E::Twice("state")),
        ("state=s&code=c&code=d", E::Twice("code")),
        ("state=s&code=c&c%6Fde=d", E::Twice("code")),
        ("state=s&code=c&iss=a&iss=b", E::Twice("iss")),
        ("state=s&error=e&error=f", E::Twice("error")),
        ("state=s&code=%", E::Encoding),
        ("state=s&code=%4", E::Encoding),
        ("state=s&code=%+1", E::Encoding),
        ("state=s&code=%ff", E::Encoding),
        ("%zz=1&state=s&code=c", E::Encoding),
        (&format!("{}&code=c", long("state", 129)), E::Illegal("state")),
        (&format!("state=s&{}", long("code", 4097)), E::Illegal("code")),
        (&format!("state=s&{}", long("error", 129)), E::Illegal("error")),
        (&format!("state=s&code=c&{}", long("iss", 513)), E::Illegal("iss")),
        (&long("x", 20_000), E::Long),
    ] {
        assert_eq!(parse(query).expect_err(query), error, "{query}");
    }
}

proptest! {
    #[test]
    fn whatever_comes_is_refused_or_bounded(query in "[a-z=&%+0-9]{0,80}|\\PC{0,200}") {
        if let Ok(callback) = parse(&query) {
            prop_assert!(!callback.state().is_empty() && callback.state().len() <= 128);
            prop_assert!(callback.issuer().is_none_or(|issuer| issuer.len() <= 512));
            match callback.into_answer() {
                Answer::Code(code) => prop_assert!(!code.expose().is_empty() && code.expose().len() <= 4096),
                Answer::Error { error, description } => {
                    prop_assert!(!error.is_empty() && error.len() <= 128);
                    prop_assert!(description.is_none_or(|text| !text.chars().any(char::is_control)));
                }
            }
        }
    }

    #[test]
    fn what_was_encoded_is_read_and_a_second_copy_is_refused(
        state in "[!-~]{1,128}", code in "[!-~]{1,300}", issuer in "[!-~]{1,100}", twice in 0..NAMES.len(),
    ) {
        let query = encoded(&[("state", &state), ("code", &code), ("iss", &issuer)]);
        let callback = parse(&query).expect("fine");
        prop_assert_eq!(callback.state(), &state);
        prop_assert_eq!(callback.issuer(), Some(issuer.as_str()));
        prop_assert!(matches!(callback.answer(), Answer::Code(read) if read.expose() == code));
        let doubled = format!("{query}&{0}=x&{0}=x", NAMES[twice]);
        prop_assert_eq!(parse(&doubled).expect_err("doubled"), E::Twice(NAMES[twice]));
    }
}
