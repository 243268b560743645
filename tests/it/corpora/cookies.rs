//! Cookie fields: a session that was sealed here, or none; everybody else's cookies pass byte for byte.

use vestibule::demo::provider::{Algorithm, Client};
use vestibule::secret::Secret;

use super::{get, samples, spliced, text};
use crate::support::Stage;
use crate::support::stage::CLIENT_SECRET;
use crate::support::vectors::rows;

/// Where the upstream's answer says who came: the head that it received.
async fn ask(stage: &Stage, cookie: &[u8]) -> (String, Option<Vec<u8>>) {
    let mut fields = format!("host: {}\r\n", stage.gateway).into_bytes();
    for line in cookie.split(|byte| *byte == b'\n').filter(|_| !cookie.is_empty()) {
        fields.extend([b"cookie: ", line, b"\r\n"].concat());
    }
    let answer = get(stage, b"/public", &fields).await;
    assert_eq!(answer.status, 200, "{}", text(cookie));
    let received = stage.upstream.received().pop().expect("a request");
    let mut lines =
        received.raw.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let found = lines.find_map(|line| line.strip_prefix(b"cookie: ")).map(<[u8]>::to_vec);
    let who = received.all("x-forwarded-user").pop().unwrap_or_else(|| "nobody".to_owned());
    // What passes here must pass where a session is needed, and nothing else.
    let protected = get(stage, b"/", &fields).await;
    assert_eq!(protected.status, if who == "nobody" { 401 } else { 200 }, "{}", text(cookie));
    (who, found)
}

/// An upstream that answers with the bytes of the head, and a session of alice with all that is made of it.
async fn cookies() -> (Stage, Vec<(&'static str, String)>) {
    let stage = Stage::usual().await;
    let mut alice = stage.signed_in("alice").await;
    let bob = stage.signed_in("bob").await.cookie("vestibule").expect("a session");
    let session = alice.cookie("vestibule").expect("a session");
    let mut starts = stage.browser();
    starts.load("/").await;
    let name = starts.cookie_names().into_iter().find(|name| name.contains("-login-")).expect("an attempt");
    let pending = starts.cookie(&name).expect("an attempt");
    stage.advance(std::time::Duration::from_secs(600));
    alice.fetch("/").await;
    let again = alice.cookie("vestibule").expect("a session");
    assert_ne!(session, again);
    let other = if session.starts_with('A') { "B" } else { "A" };
    let made = vec![
        ("SHORT", session[..session.len() - 1].to_owned()),
        ("FLIPPED", format!("{other}{}", &session[1..])),
        ("PENDING", pending),
        ("AGAIN", again),
        ("BOB", bob),
        ("HUGE", "x".repeat(6000)),
        ("SESSION", session),
    ];
    (stage, made)
}

fn filled(template: &[u8], made: &[(&'static str, String)]) -> Vec<u8> {
    made.iter().fold(template.to_vec(), |bytes, (word, value)| {
        let mut out = Vec::new();
        let mut rest = bytes.as_slice();
        while let Some(at) = crate::support::message::find(rest, word.as_bytes()) {
            out.extend_from_slice(&rest[..at]);
            out.extend_from_slice(value.as_bytes());
            rest = &rest[at + word.len()..];
        }
        out.extend_from_slice(rest);
        out
    })
}

#[tokio::test]
async fn a_cookie_field_gives_the_session_that_was_sealed_or_none_and_the_rest_passes_byte_for_byte() {
    let (stage, made) = cookies().await;
    let rows = rows("cookies.txt");
    assert!(rows.len() >= 60, "{}", rows.len());
    for row in rows {
        let (sent, passed) = (filled(&row[1], &made), filled(&row[2], &made));
        let (who, found) = ask(&stage, &sent).await;
        let context = text(&row[1]);
        assert_eq!(who, text(&row[0]), "{context}");
        let found = found.unwrap_or_default();
        assert_eq!(found, passed.trim_ascii(), "{context}: {}", text(&found));
    }
}

#[tokio::test]
async fn no_splice_of_cookies_gives_a_session_that_was_not_sent_whole() {
    let (stage, made) = cookies().await;
    let session =
        made.iter().find(|(word, _)| *word == "SESSION").map(|(_, value)| value.clone()).expect("one");
    let again = made.iter().find(|(word, _)| *word == "AGAIN").map(|(_, value)| value.clone()).expect("one");
    let bob = made.iter().find(|(word, _)| *word == "BOB").map(|(_, value)| value.clone()).expect("one");
    let corpus = rows("cookies.txt").iter().map(|row| text(&row[1]).replace('\n', "; ")).collect();
    let fragments =
        &["; ", ";", "=", "vestibule=", "SESSION", "__Host-", "\"", "a=1", ", ", "vestibule=SESSION; "];
    for template in samples(300, &spliced(corpus, fragments)) {
        let sent = text(&filled(template.as_bytes(), &made));
        let (who, found) = ask(&stage, sent.as_bytes()).await;
        let pairs = |text: &str| -> Vec<(String, String)> {
            let pairs = text.split(';').filter_map(|pair| pair.split_once('='));
            pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
        };
        let ours: Vec<String> = pairs(&sent)
            .into_iter()
            .filter(|(name, _)| name == "vestibule")
            .map(|(_, value)| value)
            .take(4)
            .collect();
        let is_alice = ours.iter().any(|value| *value == session || *value == again);
        let is_bob = ours.contains(&bob);
        let expected = match (is_alice, is_bob) {
            (true, false) => "alice",
            (false, true) => "bob",
            _ => "nobody",
        };
        assert_eq!(who, expected, "{template:?}");
        let found = text(&found.unwrap_or_default());
        assert!(pairs(&found).iter().all(|(name, _)| name != "vestibule"), "{template:?} passed {found}");
    }
}

/// With an https public URL only the prefix that browsers guard counts, in the one spelling that all of them guard.
#[tokio::test]
async fn only_the_exact_prefix_names_the_session_of_an_https_site() {
    let mut stage = Stage::usual().await;
    stage.restart(|config| config.replace("public_url = \"http://", "public_url = \"https://")).await;
    let origin = format!("https://{}", stage.gateway);
    stage.provider.register(Client {
        id: "wiki".to_owned(),
        title: "The wiki".to_owned(),
        secret: Some(Secret::new(CLIENT_SECRET.to_owned())),
        redirect_uris: vec![format!("{origin}/oauth2/callback")],
        post_logout_redirect_uris: vec![],
        id_token_alg: Algorithm::Rs256,
    });
    let mut browser = stage.browser();
    let page = browser.open("/").await;
    browser.choose(page, "alice").await;
    let session = browser.cookie("__Host-vestibule").expect("a session");
    for (cookie, expected, passed) in [
        ("__Host-vestibule=S", "alice", ""),
        ("__Host-vestibule=S; vestibule=x; __Secure-vestibule=y; a=1", "alice", "a=1"),
        ("__host-vestibule=x; __Host-vestibule=S", "alice", ""),
        ("__host-vestibule=S", "nobody", ""),
        ("__HOST-vestibule=S", "nobody", ""),
        ("__Host-Vestibule=S", "nobody", "__Host-Vestibule=S"),
        ("__Secure-vestibule=S", "nobody", ""),
        ("vestibule=S", "nobody", ""),
        ("=__Host-vestibule=S", "nobody", ""),
        ("\u{2000}__Host-vestibule=S", "nobody", "\u{2000}__Host-vestibule=S"),
        ("\u{a0}__Host-vestibule=S", "nobody", "\u{a0}__Host-vestibule=S"),
        ("\u{feff}__Host-vestibule=S", "nobody", "\u{feff}__Host-vestibule=S"),
        ("__Host-vestibule\u{a0}=S", "nobody", "__Host-vestibule\u{a0}=S"),
    ] {
        let (who, found) = ask(&stage, cookie.replace("=S", &format!("={session}")).as_bytes()).await;
        assert_eq!(who, expected, "{cookie}");
        let passed = passed.replace("=S", &format!("={session}"));
        assert_eq!(text(&found.unwrap_or_default()), passed, "{cookie}");
    }
}
