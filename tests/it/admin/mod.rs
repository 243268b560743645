//! The admin listener: what it answers, to whom, and that its numbers move when their cause happens, and only then.

mod answers;
mod causes;
mod page;
mod ping;
mod slow;
mod strangers;

use std::collections::BTreeMap;

use crate::support::{Answer, Stage, exchange};

/// The series of one moment, by name and labels as they stand on the page.
pub(crate) type Series = BTreeMap<String, f64>;

/// Asks the admin listener.
pub(crate) async fn ask(stage: &Stage, target: &str, more: &str) -> Answer {
    let request =
        format!("GET {target} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{more}\r\n", stage.admin);
    exchange(stage.admin, request).await
}

/// The page of metrics, in the older format.
pub(crate) async fn page(stage: &Stage) -> String {
    let answer = ask(stage, "/metrics", "").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text()
}

/// Every series now.
pub(crate) async fn series(stage: &Stage) -> Series {
    parse(&page(stage).await)
}

pub(crate) fn parse(page: &str) -> Series {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    let samples = lines.map(|line| line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}")));
    samples.map(|(name, value)| (name.to_owned(), value.parse().expect("a number"))).collect()
}

/// What is counted of events: not what is measured, nor what asking for it moves.
fn is_event(name: &str) -> bool {
    let family = name.split('{').next().unwrap_or_default();
    let counts = family.ends_with("_total") || family.ends_with("_count");
    counts && !family.starts_with("process_") && family != "vestibule_accepted_connections_total"
}

/// The counts that grew, and by how much. UPSTREAM and PROVIDER stand for their addresses.
pub(crate) fn grown(stage: &Stage, before: &Series, after: &Series) -> Series {
    let upstream = stage.upstream.address.to_string();
    let provider = format!("localhost:{}", stage.provider.addr().port());
    after
        .iter()
        .filter(|(name, _)| is_event(name))
        .map(|(name, value)| (name, value - before.get(name).copied().unwrap_or(0.0)))
        .filter(|(_, by)| *by != 0.0)
        .map(|(name, by)| (name.replace(&upstream, "UPSTREAM").replace(&provider, "PROVIDER"), by))
        .collect()
}

/// Asks until the counts grew so; an answer may be with its client before it is counted.
pub(crate) async fn assert_grown(stage: &Stage, before: &Series, expected: &[(&str, f64)], what: &str) {
    let expected: Series = expected.iter().map(|(name, by)| ((*name).to_owned(), *by)).collect();
    let mut last = Series::new();
    for _ in 0..50 {
        last = grown(stage, before, &series(stage).await);
        if last == expected {
            return;
        }
    }
    assert_eq!(last, expected, "{what}");
}
