//! Slow clients of the admin listener take no probe its place.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::Stage;
use crate::wire::{settle, within};

const LIVEZ: &[u8] = b"GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

#[cfg(target_os = "linux")]
#[tokio::test]
async fn one_client_never_has_every_place() {
    let stage = Stage::usual().await;
    let mut held = Vec::new();
    for _ in 0..80 {
        let mut slow = TcpStream::connect(stage.admin).await.expect("a connection");
        let _ = slow.write_all(b"GET /livez").await;
        held.push(slow);
    }
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 2], 0).into()).expect("an address");
    let mut probe = socket.connect(stage.admin).await.expect("a connection");
    probe.write_all(LIVEZ).await.expect("a write");
    let mut answer = String::new();
    within("an answer", probe.read_to_string(&mut answer)).await.expect("text");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    drop(held);
}

#[tokio::test]
async fn who_takes_no_answer_is_closed_soon() {
    let stage = Stage::usual().await;
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let mut slow = socket.connect(stage.admin).await.expect("a connection");
    let (mut read, mut write) = slow.split();
    let asked =
        async { while write.write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n").await.is_ok() {} };
    let time = async {
        for _ in 0..100 {
            settle().await;
            stage.advance(Duration::from_millis(500));
            let page = stage.metrics().await;
            if page.contains("vestibule_limits_total{listener=\"admin\",limit=\"write_stall\"} 1") {
                return;
            }
        }
        panic!("it is open after fifty seconds");
    };
    let stalled = async {
        tokio::select! {
            () = asked => {}
            () = time => {}
        }
    };
    within("the end", stalled).await;
    let mut rest = Vec::new();
    let _ = within("the end", read.read_to_end(&mut rest)).await;
}
