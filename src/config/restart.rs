//! Restart: which keys hold from a start on, so that a reload can only say that they changed.

use super::effective::Effective;

/// What is fixed when the process starts: these keys, and whatever is below them.
const FIXED: &[&str] =
    &["threads", "listen.http", "listen.https", "listen.admin", "audit", "log.format", "log.level"];

/// The keys that differ, by their paths, in the order of `now`; those that are gone come last. A table that only one of
/// the two has is named as a whole.
#[must_use]
pub fn changed(before: &[Effective], now: &[Effective]) -> Vec<String> {
    let is_same = |one: &Effective, others: &[Effective]| {
        others.iter().any(|other| other.path() == one.path() && other.holds_as(one))
    };
    let is_gone = |one: &&Effective| now.iter().all(|other| other.path() != one.path());
    let differ = now.iter().filter(|one| !is_same(one, before)).map(|one| named(one, before));
    let gone = before.iter().filter(is_gone).map(|one| named(one, now));
    let mut keys: Vec<String> = Vec::new();
    for key in differ.chain(gone) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// The key of `one`, or the table around it where `others` have nothing of that.
fn named(one: &Effective, others: &[Effective]) -> String {
    match one.path() {
        [section, name, _, ..]
            if others.iter().all(|other| !other.path().starts_with(&[section.clone(), name.clone()])) =>
        {
            format!("{section}.{name}")
        }
        _ => one.key(),
    }
}

/// Those of the keys that differ which hold only after a restart.
#[must_use]
pub fn needs_restart(started: &[Effective], now: &[Effective]) -> Vec<String> {
    let is_within = |key: &str, name: &str| {
        key.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let is_fixed = |key: &String| FIXED.iter().any(|name| is_within(key, name));
    changed(started, now).into_iter().filter(is_fixed).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Outside, parse};
    use super::{FIXED, changed, needs_restart};
    use crate::config::effective::Effective;

    fn effective(text: &str) -> Vec<Effective> {
        let text = format!("public_url = \"https://wiki.example.com\"\n{text}");
        let route = "[routes.wiki]\nupstream = \"http://127.0.0.1:8080\"\nallow = [\"everyone\"]\n";
        let whole = format!("{text}\n{route}");
        parse(&whole, "test.toml", Path::new("."), &Outside::default()).expect("a configuration").effective
    }

    #[test]
    fn what_differs_is_named_and_a_default_that_is_written_out_does_not_differ() {
        let before = effective("[log]\nquery = true\n[listen]\nadmin = \"off\"");
        let after = effective(
            "threads = 3\n[listen]\nadmin = \"off\"\nmax_head = \"8KiB\"\nhttp = [\"127.0.0.1:4180\"]",
        );
        assert_eq!(changed(&before, &after), ["threads", "listen.max_head", "log.query"]);
        assert_eq!(needs_restart(&before, &after), ["threads"]);
        assert_eq!(changed(&before, &before), [""; 0]);
        let route =
            "[routes.more]\nupstream = \"http://127.0.0.1:9\"\npath = \"/more\"\nallow = [\"everyone\"]";
        assert_eq!(changed(&before, &effective(route)), ["listen.admin", "routes.more", "log.query"]);
        assert_eq!(changed(&effective(route), &effective("")), ["routes.more"]);
    }

    #[test]
    fn the_keys_of_the_lists_exist() {
        let all = effective("");
        for name in FIXED {
            let below = format!("{name}.");
            assert!(all.iter().any(|one| one.key() == *name || one.key().starts_with(&below)), "{name}");
        }
    }
}
