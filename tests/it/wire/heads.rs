//! Malformed request heads: each class has its status, closes its connection, and reaches no upstream, nor does what
//! was sent behind it.

use super::{Bench, statuses, within};
use crate::support::{exchange, vectors};

const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: HOST\r\n\r\n";

#[tokio::test]
async fn a_malformed_head_is_refused_and_what_follows_is_never_a_request() {
    let bench = Bench::plain().await;
    for row in vectors::rows("wire/heads-refused.txt") {
        let [status, name, bytes] = row.as_slice() else { panic!("three cells: {row:?}") };
        let (name, status) = (super::text(name), super::text(status).parse::<u16>().expect("a status"));
        let mut client = bench.client().await;
        client.try_send([bench.fill(bytes), bench.fill(SMUGGLED)].concat()).await;
        let answer = within(&name, client.rest()).await;
        let expected = if status == 0 { vec![] } else { vec![status] };
        assert_eq!(statuses(&answer), expected, "{name}: {answer}");
        bench.nothing_came(&name).await;
    }
}

#[tokio::test]
async fn what_is_odd_but_clear_is_served_and_written_anew() {
    let bench = Bench::plain().await;
    for row in vectors::rows("wire/heads-taken.txt") {
        let [line, name, bytes] = row.as_slice() else { panic!("three cells: {row:?}") };
        let (line, name) = (super::text(line), super::text(name));
        let (_client, _upstream, head) = bench.exchange(bytes).await;
        let (first, fields) = head.split_once("\r\n").expect("a line");
        assert_eq!(first, format!("{line} HTTP/1.1"), "{name}");
        assert!(!fields.replace("\r\n", "").contains(['\r', '\n']), "{name}: {head:?}");
    }
}

#[tokio::test]
async fn each_class_of_malformed_heads_has_its_counter() {
    let bench = Bench::plain().await;
    for (class, line, fields) in [
        ("head_method", "G(T / HTTP/1.1", ""),
        ("head_target", "GET /< HTTP/1.1", ""),
        ("head_version", "GET / HTTP/1.2", ""),
        ("head_field", "GET / HTTP/1.1", "X : 1\r\n"),
        ("head_length", "GET / HTTP/1.1", "Content-Length: x\r\n"),
        ("head_coding", "GET / HTTP/1.1", "Transfer-Encoding: gzip\r\n"),
        ("head_preface", "PRI * HTTP/2.0", "\r\nSM\r\n"),
    ] {
        let mut client = bench.client().await;
        let head = if class == "head_preface" { "" } else { "Host: HOST\r\n" };
        client.try_send(bench.fill(format!("{line}\r\n{head}{fields}\r\n"))).await;
        within(class, client.rest()).await;
        // The connection is counted when it is over, and it is listened to for as long as the client holds it.
        drop(client);
        let wanted = format!("vestibule_malformed_requests_total{{listener=\"public\",class=\"{class}\"}} 1");
        within(class, async {
            loop {
                let scrape = "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
                if exchange(bench.stage.admin, scrape).await.text().contains(&wanted) {
                    return;
                }
            }
        })
        .await;
    }
}
