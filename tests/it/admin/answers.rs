//! What each path answers: to which method, in which form, under which name.

use super::ask;
use crate::support::stage::{CLIENT_SECRET, Plan, SESSION_KEY};
use crate::support::{Stage, exchange};

#[tokio::test]
async fn each_path_answers_get_and_head_and_nothing_else() {
    let stage = Stage::usual().await;
    for path in ["/", "/livez", "/readyz", "/readyz?verbose", "/metrics", "/config"] {
        let answer = ask(&stage, path, "").await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.field("cache-control"), Some("no-store"), "{path}");
        assert_eq!(answer.field("x-content-type-options"), Some("nosniff"), "{path}");
        assert!(answer.fields.iter().all(|(name, _)| !name.starts_with("access-control")), "{path}");
        let length = answer.body.len().to_string();
        let send = |method: &str| {
            let head =
                format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", stage.admin);
            exchange(stage.admin, head)
        };
        let head = send("HEAD").await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        if matches!(path, "/" | "/livez" | "/readyz" | "/config") {
            assert_eq!(head.field("content-length"), Some(length.as_str()), "{path}");
        }
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "BREW"] {
            let answer = send(method).await;
            assert_eq!((answer.status, answer.field("allow")), (405, Some("GET, HEAD")), "{method} {path}");
        }
    }
    for path in ["/metrics/", "/livez/x", "/oauth2/start", "/log", "/readyz/verbose", "/%6civez"] {
        assert_eq!(ask(&stage, path, "").await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn the_start_page_lists_what_there_is() {
    let stage = Stage::usual().await;
    let text = ask(&stage, "/", "").await.text();
    for path in ["/livez", "/readyz", "/readyz?verbose", "/metrics", "/config"] {
        assert!(text.lines().any(|line| line.starts_with(path)), "{path}: {text}");
    }
}

#[tokio::test]
async fn details_are_json_with_the_reasons() {
    let stage = Stage::usual().await;
    let plain = ask(&stage, "/readyz", "").await;
    assert_eq!((plain.status, plain.text().as_str()), (200, "ok\n"));
    let answer = ask(&stage, "/readyz?verbose", "").await;
    assert_eq!(answer.field("content-type"), Some("application/json"));
    let all = answer.json();
    assert_eq!((&all["ready"], &all["reason"]), (&true.into(), &"ok".into()));
    assert_eq!(all["listeners"][0], format!("http://{}", stage.gateway));
    assert_eq!(all["providers"][0]["name"], "main");
    assert_eq!(all["providers"][0]["standing"], "not asked yet");
    assert_eq!(all["upstreams"][0]["address"], stage.upstream.address.to_string());
    let mut alice = stage.signed_in("alice").await;
    alice.fetch("/").await;
    let all = ask(&stage, "/readyz?verbose=1", "").await.json();
    assert_eq!(all["providers"][0]["standing"], "up");
    assert_eq!(all["providers"][0]["last_error"], serde_json::Value::Null);
    assert!(all["providers"][0]["last_answer"].is_string(), "{all}");
}

#[tokio::test]
async fn a_name_of_a_strangers_gets_no_details() {
    let stage = Stage::usual().await;
    let ask = |path: &'static str, host: &str| {
        exchange(stage.admin, format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"))
    };
    for host in
        ["evil.example.com", "evil.example.com:4181", "127.0.0.1.nip.io:4181", "a b", "localhost.evil.com"]
    {
        for path in ["/", "/readyz?verbose", "/metrics", "/config"] {
            assert_eq!(ask(path, host).await.status, 421, "{host} {path}");
        }
    }
    // Probes may ask by any name.
    assert_eq!(ask("/livez", "gateway.example.com").await.status, 200);
    assert_eq!(ask("/readyz", "gateway.example.com").await.status, 200);
    for host in [
        "127.0.0.1:4181",
        "localhost:4181",
        "[::1]:4181",
        "10.1.2.3",
        "vestibule",
        "vestibule.sso.svc:4181",
        "",
    ] {
        for path in ["/", "/readyz?verbose", "/metrics", "/config"] {
            assert_eq!(ask(path, host).await.status, 200, "{host} {path}");
        }
    }
    let twice = "GET /config HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
    assert!(matches!(exchange(stage.admin, twice).await.status, 400 | 421));
    assert_eq!(exchange(stage.admin, "GET /config HTTP/1.0\r\n\r\n").await.status, 200);
}

#[tokio::test]
async fn the_configuration_is_shown_with_its_sources_and_without_secrets() {
    let stage = Stage::with(Plan { listen: "max_connections = 77".to_owned(), ..Plan::default() }).await;
    let answer = ask(&stage, "/config", "").await;
    let (text, all) = (answer.text(), answer.json());
    for secret in [SESSION_KEY, CLIENT_SECRET] {
        assert!(!text.contains(secret), "{text}");
    }
    let values = all["values"].as_array().expect("a list");
    let of = |key: &str| {
        values.iter().find(|value| value["key"] == key).unwrap_or_else(|| panic!("{key}: {text}"))
    };
    assert_eq!(
        (&of("listen.max_connections")["value"], &of("listen.max_connections")["source"]),
        (&77.into(), &"file".into())
    );
    assert!(of("listen.max_connections")["at"].as_str().is_some_and(|at| at.starts_with("test.toml:")));
    assert_eq!(of("session.max_age")["source"], "default");
    assert_eq!(of("session.key")["value"], serde_json::json!({ "env": "KEY" }));
    assert_eq!(of("providers.main.client_secret")["value"], serde_json::json!({ "env": "SECRET" }));
    let hash = all["hash"].as_str().expect("a hash");
    let series = super::series(&stage).await;
    assert_eq!(series.get(&format!("vestibule_config_info{{hash=\"{hash}\"}}")), Some(&1.0));
    assert_eq!(series.get("vestibule_config_last_reload_successful"), Some(&1.0));
    assert_eq!(ask(&stage, "/readyz?verbose", "").await.json()["configuration"]["hash"], hash);
}

#[tokio::test]
async fn a_configuration_that_was_refused_shows_until_it_is_mended() {
    let mut stage = Stage::usual().await;
    let time = "vestibule_config_last_reload_success_timestamp_seconds";
    let before = super::series(&stage).await;
    assert_eq!(before.get(time), Some(&1_800_000_000.0));
    stage.advance(std::time::Duration::from_secs(60));
    stage.reload(|config| config.replace("[log]", "[lgo]"));
    let refused = super::series(&stage).await;
    assert_eq!(refused.get("vestibule_config_last_reload_successful"), Some(&0.0));
    assert_eq!(refused.get(time), before.get(time));
    let told = ask(&stage, "/readyz?verbose", "").await.json();
    assert_eq!((&told["ready"], &told["configuration"]["refused"]["errors"]), (&true.into(), &1.into()));
    stage.reload(|config| format!("{config}\n[routes.more]\nupstream = \"http://127.0.0.1:9\"\npath = \"/more\"\nallow = [\"everyone\"]\n"));
    let taken = super::series(&stage).await;
    assert_eq!(taken.get("vestibule_config_last_reload_successful"), Some(&1.0));
    assert_eq!(taken.get(time), Some(&1_800_000_060.0));
    let more = r#"vestibule_decisions_total{route="more",decision="public",reason=""}"#;
    assert_eq!((before.get(more), taken.get(more)), (None, Some(&0.0)), "a new route has its series");
    assert!(taken.keys().any(|name| name.starts_with("vestibule_config_info") && !before.contains_key(name)));
}
