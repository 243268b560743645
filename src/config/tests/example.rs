//! The example file cannot lie, no key is dead, and every code is explained.

use std::collections::BTreeSet;

use super::super::kind::{Key, Kind, Unset, names};
use super::super::{Code, Severity, keys};
use super::place::Place;
use crate::flow::Plain;
use crate::gate::Methods;

const EXAMPLE: &str = include_str!("../../../config.example.toml");
const ERRORS: &str = include_str!("../../../docs/errors.md");
const REFERENCE: &str = include_str!("../../../docs/configuration.md");

/// The example with its defaults written out: `#key = value` is a key, `# words` are words.
pub(super) fn written_out() -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|first: char| !first.is_whitespace()) => format!("{rest}\n"),
        _ => format!("{line}\n"),
    };
    EXAMPLE.lines().map(line).collect()
}

/// Every table of the configuration with its keys, under the names that the example uses.
pub(super) fn sections() -> Vec<(String, &'static [Key])> {
    fn collect(path: &str, keys: &'static [Key], into: &mut Vec<(String, &'static [Key])>) {
        into.push((path.to_owned(), keys));
        for key in keys {
            let below = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
            match key.kind {
                // It needs an upstream of another kind.
                Kind::Table(keys) if key.name == "upstream_tls" => {
                    collect("routes.intranet.upstream_tls", keys, into);
                }
                Kind::Table(keys) | Kind::TableOrList(keys) => collect(&below, keys, into),
                Kind::Named(keys) if key.name == "providers" => collect(&format!("{below}.main"), keys, into),
                Kind::Named(keys) => collect(&format!("{below}.wiki"), keys, into),
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    collect("", keys::TOP, &mut found);
    found
}

#[test]
fn the_example_is_a_configuration_as_it_stands_and_written_out() {
    let place = Place::new("example");
    let plain = place.parse(EXAMPLE).expect("the example");
    assert_eq!(plain.warnings, []);
    let full = place.parse(&written_out()).expect("the example, written out");
    assert_eq!(full.warnings, []);
}

#[test]
fn the_defaults_in_the_example_are_the_defaults() {
    let place = Place::new("defaults");
    let plain = place.parse(EXAMPLE).expect("the example").config;
    let mut full = place.parse(&written_out()).expect("the example, written out").config;
    full.session.as_mut().expect("sessions").cookie_domain = None;
    // Nor have these: the example shows how TLS could end here.
    assert_eq!((full.listen.https.len(), full.listen.certificates.len()), (1, 1));
    full.listen.https.clear();
    full.listen.certificates.clear();
    assert_eq!((plain.https.plain, full.https.plain), (Plain::Served, Plain::Served));
    let text = |debug: &dyn std::fmt::Debug| format!("{debug:?}");
    assert_eq!(text(&plain.listen), text(&full.listen));
    assert_eq!(text(&plain.session), text(&full.session));
    let login = crate::flow::Settings { after_sign_out: None, ..full.login };
    assert_eq!(plain.login, login);
    assert_eq!(plain.log, full.log);
    assert_eq!(plain.audit, full.audit);
    let (mut plain_providers, mut full_providers) = (plain.providers, full.providers);
    let (plain_provider, mut full_provider) =
        (plain_providers.pop().expect("a provider"), full_providers.pop().expect("a provider"));
    assert!(plain_providers.is_empty() && full_providers.is_empty());
    // These four have no default that a file could state: the example shows a value instead.
    full_provider.extra_roots.clear();
    full_provider.auth_params.clear();
    full_provider.scopes = None;
    full_provider.algorithms = None;
    assert_eq!(text(&plain_provider), text(&full_provider));
    for (plain, full) in plain.routes.iter().zip(&full.routes) {
        let (mut upstream, header_sets) = (full.upstream.clone(), &full.header_sets);
        upstream.max_body = None;
        assert_eq!(text(&plain.upstream), text(&upstream));
        assert_eq!(&plain.header_sets, header_sets);
        assert_eq!(plain.hosts, full.hosts);
        assert_eq!(plain.paths, full.paths);
        let mut options = full.route.options().clone();
        options.methods = Methods::ALL;
        assert_eq!(plain.route.options(), &options);
        assert_eq!(plain.route.rule(), full.route.rule());
        assert_eq!(plain.route.providers(), full.route.providers());
    }
}

#[test]
fn every_key_is_in_the_example() {
    let document = written_out();
    let table: toml::Table = document.parse().expect("toml");
    for (section, keys) in sections() {
        let mut value = toml::Value::Table(table.clone());
        for step in section.split('.').filter(|step| !step.is_empty()) {
            value = value.get(step).cloned().unwrap_or_else(|| panic!("no {section}"));
        }
        for key in names(keys) {
            // That key needs an upstream of another kind.
            let elsewhere = key == "upstream_tls" && table["routes"]["intranet"].get(key).is_some();
            assert!(value.get(key).is_some() || elsewhere, "{section}: {key} is not in config.example.toml");
        }
    }
}

#[test]
fn no_key_is_accepted_without_being_read() {
    let place = Place::new("dead-keys");
    for (section, keys) in sections() {
        for key in names(keys) {
            // No key takes a date.
            let text = match &*section {
                "" => format!("{key} = 1979-05-27\n"),
                _ => format!("[{section}]\n{key} = 1979-05-27\n"),
            };
            let path = if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") };
            let faults = place.parse(&text).expect_err("a date is no value");
            assert!(
                faults.list().iter().any(|fault| fault.key == path && fault.code == Code::Type),
                "nobody reads {path}: {faults}"
            );
            assert!(faults.list().iter().all(|fault| fault.severity == Severity::Error));
        }
    }
}

#[test]
fn every_code_is_explained_and_nothing_else_is() {
    let anchors: BTreeSet<String> = ERRORS
        .lines()
        .filter_map(|line| line.strip_prefix("<a id=\"config-")?.split_once('"'))
        .map(|(code, _)| format!("config/{code}"))
        .collect();
    let codes: BTreeSet<String> = Code::ALL.iter().map(|code| code.as_str().to_owned()).collect();
    assert_eq!(codes, anchors, "codes of src/config, and anchors of docs/errors.md");
    for code in Code::ALL {
        let heading = format!("## {}\n", code.as_str());
        assert!(ERRORS.contains(&heading), "docs/errors.md lacks the heading {heading}");
        let anchor = code.url().split_once('#').map(|(_, anchor)| anchor).expect("an anchor");
        assert!(ERRORS.contains(&format!("<a id=\"{anchor}\"></a>")), "docs/errors.md lacks {anchor}");
    }
}

/// The rows of the first table below a heading of `docs/configuration.md`, cell by cell.
fn reference(heading: &str) -> Vec<Vec<&'static str>> {
    let from = REFERENCE.split(heading).nth(1).unwrap_or_else(|| panic!("no {heading:?}"));
    let table = from.lines().skip_while(|line| !line.starts_with('|'));
    let rows = table.take_while(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

#[test]
fn the_defaults_of_the_table_are_those_of_the_example() {
    // It has no default that would say how it is written.
    const EXAMPLES: &[&str] = &["auth_params"];
    let table: toml::Table = written_out().parse().expect("toml");
    for (section, keys) in sections() {
        let value = section
            .split('.')
            .filter(|step| !step.is_empty())
            .fold(toml::Value::Table(table.clone()), |value, step| {
                value.get(step).cloned().unwrap_or_else(|| panic!("no {section}"))
            });
        for key in keys {
            let Unset::Is(default) = key.unset else { continue };
            if EXAMPLES.contains(&key.name) {
                continue;
            }
            let written: toml::Table = format!("value = {default}").parse().expect("a value");
            assert_eq!(value.get(key.name), written.get("value"), "{section}: {}", key.name);
        }
    }
}

#[test]
fn the_reference_has_every_term_placeholder_and_header_set() {
    use crate::authz::Term;
    use crate::identity::{Preset, Template, preset};
    let sets = reference("\nA header whose value is absent");
    for one in Preset::ALL {
        let row = sets.iter().find(|row| row.first() == Some(&&*format!("`{}`", one.name())));
        let row = row.unwrap_or_else(|| panic!("no {}", one.name()));
        let cells = row.get(1).expect("its headers").to_lowercase();
        for (name, _) in preset(*one) {
            assert!(cells.contains(&format!("`{name}`")), "{name} in {cells}");
        }
    }
    for placeholder in Template::PLACEHOLDERS.split(", ") {
        assert!(REFERENCE.contains(&format!("`{placeholder}`")), "{placeholder}");
    }
    let terms = reference("\n### Terms\n").len();
    assert_eq!(terms, Term::KINDS.split(", ").count());
}
