//! Numbers as text: the exposition formats that Prometheus and its kin read.
//!
//! Two dialects of one thing: OpenMetrics 1.0.0, for whoever asks for it, and the older text format 0.0.4.

use std::fmt::{Display, Write as _};

use http::HeaderMap;
use http::header::ACCEPT;

use crate::meter::Reading;

/// A page of numbers that is being written.
#[derive(Debug)]
pub struct Exposition {
    text: String,
    dialect: Dialect,
}

/// Which text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OpenMetrics 1.0.0.
    OpenMetrics,
    /// The text format 0.0.4.
    Prometheus,
}

/// One metric that is being written: its head is, its series follow.
#[derive(Debug)]
pub struct Family<'p> {
    page: &'p mut Exposition,
    name: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
    Info,
}

/// The labels of a series: names of ours, values from closed lists or from the configuration.
pub type Labels<'a> = &'a [(&'static str, &'a str)];

impl Dialect {
    /// What whoever sent these fields would rather have.
    #[must_use]
    pub fn wanted(headers: &HeaderMap) -> Self {
        let accepted = headers.get_all(ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
        let mut best = (0.0, Self::Prometheus);
        for item in accepted.flat_map(|value| value.split(',')) {
            let mut parts = item.split(';').map(|part| part.trim().to_ascii_lowercase());
            let dialect = match parts.next().as_deref() {
                Some("application/openmetrics-text") => Self::OpenMetrics,
                Some("text/plain") => Self::Prometheus,
                _ => continue,
            };
            let parameters: Vec<String> = parts.collect();
            let get = |name: &str| parameters.iter().find_map(|part| part.strip_prefix(name));
            // Of OpenMetrics there is one version; one that is not ours is not what was asked for.
            if dialect == Self::OpenMetrics
                && get("version=").is_some_and(|v| !matches!(v, "1.0.0" | "0.0.1"))
            {
                continue;
            }
            let weight = get("q=").and_then(|weight| weight.parse::<f64>().ok()).unwrap_or(1.0);
            if weight > best.0 {
                best = (weight, dialect);
            }
        }
        best.1
    }

    /// The media type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

impl Exposition {
    /// An empty page.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self { text: String::with_capacity(32 * 1024), dialect }
    }

    /// A number that only grows. `name` ends with `_total`.
    pub fn counter(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, help, Kind::Counter)
    }

    /// A number that goes up and down.
    pub fn gauge(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, help, Kind::Gauge)
    }

    /// Values by size.
    pub fn histogram(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, help, Kind::Histogram)
    }

    /// Texts that are labels of a 1. `name` ends with `_info`.
    pub fn info(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, help, Kind::Info)
    }

    /// The page.
    #[must_use]
    pub fn finish(mut self) -> String {
        if self.dialect == Dialect::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }

    fn family(&mut self, name: &'static str, help: &str, kind: Kind) -> Family<'_> {
        // OpenMetrics names the family without the suffix of its samples, and has a type for info.
        let (named, word) = match (kind, self.dialect) {
            (Kind::Counter, Dialect::OpenMetrics) => (name.trim_end_matches("_total"), "counter"),
            (Kind::Info, Dialect::OpenMetrics) => (name.trim_end_matches("_info"), "info"),
            (Kind::Counter, Dialect::Prometheus) => (name, "counter"),
            (Kind::Info, Dialect::Prometheus) | (Kind::Gauge, _) => (name, "gauge"),
            (Kind::Histogram, _) => (name, "histogram"),
        };
        // Writing to a text cannot fail.
        let _ = writeln!(self.text, "# HELP {named} {}\n# TYPE {named} {word}", escaped(help));
        let unit = ["seconds", "bytes"].into_iter().find(|unit| named.ends_with(&format!("_{unit}")));
        if let (Some(unit), Dialect::OpenMetrics) = (unit, self.dialect) {
            let _ = writeln!(self.text, "# UNIT {named} {unit}");
        }
        Family { page: self, name, kind }
    }
}

impl Family<'_> {
    /// The only series of this metric.
    pub fn is(&mut self, value: impl Display) {
        self.add(&[], value);
    }

    /// A series with its value.
    pub fn add(&mut self, labels: Labels<'_>, value: impl Display) -> &mut Self {
        debug_assert!(self.kind != Kind::Histogram, "{} takes readings", self.name);
        self.sample("", labels, None, value);
        self
    }

    /// A series of a histogram.
    pub fn read(&mut self, labels: Labels<'_>, reading: &Reading) -> &mut Self {
        debug_assert!(self.kind == Kind::Histogram, "{} takes values", self.name);
        for (bound, count) in &reading.buckets {
            self.sample("_bucket", labels, Some(&format!("{bound:?}")), count);
        }
        self.sample("_bucket", labels, Some("+Inf"), reading.count);
        self.sample("_sum", labels, None, reading.sum);
        self.sample("_count", labels, None, reading.count);
        self
    }

    fn sample(&mut self, suffix: &str, labels: Labels<'_>, bound: Option<&str>, value: impl Display) {
        let text = &mut self.page.text;
        text.push_str(self.name);
        text.push_str(suffix);
        let mut between = '{';
        for (name, value) in labels.iter().copied().chain(bound.map(|bound| ("le", bound))) {
            let _ = write!(text, "{between}{name}=\"{}\"", escaped(value));
            between = ',';
        }
        if between == ',' {
            text.push('}');
        }
        let _ = writeln!(text, " {value}");
    }
}

/// A text within quotes, or behind a name, as both formats want it.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::{Dialect, Exposition};
    use crate::meter::{BYTES, Histogram};

    fn page(dialect: Dialect) -> String {
        let mut page = Exposition::new(dialect);
        page.counter("vestibule_things_total", "Things.").add(&[("kind", "a\"b\\c\nd")], 3).add(&[], 1);
        page.gauge("vestibule_age_seconds", "Age.").is(1.5);
        page.info("vestibule_build_info", "Build.").add(&[("version", "1")], 1);
        let histogram = Histogram::new(&BYTES);
        histogram.record(300);
        page.histogram("vestibule_size_bytes", "Size.").read(&[("x", "y")], &histogram.read());
        page.finish()
    }

    #[test]
    fn both_dialects_say_the_same_in_their_own_words() {
        let open = page(Dialect::OpenMetrics);
        let expected = "# HELP vestibule_things Things.\n# TYPE vestibule_things counter\n\
                        vestibule_things_total{kind=\"a\\\"b\\\\c\\nd\"} 3\nvestibule_things_total 1\n\
                        # HELP vestibule_age_seconds Age.\n# TYPE vestibule_age_seconds gauge\n\
                        # UNIT vestibule_age_seconds seconds\nvestibule_age_seconds 1.5\n\
                        # HELP vestibule_build Build.\n# TYPE vestibule_build info\n\
                        vestibule_build_info{version=\"1\"} 1\n";
        assert!(open.starts_with(expected), "{open}");
        assert!(open.ends_with("vestibule_size_bytes_count{x=\"y\"} 1\n# EOF\n"), "{open}");
        let plain = page(Dialect::Prometheus);
        assert!(
            plain.starts_with(
                "# HELP vestibule_things_total Things.\n# TYPE vestibule_things_total counter\n"
            )
        );
        assert!(plain.contains("# TYPE vestibule_build_info gauge\n"), "{plain}");
        assert!(!plain.contains("# UNIT") && !plain.contains("EOF"), "{plain}");
        assert!(plain.contains("vestibule_size_bytes_bucket{x=\"y\",le=\"256.0\"} 0\n"), "{plain}");
        assert!(plain.contains("vestibule_size_bytes_bucket{x=\"y\",le=\"+Inf\"} 1\n"), "{plain}");
        assert!(plain.contains("vestibule_size_bytes_sum{x=\"y\"} 300\n"), "{plain}");
    }

    #[test]
    fn whoever_asks_for_openmetrics_gets_it() {
        let wanted = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("accept", accept.parse().expect("a value"));
            Dialect::wanted(&headers)
        };
        let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                          application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,\
                          text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        assert_eq!(wanted(prometheus), Dialect::OpenMetrics);
        assert_eq!(wanted("application/openmetrics-text"), Dialect::OpenMetrics);
        assert_eq!(
            wanted("application/openmetrics-text; version=2.0.0, text/plain;q=0.1"),
            Dialect::Prometheus
        );
        assert_eq!(wanted("application/openmetrics-text;q=0.1, text/plain"), Dialect::Prometheus);
        assert_eq!(wanted("application/openmetrics-text;q=0"), Dialect::Prometheus);
        assert_eq!(wanted("*/*"), Dialect::Prometheus);
        assert_eq!(Dialect::wanted(&HeaderMap::new()), Dialect::Prometheus);
    }
}
