//! Each configuration of `tests/vectors/config` says exactly what the text beside it says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::super::{Code, Faults, Loaded};
use super::place::{Place, SECRET, SESSION_KEY};

pub(super) fn vectors() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/config");
    let entries = std::fs::read_dir(folder).expect("the vectors");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut found: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    found.sort();
    found
}

/// Parses a vector, with the variables and settings that its first lines name: `#!variable NAME=VALUE`, `#!set KEY=TOML`.
pub(super) fn parsed(place: &Place, text: &str) -> Result<Loaded, Faults> {
    let named = |mark: &'static str| text.lines().filter_map(move |line| line.strip_prefix(mark));
    let variables: Vec<(&str, &str)> = named("#!variable ").filter_map(|line| line.split_once('=')).collect();
    let settings: Vec<&str> = named("#!set ").collect();
    place.parse_with(text, &variables, &settings)
}

/// What `check` would print about a vector.
fn verdict(place: &Place, text: &str) -> String {
    let said = match parsed(place, text) {
        Ok(loaded) => {
            let warnings = loaded.warnings.iter().map(|fault| format!("{fault}\n"));
            warnings.chain(["taken\n".to_owned()]).collect::<String>()
        }
        Err(faults) => format!("{faults}\n"),
    };
    said.replace(&*place.folder().to_string_lossy(), "FOLDER")
}

#[test]
fn every_vector_says_what_stands_beside_it() {
    let place = Place::new("vectors");
    let mut wrong = Vec::new();
    for path in vectors() {
        let text = std::fs::read_to_string(&path).expect("a vector");
        let expected = std::fs::read_to_string(path.with_extension("txt")).unwrap_or_default();
        let said = verdict(&place, &text);
        if said == expected {
            continue;
        }
        if super::blessing() {
            std::fs::write(path.with_extension("txt"), said).expect("the expectation");
            continue;
        }
        wrong.push(format!("--- {}", path.display()));
        let (said, expected): (Vec<_>, Vec<_>) = (said.lines().collect(), expected.lines().collect());
        wrong.extend(expected.iter().filter(|line| !said.contains(line)).map(|line| format!("- {line}")));
        wrong.extend(said.iter().filter(|line| !expected.contains(line)).map(|line| format!("+ {line}")));
    }
    assert!(
        wrong.is_empty(),
        "expected (-) and said (+), written anew with VESTIBULE_BLESS=1:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn every_code_has_a_vector() {
    let place = Place::new("codes");
    let mut seen = BTreeSet::from([Code::File.as_str()]);
    for path in vectors() {
        let text = std::fs::read_to_string(&path).expect("a vector");
        match parsed(&place, &text) {
            Ok(loaded) => seen.extend(loaded.warnings.iter().map(|fault| fault.code.as_str())),
            Err(faults) => seen.extend(faults.list().iter().map(|fault| fault.code.as_str())),
        }
    }
    let missing: Vec<_> = Code::ALL.iter().filter(|code| !seen.contains(code.as_str())).collect();
    assert!(missing.is_empty(), "no vector shows {missing:?}");
}

#[test]
fn no_secret_is_ever_shown() {
    let place = Place::new("secrets");
    for path in vectors() {
        let text = std::fs::read_to_string(&path).expect("a vector");
        let shown = match parsed(&place, &text) {
            Ok(loaded) => format!("{loaded:?}"),
            Err(faults) => {
                let json = serde_json::to_string(faults.list()).expect("json");
                format!("{faults}\n{faults:?}\n{json}")
            }
        };
        for secret in [SECRET, "never-print-me", SESSION_KEY] {
            assert!(!shown.contains(secret), "{}: {shown}", path.display());
        }
    }
}
