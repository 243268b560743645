//! `vestibule routes`: the route table as it matches, most exact first.

use std::cmp::Reverse;

use super::{ConfigArgs, Exit, print, tell};
use crate::config::{Config, Loaded};
use crate::gate::Route;
use crate::web::HostPattern;

pub(super) fn run(arguments: &ConfigArgs) -> Exit {
    match arguments.load() {
        Ok(Loaded { config, warnings, .. }) => {
            warnings.iter().for_each(|warning| tell(&warning.to_string()));
            print(&table(&config));
            Exit::Fine
        }
        Err(exit) => exit,
    }
}

fn table(config: &Config) -> String {
    let mut rows: Vec<(Key<'_>, [String; 7])> = Vec::new();
    for route in &config.routes {
        for host in &route.hosts {
            for path in &route.paths {
                let cells = [
                    route.route.name().to_owned(),
                    host.to_string(),
                    path.clone(),
                    route.route.options().methods.to_string(),
                    who(config, &route.route),
                    if route.header_sets.is_empty() {
                        "none".to_owned()
                    } else {
                        route.header_sets.join(", ")
                    },
                    route.upstream.target.to_string(),
                ];
                rows.push((key(host, path, route.route.name()), cells));
            }
        }
    }
    rows.sort_by_key(|(key, _)| *key);
    let head = ["route", "host", "path", "methods", "who", "headers", "upstream"].map(str::to_owned);
    let rows: Vec<[String; 7]> = [head].into_iter().chain(rows.into_iter().map(|(_, cells)| cells)).collect();
    let mut widths = [0; 7];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let lines = rows.iter().map(|row| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Who may enter. Where there are several providers, a term alone does not say whose people it means.
fn who(config: &Config, route: &Route) -> String {
    let names: Vec<String> = route.providers().iter().map(ToString::to_string).collect();
    match (config.providers.len(), names.as_slice()) {
        (0 | 1, _) | (_, []) => route.rule().to_string(),
        _ => format!("{} (of {})", route.rule(), names.join(", ")),
    }
}

/// What rows are sorted by: exact hosts before patterns, within a host the longer path first, since it wins.
type Key<'a> = (bool, &'a HostPattern, Reverse<(usize, usize)>, &'a str, &'a str);

fn key<'a>(host: &'a HostPattern, path: &'a str, name: &'a str) -> Key<'a> {
    let depth = if path == "/" { 0 } else { path.matches('/').count() };
    (host.exact().is_none(), host, Reverse((depth, path.len())), path, name)
}
