//! Each configuration of `tests/vectors/config` says exactly what the text beside it says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::super::Code;
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

/// What `check` would print about a vector.
fn verdict(place: &Place, text: &str) -> String {
    let said = match place.parse(text) {
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
        wrong.push(format!("--- {}", path.display()));
        let (said, expected): (Vec<_>, Vec<_>) = (said.lines().collect(), expected.lines().collect());
        wrong.extend(expected.iter().filter(|line| !said.contains(line)).map(|line| format!("- {line}")));
        wrong.extend(said.iter().filter(|line| !expected.contains(line)).map(|line| format!("+ {line}")));
    }
    assert!(wrong.is_empty(), "expected (-) and said (+):\n{}", wrong.join("\n"));
}

#[test]
fn every_code_has_a_vector() {
    let place = Place::new("codes");
    let mut seen = BTreeSet::from([Code::File.as_str()]);
    for path in vectors() {
        let text = std::fs::read_to_string(&path).expect("a vector");
        match place.parse(&text) {
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
        let shown = match place.parse(&text) {
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
