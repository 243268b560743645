//! Who may import whom: the table of ARCHITECTURE.md, held against the source.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const BASE: &[&str] = &[
    "clock",
    "lease",
    "lines",
    "manual",
    "meter",
    "observe",
    "random",
    "roots",
    "secret",
    "socket",
    "transport",
    "web",
];

/// What each folder or file of `src` may import, besides itself and the base.
const ALLOWED: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("lease", &[]),
    ("lines", &[]),
    ("manual", &[]),
    ("meter", &[]),
    ("observe", &[]),
    ("random", &[]),
    ("roots", &[]),
    ("secret", &[]),
    ("socket", &[]),
    ("transport", &[]),
    ("web", &[]),
    ("identity", &[]),
    ("session", &["identity"]),
    ("authz", &["identity"]),
    ("gate", &["identity", "session", "authz"]),
    ("audit", CORE),
    ("oidc", CORE),
    ("pages", CORE),
    ("proxy", CORE),
    ("store", CORE),
    ("telemetry", CORE),
    ("flow", FLOW),
    ("listener", &[]),
    ("demo", &[]),
    ("lifecycle", &[]),
    ("config", CONFIG),
    ("app", APP),
    ("cli", CLI),
];

const CORE: &[&str] = &["identity", "session", "authz", "gate"];
const FLOW: &[&str] =
    &["identity", "session", "authz", "gate", "audit", "oidc", "pages", "proxy", "store", "telemetry"];
/// Checked types only: each folder owns its own settings.
const CONFIG: &[&str] =
    &["identity", "session", "authz", "gate", "audit", "oidc", "proxy", "telemetry", "flow", "listener"];
const APP: &[&str] = &[
    "identity",
    "session",
    "authz",
    "gate",
    "audit",
    "oidc",
    "pages",
    "proxy",
    "store",
    "telemetry",
    "flow",
    "listener",
    "config",
];
const CLI: &[&str] = &["app", "config", "demo", "gate", "lifecycle", "listener", "proxy", "session"];

/// Who may call what carries a proof or opens a secret.
const GUARDED: &[(&str, &[&str])] = &[
    ("Identity::vouch(", &["src/session/body.rs", "src/oidc/", "src/flow/explain.rs"]),
    (".expose()", &["src/session/", "src/identity/plan.rs", "src/oidc/", "src/demo/", "src/config/"]),
];

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the source").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// Every source file, as path from the root of the checkout, with its text.
fn all() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a source file");
        (path.strip_prefix(root).expect("inside the checkout").to_string_lossy().into_owned(), text)
    };
    files.into_iter().map(read).collect()
}

/// Test modules stand beside what they test and may build a core value by hand.
fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

fn folder(path: &str) -> &str {
    path.trim_start_matches("src/").split('/').next().unwrap_or_default().trim_end_matches(".rs")
}

/// The names after each `crate::`, also inside braces.
fn imports(text: &str) -> Vec<String> {
    let code: String =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut names = Vec::new();
    for after in code.split("crate::").skip(1) {
        let list = after.strip_prefix('{').map(|inner| inner.split('}').next().unwrap_or_default());
        for item in list.unwrap_or(after).split(',').take(if list.is_some() { usize::MAX } else { 1 }) {
            let name: String = item.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            names.push(name);
        }
    }
    names
}

#[test]
fn nobody_imports_what_the_table_does_not_allow() {
    let table: BTreeMap<_, _> = ALLOWED.iter().copied().collect();
    let mut faults = Vec::new();
    for (path, text) in
        all().iter().filter(|(path, _)| !matches!(folder(path), "lib" | "main") && !is_test(path))
    {
        let own = folder(path);
        let Some(allowed) = table.get(own) else {
            faults.push(format!("{path}: {own} is not in the table"));
            continue;
        };
        for name in imports(text) {
            let fine = name == own || BASE.contains(&name.as_str()) || allowed.contains(&name.as_str());
            if !fine && table.contains_key(name.as_str()) {
                faults.push(format!("{path} imports {name}"));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn identities_and_secrets_are_touched_only_where_the_list_says() {
    let mut faults = Vec::new();
    for (path, text) in all().iter().filter(|(path, _)| !is_test(path)) {
        for (call, allowed) in GUARDED {
            if text.contains(call) && !allowed.iter().any(|place| path.starts_with(place)) {
                faults.push(format!("{path} calls {call}"));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_file_says_first_what_it_is_for() {
    for (path, text) in all() {
        assert!(text.starts_with("//! "), "{path}");
    }
}
