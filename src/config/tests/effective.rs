//! What `check --print` shows of a configuration is one that says the same.

use super::super::{Config, Effective};
use super::COMMON;
use super::place::{Place, SECRET, SESSION_KEY};
use super::vectors::{parsed, vectors};

fn printed(values: &[Effective]) -> String {
    values.iter().map(|value| format!("{value}\n")).collect()
}

/// The lines without their sources, which differ once everything stands in a file.
fn without_sources(text: &str) -> Vec<&str> {
    text.lines().map(|line| line.rsplit_once("  # ").expect("a source").0.trim_end()).collect()
}

/// A configuration in comparable texts, without the reserved names, which have no order and follow from the rest.
fn parts(config: &Config) -> Vec<String> {
    let Config { public_url, threads, listen, https, session, login, providers, routes, log, audit, .. } =
        config;
    let whole =
        format!("{public_url} {threads:?} {listen:?} {https:?} {session:?} {login:?} {log:?} {audit:?}");
    let providers = providers.iter().map(|provider| format!("{provider:?}"));
    [whole].into_iter().chain(providers).chain(routes.iter().map(|route| format!("{route:?}"))).collect()
}

#[test]
fn what_is_printed_is_a_configuration_that_says_the_same() {
    let place = Place::new("printed");
    for path in vectors() {
        let text = std::fs::read_to_string(&path).expect("a vector");
        let Ok(loaded) = parsed(&place, &text) else { continue };
        let first = printed(&loaded.effective);
        let again =
            place.parse(&first).unwrap_or_else(|faults| panic!("{}: {faults}\n{first}", path.display()));
        let second = printed(&again.effective);
        assert_eq!(without_sources(&first), without_sources(&second), "{}", path.display());
        for (again, loaded) in parts(&again.config).iter().zip(parts(&loaded.config)) {
            assert_eq!(*again, loaded, "{}", path.display());
        }
        let json = serde_json::to_string(&loaded.effective).expect("json");
        for secret in [SECRET, SESSION_KEY] {
            assert!(!first.contains(secret) && !json.contains(secret), "{first}");
        }
    }
}

#[test]
fn each_value_names_the_layer_that_it_came_from() {
    let place = Place::new("sources");
    let file = format!(
        "{COMMON}headers = \"mine\"\n[headers.mine]\nX-Team = \"a\\u202e\\\"{{user}}\"\nX-Gate = {{ env = \"CLIENT_SECRET\" }}\n"
    );
    let variables = [
        ("VESTIBULE_LOG__LEVEL", "debug"),
        ("VESTIBULE_LISTEN__HTTP", "[\"127.0.0.1:1\"]"),
        ("VESTIBULE_PROVIDERS__MAIN__CLIENT_SECRET__FILE", "gateway.secret"),
        ("VESTIBULE_ROUTES__ABOVE__UPSTREAM", "http://127.0.0.1:9"),
        ("VESTIBULE_ROUTES__ABOVE__PATH", "/above"),
    ];
    let settings = ["listen.http = [\"127.0.0.1:2\"]", "routes.above.allow = [\"everyone\"]"];
    let loaded = place.parse_with(&file, &variables, &settings).expect("a configuration");
    let lines = printed(&loaded.effective);
    let of = |key: &str| {
        let line = lines.lines().find(|line| line.trim_start_matches("# ").starts_with(key));
        line.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).unwrap_or_default()
    };
    for (key, expected) in [
        ("public_url ", "public_url = \"https://wiki.example.com\" # vestibule.toml:1"),
        ("threads", "# threads: one per core # default"),
        ("listen.http ", "listen.http = [\"127.0.0.1:2\"] # --set listen.http"),
        ("listen.max_head ", "listen.max_head = \"32KiB\" # default"),
        ("session.key ", "session.key = { file = \"session.key\" } # vestibule.toml:4"),
        (
            "providers.main.client_secret ",
            "providers.main.client_secret = { file = \"gateway.secret\" } \
             # environment VESTIBULE_PROVIDERS__MAIN__CLIENT_SECRET__FILE",
        ),
        ("routes.wiki.upstream_tls", "# routes.wiki.upstream_tls: the system's roots # default"),
        ("routes.above.path ", "routes.above.path = \"/above\" # environment VESTIBULE_ROUTES__ABOVE__PATH"),
        ("routes.above.allow ", "routes.above.allow = [\"everyone\"] # --set routes.above.allow"),
        ("headers.mine.X-Gate ", "headers.mine.X-Gate = { env = \"CLIENT_SECRET\" } # vestibule.toml:17"),
        ("headers.mine.X-Team ", "headers.mine.X-Team = \"a\\U0000202E\\\"{user}\" # vestibule.toml:16"),
        ("log.level ", "log.level = \"debug\" # environment VESTIBULE_LOG__LEVEL"),
    ] {
        assert_eq!(of(key), expected);
    }
    let json = serde_json::to_value(&loaded.effective).expect("json");
    let json = |key: &str| {
        json.as_array().expect("a list").iter().find(|one| one["key"] == key).expect("a key").clone()
    };
    assert_eq!(
        json("log.level"),
        serde_json::json!({ "key": "log.level", "value": "debug", "source": "environment", "at": "environment VESTIBULE_LOG__LEVEL" })
    );
    assert_eq!(
        json("threads"),
        serde_json::json!({ "key": "threads", "meaning": "one per core", "source": "default", "at": null })
    );
    assert_eq!(json("listen.http")["source"], "set");
    assert_eq!(json("routes.wiki.upstream")["source"], "file");
}
