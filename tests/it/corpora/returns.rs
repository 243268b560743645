//! Where a browser is sent back to: never off our host, never to an endpoint of ours, wherever the address is put.

use proptest::prelude::*;
use url::Url;

use super::{decode, get, samples, spliced, text};
use crate::support::stage::Plan;
use crate::support::vectors::lines;
use crate::support::{Answer, Browser, Stage};

const URL_FRAGMENTS: &[&str] = &[
    "//",
    "\\",
    "/",
    "@",
    ":",
    "evil.example",
    "127.0.0.1",
    "https:",
    "http://",
    "%2f",
    "%5c",
    "%2e",
    "..",
    ".",
    ";",
    "?",
    "#",
    "\t",
    "\n",
    " ",
    "\u{ff0f}",
    "\u{3002}",
    "%00",
    "javascript:",
];

/// Where `location` leads a browser that is at `url`. Must be our origin, and none of our endpoints.
fn stays(browser: &Browser, location: &str, context: &str) {
    let to = browser.url.join(location).unwrap_or_else(|error| panic!("{context}: {location}: {error}"));
    assert_eq!(to.origin(), browser.url.origin(), "{context} led to {to}");
    // In a query a backslash is nothing but itself.
    let place = location.split('?').next().unwrap_or_default();
    assert!(
        !location.starts_with("//") && !place.contains('\\') && !location.contains(['\t', '\n']),
        "{context} led to {location}"
    );
    let path = text(&decode(to.path().as_bytes()));
    let is_own = path == "/oauth2" || path.starts_with("/oauth2/");
    // An encoded slash joins nothing: such a path is refused, not taken for an endpoint.
    assert!(
        path == "/oauth2/" || !is_own || to.path().to_ascii_lowercase().contains("%2f"),
        "{context} led to {to}"
    );
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Goes through a sign-in that was begun; the answer is the one that leads back.
async fn back(browser: &mut Browser, start: &Answer) -> Answer {
    let callback = browser.follow_once(start).await;
    browser.follow_once(&callback).await
}

#[tokio::test]
async fn no_return_address_leads_off_our_host_wherever_it_is_put() {
    let login = "rate = 0".to_owned();
    let stage = Stage::with(Plan { login, ..Plan::default() }).await;
    let mut browser = stage.signed_in("alice").await;
    let corpus = lines("open-redirects.txt");
    assert!(corpus.len() >= 200, "{}", corpus.len());
    let made = samples(60, &spliced(corpus.clone(), URL_FRAGMENTS));
    for (n, rd) in corpus.iter().chain(&made).enumerate() {
        for endpoint in ["start", "sign_in"] {
            let answer = browser.load(&format!("/oauth2/{endpoint}?rd={}", encoded(rd))).await;
            assert_eq!(answer.status, 302, "{rd:?}");
            let end = back(&mut browser, &answer).await;
            stays(&browser, end.location(), &format!("{endpoint} with {rd:?}"));
            browser.drop_pending();
        }
        // As the address that is asked for itself: recorded, if it is one at all, and come back to.
        if rd.starts_with('/') && rd.is_ascii() && !rd.contains([' ', '\t', '\n', '#']) {
            let mut nobody = browser.clone();
            nobody.drop_cookie("vestibule");
            let fields = format!(
                "host: {}\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\n",
                stage.gateway
            );
            let answer = get(&stage, rd.as_bytes(), fields.as_bytes()).await;
            if answer.status == 302 && !rd.starts_with("/oauth2") {
                let start = nobody.load(&encode_for_browser(rd)).await;
                if start.status == 302 && start.location().contains("state=") {
                    let end = back(&mut nobody, &start).await;
                    stays(&nobody, end.location(), &format!("the page {rd:?}"));
                }
            } else {
                assert!(
                    matches!(answer.status, 200 | 302 | 400 | 401 | 404 | 405),
                    "{rd:?}: {}",
                    answer.status
                );
                if answer.status == 302 {
                    let to = Url::parse(answer.location()).expect("the provider");
                    assert_eq!(to.port(), Some(stage.provider.addr().port()), "{rd:?}");
                }
            }
        }
        // At the end of a sign-out, without and (now and then, as it takes a sign-in) with a session.
        let mut leaving = browser.clone();
        if n % 8 != 0 {
            leaving.drop_cookie("vestibule");
        }
        let origin = format!("origin: http://{}\r\ncontent-length: 0\r\n", stage.gateway);
        let answer =
            leaving.request("POST", &format!("/oauth2/sign_out?rd={}", encoded(rd)), &origin, b"").await;
        assert_eq!(answer.status, 303, "{rd:?}");
        if n % 8 == 0 {
            let form = leaving.follow_once(&answer).await;
            let provider = leaving.url.clone();
            let mut end =
                if form.text().contains("<form") { leaving.press_once(&form, &[]).await } else { form };
            for _ in 0..3 {
                if (300..400).contains(&end.status) && end.location().contains("/oauth2/signed_out") {
                    end = leaving.follow_once(&end).await;
                }
            }
            if (300..400).contains(&end.status) && leaving.url.port() != provider.port() {
                stays(&leaving, end.location(), &format!("sign_out of alice with {rd:?}"));
            }
            browser = stage.signed_in("alice").await;
        } else if !answer.location().starts_with("/oauth2/signed_out") {
            stays(&browser, answer.location(), &format!("sign_out with {rd:?}"));
        }
    }
}

/// A path as the test's browser takes it: its own URL parser must not turn it into another host.
fn encode_for_browser(path: &str) -> String {
    format!("/{}", path.trim_start_matches(['/', '\\']))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_taken_for_a_return_address_stays_on_our_origin(text in spliced(lines("open-redirects.txt"), URL_FRAGMENTS)) {
        use vestibule::web::{Origin, ReturnTo};
        for own in ["https://127.0.0.1", "http://127.0.0.1", "https://wiki.example:8443"] {
            let origin = Origin::parse(own).expect("an origin");
            if let Some(to) = ReturnTo::parse(&text, &origin, |_| false) {
                let base = Url::parse(own).expect("a url").join("/oauth2/callback").expect("a path");
                let end = base.join(to.as_str()).expect("resolves");
                prop_assert_eq!(end.origin(), base.origin(), "{:?} became {:?}", text, to);
                prop_assert!(to.as_str().starts_with('/') && !to.as_str().starts_with("//"));
                prop_assert!(to.as_str().bytes().all(|byte| byte > b' ' && byte < 0x7f));
                prop_assert!(!to.path_only().contains('\\'));
            }
        }
    }
}
