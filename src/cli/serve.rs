//! `vestibule serve`: runs the gateway.

use std::io::ErrorKind;

use super::reload::Reloader;
use super::{ConfigArgs, Exit, tell, variable};
use crate::app::{self, App, Departure, Parts, StartError};
use crate::clock::Clock;
use crate::config::{Loaded, Sources};
use crate::lifecycle::{End, Hangup, Notifier, Signals, raise_descriptor_limit};
use crate::lines::Lines;
use crate::lines::text::with_causes;
use crate::random::Random;

pub(super) fn run(arguments: &ConfigArgs) -> Exit {
    let (sources, loaded) = match arguments.read() {
        Ok(read) => read,
        Err(exit) => return exit,
    };
    for warning in &loaded.warnings {
        tell(&warning.to_string());
    }
    app::install_log(&loaded.config);
    match runtime(loaded.config.threads) {
        Ok(runtime) => runtime.block_on(serve(arguments, &sources, loaded)),
        Err(error) => {
            tell(&format!("vestibule: cannot start its threads: {error}"));
            Exit::Failed
        }
    }
}

/// The runtime of a gateway with so many worker threads, by default one for each core, in a process that may open as much
/// as it is allowed to.
pub(super) fn runtime(threads: Option<usize>) -> std::io::Result<tokio::runtime::Runtime> {
    if let Err(error) = raise_descriptor_limit() {
        tell(&format!("vestibule: the limit on open files cannot be raised and stays as it is: {error}"));
    }
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = threads {
        builder.worker_threads(threads);
    }
    builder.enable_all().build()
}

async fn serve(arguments: &ConfigArgs, sources: &Sources, loaded: Loaded) -> Exit {
    let config = &loaded.config;
    let (mut signals, hangup, lines) = match (Signals::listen(), Hangup::listen(), Lines::stdout()) {
        (Ok(signals), Ok(hangup), Ok(lines)) => (signals, hangup, lines),
        (Err(error), ..) | (_, Err(error), _) | (_, _, Err(error)) => {
            tell(&format!("vestibule: cannot start: {error}"));
            return Exit::Failed;
        }
    };
    let mut summary = vec![format!("vestibule: public url {}", config.public_url)];
    for provider in &config.providers {
        summary.push(format!("vestibule: provider {} at {}", provider.name, provider.issuer));
    }
    summary.push(match config.routes.len() {
        1 => "vestibule: 1 route".to_owned(),
        count => format!("vestibule: {count} routes"),
    });
    let parts =
        Parts { clock: Clock::system(), random: Random::system(), lines: lines.clone(), observer: None };
    let app = match App::start(loaded, parts).await {
        Ok(app) => app,
        Err(error) => {
            tell(&format!("vestibule: {}", with_causes(&error)));
            if let StartError::Bind(error) = &error
                && let Some(remedy) = remedy(error.source.kind())
            {
                tell(&format!(
                    "    {remedy}, or choose another by listen.http, listen.https or listen.admin"
                ));
            }
            return Exit::Failed;
        }
    };
    summary.iter().for_each(|line| tell(line));
    for endpoint in app.public() {
        tell(&format!("vestibule: listening on {endpoint}"));
    }
    for endpoint in app.admin() {
        tell(&format!("vestibule: admin on {endpoint} (/livez, /readyz, /metrics)"));
    }
    let clock = Clock::system();
    let notifier = Notifier::of(variable).unwrap_or_else(|error| {
        tell(&format!("vestibule: the service manager cannot be told anything (NOTIFY_SOCKET): {error}"));
        Notifier::off()
    });
    tokio::spawn(notifier.clone().watchdog(clock.clone()));
    notifier.ready("serving");
    let reloader = Reloader::new(arguments, sources, hangup);
    let end = tokio::select! {
        end = signals.next() => end,
        never = reloader.run(&app, &notifier, &clock) => match never {},
    };
    let departure = match end {
        End::Interrupt => Departure::AtOnce,
        End::Terminate => Departure::Announced,
    };
    notifier.stopping("ending");
    finish(app, departure, signals, &lines).await
}

/// What to do about an address that cannot be listened on.
const fn remedy(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::AddrInUse => Some("end what uses it (ss -ltnxp shows that)"),
        ErrorKind::AddrNotAvailable => Some("give this machine the address (ip address shows those it has)"),
        ErrorKind::AlreadyExists => Some("move that away"),
        ErrorKind::NotFound => Some("make the folder of the socket"),
        ErrorKind::PermissionDenied => {
            Some("let the user that runs this do so (of ports, those below 1024 need CAP_NET_BIND_SERVICE)")
        }
        _ => None,
    }
}

/// Ends an app in order; a second signal ends it at once.
pub(super) async fn finish(app: App, departure: Departure, mut signals: Signals, lines: &Lines) -> Exit {
    let trail = app.trail().clone();
    tokio::select! {
        () = app.stop(departure) => {}
        _ = signals.next() => {}
    }
    trail.flush();
    lines.flush();
    Exit::Fine
}
