//! Large bodies: as many bytes as came went, and memory stays.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::application::{Application, byte};
use crate::gateway::Gateway;
use crate::{by_form, run};

const LARGE: usize = 200 << 20;

#[test]
fn two_hundred_mebibytes_pass_both_ways_in_bounded_memory() {
    run(async {
        let application = Application::start().await;
        let gateway = Gateway::start("large", application.address, "", "").await;
        let before = gateway.peak();
        let clients: Vec<_> = (0..by_form(1, 4))
            .map(|_| {
                let (address, cookie) = (gateway.address, gateway.cookie.clone());
                tokio::spawn(async move {
                    for kind in ["bytes", "chunked"] {
                        down(address, &cookie, kind).await;
                    }
                    up(address, &cookie).await;
                })
            })
            .collect();
        for client in clients {
            client.await.expect("a client");
        }
        let grown = gateway.peak() - before;
        println!("200 MiB down twice and up once, {} at a time: peak memory +{grown} KiB", by_form(1, 4));
        assert!(grown < 32 * 1024, "{grown} KiB");
    });
}

async fn down(address: std::net::SocketAddr, cookie: &str, kind: &str) {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = format!("GET /{kind}/{LARGE} HTTP/1.0\r\nHost: {address}\r\nCookie: {cookie}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("a request");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a head"));
    }
    assert!(head.starts_with(b"HTTP/1.0 200") || head.starts_with(b"HTTP/1.1 200"));
    let (mut place, mut buffer) = (0, vec![0; 64 * 1024]);
    loop {
        let count = stream.read(&mut buffer).await.expect("a body");
        if count == 0 {
            break;
        }
        let good = buffer[..count].iter().enumerate().all(|(offset, seen)| *seen == byte(place + offset));
        assert!(good, "other bytes near {place}");
        place += count;
    }
    assert_eq!(place, LARGE);
}

async fn up(address: std::net::SocketAddr, cookie: &str) {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let head = format!(
        "POST /count HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\nContent-Length: {LARGE}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("a head");
    let piece = vec![b'x'; 64 * 1024];
    for _ in 0..LARGE / piece.len() {
        stream.write_all(&piece).await.expect("a piece");
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(&format!("\r\n\r\n{LARGE}")), "{answer}");
}
