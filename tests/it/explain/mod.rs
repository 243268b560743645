//! `vestibule explain` says what happens: held against the running gateway on 1,000 generated pairs of a configuration
//! and a request.

mod choices;

use std::path::Path;

use vestibule::app::{Explainer, Explanation, Outcome};
use vestibule::config::{self, Outside};

use self::choices::{Asked, Choices};
use crate::support::stage::{CLIENT_SECRET, SESSION_KEY};
use crate::support::{Answer, Stage, exchange};

/// How often each outcome was seen, so that agreement is not agreement on one answer.
#[derive(Debug, Default)]
struct Seen {
    allowed: usize,
    public: usize,
    sign_in: usize,
    refused: usize,
    own: usize,
    ping: usize,
}

const CONFIGURATIONS: usize = 50;
const REQUESTS: usize = 20;

const USERS: [&str; 3] = ["alice", "bob", "eve"];

fn outside() -> Outside {
    Outside::new([("KEY", SESSION_KEY), ("SECRET", CLIENT_SECRET)])
}

/// What the configuration says, by `explain`.
fn explained(stage: &Stage, asked: &Asked) -> Explanation {
    let loaded =
        config::parse(&stage.config, "test.toml", Path::new("."), &outside()).expect("a configuration");
    Explainer::new(loaded.config).expect("an explainer").explain(asked.question(stage))
}

/// Holds what happened against what was said.
fn compare(
    said: &Explanation,
    answer: &Answer,
    received: Option<&crate::support::upstream::Received>,
    seen: &mut Seen,
) {
    match &said.outcome {
        Outcome::Allow { line, head, .. } => {
            let received = received.expect("the upstream was asked");
            assert_eq!(received.line(), line);
            let comparable = |name: &str, value: &str| {
                // The id of a request is chance, and a session of chance has another hash.
                let value = if name == "x-request-id" { "ID" } else { value };
                format!("{}: {value}", name.to_ascii_lowercase())
            };
            let came = received.head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
            let mut came: Vec<String> = came.map(|(name, value)| comparable(name, value.trim())).collect();
            let shown = |value: &String| {
                if value.starts_with('(') { CLIENT_SECRET.to_owned() } else { value.clone() }
            };
            let mut told: Vec<String> =
                head.iter().map(|(name, value)| comparable(name, &shown(value))).collect();
            came.sort_unstable();
            told.sort_unstable();
            assert_eq!(came, told);
            assert_eq!(answer.status, 200);
            if said.session.is_some() { seen.allowed += 1 } else { seen.public += 1 }
        }
        Outcome::SignIn { .. } => {
            assert_eq!(answer.status, 302);
            assert!(received.is_none());
            seen.sign_in += 1;
        }
        Outcome::Refuse { status, reason, .. } => {
            assert_eq!((answer.status, received.is_none()), (*status, true));
            if answer.field("content-type") == Some("application/json") && !answer.body.is_empty() {
                assert_eq!(answer.json()["error"], *reason);
            }
            seen.refused += 1;
        }
        Outcome::Own => {
            assert!(received.is_none());
            // `/ping` is answered before anything is, also before a request has an id.
            if answer.field("x-request-id").is_some() {
                seen.own += 1;
            } else {
                assert_eq!(answer.field("content-type"), Some("text/plain; charset=utf-8"));
                seen.ping += 1;
            }
        }
    }
}

#[tokio::test]
async fn an_explanation_is_what_happens() {
    let mut choices = Choices(0x5eed_0003);
    let mut stage = Stage::usual().await;
    let (mut seen, mut pairs, mut configurations) = (Seen::default(), 0, 0);
    while configurations < CONFIGURATIONS {
        let routes = choices.routes().replace("UPSTREAM", &format!("http://{}", stage.upstream.address));
        let (kept, _) = stage.config.split_once("[routes.").expect("routes");
        let kept = kept.split_once("[headers.").map_or(kept, |(kept, _)| kept);
        let kept = kept.replace("ping = true\n", "");
        let ping = if choices.chance(2) { "[listen]\nping = true\n" } else { "[listen]\n" };
        let written = format!("{}{routes}", kept.replace("[listen]\n", ping));
        // Some rules that chance writes have no effect, and are refused for it.
        if config::parse(&written, "test.toml", Path::new("."), &outside()).is_err() {
            continue;
        }
        configurations += 1;
        stage.restart(|_| written).await;
        let mut browsers = Vec::new();
        for user in USERS {
            let mut browser = stage.browser();
            browser.sign_in("/oauth2/", user).await;
            assert!(browser.cookie("vestibule").is_some(), "{user}");
            browsers.push(browser);
        }
        for _ in 0..REQUESTS {
            let asked = choices.request(&stage);
            let said = explained(&stage, &asked);
            let before = stage.upstream.received().len();
            let answer = exchange(stage.gateway, asked.head(&browsers)).await;
            let received = stage.upstream.received();
            let context = format!("{asked:#?}\n{said:#?}\n{}\n{}", answer.text(), stage.config);
            let compared = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let mut one = Seen::default();
                compare(&said, &answer, received.get(before), &mut one);
                one
            }));
            let Ok(one) = compared else { panic!("after {pairs} pairs:\n{context}") };
            seen.add(&one);
            pairs += 1;
        }
    }
    assert_eq!(pairs, CONFIGURATIONS * REQUESTS);
    let least = [seen.allowed, seen.public, seen.sign_in, seen.refused, seen.own].into_iter().min();
    assert!(least.is_some_and(|least| least >= 30) && seen.ping >= 10, "{seen:?}");
}

impl Seen {
    const fn add(&mut self, other: &Self) {
        self.allowed += other.allowed;
        self.public += other.public;
        self.sign_in += other.sign_in;
        self.refused += other.refused;
        self.own += other.own;
        self.ping += other.ping;
    }
}
