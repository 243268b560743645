//! Chunks of a request: a strict grammar, bounded extras, and never a complete body out of a malformed one.

use super::{Bench, OK_CLOSE, statuses, within};
use crate::support::vectors;

const HEAD: &str = "POST /x HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n";

#[tokio::test]
async fn a_malformed_body_is_400_and_never_complete_for_the_upstream() {
    let bench = Bench::plain().await;
    for row in vectors::rows("wire/chunks-refused.txt") {
        let [name, bytes] = row.as_slice() else { panic!("two cells: {row:?}") };
        let name = super::text(name);
        let smuggled = bench.fill("\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: HOST\r\n\r\n");
        let mut client = bench.client().await;
        client.try_send([bench.fill(HEAD), bytes.clone(), smuggled].concat()).await;
        let (upstream, seen) = within(&name, bench.broken_off()).await;
        assert!(!seen.contains("0\r\n\r\n") && !seen.contains("smuggled"), "{name}: {seen:?}");
        let answer = within(&name, client.rest()).await;
        assert_eq!(statuses(&answer), [400], "{name}: {answer}");
        assert_eq!(super::fields(&answer, "connection"), ["close"], "{name}");
        let line = bench.stage.access_line().await;
        assert_eq!(
            (&line["status"], &line["reason"]),
            (&400.into(), &"request/body-broken".into()),
            "{name}"
        );
        drop(upstream);
        bench.nothing_came(&name).await;
        bench.stage.access_line().await;
    }
}

#[tokio::test]
async fn extensions_and_odd_sizes_are_taken_and_not_passed_on() {
    let bench = Bench::plain().await;
    for (what, body) in [
        ("an extension", "5;a=b\r\nhello\r\n0;c\r\n\r\n".to_owned()),
        ("an extension in quotes", "5;a=\"b;c\"\r\nhello\r\n0\r\n\r\n".to_owned()),
        ("white space behind the size", "5 \t\r\nhello\r\n0\r\n\r\n".to_owned()),
        ("zeros in front", "0005\r\nhello\r\n000\r\n\r\n".to_owned()),
        ("any case", "A\r\nhellohello\r\n0\r\n\r\n".to_owned()),
        ("extensions up to the limit", format!("5;{}\r\nhello\r\n0\r\n\r\n", "e".repeat(16_000))),
    ] {
        let (mut client, mut upstream, _) = bench.exchange(format!("{HEAD}{body}")).await;
        let seen = within(what, upstream.until("0\r\n\r\n")).await;
        assert!(
            ["5\r\nhello\r\n0\r\n\r\n", "A\r\nhellohello\r\n0\r\n\r\n"].contains(&&*seen),
            "{what}: {seen}"
        );
        upstream.send(OK_CLOSE).await;
        assert!(client.until("ok").await.starts_with("HTTP/1.1 200"), "{what}");
    }
}

#[tokio::test]
async fn floods_of_extensions_and_trailers_are_cut() {
    let bench = Bench::plain().await;
    for (what, body) in [
        ("one long extension", format!("1;{}", "e".repeat(20_000))),
        ("many short extensions", "1;eeeeeee\r\nx\r\n".repeat(4000)),
        ("one long trailer", format!("0\r\nX: {}\r\n\r\n", "t".repeat(70_000))),
        ("many trailers", format!("0\r\n{}\r\n", "X: t\r\n".repeat(101))),
    ] {
        let mut client = bench.client().await;
        let sent = client.try_send(bench.fill(format!("{HEAD}{body}")));
        let (_, (_upstream, seen)) = within(what, async { tokio::join!(sent, bench.broken_off()) }).await;
        assert!(!seen.contains("0\r\n\r\n"), "{what}: {} bytes", seen.len());
        let answer = within(what, client.rest()).await;
        assert_eq!(statuses(&answer), [400], "{what}: {answer}");
    }
}
