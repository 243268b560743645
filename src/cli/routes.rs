//! `vestibule routes`: the route table as it matches, most exact first.

use super::{ConfigArgs, Exit, print, tell};
use crate::config::{Config, Loaded};

pub(super) fn run(arguments: &ConfigArgs) -> Exit {
    match arguments.load() {
        Ok(Loaded { config, warnings }) => {
            warnings.iter().for_each(|warning| tell(&warning.to_string()));
            print(&table(&config));
            Exit::Fine
        }
        Err(exit) => exit,
    }
}

fn table(config: &Config) -> String {
    let mut rows: Vec<[String; 6]> = Vec::new();
    for route in &config.routes {
        for host in &route.hosts {
            for path in &route.paths {
                rows.push([
                    route.route.name().to_owned(),
                    host.to_string(),
                    path.clone(),
                    route.route.rule().to_string(),
                    if route.header_sets.is_empty() {
                        "none".to_owned()
                    } else {
                        route.header_sets.join(", ")
                    },
                    route.upstream.target.to_string(),
                ]);
            }
        }
    }
    // Within a host the longer path wins, so it stands first.
    rows.sort_by(|[_, host_a, path_a, ..], [_, host_b, path_b, ..]| {
        host_a
            .cmp(host_b)
            .then_with(|| path_b.matches('/').count().cmp(&path_a.matches('/').count()))
            .then_with(|| path_b.len().cmp(&path_a.len()))
            .then_with(|| path_a.cmp(path_b))
    });
    rows.insert(0, ["route", "host", "path", "who", "headers", "upstream"].map(str::to_owned));
    let mut widths = [0; 6];
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
