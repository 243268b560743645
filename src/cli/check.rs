//! `vestibule check`: says whether a configuration is right, without running it or asking anybody.

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::{ConfigArgs, Exit, print, refuse, tell};
use crate::app::{Drain, PARTING};
use crate::config::{self, Config, Effective, Fault, Loaded};
use crate::listener::{self, Address, Certificate, Place};
use crate::session::Settings;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArgs,
    /// Let warnings fail the check (exit code 3)
    #[arg(long)]
    strict: bool,
    /// Print every value that holds, as a configuration with where each came from; secrets as their references
    #[arg(long)]
    print: bool,
    /// Print faults and warnings as a JSON list, and nothing else; with --print an object, the values beside them
    #[arg(long)]
    json: bool,
}

/// What `--print --json` shows.
#[derive(Serialize)]
struct Printed<'a> {
    faults: &'a [Fault],
    values: &'a [Effective],
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let path = arguments.config.path();
    let loaded = match config::load(&path, &arguments.config.outside()) {
        Ok(loaded) => loaded,
        Err(faults) if arguments.json => {
            print_json(arguments, faults.list(), &[]);
            return Exit::Config;
        }
        Err(faults) => return refuse(&faults),
    };
    let Loaded { config, warnings, effective, .. } = loaded;
    if arguments.json {
        print_json(arguments, &warnings, &effective);
    } else if arguments.print {
        effective.iter().for_each(|value| print(&value.to_string()));
        warnings.iter().for_each(|warning| tell(&warning.to_string()));
    } else {
        print(&path.display().to_string());
        report(&config);
        warnings.iter().for_each(|warning| tell(&warning.to_string()));
        print(&verdict(warnings.len()));
    }
    if arguments.strict && !warnings.is_empty() { Exit::Warnings } else { Exit::Fine }
}

fn print_json(arguments: &Arguments, faults: &[Fault], values: &[Effective]) {
    let text = if arguments.print {
        serde_json::to_string_pretty(&Printed { faults, values })
    } else {
        serde_json::to_string_pretty(faults)
    };
    print(&text.unwrap_or_default());
}

fn report(config: &Config) {
    let count = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    print(&format!(
        "  ok    {}, {}",
        count(config.providers.len(), "provider"),
        count(config.routes.len(), "route")
    ));
    report_listen(&config.listen);
    if let Some(session) = &config.session {
        report_session(session);
    }
    report_end(config);
    for provider in &config.providers {
        print(&format!("provider {}", provider.name));
        print(&format!("  ok    {}, client {}", provider.issuer, provider.client_id));
        for uri in config.redirect_uris(&provider.name) {
            print(&format!("        redirect URI to register:              {uri}"));
        }
        for uri in config.post_logout_redirect_uris() {
            print(&format!("        post-logout redirect URI to register:  {uri}"));
        }
    }
}

fn report_listen(listen: &listener::Settings) {
    print("listen");
    for (addresses, scheme) in [(&listen.http, "http"), (&listen.https, "https")] {
        for Address { text, place } in addresses {
            match place {
                Place::Tcp(_) => print(&format!("  ok    {scheme}://{text}")),
                Place::Unix(_) | Place::Systemd(_) => print(&format!("  ok    {text} ({scheme})")),
            }
        }
    }
    for Certificate { name, until, names, .. } in &listen.certificates {
        let others = match names.len().saturating_sub(1) {
            0 => String::new(),
            1 => " and 1 other name".to_owned(),
            count => format!(" and {count} other names"),
        };
        print(&format!("        certificate for {name}{others}, until {until}"));
    }
    match &listen.admin {
        Some(admin) => print(&format!("  ok    {} (admin, not for the public)", admin.text)),
        None => print("  ok    no admin listener: nobody can ask for metrics, or whether it is ready"),
    }
}

fn report_end(config: &Config) {
    let Drain { delay, timeout } = config.listen.drain;
    let whole = in_units(delay + timeout + PARTING);
    let [delay, timeout, parting] = [delay, timeout, PARTING].map(in_units);
    print("end");
    print(&format!(
        "  ok    {whole} at most after SIGTERM: {delay} not ready but serving, {timeout} to finish, {parting} to close"
    ));
    print("        terminationGracePeriodSeconds (Kubernetes) or TimeoutStopSec (systemd) must be longer");
}

fn report_session(session: &Settings) {
    let max_age = in_units(session.lifetimes.max_age);
    print("session");
    print(&format!("  ok    a sign-in lasts {max_age} at most"));
    if let Some(domain) = &session.cookie_domain {
        print(&format!(
            "  ok    sessions are shared by all hosts in {domain}, and all sign-ins come back to public_url"
        ));
        print(&format!(
            "        every host in {domain}, also one of somebody else, is sent the session cookie:"
        ));
        print("        whoever runs one can act as the people who visit it");
    }
    let (keys, them) = match session.old_keys.len() {
        0 => return,
        1 => ("1 old key opens".to_owned(), "it"),
        count => (format!("{count} old keys open"), "them"),
    };
    print(&format!("  ok    {keys} what was sealed before, and nothing is sealed with {them} any more"));
    print(&format!(
        "        safe to remove from old_keys: {max_age} after the last gateway began to use the new key"
    ));
}

/// A duration as the file writes it: `1h30m`.
fn in_units(duration: Duration) -> String {
    if duration.is_zero() {
        return "0s".to_owned();
    }
    let mut rest = duration.as_millis();
    let mut text = String::new();
    for (unit, length) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
        if rest >= length {
            text.push_str(&format!("{}{unit}", rest / length));
            rest %= length;
        }
    }
    text
}

fn verdict(warnings: usize) -> String {
    match warnings {
        0 => "\nThe configuration is valid.".to_owned(),
        1 => "\n1 warning. The configuration is valid.".to_owned(),
        count => format!("\n{count} warnings. The configuration is valid."),
    }
}
