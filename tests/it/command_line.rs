//! The command line as an operator meets it: the real binary, its exit codes, and what goes to which output.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// A folder of its own for one test, removed at its end, with the secrets that [`TEN_LINES`] names.
pub(crate) struct Place(PathBuf);

/// How a run ended and what it said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

const BROKEN: &str = r#"public_url = "https://wiki.example.com"
[session]
key = "hunter2"
[providers.main]
issuer = "https://sso.example.com"
client_secrt = { file = "client.secret" }
[routes.wiki]
upstream = "http://127.0.0.1:8080"
"#;

impl Place {
    pub(crate) fn new(test: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("vestibule-cli-{}-{test}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let place = Self(folder);
        place.put("client.secret", "not-a-real-secret\n", 0o600);
        assert_eq!(place.run("keygen session --out session.key").code, Some(0));
        place
    }

    pub(crate) fn put(&self, name: &str, text: &str, mode: u32) {
        let path = self.0.join(name);
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
    }

    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
        command.args(line.split_whitespace()).current_dir(&self.0).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, line: &str) -> Said {
        self.command(line).output().expect("the binary").into()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).expect("text"),
            err: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

/// The first configuration of the README, as it stands there.
fn ten_lines() -> String {
    let readme = include_str!("../../README.md");
    let after = readme.split("```toml\n# vestibule.toml\n").nth(1).expect("the configuration of the README");
    after.split("```").next().expect("its end").to_owned()
}

/// The same with listeners of its own.
pub(crate) fn listening(http: &str) -> String {
    format!("{}[listen]\nhttp = [\"{http}\"]\nadmin = \"off\"\n", ten_lines())
}

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

#[test]
fn a_port_that_is_taken_is_named_and_exits_1() {
    let place = Place::new("busy");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address");
    place.put("vestibule.toml", &listening(&address.to_string()), 0o644);
    let said = place.run("serve");
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{said:?}");
    assert!(said.err.contains(&format!("cannot listen on {address}")), "{said:?}");
    assert!(said.err.contains("listen.http"), "{said:?}");

    // The sample upstream's port is the third.
    let said = place.run(&format!("demo --port {}", address.port() - 2));
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{said:?}");
    assert!(said.err.contains(&format!("cannot listen on {address}")), "{said:?}");
    assert!(said.err.contains("vestibule demo --port N"), "{said:?}");
}

#[test]
fn serve_says_what_it_runs_and_ends_with_0_when_asked_to() {
    let place = Place::new("serve");
    place.put("vestibule.toml", &listening("127.0.0.1:0"), 0o644);
    for signal in ["TERM", "INT"] {
        let mut command = place.command("serve");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary");
        let lines = start_lines(&mut child);
        assert_eq!(
            lines.get(..3).expect("the start lines"),
            [
                "vestibule: public url https://wiki.example.com",
                "vestibule: provider main at https://sso.example.com/realms/main",
                "vestibule: 1 route",
            ]
        );
        let killed = Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status();
        assert!(killed.expect("kill").success());
        let mut out = String::new();
        child.stdout.take().expect("stdout").read_to_string(&mut out).expect("text");
        assert_eq!(child.wait().expect("an end").code(), Some(0), "SIG{signal}");
        let events: Vec<serde_json::Value> =
            out.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
        let names: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
        assert_eq!(names, ["process.started", "process.stopping"], "results only on standard output");
    }
}

#[test]
fn a_socket_is_named_kept_from_others_and_taken_away() {
    let place = Place::new("socket");
    let config = listening("127.0.0.1:0")
        .replace("[\"127.0.0.1:0\"]", "[\"unix:http.sock\", \"127.0.0.1:0\"]")
        .replace("admin = \"off\"", "admin = \"unix:admin.sock\"");
    place.put("vestibule.toml", &config, 0o644);
    let mut command = place.command("serve");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary");
    let lines = start_lines(&mut child);
    // Relative paths start at the folder of the configuration file.
    assert!(lines.contains(&"vestibule: listening on unix:http.sock".to_owned()), "{lines:?}");
    let mut admin = UnixStream::connect(place.path("admin.sock")).expect("a connection");
    admin.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").expect("a request");
    let mut answer = String::new();
    admin.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    let second = place.run("serve");
    assert_eq!(second.code, Some(1));
    assert!(second.err.contains("cannot listen on unix:http.sock: "), "{second:?}");
    assert!(second.err.contains("ss -ltnxp"), "{second:?}");
    place.put("taken", "precious", 0o644);
    place.put("other.toml", &config.replace("unix:http.sock", "unix:taken"), 0o644);
    let third = place.run("serve --config other.toml");
    assert_eq!(third.code, Some(1));
    assert!(third.err.contains("something that is no socket stands at this path"), "{third:?}");
    assert_eq!(fs::read(place.path("taken")).expect("a file"), b"precious");

    let killed = Command::new("kill").args(["-TERM".to_owned(), child.id().to_string()]).status();
    assert!(killed.expect("kill").success());
    assert_eq!(child.wait().expect("an end").code(), Some(0));
    assert!(!place.path("http.sock").exists() && !place.path("admin.sock").exists());
}

#[test]
fn the_log_names_the_code_of_a_fault_and_where_it_is_explained() {
    let place = Place::new("log-url");
    // The discard port: nobody listens there.
    let config =
        listening("127.0.0.1:0").replace("https://sso.example.com/realms/main", "http://127.0.0.1:9");
    place.put("vestibule.toml", &config, 0o644);
    let mut child = place
        .command("serve --set log.format=\"json\"")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary");
    let mut errors = BufReader::new(child.stderr.take().expect("stderr"));
    let mut next = || {
        let mut line = String::new();
        assert!(errors.read_line(&mut line).expect("text") > 0, "it ended");
        line
    };
    let address = loop {
        if let Some(address) = next().trim().strip_prefix("vestibule: listening on http://") {
            break address.to_owned();
        }
    };
    let mut client = TcpStream::connect(address).expect("a connection");
    let request = "GET / HTTP/1.1\r\nHost: wiki.example.com\r\nAccept: text/html\r\nSec-Fetch-Mode: navigate\r\n\
                   Sec-Fetch-Dest: document\r\nConnection: close\r\n\r\n";
    client.write_all(request.as_bytes()).expect("a request");
    let line = std::iter::repeat_with(&mut next)
        .find(|line| line.contains("request_id") && line.contains("provider/unreachable"));
    let line: serde_json::Value = serde_json::from_str(&line.expect("a line")).expect("json");
    child.kill().expect("an end");
    child.wait().expect("its end");
    let text = line.to_string();
    assert!(text.contains("docs/errors.md#provider-unreachable"), "{text}");
}

/// The lines on standard error up to the one that says where it listens, which is the sign that it does.
pub(crate) fn start_lines(child: &mut Child) -> Vec<String> {
    let mut lines = Vec::new();
    for line in BufReader::new(child.stderr.as_mut().expect("stderr")).lines() {
        lines.push(line.expect("text"));
        if lines.last().is_some_and(|line| line.starts_with("vestibule: listening on http://127.0.0.1:")) {
            return lines;
        }
    }
    panic!("it ended: {lines:?}");
}

#[test]
fn the_example_configuration_passes_once_its_secrets_are_there() {
    let place = Place::new("example");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.toml");
    fs::copy(example, place.path("vestibule.toml")).expect("the example");
    assert_eq!(place.run("check --strict").code, Some(0));
}

#[test]
fn explain_tells_the_decision_term_by_term_and_what_the_upstream_would_get() {
    let place = Place::new("explain");
    place.put("vestibule.toml", &ten_lines(), 0o644);
    let refused = place.run("explain https://wiki.example.com/edit --user bob --group guests");
    assert_eq!((refused.code, refused.err.as_str()), (Some(4), ""));
    assert_eq!(
        refused.out,
        "GET https://wiki.example.com/edit\n\
         route     wiki              host wiki.example.com, path /\n\
         request   navigation        from 127.0.0.1\n\
         session   as given          user bob, groups guests, provider main\n\
         deny      -\n\
         require   -\n\
         allow     group:staff       miss  bob has: guests\n\
         decision  REFUSE 403        You are signed in, but not allowed to enter here.  [not_allowed]\n"
    );
    let allowed =
        place.run("explain /edit?x=1 --user bob --group staff --email bob@example.com --from 192.0.2.7");
    assert_eq!((allowed.code, allowed.err.as_str()), (Some(0), ""));
    for line in [
        "GET https://wiki.example.com/edit?x=1\n",
        "\nallow     group:staff       hit   bob has: staff\n",
        "\ndecision  ALLOW             by group:staff\n",
        "\nupstream  GET /edit?x=1 HTTP/1.1\n",
        "\n          x-forwarded-for: 192.0.2.7\n",
        "\n          x-forwarded-email: bob@example.com\n",
        "\n          x-forwarded-groups: staff\n",
    ] {
        assert!(allowed.out.contains(line), "{line:?} in {}", allowed.out);
    }
    let nobody = place.run("explain https://wiki.example.com/edit");
    assert_eq!(nobody.code, Some(5));
    assert!(nobody.out.contains("\nallow     group:staff       open  nobody is signed in\n"), "{nobody:?}");
    assert!(
        nobody.out.ends_with("\ndecision  SIGN IN           at main, then back to /edit\n"),
        "{nobody:?}"
    );
    let program = place.run("explain https://wiki.example.com/edit --header accept:application/json");
    assert_eq!(program.code, Some(5));
    assert!(program.out.contains("\ndecision  REFUSE 401 "), "{program:?}");
    let spoof = place.run("explain /a --user bob --group staff --header X_Forwarded_User:root");
    assert!(spoof.out.contains("\nnot sent  x_forwarded_user\n"), "{spoof:?}");
    assert!(spoof.out.contains("\n          x-forwarded-user: bob\n"), "{spoof:?}");
    let elsewhere = place.run("explain https://other.example.com/ --json");
    assert_eq!(elsewhere.code, Some(4));
    let json: serde_json::Value = serde_json::from_str(&elsewhere.out).expect("json");
    assert_eq!((&json["outcome"]["decision"], &json["outcome"]["status"]), (&"refuse".into(), &421.into()));
}

#[test]
fn explain_tells_a_session_that_does_not_count_from_none() {
    let place = Place::new("explain-providers");
    let other = "[providers.other]\nissuer = \"https://other.example.com\"\nclient_id = \"wiki\"\n[routes.wiki]\n\
        providers = [\"main\"]\ndeny = [\"network:192.0.2.0/24\"]";
    place.put("vestibule.toml", &ten_lines().replace("[routes.wiki]", other), 0o644);
    let said = place.run("explain /a --user bob --group staff --provider other");
    assert_eq!(said.code, Some(4), "{said:?}");
    for line in [
        "\ndeny      network:192.0.2.0/24  miss  client is 127.0.0.1\n",
        "\nallow     group:staff           open  bob signed in with other, which the route does not take\n",
    ] {
        assert!(said.out.contains(line), "{line:?} in {}", said.out);
    }
}

#[test]
fn explain_says_what_it_cannot_explain() {
    let place = Place::new("explain-usage");
    place.put("vestibule.toml", &ten_lines(), 0o644);
    for (line, text) in [
        ("explain ftp://wiki.example.com/", "is neither http(s)://HOST/PATH nor /PATH"),
        ("explain /a --user bob --provider other", "there is no provider other; the configuration has: main"),
        ("explain /a --group staff", "--user"),
        ("explain /a --user bob --claim acr", "NAME=VALUE"),
        ("explain /a --header nonsense", "NAME: VALUE"),
        ("explain /a --header Host:other", "the host is that of the URL"),
    ] {
        let said = place.run(line);
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{line}: {said:?}");
        assert!(said.err.contains(text), "{line}: {said:?}");
    }
    let secret = "[headers.mine]\nX-Proof = { file = \"client.secret\" }\n[routes.wiki]\nheaders = \"mine\"";
    place.put("vestibule.toml", &ten_lines().replace("[routes.wiki]", secret), 0o644);
    let said = place.run("explain /a --user bob --group staff");
    assert!(said.out.contains("x-proof: (a secret of the configuration)"), "{said:?}");
    assert!(!said.out.contains("not-a-real-secret"), "{said:?}");
}
