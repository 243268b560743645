//! The command line as an operator meets it: the real binary, its exit codes, and what goes to which output.

mod check;
mod descriptors;
mod explain;
mod healthcheck;
mod serve;
mod systemd;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::place::{Place, Said, ten_lines};

const BROKEN: &str = r#"public_url = "https://wiki.example.com"
[session]
key = "hunter2"
[providers.main]
issuer = "https://sso.example.com"
client_secrt = { file = "client.secret" }
[routes.wiki]
upstream = "http://127.0.0.1:8080"
"#;

#[test]
fn every_verb_says_the_same_about_a_broken_configuration_and_exits_78() {
    let place = Place::new("broken");
    place.put("vestibule.toml", BROKEN, 0o644);
    let check = place.run("check");
    assert_eq!((check.code, check.out.as_str()), (Some(78), ""), "{check:?}");
    for text in [
        "vestibule.toml:3:7  error[config/plain-secret]  session.key must be a reference\n",
        "vestibule.toml:4:1  error[config/missing]  providers.main.client_id is missing\n",
        "vestibule.toml:6:1  error[config/unknown-key]  providers.main.client_secrt is not a key\n    did you mean client_secret? ",
        "vestibule.toml:7:1  error[config/no-allow]  routes.wiki says no one and nothing about who may enter\n",
        "\n4 errors. The configuration is refused.\n",
    ] {
        assert!(check.err.contains(text), "{text:?} in {}", check.err);
    }
    assert!(!check.err.contains("hunter2"));
    for verb in ["serve", "routes", "check --strict"] {
        let other = place.run(verb);
        assert_eq!((other.code, &other.err, other.out.as_str()), (check.code, &check.err, ""), "{verb}");
    }
    let json = place.run("check --json");
    assert_eq!((json.code, json.err.as_str()), (Some(78), ""));
    let faults: Vec<serde_json::Value> = serde_json::from_str(&json.out).expect("json");
    assert_eq!(faults.len(), 4);
    for key in ["code", "severity", "file", "line", "column", "key", "message", "help", "url"] {
        assert!(faults.iter().all(|fault| !fault[key].is_null()), "{key}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named_with_the_places_that_are_looked_at() {
    let place = Place::new("absent");
    for verb in ["check", "serve", "routes"] {
        let said = place.run(&format!("{verb} --config nowhere.toml"));
        assert_eq!((said.code, said.out.as_str()), (Some(78), ""));
        let first = "nowhere.toml  error[config/file]  cannot be read: it does not exist\n";
        assert!(said.err.starts_with(first), "{said:?}");
        assert!(said.err.contains("--config FILE") && said.err.contains("/etc/vestibule/vestibule.toml"));
    }
}

#[test]
fn routes_are_shown_as_they_match_the_most_exact_first() {
    let place = Place::new("routes");
    let text = r#"
[routes.wiki_docs]
host     = ["docs.example.com", "wiki.example.com"]
path     = ["/docs", "/manual/internal/"]
upstream = "http://[::1]"
allow    = ["everyone"]
headers  = ["remote", "grafana"]

[routes.apps]
host     = "*.apps.example.com"
path     = "/api"
methods  = ["GET"]
upstream = "http://[::1]"
allow    = ["everyone"]
require  = ["network:10.0.0.0/8"]
deny     = ["network:10.66.0.0/16", "network:10.67.0.0/16"]
headers  = "none"
"#;
    place.put("vestibule.toml", &format!("{}{text}", ten_lines()), 0o644);
    let said = place.run("routes");
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    let rows: Vec<Vec<&str>> = said
        .out
        .lines()
        .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
        .collect();
    assert_eq!(
        rows,
        [
            ["route", "host", "path", "methods", "who", "headers", "upstream"],
            [
                "wiki_docs",
                "docs.example.com",
                "/manual/internal",
                "all",
                "everyone",
                "remote, grafana",
                "http://[::1]:80"
            ],
            [
                "wiki_docs",
                "docs.example.com",
                "/docs",
                "all",
                "everyone",
                "remote, grafana",
                "http://[::1]:80"
            ],
            [
                "wiki_docs",
                "wiki.example.com",
                "/manual/internal",
                "all",
                "everyone",
                "remote, grafana",
                "http://[::1]:80"
            ],
            [
                "wiki_docs",
                "wiki.example.com",
                "/docs",
                "all",
                "everyone",
                "remote, grafana",
                "http://[::1]:80"
            ],
            ["wiki", "wiki.example.com", "/", "all", "group:staff", "forwarded", "http://127.0.0.1:8080"],
            [
                "apps",
                "*.apps.example.com",
                "/api",
                "GET HEAD",
                "everyone; require network:10.0.0.0/8; deny network:10.66.0.0/16, network:10.67.0.0/16",
                "none",
                "http://[::1]:80"
            ],
        ]
    );
}

#[test]
fn a_session_key_is_43_characters_for_its_owner_alone_and_never_overwritten() {
    let place = Place::new("keygen");
    let legal = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let printed = place.run("keygen session");
    assert_eq!((printed.code, printed.err.as_str()), (Some(0), ""));
    let key = printed.out.strip_suffix('\n').expect("a line");
    assert!(key.len() == 43 && legal(key), "{key}");

    let path = place.path("session.key");
    let mode = fs::metadata(&path).expect("the file").permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let first = fs::read_to_string(&path).expect("the key");
    assert!(first.len() == 44 && first != printed.out);
    let again = place.run("keygen session --out session.key");
    assert_eq!((again.code, again.out.as_str()), (Some(1), ""));
    assert!(
        again.err.contains("session.key exists and is not overwritten\n    name another file"),
        "{again:?}"
    );
    assert_eq!(fs::read_to_string(&path).expect("the key"), first);

    let written = place.run("keygen session --out other.key");
    assert_eq!((written.code, written.out.as_str()), (Some(0), ""));
    assert_eq!(written.err, "wrote other.key (mode 0600)\n");
    assert_eq!(place.run("keygen session --out no/such/folder.key").code, Some(1));
}

#[test]
fn a_wrong_command_line_exits_2_and_help_and_version_exit_0() {
    let place = Place::new("usage");
    for line in [
        "",
        "serv",
        "check --cofig x",
        "check more",
        "check --config=",
        "keygen",
        "keygen assertion",
        "demo --port 0",
        "demo --port 65533",
        "demo --port x",
        "routes --json",
        "version --json",
    ] {
        let said = place.run(line);
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{line}: {said:?}");
        assert!(said.err.contains("Usage: vestibule") || said.err.contains("try '--help'"), "{said:?}");
    }
    for verb in ["", "serve ", "check ", "routes ", "demo ", "keygen ", "schema ", "version "] {
        let said = place.run(&format!("{verb}--help"));
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{verb}");
        assert!(said.out.contains("Exit codes: 0"), "{verb}: {}", said.out);
    }
    for verb in ["serve", "check", "routes"] {
        let help = place.run(&format!("{verb} --help")).out;
        let words: Vec<&str> = help.split_whitespace().collect();
        let default = "[default: vestibule.toml, else /etc/vestibule/vestibule.toml]";
        assert!(words.join(" ").contains(default), "{verb}: {help}");
    }
    let version = format!("vestibule {}", env!("CARGO_PKG_VERSION"));
    for line in ["version", "--version", "-V"] {
        let said = place.run(line);
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{line}");
        assert!(said.out.starts_with(&version) && said.out.lines().count() == 1, "{said:?}");
    }
}

#[test]
fn variables_and_settings_reach_every_verb_and_their_faults_name_them() {
    let place = Place::new("layers");
    place.put("vestibule.toml", &ten_lines(), 0o644);
    let routes = |variables: &[(&str, &str)], settings: &[&str]| -> Said {
        let mut command = place.command("routes");
        command.envs(variables.iter().copied());
        for setting in settings {
            command.args(["--set", setting]);
        }
        command.output().expect("the binary").into()
    };
    let variable =
        [("VESTIBULE_ROUTES__WIKI__PATH", "/from-variable"), ("VESTIBULE_PORT", "tcp://10.0.0.1:80")];
    assert!(routes(&variable, &[]).out.contains("/from-variable"));
    let both = routes(&variable, &["routes.wiki.path=\"/from-setting\""]);
    assert!(both.out.contains("/from-setting") && !both.out.contains("/from-variable"), "{both:?}");
    for verb in ["serve", "check", "routes"] {
        let mut command = place.command(verb);
        command.env("VESTIBULE_SESSION__IDEL", "hunter2").args(["--set", "log.level=debug"]);
        let said = Said::from(command.output().expect("the binary"));
        assert_eq!(said.code, Some(78), "{said:?}");
        for text in [
            "environment VESTIBULE_SESSION__IDEL  error[config/variable]  VESTIBULE_SESSION__IDEL is not a key\n",
            "--set log.level  error[config/set]  this is not KEY=TOML\n",
            "\n2 errors. The configuration is refused.\n",
        ] {
            assert!(said.err.contains(text), "{text:?} in {}", said.err);
        }
        assert!(!said.err.contains("hunter2"));
    }
    let schema = place.run("schema");
    let parsed: serde_json::Value = serde_json::from_str(&schema.out).expect("json");
    assert_eq!((schema.code, schema.err.as_str()), (Some(0), ""));
    assert_eq!(parsed["properties"]["routes"]["type"], "object");
}

#[test]
fn what_demo_prints_is_an_ordinary_configuration() {
    let place = Place::new("demo-print");
    let printed = place.run("demo --port 14180 --print");
    assert_eq!((printed.code, printed.err.as_str()), (Some(0), ""));
    place.put("vestibule.toml", &printed.out, 0o644);
    assert_eq!(place.run("check").code, Some(78), "its two secrets are not in it");
    let key = place.run("keygen session").out;
    let with_secrets = |line: &str| -> Said {
        let mut command = place.command(line);
        command.env("DEMO_SESSION_KEY", key.trim()).env("DEMO_CLIENT_SECRET", "secret");
        command.output().expect("the binary").into()
    };
    let said = with_secrets("check --strict");
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{said:?}");
    assert!(said.out.contains("http://127.0.0.1:14180/oauth2/callback\n"));
    let routes = with_secrets("routes").out;
    for route in ["/admin", "/public", "/sensitive"] {
        assert!(routes.contains(route), "{routes}");
    }
}
