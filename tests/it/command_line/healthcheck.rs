//! `vestibule healthcheck`: silent when the gateway is ready, else the reason, for every kind of address.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use crate::support::place::{Place, listening, start_lines};

fn config(admin: &str) -> String {
    listening("127.0.0.1:0").replace("admin = \"off\"", &format!("admin = \"{admin}\""))
}

fn serve(place: &Place) -> (Child, Vec<String>) {
    let mut command = place.command("serve");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary");
    let lines = start_lines(&mut child);
    (child, lines)
}

fn end(mut child: Child) {
    let killed = Command::new("kill").args(["-INT".to_owned(), child.id().to_string()]).status();
    assert!(killed.expect("kill").success());
    child.wait().expect("an end");
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    let probe = TcpListener::bind("127.0.0.1:0").expect("a port");
    probe.local_addr().expect("an address").port()
}

#[test]
fn a_gateway_that_is_ready_is_nothing_to_speak_of() {
    let place = Place::new("healthy");
    for admin in ["127.0.0.1", "0.0.0.0", "[::]", "[::1]", "localhost"] {
        if admin.starts_with('[') && TcpListener::bind("[::1]:0").is_err() {
            continue;
        }
        place.put("vestibule.toml", &config(&format!("{admin}:{}", free_port())), 0o644);
        let (child, _) = serve(&place);
        let said = place.run("healthcheck");
        assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (Some(0), "", ""), "{admin}");
        end(child);
    }
    place.put("vestibule.toml", &config("unix:admin.sock"), 0o644);
    let (child, _) = serve(&place);
    let said = place.run("healthcheck");
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (Some(0), "", ""));
    // What was written since and is faulty elsewhere is not what it is asked about.
    place.put("vestibule.toml", &format!("{}\nnonsense = 1\n", config("unix:admin.sock")), 0o644);
    assert_eq!(place.run("healthcheck").code, Some(0));
    end(child);
    let said = place.run("healthcheck");
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
    assert!(said.err.contains("cannot connect to unix:admin.sock"), "{said:?}");
}

#[test]
fn whatever_else_is_1_with_the_reason() {
    let place = Place::new("unhealthy");
    place.put("vestibule.toml", &config("off"), 0o644);
    let said = place.run("healthcheck");
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("listen.admin is \"off\""), "{said:?}");

    place.put("vestibule.toml", &config(&format!("127.0.0.1:{}", free_port())), 0o644);
    let said = place.run("healthcheck");
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("cannot connect to 127.0.0.1:"), "{said:?}");

    place.put("vestibule.toml", &config("nowhere"), 0o644);
    let said = place.run("healthcheck");
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("listen.admin is \"nowhere\""), "{said:?}");
    assert!(said.err.contains("; write 127.0.0.1:4180"), "one line, with what to do: {said:?}");
    assert_eq!(place.run("healthcheck --config absent.toml").code, Some(1));

    // Somebody who is not ready, somebody else, and somebody who says nothing.
    for (answer, expected) in [
        (
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 20\r\n\r\nnot ready: draining\n",
            "not ready: draining\n",
        ),
        (
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            "answered with status 404: is it this gateway?\n",
        ),
        ("220 mail.example ESMTP\r\n", "gave no answer: "),
        ("", "did not answer within 2 seconds\n"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        place.put("vestibule.toml", &config(&address.to_string()), 0o644);
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut head = [0; 1024];
            let count = stream.read(&mut head).expect("a request");
            stream.write_all(answer.as_bytes()).expect("an answer");
            // Until the client has had enough.
            let _ = stream.read(&mut [0; 1]);
            String::from_utf8_lossy(&head[..count]).into_owned()
        });
        let said = place.run("healthcheck");
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{said:?}");
        assert!(said.err.contains(expected), "{said:?}");
        assert!(server.join().expect("a server").starts_with("GET /readyz HTTP/1.1\r\n"));
    }
}
