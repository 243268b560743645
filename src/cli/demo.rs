//! `vestibule demo`: everything in one process on loopback.

use std::path::Path;

use clap::Args;

use super::serve::{finish, runtime};
use super::{Exit, is_taken, print, refuse, tell};
use crate::app::{self, App, Departure, Parts};
use crate::clock::Clock;
use crate::config::{self, Outside};
use crate::demo::{Demo, Ports, config_text};
use crate::lifecycle::Signals;
use crate::lines::Lines;
use crate::lines::text::with_causes;
use crate::random::Random;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Use the four ports from N on: gateway, admin, upstream, provider
    #[arg(long, value_name = "N", default_value_t = Ports::FIRST, value_parser = clap::value_parser!(u16).range(1..=65532))]
    port: u16,
    /// Print the configuration that the demo uses, and do nothing else
    #[arg(long)]
    print: bool,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let Some(ports) = Ports::starting_at(arguments.port) else {
        // The command line takes no such port.
        return Exit::Failed;
    };
    if arguments.print {
        print(&config_text(ports));
        return Exit::Fine;
    }
    match runtime(None) {
        Ok(runtime) => runtime.block_on(demo(ports)),
        Err(error) => {
            tell(&format!("vestibule demo: cannot start its threads: {error}"));
            Exit::Failed
        }
    }
}

async fn demo(ports: Ports) -> Exit {
    let (clock, random) = (Clock::system(), Random::system());
    let (signals, lines) = match (Signals::listen(), Lines::stdout()) {
        (Ok(signals), Ok(lines)) => (signals, lines),
        (Err(error), _) | (_, Err(error)) => {
            tell(&format!("vestibule demo: cannot start: {error}"));
            return Exit::Failed;
        }
    };
    let demo = match Demo::start(ports, clock.clone(), random.clone()).await {
        Ok(demo) => demo,
        Err(error) => return cannot_start(&error),
    };
    let outside = Outside::new(demo.environment());
    // The demo's configuration is parsed like any file; only its two secrets are made here.
    let loaded = match config::parse(&demo.config_text(), "demo.toml", Path::new("."), &outside) {
        Ok(loaded) => loaded,
        Err(faults) => return refuse(&faults),
    };
    app::install_log(&loaded.config);
    let parts = Parts { clock, random, lines: lines.clone(), observer: Some(demo.observer()) };
    let app = match App::start(loaded, parts).await {
        Ok(app) => app,
        Err(error) => return cannot_start(&error),
    };
    print(&demo.banner());
    let mut signals = signals;
    signals.next().await;
    // Nobody else is in front of it.
    finish(app, Departure::AtOnce, signals, &lines).await
}

/// Most often another demo runs already, or a gateway: its default ports are the same.
fn cannot_start(error: &(dyn std::error::Error + 'static)) -> Exit {
    tell(&format!("vestibule demo: {}", with_causes(error)));
    if is_taken(error) {
        tell("    end what uses it, or move all four ports (N to N+3): vestibule demo --port N");
    }
    Exit::Failed
}
