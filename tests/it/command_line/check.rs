//! `vestibule check`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::place::{Place, Said, ten_lines};
use crate::support::tls::Authority;

#[test]
fn the_configuration_of_the_readme_passes_and_says_what_to_register() {
    let place = Place::new("readme");
    let text = ten_lines();
    let written = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('['));
    assert!(written.count() <= 10);
    place.put("vestibule.toml", &text, 0o644);
    let said = place.run("check --strict");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(said.err, "");
    for line in [
        "vestibule.toml\n",
        "1 provider, 1 route\n",
        "listen\n  ok    http://127.0.0.1:4180\n  ok    127.0.0.1:4181 (admin, not for the public)\n",
        "redirect URI to register:              https://wiki.example.com/oauth2/callback\n",
        "post-logout redirect URI to register:  https://wiki.example.com/oauth2/signed_out\n",
        "\nThe configuration is valid.\n",
    ] {
        assert!(said.out.contains(line), "{line:?} in {}", said.out);
    }
    let json = place.run("check --json");
    assert_eq!((json.code, json.out.as_str(), json.err.as_str()), (Some(0), "[]\n", ""));
}

#[test]
fn warnings_go_to_standard_error_and_fail_only_a_strict_check() {
    let place = Place::new("warnings");
    let text = ten_lines().replace("https://wiki", "http://wiki");
    place.put("vestibule.toml", &format!("insecure_http = true\n{text}"), 0o644);
    for (verb, code) in [("check", 0), ("check --strict", 3)] {
        let said = place.run(verb);
        assert_eq!(said.code, Some(code), "{said:?}");
        assert!(said.err.starts_with("vestibule.toml:1:1  warning[config/insecure-http]"), "{said:?}");
        assert!(said.out.ends_with("\n1 warning. The configuration is valid.\n"), "{said:?}");
    }
    let json = place.run("check --strict --json");
    assert_eq!((json.code, json.err.as_str()), (Some(3), ""));
    assert!(json.out.contains("\"severity\": \"warning\""));
}

#[test]
fn check_says_when_an_old_key_may_go() {
    let place = Place::new("rotation");
    assert_eq!(place.run("keygen session --out old-session.key").code, Some(0));
    let old = "[session]\nold_keys = [{ file = \"old-session.key\" }]\nmax_age = \"36h\"";
    place.put("vestibule.toml", &ten_lines().replace("[session]", old), 0o644);
    let said = place.run("check --strict");
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    for line in [
        "  ok    a sign-in lasts 1d12h at most\n",
        "  ok    1 old key opens what was sealed before, and nothing is sealed with it any more\n",
        "        safe to remove from old_keys: 1d12h after the last gateway began to use the new key\n",
    ] {
        assert!(said.out.contains(line), "{line:?} in {}", said.out);
    }
}

#[test]
fn check_says_where_it_would_listen_and_until_when_certificates_are_good() {
    let place = Place::new("listen");
    let certified =
        Authority::new("the company").certify_for(&["wiki.example.com", "files.example.com"], 2020, 2090);
    place.put("tls.pem", &certified.certificate, 0o644);
    place.put("tls.key", &certified.key, 0o600);
    let listen = "[listen]\nhttp = [\"unix:http.sock\"]\nhttps = [\"0.0.0.0:443\", \"systemd:web\"]\nadmin = \"off\"\n\
                  tls = { cert = \"tls.pem\", key = { file = \"tls.key\" } }\n";
    place.put("vestibule.toml", &format!("{}\n{listen}", ten_lines()), 0o644);
    let said = place.run("check");
    assert_eq!(said.code, Some(0), "{said:?}");
    let expected = "listen\n  ok    unix:http.sock (http)\n  ok    https://0.0.0.0:443\n  ok    systemd:web (https)\n        \
                    certificate for wiki.example.com and 1 other name, until 2090-01-01T00:00:00.000Z\n  \
                    ok    no admin listener: nobody can ask for metrics, or whether it is ready\n";
    assert!(said.out.contains(expected), "{}", said.out);
}

#[test]
fn check_says_what_a_shared_domain_means() {
    let place = Place::new("domain");
    let shared = ten_lines().replace("[session]", "[session]\ncookie_domain = \"example.com\"");
    let text = format!("{shared}host = [\"wiki.example.com\", \"files.example.com\"]\n");
    place.put("vestibule.toml", &text, 0o644);
    let said = place.run("check --strict");
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{said:?}");
    for line in [
        "  ok    sessions are shared by all hosts in example.com, and all sign-ins come back to public_url\n",
        "        every host in example.com, also one of somebody else, is sent the session cookie:\n",
        "        whoever runs one can act as the people who visit it\n",
        "redirect URI to register:              https://wiki.example.com/oauth2/callback\n",
    ] {
        assert!(said.out.contains(line), "{line:?} in {}", said.out);
    }
    assert!(!said.out.contains("https://files.example.com"), "{}", said.out);
}

#[test]
fn a_secret_that_others_may_read_or_that_is_absent_is_refused_with_the_command_that_helps() {
    let place = Place::new("secrets");
    fs::create_dir(place.path("etc")).expect("a folder");
    place.put("etc/vestibule.toml", &ten_lines(), 0o644);
    place.put("etc/client.secret", "s", 0o604);
    let said = place.run("check --config etc/vestibule.toml");
    assert_eq!(said.code, Some(78));
    assert!(said.err.contains("vestibule keygen session --out etc/session.key\n"), "{said:?}");
    assert!(said.err.contains("(mode 0604)\n    run: chmod 600 etc/client.secret;"), "{said:?}");
    let key = place.path("etc/session.key");
    fs::copy(place.path("session.key"), &key).expect("a key");
    fs::set_permissions(place.path("etc/client.secret"), Permissions::from_mode(0o600)).expect("a mode");
    assert_eq!(place.run("check --config etc/vestibule.toml").code, Some(0));
}

#[test]
fn the_example_configuration_passes_once_its_secrets_are_there() {
    let place = Place::new("example");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.toml");
    fs::copy(example, place.path("vestibule.toml")).expect("the example");
    assert_eq!(place.run("check --strict").code, Some(0));
}

#[test]
fn check_prints_every_value_with_its_source_and_no_secret() {
    let place = Place::new("print");
    place.put("vestibule.toml", &ten_lines(), 0o644);
    let print = |line: &str| -> Said {
        let mut command = place.command(line);
        command.env("VESTIBULE_LISTEN__MAX_HEAD", "16KiB").args(["--set", "log.query=true"]);
        command.output().expect("the binary").into()
    };
    let said = print("check --print");
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{said:?}");
    let lines: Vec<String> =
        said.out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for line in [
        "public_url = \"https://wiki.example.com\" # vestibule.toml:1",
        "# threads: one per core # default",
        "listen.max_head = \"16KiB\" # environment VESTIBULE_LISTEN__MAX_HEAD",
        "session.key = { file = \"session.key\" } # vestibule.toml:4",
        "session.max_age = \"12h\" # default",
        "log.query = true # --set log.query",
    ] {
        assert!(lines.iter().any(|own| own == line), "{line} in {}", said.out);
    }
    let json = print("check --print --json");
    let parsed: serde_json::Value = serde_json::from_str(&json.out).expect("json");
    assert_eq!(parsed["faults"], serde_json::json!([]));
    assert_eq!(parsed["values"].as_array().map(Vec::len), Some(lines.len()));
    let key = fs::read_to_string(place.path("session.key")).expect("the key");
    for text in [&said.out, &json.out] {
        assert!(!text.contains(key.trim()) && !text.contains("not-a-real-secret"), "{text}");
    }

    // It is a configuration: as such it says the same again, now all of it from the file.
    place.put("printed.toml", &said.out, 0o644);
    let again = place.run("check --print --config printed.toml");
    assert_eq!((again.code, again.err.as_str()), (Some(0), ""), "{again:?}");
    assert!(again.out.contains("session.max_age = \"12h\""), "{again:?}");
    assert!(
        again.out.lines().all(|line| line.starts_with('#') || line.contains("# printed.toml:")),
        "{again:?}"
    );

    place.put("vestibule.toml", "", 0o644);
    let broken = print("check --print --json");
    let parsed: serde_json::Value = serde_json::from_str(&broken.out).expect("json");
    assert_eq!((broken.code, &parsed["values"]), (Some(78), &serde_json::json!([])));
    assert_eq!(parsed["faults"][0]["code"], "config/missing");
    assert_eq!((print("check --print").code, print("check --print").out.as_str()), (Some(78), ""));
}
