//! Malformed request heads: each class has its status, closes its connection, and reaches no upstream, nor does what
//! was sent behind it.

use super::{Bench, statuses, within};
use crate::support::vectors;

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
