//! Reload under load: no request fails, no tunnel and no stream is cut.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::application::Application;
use crate::gateway::Gateway;
use crate::load::{Load, Unreachable};
use crate::{by_form, run};

#[test]
fn a_reload_under_load_fails_no_request_and_cuts_no_stream() {
    run(async {
        let application = Application::start().await;
        let gateway = Gateway::start("reload", application.address, "", "").await;
        let load = Load::start(gateway.address, &gateway.cookie, 32, Unreachable::GoOn);
        let mut tunnel = tunnel(&gateway).await;
        let mut events = stream(&gateway).await;
        let reloads = by_form(10, 100);
        for number in 0..reloads {
            load.more(by_form(200, 1_000)).await;
            if number % 5 == 4 {
                gateway.rewrite(|config| format!("{config}nonsense = true\n"));
            } else {
                let path = format!(
                    "[routes.more{number}]\nupstream = \"http://127.0.0.1:1\"\npath = \"/more{number}\"\nallow = [\"everyone\"]\n"
                );
                gateway.rewrite(|config| format!("{config}{path}"));
            }
            gateway.signal("HUP");
            tunnel.write_all(b"still there").await.expect("a tunnel");
            let mut back = [0; 11];
            tunnel.read_exact(&mut back).await.expect("an echo");
            events.read_exact(&mut back).await.expect("an event");
        }
        load.more(500).await;
        let tally = load.stop().await;
        tally.show("reload under load");
        assert_eq!(
            (tally.wrong, tally.unanswered, tally.broken, tally.refused, tally.not_connected),
            (0, 0, 0, 0, 0),
            "{tally:?}\n{}",
            gateway.log()
        );
        assert_eq!(application.duplicates(), Vec::<String>::new());
        let taken = gateway.lines().iter().filter(|line| line["event"] == "config.reloaded").count();
        let refused = gateway.lines().iter().filter(|line| line["event"] == "config.refused").count();
        println!("{taken} reloads taken, {refused} refused");
        assert!(taken > 0 && refused > 0, "{}", gateway.log());
    });
}

async fn tunnel(gateway: &Gateway) -> TcpStream {
    let mut stream = TcpStream::connect(gateway.address).await.expect("a connection");
    let (host, cookie) = (gateway.address, &gateway.cookie);
    let request = format!(
        "GET /socket HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nCookie: {cookie}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("a request");
    head(&mut stream, "101").await;
    stream
}

async fn stream(gateway: &Gateway) -> TcpStream {
    let mut stream = TcpStream::connect(gateway.address).await.expect("a connection");
    let request =
        format!("GET /events HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n\r\n", gateway.address, gateway.cookie);
    stream.write_all(request.as_bytes()).await.expect("a request");
    head(&mut stream, "200").await;
    stream
}

async fn head(stream: &mut TcpStream, status: &str) {
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        seen.push(stream.read_u8().await.expect("a head"));
    }
    let text = String::from_utf8_lossy(&seen);
    assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{text}");
}
