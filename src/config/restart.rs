//! Restart: which keys hold from a start on, so that a reload can only say that they changed.

use super::effective::Effective;

/// What is fixed when the process starts: these keys, and whatever is below them.
const FIXED: &[&str] = &["threads", "listen", "audit", "log.format", "log.level"];

/// What is below them and holds at once all the same.
const SWAPPED: &[&str] = &["listen.trusted_proxies", "listen.client_address_from", "listen.max_head"];

/// The keys that differ, by their paths, in the order of `now`; those that are gone come last.
#[must_use]
pub fn changed(before: &[Effective], now: &[Effective]) -> Vec<String> {
    let differs = |one: &Effective, others: &[Effective]| {
        others.iter().find(|other| other.key() == one.key()).is_none_or(|other| !other.holds_as(one))
    };
    let is_new = now.iter().filter(|one| differs(one, before)).map(Effective::key);
    let is_gone = |one: &&Effective| now.iter().all(|other| other.key() != one.key());
    is_new.chain(before.iter().filter(is_gone).map(Effective::key)).collect()
}

/// Those of the keys that differ which hold only after a restart.
#[must_use]
pub fn needs_restart(started: &[Effective], now: &[Effective]) -> Vec<String> {
    let is_any = |key: &str, of: &[&str]| {
        of.iter()
            .any(|name| key.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    };
    changed(started, now).into_iter().filter(|key| is_any(key, FIXED) && !is_any(key, SWAPPED)).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Outside, parse};
    use super::{FIXED, SWAPPED, changed, needs_restart};
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
    }

    #[test]
    fn the_keys_of_the_lists_exist() {
        let all = effective("");
        for name in FIXED.iter().chain(SWAPPED) {
            let below = format!("{name}.");
            assert!(all.iter().any(|one| one.key() == *name || one.key().starts_with(&below)), "{name}");
        }
    }
}
