//! The real process: files that change under it, SIGHUP, and what it tells a service manager.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, ChildStderr, Command, Stdio};

use crate::support::place::{Place, listening};

/// A gateway that serves, and what it says.
struct Process {
    child: Child,
    errors: BufReader<ChildStderr>,
    address: String,
}

impl Process {
    fn start(mut command: Command) -> Self {
        command.args(["--set", "log.format=\"text\""]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary");
        let errors = BufReader::new(child.stderr.take().expect("stderr"));
        let mut process = Self { child, errors, address: String::new() };
        let line = process.says("vestibule: listening on http://");
        process.address = line.rsplit("http://").next().expect("an address").to_owned();
        process
    }

    /// Waits for a line with this text.
    fn says(&mut self, text: &str) -> String {
        let mut seen = VecDeque::new();
        loop {
            let mut line = String::new();
            assert!(self.errors.read_line(&mut line).expect("text") > 0, "no {text:?} in {seen:?}");
            if line.contains(text) {
                return line.trim_end().to_owned();
            }
            seen.push_back(line);
        }
    }

    fn signal(&self, name: &str) {
        let killed = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status();
        assert!(killed.expect("kill").success());
    }

    fn status(&self, path: &str) -> u16 {
        let mut client = TcpStream::connect(&self.address).expect("a connection");
        let request = format!("GET {path} HTTP/1.1\r\nHost: wiki.example.com\r\nConnection: close\r\n\r\n");
        client.write_all(request.as_bytes()).expect("a request");
        let mut answer = String::new();
        client.read_to_string(&mut answer).expect("an answer");
        answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
    }

    /// Ends it, and gives the events of its standard output.
    fn end(mut self) -> Vec<String> {
        self.signal("INT");
        let mut out = String::new();
        self.child.stdout.take().expect("stdout").read_to_string(&mut out).expect("text");
        assert_eq!(self.child.wait().expect("an end").code(), Some(0));
        out.lines().map(str::to_owned).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_changed_file_comes_into_force_and_a_faulty_one_does_not() {
    let place = Place::new("reload-file");
    let config = listening("127.0.0.1:0");
    place.put("vestibule.toml", &config, 0o644);
    let mut process = Process::start(place.command("serve"));
    assert_eq!(process.status("/static/x"), 401);
    // Nobody listens at the upstream, which is as good as an answer.
    let more =
        "[routes.static]\nupstream = \"http://127.0.0.1:9\"\npath = \"/static\"\nallow = [\"everyone\"]\n";
    place.put("vestibule.toml", &format!("{config}{more}"), 0o644);
    let line = process.says("new configuration in force");
    assert!(line.contains("routes.static"), "{line}");
    assert_eq!(process.status("/static/x"), 502);

    place.put("vestibule.toml", &format!("{config}{more}[routes.other]\npath = \"/other\"\n"), 0o644);
    let line = process.says("config/reload");
    assert!(line.contains("new configuration refused, the old one stays in force: 2 faults"), "{line}");
    let line = process.says("config/no-allow");
    assert!(line.contains("vestibule.toml:") && line.contains("routes.other"), "{line}");
    assert_eq!(process.status("/static/x"), 502);

    place.put("vestibule.toml", &format!("{config}{more}"), 0o644);
    process.says("the configuration is again the one in force");
    fs::write(place.path("new.toml"), format!("threads = 3\n{config}")).expect("a file");
    fs::rename(place.path("new.toml"), place.path("vestibule.toml")).expect("a rename");
    let line = process.says("needs a restart");
    assert!(line.contains("threads"), "{line}");
    assert_eq!(process.status("/static/x"), 401);
    let events = process.end();
    for name in ["config.reloaded", "config.refused"] {
        assert!(events.iter().any(|event| event.contains(name)), "{name}: {events:?}");
    }
}

#[test]
fn a_secret_that_is_swapped_as_a_mounted_one_is_taken_without_a_signal() {
    let place = Place::new("reload-secret");
    for version in ["..1", "..2"] {
        fs::create_dir(place.path(version)).expect("a folder");
        assert_eq!(place.run(&format!("keygen session --out {version}/session.key")).code, Some(0));
    }
    symlink("..1", place.path("..data")).expect("a link");
    fs::remove_file(place.path("session.key")).expect("the file goes");
    symlink("..data/session.key", place.path("session.key")).expect("a link");
    place.put("vestibule.toml", &listening("127.0.0.1:0"), 0o644);
    let mut process = Process::start(place.command("serve"));
    symlink("..2", place.path("..data_tmp")).expect("a link");
    fs::rename(place.path("..data_tmp"), place.path("..data")).expect("the swap");
    let line = process.says("new configuration in force");
    assert!(line.contains("no key, but something in a file"), "{line}");
    let events = process.end();
    assert!(events.iter().any(|event| event.contains("key.rotated")), "{events:?}");
}

#[test]
fn sighup_reads_it_again_and_the_service_manager_is_told_of_each_step() {
    let place = Place::new("reload-notify");
    place.put("vestibule.toml", &listening("127.0.0.1:0"), 0o644);
    let manager = UnixDatagram::bind(place.path("notify.sock")).expect("a socket");
    let hears = || {
        let mut buffer = [0; 1024];
        let count = manager.recv(&mut buffer).expect("a message");
        String::from_utf8_lossy(&buffer[..count]).into_owned()
    };
    let mut command = place.command("serve");
    command.env("NOTIFY_SOCKET", place.path("notify.sock"));
    let mut process = Process::start(command);
    let ready = hears();
    assert!(ready.starts_with("READY=1\nSTATUS=serving"), "{ready}");
    process.signal("HUP");
    let reloading = hears();
    let micros = reloading.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
    assert!(reloading.starts_with("RELOADING=1\n"), "{reloading}");
    assert!(
        micros.and_then(|micros| micros.parse::<u64>().ok()).is_some_and(|micros| micros > 0),
        "{reloading}"
    );
    assert!(hears().starts_with("READY=1\n"));
    process.says("new configuration in force");
    place.put("vestibule.toml", "nothing", 0o644);
    assert!(hears().starts_with("RELOADING=1\n"));
    let ready = hears();
    assert!(ready.starts_with("READY=1\n") && ready.contains("refused"), "{ready}");
    process.end();
    assert!(hears().starts_with("STOPPING=1\n"));
}

#[test]
fn the_watchdog_hears_that_it_lives_also_over_an_abstract_socket() {
    use std::os::linux::net::SocketAddrExt;
    let place = Place::new("reload-watchdog");
    place.put("vestibule.toml", &listening("127.0.0.1:0"), 0o644);
    let name = format!("vestibule-test-{}", std::process::id());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).expect("a name");
    let manager = UnixDatagram::bind_addr(&address).expect("a socket");
    let mut command = place.command("serve");
    command.env("NOTIFY_SOCKET", format!("@{name}")).env("WATCHDOG_USEC", "100000");
    let process = Process::start(command);
    let mut alive = 0;
    while alive < 3 {
        let mut buffer = [0; 1024];
        let count = manager.recv(&mut buffer).expect("a message");
        alive += usize::from(&buffer[..count] == b"WATCHDOG=1");
    }
    process.end();
}

#[test]
fn sigint_skips_the_delay_and_a_second_signal_ends_it_at_once() {
    let place = Place::new("drain-signals");
    place.put("vestibule.toml", &listening("127.0.0.1:0"), 0o644);
    let start = || {
        let mut command = place.command("serve");
        command.args(["--set", "listen.drain_delay=\"10m\""]);
        Process::start(command)
    };
    start().end();
    for second in ["TERM", "INT"] {
        let mut process = start();
        process.signal("TERM");
        process.says("the end was asked for");
        assert_eq!(process.status("/"), 401, "it serves on");
        process.signal(second);
        assert_eq!(process.child.wait().expect("an end").code(), Some(0));
    }
}
