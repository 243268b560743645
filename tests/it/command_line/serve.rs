//! `vestibule serve`, from its start lines to its end.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use crate::support::place::{Place, listening, start_lines};

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
    assert!(third.err.contains("move that away, or choose another by listen.http"), "{third:?}");
    place.put("astray.toml", &config.replace("unix:http.sock", "unix:absent/http.sock"), 0o644);
    let fourth = place.run("serve --config astray.toml");
    assert!(fourth.err.contains("make the folder of the socket"), "{fourth:?}");
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
