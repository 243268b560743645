//! The session: how long it stands, what it is bound to, and what a planted or broken cookie comes to.

use std::time::Duration;

use vestibule::demo::provider::{Fault, User};

use crate::support::stage::Plan;
use crate::support::{Stage, exchange};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn it_ends_when_idle_and_at_its_absolute_end_whatever_happens() {
    let stage =
        Stage::with(Plan { session: "idle = \"1h\"\nmax_age = \"3h\"".to_owned(), ..Plan::default() }).await;
    let mut browser = stage.signed_in("alice").await;
    // Active every half hour: the idle limit never strikes.
    for _ in 0..5 {
        stage.advance(30 * MINUTE);
        assert_eq!(browser.fetch("/").await.status, 200);
    }
    stage.advance(29 * MINUTE);
    assert_eq!(browser.fetch("/").await.status, 200);
    stage.advance(MINUTE);
    assert_eq!(browser.fetch("/").await.status, 401, "three hours after the sign-in it is over");
    let mut idle = stage.signed_in("alice").await;
    stage.advance(60 * MINUTE);
    assert_eq!(idle.fetch("/").await.status, 401);
}

#[tokio::test]
async fn it_is_sealed_anew_only_when_enough_time_has_passed() {
    let stage = Stage::with(Plan { session: "idle = \"1h\"".to_owned(), ..Plan::default() }).await;
    let mut browser = stage.signed_in("alice").await;
    let first = browser.cookie("vestibule").expect("a session");
    stage.advance(4 * MINUTE);
    let answer = browser.fetch("/").await;
    assert_eq!(answer.all("set-cookie").count(), 0);
    stage.advance(MINUTE);
    let answer = browser.fetch("/").await;
    assert_eq!(answer.all("set-cookie").count(), 1);
    assert_eq!(answer.field("cache-control"), Some("private, no-store"));
    assert_ne!(browser.cookie("vestibule"), Some(first));
}

#[tokio::test]
async fn a_copy_from_before_a_new_seal_is_never_younger_than_it_says() {
    let stage = Stage::with(Plan { session: "idle = \"1h\"".to_owned(), ..Plan::default() }).await;
    let mut browser = stage.signed_in("alice").await;
    let mut copy = browser.clone();
    stage.advance(40 * MINUTE);
    assert_eq!(browser.fetch("/").await.status, 200);
    stage.advance(20 * MINUTE);
    assert_eq!(browser.fetch("/").await.status, 200);
    assert_eq!(copy.fetch("/").await.status, 401);
}

#[tokio::test]
async fn truncated_and_made_up_cookies_give_nothing() {
    let stage = Stage::usual().await;
    let browser = stage.signed_in("alice").await;
    let good = browser.cookie("vestibule").expect("a session");
    let mut flipped = good.clone().into_bytes();
    let last = flipped.len() / 2;
    flipped[last] = if flipped[last] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).expect("still text");
    for bad in [
        &good[..good.len() - 1],
        &good[..10],
        "",
        "x",
        &flipped,
        &format!("{good}A"),
        &"A".repeat(6000),
        "%00",
        "\"quoted\"",
    ] {
        let mut thief = stage.browser();
        thief.put("vestibule", bad);
        assert_eq!(thief.fetch("/").await.status, 401, "{bad}");
    }
}

#[tokio::test]
async fn a_planted_cookie_displaces_nothing_and_two_sessions_are_none() {
    let stage = Stage::usual().await;
    let mut alice = stage.signed_in("alice").await;
    let good = alice.cookie("vestibule").expect("a session");
    let bob = stage.signed_in("bob").await.cookie("vestibule").expect("a session");
    let ask = |cookies: String| format!("cookie: {cookies}\r\nsec-fetch-mode: cors\r\n");
    let mut nobody = stage.browser();
    for (status, cookies) in [
        (200, format!("vestibule=planted; vestibule={good}")),
        (200, format!("vestibule={good}; vestibule=planted")),
        (200, format!("a=b; vestibule=1; vestibule=2; vestibule=3; vestibule={good}")),
        (401, format!("vestibule=1; vestibule=2; vestibule=3; vestibule=4; vestibule={good}")),
        (401, format!("vestibule={good}; vestibule={bob}")),
        (401, format!("__Host-vestibule={good}")),
        (401, format!("Vestibule={good}")),
    ] {
        assert_eq!(nobody.request("GET", "/", &ask(cookies.clone()), b"").await.status, status, "{cookies}");
    }
    assert_eq!(alice.fetch("/").await.status, 200);
}

#[tokio::test]
async fn a_cookie_of_another_that_is_no_ascii_does_not_take_the_session_along() {
    let stage = Stage::usual().await;
    let good = stage.signed_in("alice").await.cookie("vestibule").expect("a session");
    for other in [&b"name=J\xc3\xbcrgen"[..], b"name=J\xfcrgen", b"n\xff=1", b"\xc2\xa0vestibule=x"] {
        let mut head = b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncookie: ".to_vec();
        head.extend_from_slice(other);
        head.extend_from_slice(format!("; vestibule={good}\r\n\r\n").as_bytes());
        let answer = exchange(stage.gateway, head).await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(other));
        let received = stage.upstream.received().pop().expect("a request");
        assert!(!received.head.contains(&good), "{}", received.head);
    }
}

#[tokio::test]
async fn a_pending_login_is_no_session_and_a_session_no_pending_login() {
    let stage = Stage::usual().await;
    let mut browser = stage.browser();
    browser.load("/").await;
    let name = browser.cookie_names().into_iter().find(|name| name.contains("-login-")).expect("an attempt");
    let value = browser.cookie(&name).expect("an attempt");
    browser.put("vestibule", &value);
    assert_eq!(browser.fetch("/").await.status, 401);
}

#[tokio::test]
async fn it_is_bound_to_the_provider_and_client_that_it_came_from() {
    let mut stage = Stage::usual().await;
    let mut browser = stage.signed_in("alice").await;
    stage.restart(|config| config).await;
    assert_eq!(browser.fetch("/").await.status, 200, "a restart with the same configuration keeps sessions");
    stage.restart(|config| config.replace("client_id = \"wiki\"", "client_id = \"other\"")).await;
    assert_eq!(browser.fetch("/").await.status, 401);
}

#[tokio::test]
async fn another_key_opens_nothing() {
    let mut stage = Stage::usual().await;
    let mut browser = stage.signed_in("alice").await;
    stage.restart(|config| config.replace("{ env = \"KEY\" }", "{ env = \"OTHER_KEY\" }")).await;
    assert_eq!(browser.fetch("/").await.status, 401);
}

#[tokio::test]
async fn a_rule_that_wants_a_claim_which_was_dropped_asks_to_sign_in_again_and_never_refuses() {
    let routes =
        "[routes.home]\nupstream = \"UPSTREAM\"\nallow = [\"group:staff\"]\nheaders = \"none\"\n".to_owned();
    let mut stage = Stage::with(Plan { routes, ..Plan::default() }).await;
    let mut browser = stage.signed_in("alice").await;
    stage.restart(|config| config.replace("group:staff", "group:ops")).await;
    assert_eq!(browser.fetch("/").await.status, 401, "a script is told to sign in");
    let answer = browser.open("/").await;
    assert_eq!(answer.status, 200, "a page load signs in silently: {}", answer.text());
}

#[tokio::test]
async fn groups_that_no_rule_and_no_header_mentions_are_not_kept() {
    let routes =
        "[routes.home]\nupstream = \"UPSTREAM\"\nallow = [\"group:staff\"]\nheaders = \"none\"\n".to_owned();
    let stage = Stage::with(Plan { routes, ..Plan::default() }).await;
    let mut browser = stage.signed_in("alice").await;
    assert_eq!(browser.fetch("/oauth2/userinfo").await.json()["groups"], serde_json::json!(["staff"]));
}

#[tokio::test]
async fn a_hundred_groups_fit_into_one_cookie_and_too_many_are_refused_with_the_reason() {
    let stage = Stage::with(Plan { faults: vec![Fault::ManyGroups(100)], ..Plan::default() }).await;
    let browser = stage.signed_in("alice").await;
    let size = browser.cookie("vestibule").expect("a session").len() + "vestibule=".len();
    assert!(size < 3500, "{size}");
    // Names that nothing compresses.
    let names = (0..400_u64).map(|n| format!("g{:016x}", (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    let mut users = User::demo();
    users
        .iter_mut()
        .filter(|user| user.name == "alice")
        .for_each(|user| user.groups = names.clone().collect());
    let stage = Stage::with(Plan { users, ..Plan::default() }).await;
    let mut browser = stage.browser();
    let answer = browser.sign_in("/", "alice").await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(browser.cookie("vestibule").is_none());
    let event =
        stage.events().into_iter().find(|event| event["reason"] == "session/too-large").expect("an event");
    assert!(event["detail"].as_str().is_some_and(|detail| detail.contains("400 groups")), "{event}");
}

#[tokio::test]
async fn our_cookies_never_reach_the_upstream_and_others_do() {
    let stage = Stage::usual().await;
    let mut browser = stage.signed_in("alice").await;
    browser.put("theme", "dark");
    browser.put("vestibule-theme", "x");
    browser.put("__Secure-vestibule", "x");
    browser.put("vestibule-login-0123456789abcdef", "x");
    browser.fetch("/next").await;
    let received = stage.upstream.received().pop().expect("a request");
    assert_eq!(received.all("cookie"), ["theme=dark; vestibule-theme=x"]);
}

#[tokio::test]
async fn a_cookie_of_the_application_that_is_no_text_does_not_hide_the_session() {
    let stage = Stage::usual().await;
    let browser = stage.signed_in("alice").await;
    for value in [&b"caf\xe9"[..], "caf\u{e9}".as_bytes()] {
        let line =
            format!("GET /next HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncookie: name=", stage.gateway);
        let rest = format!("; {}\r\n\r\n", browser.cookies());
        let answer = exchange(stage.gateway, [line.as_bytes(), value, rest.as_bytes()].concat()).await;
        assert_eq!(answer.status, 200, "{value:?}");
    }
}

#[tokio::test]
async fn a_new_sign_in_makes_a_new_session() {
    let stage = Stage::usual().await;
    let mut browser = stage.signed_in("alice").await;
    let sessions = |stage: &Stage| -> Vec<String> {
        let events = stage.events();
        let signed_in = events.iter().filter(|event| event["event"] == "sign_in.succeeded");
        signed_in.map(|event| event["session"].to_string()).collect()
    };
    let first = sessions(&stage);
    browser.open("/oauth2/start?rd=/").await;
    let second = sessions(&stage);
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_ne!(first, second);
}

#[tokio::test]
async fn signed_out_says_who_is_sent_to_sign_in() {
    let kinds = [
        ("page", "accept: text/html\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\n"),
        ("curl", "accept: */*\r\n"),
        ("script", "accept: */*\r\nsec-fetch-mode: cors\r\nsec-fetch-dest: empty\r\n"),
        ("frame", "accept: text/html\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: iframe\r\n"),
        ("socket", "connection: upgrade\r\nupgrade: websocket\r\n"),
    ];
    for (word, expected) in [
        ("auto", [302, 401, 401, 401, 401]),
        ("redirect", [302, 302, 401, 401, 401]),
        ("401", [401, 401, 401, 401, 401]),
    ] {
        let routes = format!(
            "[routes.home]\nupstream = \"UPSTREAM\"\nallow = [\"signed-in\"]\nsigned_out = \"{word}\"\n"
        );
        let stage = Stage::with(Plan { routes, ..Plan::default() }).await;
        for ((kind, more), expected) in kinds.iter().zip(expected) {
            let answer = stage.browser().request("GET", "/", more, b"").await;
            assert_eq!(answer.status, expected, "{word} {kind}");
            assert_eq!(answer.field("www-authenticate").is_some(), expected == 401, "{word} {kind}");
        }
        assert_eq!(
            stage.browser().request("POST", "/", "content-length: 0\r\n", b"").await.status,
            401,
            "{word}"
        );
    }
}
