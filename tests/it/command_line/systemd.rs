//! Sockets that systemd passes: found by name, served, left to the next process with what waits there.
//!
//! A shell stands in for systemd: it has what it was given as its input and output as descriptors 3 and 4.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};

use crate::support::place::{Place, Said, listening, start_lines};

const SHELL: &str = "export LISTEN_PID=$$; exec \"$@\" 3<&0 4<&1 </dev/null >/dev/null";

/// `vestibule serve` as a unit with these two sockets starts it.
fn unit(place: &Place, names: &str, sockets: [OwnedFd; 2]) -> Command {
    let [first, second] = sockets;
    let mut command = Command::new("sh");
    command.args(["-c", SHELL, "sh", env!("CARGO_BIN_EXE_vestibule"), "serve"]);
    command.current_dir(place.path("")).env("LISTEN_FDS", "2").env("LISTEN_FDNAMES", names);
    command.stdin(first).stdout(second).stderr(Stdio::piped());
    command
}

fn end(mut child: Child) {
    let killed = Command::new("kill").args(["-TERM".to_owned(), child.id().to_string()]).status();
    assert!(killed.expect("kill").success());
    assert_eq!(child.wait().expect("an end").code(), Some(0));
}

const GET: &[u8] = b"GET /oauth2/none HTTP/1.1\r\nhost: wiki.example.com\r\nconnection: close\r\n\r\n";

fn answer(stream: &mut impl Read) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    text
}

#[test]
fn passed_sockets_are_served_and_what_waits_there_waits_for_the_next_process() {
    let place = Place::new("systemd");
    let config = listening("127.0.0.1:0")
        .replace("[\"127.0.0.1:0\"]", "[\"systemd:web\"]")
        .replace("admin = \"off\"", "admin = \"systemd:vestibule-admin.socket\"");
    place.put("vestibule.toml", &config, 0o644);
    // Held here too, as systemd holds them.
    let web = TcpListener::bind("127.0.0.1:0").expect("a port");
    let path = place.path("admin.sock");
    let admin = UnixListener::bind(&path).expect("a socket");
    let start = || {
        let sockets =
            [web.try_clone().expect("one more").into(), admin.try_clone().expect("one more").into()];
        unit(&place, "web:vestibule-admin.socket", sockets).spawn().expect("a shell")
    };
    let address = web.local_addr().expect("an address");

    // Whoever comes before it is there is served once it is.
    let mut early = TcpStream::connect(address).expect("it listens");
    early.write_all(GET).expect("a request");
    let mut child = start();
    let lines = start_lines(&mut child);
    assert!(lines.contains(&format!("vestibule: listening on http://{address}")), "{lines:?}");
    assert!(answer(&mut early).starts_with("HTTP/1.1 404"));
    let mut probe = UnixStream::connect(&path).expect("a connection");
    probe.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").expect("a request");
    assert!(answer(&mut probe).starts_with("HTTP/1.1 200"));
    for descriptor in [3, 4] {
        let information = format!("/proc/{}/fdinfo/{descriptor}", child.id());
        let information = fs::read_to_string(information).expect("it is open");
        let flags =
            information.split_whitespace().skip_while(|word| *word != "flags:").nth(1).expect("flags");
        let flags = u32::from_str_radix(flags, 8).expect("octal");
        assert_ne!(flags & 0o2_000_000, 0, "no child of ours gets it");
    }
    end(child);
    assert!(path.exists(), "the file is the unit's");

    let mut between = TcpStream::connect(address).expect("systemd listens on");
    between.write_all(GET).expect("a request");
    let mut child = start();
    start_lines(&mut child);
    assert!(answer(&mut between).starts_with("HTTP/1.1 404"));
    end(child);
}

#[test]
fn a_socket_that_was_not_passed_or_is_none_is_named_with_what_was() {
    let place = Place::new("systemd-faults");
    let config = listening("127.0.0.1:0").replace("127.0.0.1:0", "systemd:web");
    place.put("vestibule.toml", &config, 0o644);
    let said = place.run("serve");
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("cannot listen on systemd:web: systemd passed nothing"), "{said:?}");

    let listener = || TcpListener::bind("127.0.0.1:0").expect("a port");
    let run = |names: &str, first: OwnedFd| -> Said {
        unit(&place, names, [first, listener().into()]).output().expect("a shell").into()
    };
    let said = run("http:admin", listener().into());
    assert_eq!(said.code, Some(1));
    assert!(
        said.err.contains("no socket of this name (FileDescriptorName=); it passed: http, admin"),
        "{said:?}"
    );
    let (connected, _other) = UnixStream::pair().expect("a pair");
    let said = run("web:web", connected.into());
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("the unit must say Accept=no"), "{said:?}");
    let file = fs::File::open("/dev/null").expect("a file");
    let said = run("web:web", file.into());
    assert!(said.err.contains("no stream socket (ListenStream=)"), "{said:?}");
}

#[test]
fn several_of_one_name_are_all_served_and_one_that_nobody_names_is_told() {
    let place = Place::new("systemd-several");
    let listener = || TcpListener::bind("127.0.0.1:0").expect("a port");
    for (names, served) in [("web:web", 2), ("web:other", 1)] {
        let config = listening("127.0.0.1:0").replace("127.0.0.1:0", "systemd:web");
        place.put("vestibule.toml", &config, 0o644);
        let sockets = [listener(), listener()];
        let addresses = sockets.each_ref().map(|socket| socket.local_addr().expect("an address"));
        let mut child = unit(&place, names, sockets.map(OwnedFd::from)).spawn().expect("a shell");
        let lines = start_lines(&mut child);
        let told = lines.iter().any(|line| line.contains("[listen] does not name") && line.contains("other"));
        assert_eq!(told, served == 1, "{lines:?}");
        for address in &addresses[..served] {
            let mut stream = TcpStream::connect(address).expect("it listens");
            stream.write_all(GET).expect("a request");
            assert!(answer(&mut stream).starts_with("HTTP/1.1 404"));
        }
        end(child);
    }
}
