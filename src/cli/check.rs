//! `vestibule check`: says whether a configuration is right, without running it or asking anybody.

use clap::Args;

use super::{ConfigArgs, Exit, print, refuse, tell};
use crate::config::{self, Config, Loaded};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArgs,
    /// Let warnings fail the check (exit code 3)
    #[arg(long)]
    strict: bool,
    /// Print faults and warnings as a JSON list, and nothing else
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let path = arguments.config.path();
    let loaded = config::load(&path, &super::environment);
    let (warnings, config) = match loaded {
        Ok(Loaded { config, warnings }) => (warnings, config),
        Err(faults) => {
            if !arguments.json {
                return refuse(&faults);
            }
            print(&serde_json::to_string_pretty(faults.list()).unwrap_or_default());
            return Exit::Config;
        }
    };
    if arguments.json {
        print(&serde_json::to_string_pretty(&warnings).unwrap_or_default());
    } else {
        print(&path.display().to_string());
        report(&config);
        warnings.iter().for_each(|warning| tell(&warning.to_string()));
        print(&verdict(warnings.len()));
    }
    if arguments.strict && !warnings.is_empty() { Exit::Warnings } else { Exit::Fine }
}

fn report(config: &Config) {
    let count = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    print(&format!(
        "  ok    {}, {}",
        count(config.providers.len(), "provider"),
        count(config.routes.len(), "route")
    ));
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

fn verdict(warnings: usize) -> String {
    match warnings {
        0 => "\nThe configuration is valid.".to_owned(),
        1 => "\n1 warning. The configuration is valid.".to_owned(),
        count => format!("\n{count} warnings. The configuration is valid."),
    }
}
