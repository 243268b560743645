//! Limits of the listener: each key is obeyed, has its answer, and leaves well-behaved clients alone.

mod hostile;

use std::future::Future;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::message::exchange_over;
use crate::support::stage::Plan;
use crate::support::{Answer, Stage, exchange};

/// A stage with these lines in `[listen]`.
async fn with(listen: &str) -> Stage {
    Stage::with(Plan { listen: listen.to_owned(), ..Plan::default() }).await
}

async fn connect(stage: &Stage) -> TcpStream {
    TcpStream::connect(stage.gateway).await.expect("a connection")
}

/// A request that keeps its connection.
fn get(stage: &Stage, target: &str, fields: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nhost: {}\r\n{fields}\r\n", stage.gateway)
}

async fn ask(stage: &Stage, stream: &mut TcpStream) -> Answer {
    exchange_over(stream, get(stage, "/public", "")).await
}

/// Moves the clock in steps for as long as `event` takes: when the gateway begins to wait is not seen from outside.
async fn advance_until<T>(stage: &Stage, step: Duration, event: impl Future<Output = T>) -> T {
    let advance = async {
        loop {
            stage.advance(step);
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        seen = event => seen,
        () = advance => unreachable!("the clock goes on"),
    }
}

/// What still comes, until the gateway closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut seen = String::new();
    let _ = stream.read_to_string(&mut seen).await;
    seen
}

#[tokio::test]
async fn a_head_has_its_time_in_all_and_not_for_each_byte() {
    let stage = with("head_timeout = \"3s\"").await;
    let mut stream = connect(&stage).await;
    // It ends by the limit, or the bytes run out: a byte a second would be in time for a limit on silence.
    let request = get(&stage, "/public", &format!("x: {}\r\n", "y".repeat(2000)));
    let drip = async {
        for byte in request.bytes() {
            if stream.write_all(&[byte]).await.is_err() {
                break;
            }
            stage.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
        rest(&mut stream).await
    };
    assert_eq!(drip.await, "");
    assert!(stage.upstream.received().is_empty());
}

#[tokio::test]
async fn a_connection_without_a_byte_has_the_time_of_a_head() {
    let stage = with("head_timeout = \"3s\"\nkeep_alive = \"1h\"").await;
    let mut silent = connect(&stage).await;
    let mut kept = connect(&stage).await;
    assert_eq!(ask(&stage, &mut kept).await.status, 200);
    assert_eq!(advance_until(&stage, Duration::from_millis(500), rest(&mut silent)).await, "");
    assert_eq!(ask(&stage, &mut kept).await.status, 200, "between requests the other limit holds");
}

#[tokio::test]
async fn an_idle_connection_has_the_time_of_keep_alive() {
    let stage = with("head_timeout = \"100s\"\nkeep_alive = \"4s\"").await;
    let mut kept = connect(&stage).await;
    assert_eq!(ask(&stage, &mut kept).await.status, 200);
    stage.advance(Duration::from_secs(3));
    assert_eq!(ask(&stage, &mut kept).await.status, 200);
    let fresh = connect(&stage).await;
    assert_eq!(advance_until(&stage, Duration::from_millis(500), rest(&mut kept)).await, "");
    let mut fresh = fresh;
    assert_eq!(ask(&stage, &mut fresh).await.status, 200, "before the first byte the other limit holds");
}

#[tokio::test]
async fn more_fields_than_allowed_are_431() {
    for (listen, most) in [("", 100), ("max_headers = 16", 16), ("max_headers = 400", 400)] {
        let stage = with(listen).await;
        // Host and connection are two of them.
        let fields = |count: usize| format!("connection: close\r\n{}", "x: y\r\n".repeat(count - 2));
        let answer = exchange(stage.gateway, get(&stage, "/public", &fields(most))).await;
        assert_eq!(answer.status, 200, "{listen}");
        let answer = exchange(stage.gateway, get(&stage, "/public", &fields(most + 1))).await;
        assert_eq!((answer.status, answer.body.len()), (431, 0), "{listen}");
        assert_eq!(stage.upstream.received().len(), 1, "{listen}");
    }
}

#[tokio::test]
async fn a_target_over_the_limit_is_414() {
    let stage = with("max_target = \"1KiB\"").await;
    for (target, status) in [
        (format!("/public?{}", "q".repeat(1016)), 200),
        (format!("/public?{}", "q".repeat(1017)), 414),
        (format!("/public/{}", "p".repeat(1017)), 414),
        // Whatever it may name: the limit is for what reads it.
        (format!("/oauth2/static/{}", "p".repeat(2000)), 414),
    ] {
        let answer = exchange(stage.gateway, get(&stage, &target, "connection: close\r\n")).await;
        assert_eq!(answer.status, status, "{target}");
    }
    let page = get(&stage, &format!("/?{}", "q".repeat(2000)), "accept: text/html\r\nconnection: close\r\n");
    let answer = exchange(stage.gateway, page).await;
    assert_eq!(answer.status, 414);
    assert!(answer.text().contains("This address is too long"), "{}", answer.text());
    assert_eq!(stage.upstream.received().len(), 1);
}

#[tokio::test]
async fn a_connection_ends_after_its_last_request() {
    let stage = with("max_requests = 3").await;
    let mut stream = connect(&stage).await;
    for number in 1..=3 {
        let answer = ask(&stage, &mut stream).await;
        assert_eq!((answer.status, answer.complete), (200, true));
        let closes = answer.field("connection") == Some("close");
        assert_eq!(closes, number == 3, "{number}");
    }
    assert_eq!(rest(&mut stream).await, "");
    // What was pipelined behind the last is neither answered nor served.
    let mut stream = connect(&stage).await;
    stream.write_all(get(&stage, "/public", "").repeat(5).as_bytes()).await.expect("a write");
    let seen = rest(&mut stream).await;
    assert_eq!(seen.matches("HTTP/1.1 200").count(), 3);
    assert_eq!(stage.upstream.received().len(), 6);
}

#[tokio::test]
async fn further_connections_wait_in_the_kernel_and_are_served() {
    let stage = with("max_connections = 2").await;
    let (mut first, mut second) = (connect(&stage).await, connect(&stage).await);
    assert_eq!(ask(&stage, &mut first).await.status, 200);
    assert_eq!(ask(&stage, &mut second).await.status, 200);
    let mut further = connect(&stage).await;
    further
        .write_all(get(&stage, "/public?further", "").as_bytes())
        .await
        .expect("it is the kernel that takes it");
    for _ in 0..5 {
        assert_eq!(ask(&stage, &mut first).await.status, 200);
    }
    assert!(!stage.upstream.received().iter().any(|one| one.line().contains("further")));
    drop(second);
    assert_eq!(exchange_over(&mut further, "").await.status, 200);
    assert!(stage.upstream.received().iter().any(|one| one.line().contains("further")));
}
