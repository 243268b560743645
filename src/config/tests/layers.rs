//! Flag above environment above file above default; what is wrong in one of them names it, and shows no value of a variable.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use super::super::kind::Kind;
use super::super::{Code, Fault, Outside, parse};
use super::place::{Place, SECRET, SESSION_KEY};

const COMMON: &str = include_str!("../../../tests/vectors/config/ok-common-case.toml");

/// The faults of the common case with these variables and settings.
fn faults(place: &Place, variables: &[(&str, &str)], settings: &[&str]) -> Vec<Fault> {
    let Err(faults) = place.parse_with(COMMON, variables, settings) else { return Vec::new() };
    let json = serde_json::to_string(faults.list()).expect("json");
    assert!(!json.contains(SECRET) && !json.contains(SESSION_KEY), "{json}");
    faults.list().to_vec()
}

#[test]
fn each_layer_is_above_the_one_below_it() {
    let place = Place::new("precedence");
    let file = format!("{COMMON}[log]\nlevel = \"warn\"\n");
    let level = |file: &str, variables: &[(&str, &str)], settings: &[&str]| {
        let loaded = place.parse_with(file, variables, settings).expect("a configuration");
        format!("{:?}", loaded.config.log.level)
    };
    let variable = [("VESTIBULE_LOG__LEVEL", "debug")];
    assert_eq!(level(COMMON, &[], &[]), "Info");
    assert_eq!(level(&file, &[], &[]), "Warn");
    assert_eq!(level(&file, &variable, &[]), "Debug");
    assert_eq!(level(&file, &variable, &["log.level=\"error\""]), "Error");
    assert_eq!(level(COMMON, &[], &["log.level=\"error\"", "log = { level = \"trace\" }"]), "Trace");
}

#[test]
fn a_value_is_read_by_the_type_of_its_key() {
    let place = Place::new("types");
    let variables = [
        ("VESTIBULE_PUBLIC_URL", "https://other.example.com"),
        ("VESTIBULE_THREADS", "3"),
        ("VESTIBULE_LISTEN__HTTP", "[\"127.0.0.1:1\", \"127.0.0.1:2\"]"),
        ("VESTIBULE_LISTEN__MAX_HEAD", "16KiB"),
        ("VESTIBULE_SESSION__IDLE", "0"),
        ("VESTIBULE_LOG__ACCESS", " false "),
        ("VESTIBULE_PROVIDERS__MAIN__CLIENT_ID", "12345"),
        ("VESTIBULE_PROVIDERS__MAIN__TITLE", "[not, a, list]"),
        ("VESTIBULE_PROVIDERS__MAIN__AUTH_PARAMS", "{ audience = \"wiki\" }"),
        ("VESTIBULE_PROVIDERS__MAIN__GROUPS_CLAIM", "[\"roles\", \"groups\"]"),
        ("VESTIBULE_ROUTES__WIKI__PATH", "/a"),
        ("VESTIBULE_ROUTES__OTHER__UPSTREAM", "http://127.0.0.1:9"),
        ("VESTIBULE_ROUTES__OTHER__ALLOW", "[\"everyone\"]"),
        ("VESTIBULE_ROUTES__OTHER__PATH", "[\"/b\", \"/c\"]"),
    ];
    let config = place.parse_with(COMMON, &variables, &[]).expect("a configuration").config;
    assert_eq!(
        (config.public_url.to_string().as_str(), config.threads),
        ("https://other.example.com", Some(3))
    );
    assert_eq!((config.listen.http.len(), config.listen.max_head), (2, 16 << 10));
    assert_eq!(config.session.expect("sessions").lifetimes.idle, None);
    assert_eq!(format!("{:?}", config.log.access), "Off");
    let provider = config.providers.first().expect("a provider");
    assert_eq!((provider.client_id.as_str(), provider.title.as_str()), ("12345", "[not, a, list]"));
    assert_eq!(provider.auth_params, [("audience".to_owned(), "wiki".to_owned())]);
    assert_eq!(provider.groups_claims, ["roles", "groups"]);
    let [wiki, other] = &config.routes[..] else { panic!("two routes") };
    assert_eq!(
        (&wiki.paths[..], &other.paths[..]),
        (&["/a".to_owned()][..], &["/b".to_owned(), "/c".to_owned()][..])
    );
}

#[test]
fn a_higher_layer_replaces_whole_values() {
    let place = Place::new("replaces");
    place.put("other.key", SESSION_KEY.replace('A', "B").as_bytes(), 0o600);
    let with = |variables: &[(&str, &str)], settings: &[&str]| {
        place.parse_with(COMMON, variables, settings).expect("a configuration")
    };
    // The file says { file = "session.key" }: two sources at once would be a fault.
    with(&[("VESTIBULE_SESSION__KEY__ENV", "SESSION_KEY")], &[]);
    with(&[("VESTIBULE_SESSION__KEY__FILE", "other.key")], &["session.key={ env = \"SESSION_KEY\" }"]);
    with(&[("VESTIBULE_SESSION__KEY__CREDENTIAL", "session.key")], &[]);
    let config = with(
        &[],
        &["listen.http=[\"127.0.0.1:9\"]", "headers.own.\"X-A\"=\"{user}\"", "routes.wiki.headers=\"own\""],
    );
    assert_eq!(config.config.listen.http.len(), 1);
    assert_eq!(config.config.routes[0].header_sets, ["own"]);
    let both =
        [("VESTIBULE_SESSION__KEY__ENV", "SESSION_KEY"), ("VESTIBULE_SESSION__KEY__FILE", "other.key")];
    let found = faults(&place, &both, &[]);
    assert_eq!((found[0].code, found.len()), (Code::SecretReference, 1), "{found:?}");
}

#[test]
fn names_that_orchestrators_set_are_ignored_and_mistyped_ones_are_not() {
    let place = Place::new("names");
    for name in [
        "VESTIBULE_PORT",
        "VESTIBULE_SERVICE_HOST",
        "VESTIBULE_PORT_4180_TCP_ADDR",
        "VESTIBULE_LISTEN",
        "VESTIBULE_",
        "vestibule_log__level",
        "OTHER__LOG__LEVEL",
    ] {
        assert_eq!(faults(&place, &[(name, SECRET)], &[]), [], "{name}");
    }
    for (name, help) in [
        ("VESTIBULE_SESSION__IDEL", "did you mean IDLE? Legal there: KEY, "),
        ("VESTIBULE_SESION__IDLE", "did you mean SESSION? "),
        ("VESTIBULE_SESSION__IDLE__MAX", "session.idle is one value"),
        ("VESTIBULE_SESSION__KEY__PATH", "a secret is set by __FILE, __ENV or __CREDENTIAL"),
        ("VESTIBULE_SESSION__key", "in capitals"),
        ("VESTIBULE__LOG__LEVEL", "Legal there: PUBLIC_URL, "),
        ("VESTIBULE_LOG___LEVEL", "did you mean LEVEL? "),
        ("VESTIBULE_LOG__", "Legal there: "),
        ("VESTIBULE_PROVIDERS__MAIN", "providers.main is a table"),
        ("VESTIBULE_PROVIDERS__9__TITLE", "the name of one of providers"),
        ("VESTIBULE_HEADERS__OWN__X_USER", "header sets stand in the file only"),
    ] {
        let found = faults(&place, &[(name, SECRET)], &[]);
        let [fault] = &found[..] else { panic!("{name}: {found:?}") };
        assert_eq!((fault.code, fault.line), (Code::Variable, None), "{name}");
        assert_eq!(fault.message, format!("{name} is not a key"));
        assert_eq!(fault.file, format!("environment {name}"));
        assert!(fault.help.contains(help), "{name}: {}", fault.help);
    }
}

#[test]
fn a_fault_in_a_variable_names_it_and_hides_its_value() {
    let place = Place::new("hides");
    for (name, value, expected) in [
        ("VESTIBULE_LOG__LEVEL", SECRET, "error[config/value]  log.level cannot be \"...\"\n"),
        (
            "VESTIBULE_LOG__ACCESS",
            SECRET,
            "error[config/variable]  log.access: the value is not TOML\n    for example: VESTIBULE_LOG__ACCESS='true'",
        ),
        (
            "VESTIBULE_LOG__ACCESS",
            "1",
            "error[config/type]  log.access must be true or false, not a number\n",
        ),
        ("VESTIBULE_THREADS", "", "error[config/variable]  threads: the value is not TOML\n"),
        (
            "VESTIBULE_LISTEN__HTTP",
            "[\"this-must-never-print-me\"]",
            "error[config/address]  listen.http[0] is \"...\", which is no address with a port\n",
        ),
        (
            "VESTIBULE_LISTEN__TRUSTED_PROXIES",
            "[\"10.1.2.3/8\"]",
            "for the network write \"...\", for the host \"...\"",
        ),
        (
            "VESTIBULE_ROUTES__WIKI__ALLOW",
            "[\"this-must-never-print-me\"]",
            "error[config/bad-term]  routes.wiki.allow[0] is no term: \"...\"\n    a group is written \"...\".",
        ),
        (
            "VESTIBULE_SESSION__KEY",
            SECRET,
            "error[config/plain-secret]  session.key must be a reference\n    set VESTIBULE_SESSION__KEY__FILE to",
        ),
        (
            "VESTIBULE_SESSION__KEY__FILE",
            SECRET,
            "error[config/secret-file]  session.key: the file named here cannot be read: it does not exist\n",
        ),
        (
            "VESTIBULE_SESSION__KEY__ENV",
            SECRET,
            "error[config/secret-env]  session.key: the environment variable named here is not set\n",
        ),
        (
            "VESTIBULE_SESSION__KEY__CREDENTIAL",
            SECRET,
            "error[config/secret-file]  session.key: the file named here cannot be read: it does not exist\n",
        ),
        (
            "VESTIBULE_PROVIDERS__MAIN__CA",
            SECRET,
            "error[config/ca]  providers.main.ca: the file named here cannot be read",
        ),
        // What is missing in a table that only the environment began is missed there.
        ("VESTIBULE_ROUTES__NEW__PATH", "/new", "error[config/no-allow]  routes.new says no one"),
    ] {
        let found = faults(&place, &[(name, value)], &[]);
        let shown = found.first().unwrap_or_else(|| panic!("{name}")).to_string();
        assert!(found.iter().all(|fault| fault.file == format!("environment {name}")), "{found:?}");
        assert!(shown.starts_with(&format!("environment {name}  error[")), "{shown}");
        assert!(shown.contains(expected), "{expected}\n{shown}");
        assert_eq!(shown.lines().count(), 2, "{shown}");
    }
    let json = serde_json::to_value(faults(&place, &[("VESTIBULE_LOG__LEVEL", SECRET)], &[])).expect("json");
    assert_eq!(
        (&json[0]["file"], &json[0]["line"]),
        (&"environment VESTIBULE_LOG__LEVEL".into(), &serde_json::Value::Null)
    );
    assert_eq!(json[0]["key"], "log.level");
}

#[test]
fn what_is_not_text_is_refused() {
    let place = Place::new("bytes");
    let bytes = OsString::from_vec(b"\xff\xfe".to_vec());
    for (name, code) in [("VESTIBULE_LOG__LEVEL", Code::Variable), ("SESSION_KEY", Code::SecretEnv)] {
        let text = COMMON.replace("file = \"session.key\"", "env = \"SESSION_KEY\"");
        let variables = [("SESSION_KEY".into(), SESSION_KEY.into()), (OsString::from(name), bytes.clone())];
        let faults =
            parse(&text, "vestibule.toml", place.folder(), &Outside::new(variables)).expect_err(name);
        assert!(
            faults
                .list()
                .iter()
                .any(|fault| fault.code == code && fault.message.ends_with("is not UTF-8 text")),
            "{faults}"
        );
    }
    let mut name = OsString::from("VESTIBULE_LOG__");
    name.push(&bytes);
    let faults =
        parse(COMMON, "vestibule.toml", place.folder(), &Outside::new([(name, "x")])).expect_err("a name");
    assert_eq!(faults.list()[0].code, Code::Variable);
    assert!(faults.to_string().is_ascii());
}

#[test]
fn a_fault_in_a_setting_names_it() {
    let place = Place::new("settings");
    for (setting, file, expected) in [
        (
            "log.level=debug",
            "--set log.level",
            "error[config/set]  this is not KEY=TOML\n    texts stand in quotes, and the shell takes one pair away: --set 'log.level=\"debug\"'",
        ),
        (
            "routes.wiki.upstream=http://127.0.0.1:8080",
            "--set routes.wiki.upstream",
            "--set 'routes.wiki.upstream=\"http://127.0.0.1:8080\"'",
        ),
        (
            "session.key=this-must-never-print-me",
            "--set session.key",
            "error[config/set]  this is not KEY=TOML\n    for example: ",
        ),
        ("log.level", "--set log.level", "is not KEY=TOML\n    for example: "),
        ("", "--set ", "is not KEY=TOML"),
        ("a=1\nb=2", "--set a", "is not KEY=TOML"),
        (
            "log.levle=\"debug\"",
            "--set log.levle",
            "error[config/unknown-key]  log.levle is not a key\n    did you mean level? ",
        ),
        ("log.level=\"loud\"", "--set log.level", "error[config/value]  log.level cannot be \"loud\"\n"),
        ("session.key=\"this-must-never-print-me\"", "--set session.key", "error[config/plain-secret]"),
        ("listen.http=[\"x\"]", "--set listen.http", "error[config/address]  listen.http[0] is \"x\""),
        ("threads=true", "--set threads", "error[config/type]  threads must be a whole number"),
    ] {
        let found = faults(&place, &[], &[setting]);
        let [fault] = &found[..] else { panic!("{setting}: {found:?}") };
        assert_eq!((fault.file.as_str(), fault.line), (file, None), "{setting}");
        assert!(fault.to_string().contains(expected), "{expected}\n{fault}");
    }
}

#[test]
fn every_key_has_its_variable() {
    let place = Place::new("variables");
    for (section, keys) in super::example::sections() {
        for key in keys {
            let is_section = matches!(key.kind, Kind::Table(_) | Kind::Named(_) | Kind::HeaderSets);
            if is_section {
                continue;
            }
            let path = [section.as_str(), key.name].join(".").to_ascii_uppercase();
            let end = if matches!(key.kind, Kind::Secret) { "__FILE" } else { "" };
            let name = format!("VESTIBULE_{}{end}", path.trim_start_matches('.').replace('.', "__"));
            // No key takes a date; as a text it is a file or a name at most.
            let found = faults(&place, &[(&name, "1979-05-27")], &[]);
            let in_it = found.iter().filter(|fault| fault.file == format!("environment {name}"));
            assert!(in_it.clone().all(|fault| !fault.message.ends_with("is not a key")), "{found:?}");
            let is_text = matches!(key.kind, Kind::Text(_) | Kind::OneOrMore(_) | Kind::WordsOr(..));
            assert!(in_it.count() > 0 || is_text, "nobody reads {name}");
        }
    }
}
