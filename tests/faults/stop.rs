//! SIGTERM under load: what was asked is answered.

use std::time::Instant;

use crate::application::Application;
use crate::gateway::Gateway;
use crate::load::{Load, Unreachable};
use crate::{by_form, run};

#[test]
fn a_stop_under_load_loses_no_request() {
    run(async {
        for _ in 0..by_form(2, 10) {
            let application = Application::start().await;
            let listen = "drain_delay = \"1s\"\ndrain_timeout = \"10s\"";
            let mut gateway = Gateway::start("stop", application.address, listen, "").await;
            let load = Load::start(gateway.address, &gateway.cookie, 64, Unreachable::Stop);
            load.more(by_form(1_000, 10_000)).await;
            gateway.signal("TERM");
            let asked = Instant::now();
            let tally = load.ended().await;
            let ended = gateway.ended().await;
            tally.show("SIGTERM under load");
            println!("it ended {:.1?} after the signal", asked.elapsed());
            assert_eq!(ended.code, Some(0), "{}", gateway.log());
            assert_eq!(
                (tally.wrong, tally.unanswered, tally.broken, tally.refused),
                (0, 0, 0, 0),
                "{}",
                gateway.log()
            );
            assert_eq!(application.duplicates(), Vec::<String>::new());
        }
    });
}
