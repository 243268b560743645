//! Any text gives a configuration or at least one fault, and never a panic.

use proptest::prelude::*;

use super::super::kind::names;
use super::super::{Outside, Severity, keys, parse};
use super::place::SESSION_KEY;

/// Sections with keys that stand in them.
fn sections() -> Vec<(&'static str, Vec<&'static str>)> {
    let sections = [
        ("listen", keys::LISTEN),
        ("listen.tls", keys::LISTEN_TLS),
        ("session", keys::SESSION),
        ("login", keys::LOGIN),
        ("providers.main", keys::PROVIDER),
        ("routes.wiki", keys::ROUTE),
        ("routes.wiki.upstream_tls", keys::UPSTREAM_TLS),
        ("log", keys::LOG),
        ("unknown", keys::LOG),
    ];
    let headers = ("headers.legacy", vec!["X-User", "\"X.Y\"", "\"\"", "Host"]);
    sections.map(|(section, keys)| (section, names(keys).collect())).into_iter().chain([headers]).collect()
}

/// A value that is legal TOML, and sometimes legal for some key.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("true".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        Just("1.5".to_owned()),
        Just("1979-05-27".to_owned()),
        Just("170141183460469231731687303715884105728".to_owned()),
        Just("\"\"".to_owned()),
        Just("'0'".to_owned()),
        "[0-9]{1,20}(ms|s|h|d|B|KiB|GiB)".prop_map(|text| format!("'{text}'")),
        "(https?|unix)://[a-z.:0-9\\[\\]@/?#%]{0,20}".prop_map(|text| format!("'{text}'")),
        "/[a-z./%;*]{0,12}".prop_map(|text| format!("'{text}'")),
        "(group|user|email|domain|provider|claim|network)?:?[a-z@=.*/]{0,12}"
            .prop_map(|text| format!("'{text}'")),
        "[0-9a-f.:]{0,20}/?[0-9]{0,3}".prop_map(|text| format!("'{text}'")),
        "\\PC{0,12}".prop_map(|text| format!("{text:?}").replace("\\'", "'")),
        Just("{ env = 'SESSION_KEY' }".to_owned()),
        Just("{ file = '/dev/null' }".to_owned()),
        Just("{ credential = 'x' }".to_owned()),
        Just("['signed-in']".to_owned()),
        Just("['everyone']".to_owned()),
        Just("'everyone'".to_owned()),
    ];
    leaf.prop_recursive(3, 8, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::vec(("[a-z_]{1,8}", inner), 0..3).prop_map(|entries| {
                let entries: Vec<String> = entries
                    .iter()
                    .enumerate()
                    .map(|(at, (key, value))| format!("{key}{at} = {value}"))
                    .collect();
                format!("{{ {} }}", entries.join(", "))
            }),
        ]
    })
}

fn section() -> impl Strategy<Value = String> {
    (prop::sample::select(sections()), prop::collection::vec((any::<prop::sample::Index>(), value()), 0..6))
        .prop_map(|((name, keys), entries)| {
            let mut lines = vec![format!("[{name}]")];
            let mut used = Vec::new();
            for (index, value) in entries {
                let key = index.get(&keys);
                if !used.contains(key) {
                    used.push(*key);
                    lines.push(format!("{key} = {value}"));
                }
            }
            lines.join("\n")
        })
}

fn holds(text: &str) {
    let outside = Outside::new([("SESSION_KEY", SESSION_KEY)]);
    match parse(text, "vestibule.toml", "/nonexistent".as_ref(), &outside) {
        Ok(loaded) => {
            assert!(!loaded.config.routes.is_empty());
            assert!(loaded.config.providers.is_empty() || loaded.config.session.is_some());
            assert!(loaded.warnings.iter().all(|fault| fault.severity == Severity::Warning));
        }
        Err(faults) => {
            assert!(faults.errors() > 0, "refused without a reason: {text}");
            for fault in faults.list() {
                let shown = fault.to_string();
                assert!(
                    shown.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)),
                    "{shown:?}"
                );
                assert_eq!(shown.lines().count(), 2, "{shown}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_gives_a_configuration_or_a_fault(text in "\\PC{0,200}") {
        holds(&text);
    }

    #[test]
    fn any_toml_gives_a_configuration_or_a_fault(
        head in prop::collection::vec((prop::sample::select(names(keys::TOP).collect::<Vec<_>>()), value()), 0..3),
        sections in prop::collection::vec(section(), 0..6),
    ) {
        let head: String = head.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        holds(&format!("{head}{}", sections.join("\n\n")));
    }

    #[test]
    fn any_change_of_one_value_gives_a_configuration_or_a_fault(
        at in any::<prop::sample::Index>(),
        value in value(),
    ) {
        let text = include_str!("../../../tests/vectors/config/ok-public-only.toml");
        let lines: Vec<&str> = text.lines().collect();
        let keys: Vec<usize> = (0..lines.len()).filter(|line| lines[*line].contains(" = ")).collect();
        let chosen = *at.get(&keys);
        let change = |(line, text): (usize, &&str)| match text.split_once(" = ") {
            Some((key, _)) if line == chosen => format!("{key} = {value}\n"),
            _ => format!("{text}\n"),
        };
        holds(&lines.iter().enumerate().map(change).collect::<String>());
    }
}

#[test]
fn deep_nesting_is_a_fault() {
    for text in [
        format!("a = {}", "[".repeat(100_000)),
        format!("a = {}", "{ a = ".repeat(100_000)),
        format!("{}a = 1", "a.".repeat(100_000)),
        format!("[{}a]", "a.".repeat(100_000)),
    ] {
        holds(&text);
    }
}
