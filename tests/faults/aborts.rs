//! Clients that leave: nothing of them stays, and an upload that broke off never looks complete.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::application::Application;
use crate::gateway::Gateway;
use crate::load::{Load, Unreachable};
use crate::{by_form, run};

#[test]
fn clients_that_leave_leave_nothing_behind() {
    run(async {
        let application = Application::start().await;
        let gateway = Gateway::start("aborts", application.address, "", "").await;
        let load = Load::start(gateway.address, &gateway.cookie, 8, Unreachable::GoOn);
        load.more(100).await;
        let descriptors = gateway.descriptors();
        let count = by_form(300_u64, 3_000);
        for number in 0..count {
            leave(&gateway, &application, number).await;
        }
        let tally = load.stop().await;
        tally.show("beside clients that leave");
        assert_eq!(
            (tally.wrong, tally.unanswered, tally.broken, tally.refused, tally.not_connected),
            (0, 0, 0, 0, 0),
            "{tally:?}"
        );
        // Half of them left in an upload, half in an answer. Each is seen by the upstream within a second.
        let last = Instant::now();
        while application
            .books(|books| books.broken_uploads < count / 2 || books.broken_answers < count - count / 2)
        {
            assert!(
                last.elapsed() < Duration::from_secs(5),
                "{:?} of {count}",
                application.books(|books| (books.broken_uploads, books.broken_answers))
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        println!("{count} clients left; the upstream knew of the last {:.1?} later", last.elapsed());
        let now = gateway.descriptors();
        println!("descriptors: {descriptors} before, {now} after");
        assert!(now <= descriptors + 8, "{descriptors} became {now}");
    });
}

/// Leaves in the middle of an upload, or of an answer.
async fn leave(gateway: &Gateway, application: &Application, number: u64) {
    let mut stream = TcpStream::connect(gateway.address).await.expect("a connection");
    let (host, cookie) = (gateway.address, &gateway.cookie);
    if number.is_multiple_of(2) {
        let framing = if number.is_multiple_of(4) {
            "Content-Length: 100000\r\n\r\nhalf".to_owned()
        } else {
            "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n".to_owned()
        };
        let request =
            format!("POST /count?id=left-{number} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n{framing}");
        stream.write_all(request.as_bytes()).await.expect("a request");
        // Until the upstream has it, there is nothing to leave.
        while application.books(|books| !books.requests.contains_key(&format!("id=left-{number}"))) {
            tokio::task::yield_now().await;
        }
    } else {
        let request = format!("GET /stall HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("a request");
        let mut some = [0; 1000];
        stream.read_exact(&mut some).await.expect("some of an answer");
    }
    if number.is_multiple_of(3) {
        let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    }
}
