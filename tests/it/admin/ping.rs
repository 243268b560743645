//! `/ping`: only when it is asked for, then on every host, before any route, and without a trace.

use super::series;
use crate::support::stage::Plan;
use crate::support::{Stage, exchange};

#[tokio::test]
async fn ping_is_answered_where_it_is_switched_on_and_nowhere_else() {
    let routes = "[routes.all]\nupstream = \"UPSTREAM\"\npath = [\"/\", \"/ping\"]\nallow = [\"everyone\"]\n";
    let plan =
        |listen: &str| Plan { listen: listen.to_owned(), routes: routes.to_owned(), ..Plan::default() };
    let stage = Stage::with(plan("ping = true")).await;
    let before = series(&stage).await;
    let ask = |line: &'static str, host: &'static str| {
        exchange(stage.gateway, format!("{line} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"))
    };
    for host in ["127.0.0.1", "unknown.example", "no host at all", ""] {
        let answer = ask("GET /ping?x=1", host).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "OK"), "{host}");
        assert_eq!(answer.field("cache-control"), Some("no-store"));
        assert_eq!(answer.all("set-cookie").count(), 0);
    }
    let head = ask("HEAD /ping", "x").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    let post = ask("POST /ping", "x").await;
    assert_eq!((post.status, post.field("allow")), (405, Some("GET, HEAD")));
    assert!(stage.upstream.received().is_empty(), "no route takes it over");
    super::assert_grown(&stage, &before, &[], "it decides nothing").await;
    assert_eq!(ask("GET /ping/", "127.0.0.1").await.status, 200);
    assert_eq!(stage.upstream.received().len(), 1, "another path is another matter");

    let off = Stage::with(plan("")).await;
    let answer = off.browser().fetch("/ping").await;
    assert_ne!(answer.text(), "OK");
    assert_eq!(off.upstream.received().len(), 1, "a path like any other");
}
