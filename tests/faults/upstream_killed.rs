//! An upstream that dies under load and comes back.

use std::time::Instant;

use crate::application::Application;
use crate::gateway::Gateway;
use crate::load::{Load, Unreachable};
use crate::{by_form, run};

#[test]
fn an_upstream_that_dies_gives_errors_that_are_seen_and_comes_back_at_once() {
    run(async {
        let mut application = Application::start().await;
        let gateway = Gateway::start("killed", application.address, "", "").await;
        let load = Load::start(gateway.address, &gateway.cookie, 32, Unreachable::GoOn);
        let mut slowest = std::time::Duration::ZERO;
        for _ in 0..by_form(3, 20) {
            load.more(by_form(500, 5_000)).await;
            application.kill().await;
            load.more(200).await;
            application.revive().await;
            let revived = Instant::now();
            // From here on nothing may be refused, so what comes next is good.
            assert_eq!(status(&gateway).await, 200);
            slowest = slowest.max(revived.elapsed());
        }
        load.more(500).await;
        let tally = load.stop().await;
        tally.show("upstream killed and restarted");
        println!("the first good answer came at most {slowest:.1?} after the restart");
        assert_eq!((tally.wrong, tally.unanswered, tally.not_connected), (0, 0, 0), "{tally:?}");
        assert!(tally.refused > 0, "nothing was under way when it died");
        let posts: Vec<String> = application.duplicates();
        let twice =
            posts.iter().filter(|id| id.trim_start_matches("id=").parse::<u64>().is_ok_and(|id| id % 3 == 2));
        assert_eq!(twice.count(), 0, "a POST was sent twice: {posts:?}");
    });
}

/// The status of one request on a connection of its own.
async fn status(gateway: &Gateway) -> u16 {
    let request = format!(
        "GET /bytes/10 HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nConnection: close\r\n\r\n",
        gateway.address, gateway.cookie
    );
    crate::support::exchange(gateway.address, request).await.status
}
