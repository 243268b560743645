//! Tests of the configuration.

mod arbitrary;
mod effective;
mod example;
mod layers;
mod place;
mod reference;
mod schema;
mod vectors;

use super::{Code, Outside, Severity, load};
use place::Place;

const COMMON: &str = include_str!("../../tests/vectors/config/ok-common-case.toml");

/// Whether expectations are to be written anew instead of compared: `VESTIBULE_BLESS=1 cargo test`. Read the difference.
#[expect(clippy::disallowed_methods, reason = "how a test is run is no input of the program")]
fn blessing() -> bool {
    std::env::var_os("VESTIBULE_BLESS").is_some()
}

#[test]
fn the_common_case_has_the_documented_defaults() {
    let place = Place::new("common");
    let loaded = place.parse(COMMON).expect("a configuration");
    assert_eq!(loaded.warnings, []);
    let config = loaded.config;
    assert_eq!(config.threads, None);
    assert_eq!(config.listen.http[0].text, "127.0.0.1:4180");
    assert_eq!(config.listen.admin.expect("an admin address").text, "127.0.0.1:4181");
    assert_eq!((config.listen.limits.max_connections, config.listen.max_head), (10_000, 32_768));
    let session = config.session.expect("sessions");
    assert_eq!(session.cookie, "vestibule");
    assert_eq!(session.lifetimes.max_age.as_secs(), 12 * 3600);
    assert_eq!(session.lifetimes.idle.map(|idle| idle.as_secs()), Some(2 * 3600));
    assert_eq!((config.login.path.as_str(), config.login.timeout.as_secs()), ("/oauth2", 900));
    let [provider] = &config.providers[..] else { panic!("one provider") };
    assert_eq!(provider.title, "sso.example.com");
    assert_eq!(provider.scopes, None);
    assert_eq!(provider.user_claim, "preferred_username");
    assert_eq!(provider.groups_claims, ["groups"]);
    assert_eq!((provider.timeout.as_secs(), provider.clock_skew.as_secs()), (10, 60));
    let [route] = &config.routes[..] else { panic!("one route") };
    assert_eq!(route.route.name(), "wiki");
    assert_eq!(
        (route.hosts[0].to_string().as_str(), &route.paths[..]),
        ("wiki.example.com", &["/".to_owned()][..])
    );
    assert_eq!(route.header_sets, ["forwarded"]);
    assert_eq!(route.upstream.timeout.map(|limit| limit.as_secs()), Some(60));
    assert_eq!(route.upstream.idle_timeout.map(|limit| limit.as_secs()), Some(900));
    assert_eq!(route.upstream.connect_timeout.as_secs(), 5);
    assert_eq!(route.upstream.max_body, None);
}

#[test]
fn what_to_register_is_one_address_for_each_host() {
    let place = Place::new("register");
    let text = format!("{COMMON}host = [\"wiki.example.com\", \"b.example.com\", \"a.example.com\"]\n");
    let config = place.parse(&text).expect("a configuration").config;
    assert_eq!(
        config.redirect_uris(&config.providers[0].name),
        [
            "https://wiki.example.com/oauth2/callback",
            "https://a.example.com/oauth2/callback",
            "https://b.example.com/oauth2/callback",
        ]
    );
    assert_eq!(config.post_logout_redirect_uris()[0], "https://wiki.example.com/oauth2/signed_out");
    let shared = text.replace("[session]", "[session]\ncookie_domain = \"example.com\"");
    let config = place.parse(&shared).expect("a configuration").config;
    let provider = config.providers[0].name.clone();
    assert_eq!(config.redirect_uris(&provider), ["https://wiki.example.com/oauth2/callback"]);
    assert_eq!(config.post_logout_redirect_uris(), ["https://wiki.example.com/oauth2/signed_out"]);
    let public = include_str!("../../tests/vectors/config/ok-public-only.toml");
    let config = place.parse(public).expect("a configuration").config;
    assert!(config.providers.is_empty() && config.session.is_none());
}

#[test]
fn each_of_several_providers_has_redirect_uris_of_its_own() {
    let place = Place::new("several");
    let text = COMMON.replace(
        "[routes.wiki]",
        "[providers.partner]\nissuer = \"https://partner.example.com\"\nclient_id = \"wiki\"\n[routes.wiki]\nproviders = [\"partner\"]",
    );
    let config = place.parse(&text).expect("a configuration").config;
    let uris: Vec<_> = config.providers.iter().map(|one| config.redirect_uris(&one.name)).collect();
    assert_eq!(
        uris,
        [
            ["https://wiki.example.com/oauth2/callback/main"],
            ["https://wiki.example.com/oauth2/callback/partner"],
        ]
    );
    assert_eq!(config.routes[0].route.providers(), [config.providers[1].name.clone()]);
}

#[test]
fn rules_and_header_sets_together_say_what_is_wanted() {
    let place = Place::new("wanted");
    let text = format!(
        "{COMMON}headers = \"own\"\n[headers.own]\nX-Team = \"{{claim:team}}\"\nX-Gate = {{ file = \"gateway.secret\" }}\n"
    );
    let text = text.replace(
        "headers = \"own\"",
        "headers = \"own\"\ndeny = [\"group:guests\"]\nrequire = [\"claim:amr=mfa\"]",
    );
    let config = place.parse(&text).expect("a configuration").config;
    let wanted = config.wanted();
    assert!(wanted.keeps_group("staff") && wanted.keeps_group("guests") && !wanted.keeps_group("ops"));
    assert_eq!(wanted.claims().collect::<std::collections::BTreeSet<_>>(), ["amr", "team"].into());
    assert!(config.reserved.contains("x-team") && config.reserved.contains("X_GATE"));
    let gate = &config.routes[0].route.anonymous().fields()[0];
    assert_eq!((gate.0.as_str(), gate.1.is_sensitive()), ("x-gate", true));
}

#[test]
fn a_file_is_read_with_its_secrets_beside_it() {
    let place = Place::new("load");
    place.put("vestibule.toml", COMMON.as_bytes(), 0o644);
    let path = place.folder().join("vestibule.toml");
    load(&path, &Outside::default()).expect("a configuration");

    for (name, content, what) in [
        ("absent.toml", None, "it does not exist"),
        ("large.toml", Some(vec![b'#'; (1 << 20) + 1]), "is larger than 1 MiB"),
        ("latin.toml", Some(b"title = \"caf\xe9\"".to_vec()), "is not UTF-8"),
    ] {
        if let Some(content) = content {
            place.put(name, &content, 0o644);
        }
        let faults = load(&place.folder().join(name), &Outside::default()).expect_err(name);
        let [fault] = faults.list() else { panic!("{faults}") };
        assert_eq!((fault.code, fault.line), (Code::File, None));
        assert!(fault.message.contains(what), "{fault}");
    }
}

/// As the kubelet lays a secret out: a link to a file in a folder, which is a link that is swapped.
#[test]
fn the_file_behind_links_is_the_one_whose_mode_counts() {
    let place = Place::new("links");
    let folder = place.folder().join("..2026_11_24");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::os::unix::fs::symlink("..2026_11_24", place.folder().join("..data")).expect("a link");
    std::os::unix::fs::symlink("..data/key", place.folder().join("linked.key")).expect("a link");
    let text = COMMON.replace("session.key", "linked.key");
    for (mode, code) in [
        (0o600, None),
        (0o440, None),
        (0o444, Some(Code::SecretPermissions)),
        (0o602, Some(Code::SecretPermissions)),
    ] {
        place.put("..2026_11_24/key", place::SESSION_KEY.as_bytes(), mode);
        let found = place.parse(&text).err().map(|faults| faults.list()[0].clone());
        assert_eq!(found.as_ref().map(|fault| fault.code), code, "{mode:o}");
        if let Some(fault) = found {
            assert!(fault.help.contains("chmod 600 ") && fault.help.contains("defaultMode: 0440"), "{fault}");
        }
    }
    let pipe = COMMON.replace("session.key", "/dev/null");
    let faults = place.parse(&pipe).expect_err("no file");
    assert!(faults.to_string().contains("is not a regular file"), "{faults}");
}

#[test]
fn a_fault_has_a_form_for_people_and_one_for_programs() {
    let place = Place::new("forms");
    let text = COMMON.replace("client_secret", "client_secrt");
    let faults = place.parse(&text).expect_err("a fault");
    let shown = faults.to_string();
    assert!(
        shown.starts_with(
            "vestibule.toml:9:1  error[config/unknown-key]  providers.main.client_secrt is not a key\n    \
             did you mean client_secret? Legal here: issuer, client_id, "
        ),
        "{shown}"
    );
    let json = serde_json::to_value(faults.list()).expect("json");
    assert_eq!(json[0]["code"], "config/unknown-key");
    assert_eq!(json[0]["severity"], "error");
    assert_eq!((&json[0]["line"], &json[0]["column"]), (&9.into(), &1.into()));
    assert_eq!(json[0]["key"], "providers.main.client_secrt");
    assert_eq!(json[0]["url"], "docs/errors.md#config-unknown-key");
    assert_eq!((faults.errors(), faults.list()[0].severity), (1, Severity::Error));
}
