//! File descriptors: as many as the system allows; and when none are left, who is connected is served, who comes waits, and
//! the log says it once.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::support::place::{Place, listening, start_lines};

/// A request that is answered without an upstream.
fn ask(stream: &mut TcpStream) -> String {
    stream.write_all(b"GET /oauth2/none HTTP/1.1\r\nhost: wiki.example.com\r\n\r\n").expect("a request");
    let mut seen = Vec::new();
    let mut chunk = [0; 4096];
    while !seen.ends_with(b"}\n") {
        let count = stream.read(&mut chunk).expect("an answer");
        assert!(count > 0, "{}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&chunk[..count]);
    }
    String::from_utf8(seen).expect("text")
}

/// `vestibule serve` under limits that a shell sets before.
fn serve_after(limits: &str, place: &Place) -> Child {
    Command::new("sh")
        .args(["-c", &format!("{limits} && exec \"$@\""), "sh", env!("CARGO_BIN_EXE_vestibule"), "serve"])
        .current_dir(place.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell")
}

#[test]
fn the_limit_in_force_is_raised_to_the_highest_allowed_without_a_word() {
    let place = Place::new("descriptors-raised");
    place.put("vestibule.toml", &listening("127.0.0.1:0"), 0o644);
    let mut child = serve_after("ulimit -Sn 64 && ulimit -Hn 700", &place);
    let lines = start_lines(&mut child);
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).expect("its limits");
    child.kill().expect("a process");
    child.wait().expect("an end");
    let words: Vec<&str> = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .expect("a line")
        .split_whitespace()
        .collect();
    assert_eq!(words, ["700", "700", "files"]);
    assert!(lines.iter().all(|line| line.starts_with("vestibule: ") && !line.contains("limit")), "{lines:?}");
}

#[test]
fn without_descriptors_those_who_wait_are_served_later_and_the_others_at_once() {
    let place = Place::new("descriptors");
    place.put("vestibule.toml", &listening("127.0.0.1:0"), 0o644);
    let mut child = serve_after("ulimit -n 64", &place);
    let lines = start_lines(&mut child);
    let address = lines.last().and_then(|line| line.split("http://").nth(1)).expect("an address").to_owned();
    let connect = || TcpStream::connect(&address).expect("the kernel takes it");
    let mut kept = connect();
    assert!(ask(&mut kept).starts_with("HTTP/1.1 404"));

    let crowd: Vec<TcpStream> = (0..100).map(|_| connect()).collect();
    let mut log = BufReader::new(child.stderr.take().expect("stderr"));
    let mut line = String::new();
    while !line.contains("listen/accept") {
        line.clear();
        assert!(log.read_line(&mut line).expect("text") > 0, "it ended");
    }
    assert!(line.contains("os error 24") && line.contains("docs/errors.md#listen-accept"), "{line}");
    let mut last = connect();
    for _ in 0..20 {
        assert!(ask(&mut kept).starts_with("HTTP/1.1 404"), "who is connected notices nothing");
    }
    drop(crowd);
    assert!(ask(&mut last).starts_with("HTTP/1.1 404"), "who waited is served");
    assert!(ask(&mut connect()).starts_with("HTTP/1.1 404"));

    let killed = Command::new("kill").args(["-TERM".to_owned(), child.id().to_string()]).status();
    assert!(killed.expect("kill").success());
    let mut rest = String::new();
    log.read_to_string(&mut rest).expect("text");
    assert_eq!(child.wait().expect("an end").code(), Some(0));
    assert!(!rest.contains("listen/accept"), "once is enough: {rest}");
}
