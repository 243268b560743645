//! Events: what each form shows, and that no value makes two lines of one.

use proptest::prelude::*;

use super::*;
use crate::lines::Lines;

fn event<'a>(name: EventName, user: &'a str, path: &'a str, detail: &str) -> Event<'a> {
    Event {
        who: Some(Who {
            issuer: "https://sso.example.com",
            sub: user.into(),
            user: user.into(),
            session: "Z4W3_Ub0",
        }),
        what: Some(What { method: "GET", host: "wiki.example.com", path }),
        route: Some("wiki"),
        rule: Some("group:ops"),
        request_id: Some("88729cb43995ab5a9cd49bf9"),
        detail: Some(detail.to_owned()),
        ..Event::new(name, Timestamp::from_secs(1_800_000_000))
    }
}

fn written(form: Form, event: &Event<'_>) -> Vec<String> {
    let lines = Lines::kept();
    Trail::new(&lines, form).record(event);
    lines.take()
}

#[test]
fn text_says_who_what_and_why_and_ends_in_the_reference_of_a_refusal() {
    let mut denied = event(EventName::AccessDenied, "bob", "/admin", "no groups came");
    denied.reason = Some("not_allowed");
    assert_eq!(
        written(Form::Text, &denied),
        [
            "08:00:00 access.denied bob GET wiki.example.com/admin not_allowed group:ops: no groups came [88729cb43995ab5a9cd49bf9]"
        ]
    );
    let signed_in = Event {
        who: denied.who.clone(),
        provider: Some("main"),
        ..Event::new(EventName::SignInSucceeded, denied.time)
    };
    assert_eq!(written(Form::Text, &signed_in), ["08:00:00 sign_in.succeeded bob via main"]);
    let names = ["x-remote-user".to_owned()];
    let stripped = Event { headers: &names, ..Event::new(EventName::IdentityHeaderStripped, denied.time) };
    assert_eq!(written(Form::Text, &stripped), ["08:00:00 identity_header.stripped x-remote-user"]);
    let forged = event(EventName::AccessAllowed, "bob\" GET /", "/\u{1b}[2J", "");
    let line = written(Form::Text, &forged).remove(0);
    assert!(
        line.starts_with("08:00:00 access.allowed \"bob\\\" GET /\" GET") && !line.contains('\u{1b}'),
        "{line}"
    );
}

#[test]
fn a_terminal_that_shows_access_lines_is_not_told_twice() {
    for name in EventName::ALL {
        let told = !written(Form::Brief, &Event::new(*name, Timestamp::EPOCH)).is_empty();
        assert_eq!(
            told,
            !name.as_str().starts_with("access.") && !name.as_str().starts_with("process."),
            "{name:?}"
        );
    }
}

#[test]
fn what_strangers_choose_is_bounded() {
    let long = "\u{e9}".repeat(40_000);
    let mut event = event(EventName::AccessDenied, "bob", &long, &long);
    event.what = Some(What { method: &long, host: &long, path: &long });
    for form in [Form::Json, Form::Text] {
        let line = written(form, &event).remove(0);
        assert!(line.len() < 4000, "{} bytes", line.len());
    }
}

#[test]
fn every_name_is_one_word_of_its_own() {
    let mut names: Vec<&str> = EventName::ALL.iter().map(|name| name.as_str()).collect();
    let legal = |name: &&str| name.bytes().all(|byte| byte.is_ascii_lowercase() || b"._".contains(&byte));
    assert!(names.iter().all(legal));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), EventName::ALL.len());
}

fn is_harmful(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}')
}

proptest! {
    #[test]
    fn no_value_forges_a_line(user in any::<String>(), path in any::<String>(), detail in any::<String>()) {
        let mut event = event(EventName::AccessDenied, &user, &path, &detail);
        event.reason = Some("not_allowed");
        for form in [Form::Json, Form::Text] {
            let lines = written(form, &event);
            prop_assert_eq!(lines.len(), 1);
            prop_assert_eq!(lines[0].lines().count(), 1);
            prop_assert!(!lines[0].chars().any(is_harmful));
            if form == Form::Json {
                let json: serde_json::Value = serde_json::from_str(&lines[0]).expect("JSON");
                prop_assert_eq!(&json["event"], "access.denied");
                prop_assert_eq!(&json["rule"], "group:ops");
                prop_assert_eq!(&json["request_id"], "88729cb43995ab5a9cd49bf9");
            }
        }
    }
}
