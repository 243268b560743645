//! WebSocket upgrades: a tunnel after 101, a plain answer else, a Close frame when the session ends.

use super::support::{Bench, End, bench, plain};
use crate::clock::{Clock, Timestamp};
use crate::lease::Lease;

const HANDSHAKE: &str = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

async fn tunnel(bench: &Bench) -> (End, End) {
    let (mut client, mut upstream, head) = bench.exchange(HANDSHAKE).await;
    assert!(head.contains("connection: Upgrade\r\n") && head.contains("upgrade: websocket\r\n"), "{head}");
    assert!(head.contains("sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="), "{head}");
    // The first frame comes together with the 101.
    upstream.send([SWITCH.as_bytes(), &[0x82, 2], b"hi"].concat()).await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 101") && head.contains("upgrade: websocket\r\n"), "{head}");
    assert!(head.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    assert_eq!(client.bytes(4).await, [0x82, 2, b'h', b'i']);
    (client, upstream)
}

#[tokio::test]
async fn a_tunnel_opens_after_101_and_carries_both_ways_until_a_side_closes() {
    let bench = plain().await;
    let (mut client, mut upstream) = tunnel(&bench).await;
    client.send("ping").await;
    assert_eq!(upstream.bytes(4).await, b"ping");
    upstream.send("pong").await;
    assert_eq!(client.bytes(4).await, b"pong");
    drop(upstream);
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn without_101_a_handshake_is_a_plain_request() {
    let bench = plain().await;
    let (mut client, mut upstream, _) = bench.exchange(HANDSHAKE).await;
    upstream.send("HTTP/1.1 426 Upgrade Required\r\ncontent-length: 2\r\n\r\nno").await;
    assert!(client.until("no").await.starts_with("HTTP/1.1 426"));
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut next = bench.accept().await;
    next.head().await;
    next.send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n").await;
    assert!(client.head().await.contains("upstream/unexpected-upgrade"));
}

#[tokio::test]
async fn a_switch_to_another_protocol_is_refused() {
    let bench = plain().await;
    let (mut client, mut upstream, _) = bench.exchange(HANDSHAKE).await;
    upstream.send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n").await;
    assert!(client.head().await.contains("upstream/unexpected-upgrade"));
}

#[tokio::test]
async fn the_end_of_the_session_closes_a_tunnel_with_1008_on_a_frame_boundary() {
    let (lessor, lease) = Lease::until(Timestamp::from_secs(u64::MAX / 2000));
    let bench = bench(Clock::system(), lease, |_| {}).await;
    let (mut whole, _upstream) = tunnel(&bench).await;
    let (mut half, mut upstream) = tunnel(&bench).await;
    upstream.send([0x82, 5, b'h']).await;
    assert_eq!(half.bytes(3).await, [0x82, 5, b'h']);
    lessor.end();
    let frame = whole.bytes(4).await;
    assert_eq!((frame.first(), frame.get(2..)), (Some(&0x88), Some(&[0x03, 0xf0][..])));
    assert_eq!(whole.rest().await, "the session ended");
    // In the middle of a frame there is no place for another.
    assert_eq!(half.rest().await, "");
    assert_eq!(bench.meters.ended_by_lease.get(), 2);
}
