//! The reference page of all keys, `docs/configuration.md`, has the tables that follow from the table of keys.
//!
//! Each stands between two marks; what is around them is written by hand.

use std::fmt::Write;
use std::path::Path;

use super::super::keys;
use super::super::kind::{Key, Kind, Unset};

const PAGE: &str = include_str!("../../../docs/configuration.md");
const END: &str = "<!-- end -->\n";

/// Every table of keys by the name that stands in its mark.
fn tables() -> Vec<(String, &'static [Key])> {
    fn collect(path: &str, keys: &'static [Key], into: &mut Vec<(String, &'static [Key])>) {
        into.push((if path.is_empty() { "top" } else { path }.to_owned(), keys));
        for key in keys {
            let below = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
            match key.kind {
                Kind::Table(keys) | Kind::TableOrList(keys) => collect(&below, keys, into),
                Kind::Named(keys) => collect(&format!("{below}.NAME"), keys, into),
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    collect("", keys::TOP, &mut found);
    found
}

/// The rows of a table. Sections have headings of their own.
fn rendered(path: &str, keys: &[Key]) -> String {
    let mut out = "| key | type | default | meaning |\n|---|---|---|---|\n".to_owned();
    for key in keys {
        let is_section = matches!(key.kind, Kind::Table(_) | Kind::Named(_) | Kind::HeaderSets);
        if path == "top" && is_section {
            continue;
        }
        let default = match key.unset {
            Unset::Required => "required".to_owned(),
            Unset::RequiredWith(other) => format!("required with `{other}`"),
            Unset::Is(text) => format!("`{text}`"),
            Unset::Means(words) => words.to_owned(),
            Unset::Section => "none".to_owned(),
        };
        let name = format!("`{}`", key.name);
        let cells = [name, key.kind.shown(), default, key.meaning().to_owned()];
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        writeln!(out, "| {} |", cells.join(" | ")).expect("a string");
    }
    out
}

/// The page with its tables as they should be.
fn page() -> String {
    let mut page = PAGE.to_owned();
    for (path, keys) in tables() {
        let mark = format!("<!-- keys: {path} -->\n");
        let (before, rest) = page.split_once(&mark).unwrap_or_else(|| {
            panic!("docs/configuration.md has no place for [{path}]: add a heading, and below it the lines\n{mark}{END}")
        });
        let (_, after) = rest.split_once(END).expect("an end of the table");
        page = format!("{before}{mark}{}{END}{after}", rendered(&path, keys));
    }
    page
}

#[test]
fn the_reference_page_says_what_the_table_says() {
    let page = page();
    if super::blessing() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
        std::fs::write(path, page).expect("the page");
        return;
    }
    let differing = page.lines().zip(PAGE.lines()).find(|(new, old)| new != old);
    assert!(
        page == PAGE,
        "docs/configuration.md is not what src/config/keys.rs says; renew it with:\n\
         VESTIBULE_BLESS=1 cargo test the_reference_page\nfirst difference: {differing:#?}"
    );
}
