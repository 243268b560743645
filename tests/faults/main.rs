//! Faults under load: the real program as a process of its own, a real sign-in, upstreams that die, clients that misbehave.
//!
//! What is counted has to be zero (answers that look complete and are not, requests that an upstream got twice, requests
//! without an answer or a visible error); what is measured is printed, and copied into docs/reliability.md by hand.
//! The short form is what CI runs; `VESTIBULE_FAULTS=long` is the form of that page, with
//! `VESTIBULE_BIN=target/release/vestibule`. One scenario at a time: they take the whole machine.

#![expect(
    dead_code,
    unused_imports,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "the suite's support, of which this uses a part; scenarios measure real time, and fail by a panic"
)]

#[path = "../it/support/mod.rs"]
mod support;

mod aborts;
mod application;
mod floods;
mod gateway;
mod large;
mod load;
mod reload;
mod stop;
mod upstream_killed;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// How much of everything.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Short,
    Long,
}

static MACHINE: Mutex<()> = Mutex::new(());

/// The machine, for one scenario.
fn alone() -> MutexGuard<'static, ()> {
    MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One of two numbers, by the form.
fn by_form<T>(short: T, long: T) -> T {
    let form = match std::env::var("VESTIBULE_FAULTS").as_deref() {
        Ok("long") => Form::Long,
        _ => Form::Short,
    };
    if form == Form::Long { long } else { short }
}

/// Runs a scenario on a runtime of its own.
fn run(scenario: impl Future<Output = ()>) {
    let _alone = alone();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(scenario);
}
