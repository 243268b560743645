//! The stage of `benches/side_by_side`: a gateway with a real sign-in, on the machine's clock, in front of an upstream
//! that the script has started. Not a benchmark by itself.
//!
//! Reads the upstream's address from `UPSTREAM`, prints one line of JSON (`pid`, `gateway`, `cookie`) to standard error,
//! and serves until its standard input ends. Access and audit lines go to standard output, as in production.

#![expect(
    dead_code,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "the suite's stage, of which this uses a part; a benchmark may read its environment and end by a panic"
)]

#[path = "../tests/it/support/mod.rs"]
mod support;

use std::io::Read;

use mimalloc::MiMalloc;
use support::Stage;
use support::stage::{Plan, Time};

/// The program's own.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() {
    let upstream = std::env::var("UPSTREAM").expect("UPSTREAM names the upstream: http://127.0.0.1:PORT");
    let threads = std::env::var("THREADS").unwrap_or_else(|_| "1".to_owned());
    let workers = threads.parse().expect("THREADS is a number");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let routes = format!("[routes.home]\nupstream = \"{upstream}\"\nallow = [\"signed-in\"]\n");
        let stage = Stage::with(Plan { routes, time: Time::Real, ..Plan::default() }).await;
        let browser = stage.signed_in("alice").await;
        let ready = serde_json::json!({
            "pid": std::process::id(),
            "gateway": stage.gateway.to_string(),
            "cookie": browser.cookies(),
        });
        eprintln!("{ready}");
        let end = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        end.await.expect("the wait").expect("standard input");
    });
}
