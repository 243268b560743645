//! Nearest: what somebody who mistyped a word may have meant, or where a key belongs that stands in the wrong place.

use super::kind::{Key, Kind, find};

/// Longer words are not compared.
const MAX: usize = 64;

/// The one of `legal` that is nearest to `written`, if any is near: a third of its letters may be wrong.
pub(super) fn nearest<'a>(written: &str, legal: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written: Vec<char> = written.chars().take(MAX).map(|letter| letter.to_ascii_lowercase()).collect();
    let near = legal.into_iter().filter_map(|word| {
        let letters: Vec<char> = word.chars().take(MAX).collect();
        let far = distance(&written, &letters);
        let most = (letters.len().max(written.len()) / 3).max(1);
        (far <= most).then_some((far, word))
    });
    near.min_by_key(|(far, _)| *far).map(|(_, word)| word)
}

/// Where `name` is a key, as the file writes these places: `top` itself, and the tables below it.
pub(super) fn homes(top: &'static [Key], name: &str) -> Vec<String> {
    let mut found = Vec::new();
    if find(top, name).is_some() {
        found.push("the top of the file, before the first [table]".to_owned());
    }
    tables(top, "", name, &mut found);
    found
}

fn tables(keys: &'static [Key], place: &str, name: &str, found: &mut Vec<String>) {
    for key in keys {
        let (keys, place) = match key.kind {
            Kind::Table(keys) | Kind::TableOrList(keys) => (keys, format!("{place}{}", key.name)),
            Kind::Named(keys) => (keys, format!("{place}{}.NAME", key.name)),
            _ => continue,
        };
        if find(keys, name).is_some() {
            found.push(format!("[{place}]"));
        }
        tables(keys, &format!("{place}."), name, found);
    }
}

/// How many letters must be changed, added, dropped or swapped with their neighbour.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (row, left) in a.iter().enumerate() {
        let mut next = vec![row + 1];
        for (column, right) in b.iter().enumerate() {
            let at = |cells: &[usize], index: usize| cells.get(index).copied().unwrap_or(usize::MAX - 1);
            let changed = at(&last, column) + usize::from(left != right);
            let dropped = at(&last, column + 1) + 1;
            let added = at(&next, column) + 1;
            let mut best = changed.min(dropped).min(added);
            let neighbours = row.checked_sub(1).zip(column.checked_sub(1));
            if let Some((above, beside)) = neighbours
                && a.get(above) == Some(right)
                && b.get(beside) == Some(left)
            {
                best = best.min(at(&before, beside) + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut last, next);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_finds_its_word_and_another_word_finds_nothing() {
        let legal = ["issuer", "client_id", "client_secret", "title", "ca"];
        for (written, expected) in [
            ("client_secrt", Some("client_secret")),
            ("clientid", Some("client_id")),
            ("isuser", Some("issuer")),
            ("Title", Some("title")),
            ("tls", None),
            ("", None),
            ("a", Some("ca")),
            ("cookie_domain", None),
        ] {
            assert_eq!(nearest(written, legal), expected, "{written}");
        }
    }
}
