//! The page of metrics as a text: two formats, each name with its help, and the documentation knows them all.

use std::collections::BTreeSet;

use super::{ask, page};
use crate::support::Stage;

/// The names on the page, as the older format has them.
fn names(page: &str) -> BTreeSet<String> {
    let names = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    names.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[tokio::test]
async fn whoever_asks_for_openmetrics_gets_it() {
    let stage = Stage::usual().await;
    stage.signed_in("alice").await;
    let plain = ask(&stage, "/metrics", "").await;
    assert_eq!(plain.field("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(!plain.text().contains("# EOF"));
    let accept = "accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5\r\n";
    let open = ask(&stage, "/metrics", accept).await;
    let media = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(open.field("content-type"), Some(media));
    assert!(open.text().ends_with("\n# EOF\n"), "{}", open.text());
    assert!(open.text().contains("# TYPE vestibule_decisions counter\n"));
    assert!(open.text().contains("# UNIT http_server_request_duration_seconds seconds\n"));
}

#[tokio::test]
async fn every_metric_has_its_help_once_and_its_series_together() {
    let stage = Stage::usual().await;
    stage.signed_in("alice").await;
    let text = page(&stage).await;
    let mut seen = BTreeSet::new();
    let mut family = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a help");
            assert!(help.len() > 5 && seen.insert(name.to_owned()), "{line}");
            family = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert!(rest.starts_with(&format!("{family} ")), "{line}");
        } else {
            assert!(line.starts_with(&family), "{line} stands under {family}");
        }
    }
    let mut series: Vec<&str> =
        text.lines().filter_map(|line| line.rsplit_once(' ')).map(|(name, _)| name).collect();
    let count = series.len();
    series.sort_unstable();
    series.dedup();
    assert_eq!(series.len(), count, "no series stands twice");

    // In OpenMetrics a counter and a gauge whose names differ by `_total` would be one.
    let open = ask(&stage, "/metrics", "accept: application/openmetrics-text\r\n").await.text();
    let mut names: Vec<&str> = open.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    let count = names.len();
    names.sort_unstable_by_key(|line| line.split(' ').next());
    names.dedup_by_key(|line| line.split(' ').next());
    assert_eq!(names.len(), count, "no name stands twice");
}

#[tokio::test]
async fn the_documentation_has_the_labels_of_every_metric() {
    let stage = Stage::usual().await;
    stage.signed_in("alice").await;
    let page = page(&stage).await;
    let docs = std::fs::read_to_string("docs/metrics.md").expect("docs/metrics.md");
    let mut seen = 0;
    for row in docs.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let (Some(name), Some(labels)) = (cells.get(1), cells.get(3)) else { continue };
        let name = name.trim_matches('`');
        let written: BTreeSet<&str> = labels.split('`').skip(1).step_by(2).collect();
        let ends = ["", "_sum"].map(|end| format!("{name}{end}{{"));
        for sample in page.lines().filter(|line| ends.iter().any(|end| line.starts_with(end))) {
            let inside = sample.split(['{', '}']).nth(1).unwrap_or_default();
            let sent =
                inside.split("\",").filter_map(|pair| pair.split('=').next()).filter(|name| !name.is_empty());
            assert_eq!(sent.collect::<BTreeSet<_>>(), written, "{sample}");
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

#[tokio::test]
async fn the_documentation_has_every_metric_and_no_other() {
    let stage = Stage::usual().await;
    stage.signed_in("alice").await;
    let docs = std::fs::read_to_string("docs/metrics.md").expect("docs/metrics.md");
    let documented: BTreeSet<String> = docs
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split('`').next())
        .filter(|name| ["vestibule_", "http_", "process_"].iter().any(|start| name.starts_with(start)))
        .map(str::to_owned)
        .collect();
    assert_eq!(documented, names(&page(&stage).await));
}
