//! Clients that take without asking: slow heads, idle connections. Good clients do not notice.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::application::Application;
use crate::gateway::Gateway;
use crate::load::{Load, Unreachable};
use crate::{by_form, run};

#[test]
fn five_hundred_slow_heads_hurt_no_good_client() {
    run(async {
        let application = Application::start().await;
        let gateway = Gateway::start("slow", application.address, "", "").await;
        let calm = Load::start(gateway.address, &gateway.cookie, 8, Unreachable::GoOn);
        calm.more(by_form(1_000, 20_000)).await;
        let calm = calm.stop().await;
        calm.show("good clients by themselves");

        let address = gateway.address;
        let slow: Vec<_> = (0..500)
            .map(|_| {
                tokio::spawn(async move {
                    let mut stream = TcpStream::connect(address).await.expect("a connection");
                    for byte in
                        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                    {
                        if stream.write_all(&[*byte]).await.is_err() {
                            break;
                        }
                        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
                    }
                    stream
                })
            })
            .collect();
        let load = Load::start(gateway.address, &gateway.cookie, 8, Unreachable::GoOn);
        load.more(by_form(1_000, 20_000)).await;
        let tally = load.stop().await;
        tally.show("beside 500 slow heads");
        for client in slow {
            client.abort();
        }
        assert_eq!(
            (tally.wrong, tally.unanswered, tally.broken, tally.refused, tally.not_connected),
            (0, 0, 0, 0, 0),
            "{tally:?}"
        );
    });
}

#[test]
fn idle_connections_cost_little_and_hurt_no_good_client() {
    run(async {
        let application = Application::start().await;
        let gateway = Gateway::start("idle", application.address, "", "").await;
        let before = gateway.memory();
        let count = by_form(2_000, 5_000);
        let mut idle = Vec::with_capacity(count);
        for _ in 0..count {
            idle.push(TcpStream::connect(gateway.address).await.expect("a connection"));
        }
        let load = Load::start(gateway.address, &gateway.cookie, 8, Unreachable::GoOn);
        load.more(by_form(1_000, 10_000)).await;
        let tally = load.stop().await;
        tally.show(&format!("beside {count} idle connections"));
        let grown = gateway.memory().saturating_sub(before);
        println!("{count} idle connections: {grown} KiB, {:.1} KiB each", grown as f64 / count as f64);
        assert_eq!(
            (tally.wrong, tally.unanswered, tally.broken, tally.refused, tally.not_connected),
            (0, 0, 0, 0, 0),
            "{tally:?}"
        );
        assert!(grown / (count as u64) < 32, "{grown} KiB for {count} connections");
    });
}
