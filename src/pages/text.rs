//! Words that come from elsewhere, made fit to be shown: bounded, without characters that disguise, and never
//! marked as markup, so that the template engine escapes all of it. Functions take references because that is how
//! a template hands its values over.

#[cfg(test)]
mod tests;

use std::fmt::Display;
use std::time::Duration;

use crate::clock::Timestamp;

/// A name, an address, a group: longer ones are cut.
const WORD: usize = 160;
/// A sentence or an error text of a provider.
const PASSAGE: usize = 600;
/// How many items of a list are written out.
const ITEMS: usize = 12;
/// The last second that RFC 3339 can write (9999-12-31T23:59:59Z); a later moment is shown as this one.
const LAST_SECOND: u64 = 253_402_300_799;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A short value that a person, a provider or a request chose.
pub(crate) fn word<T: Display>(value: &T) -> String {
    tamed(&value.to_string(), WORD)
}

/// A sentence that came from elsewhere.
pub(crate) fn passage<T: Display>(value: &T) -> String {
    tamed(&value.to_string(), PASSAGE)
}

/// A moment for the eye: `24 November 2026, 08:46 UTC`.
pub(crate) fn moment(at: &Timestamp) -> String {
    let written = machine(at);
    in_words(&written).unwrap_or(written)
}

/// A moment for machines: `2026-11-24T08:46:15Z` (the `datetime` of HTML's `time`).
pub(crate) fn machine(at: &Timestamp) -> String {
    let at = Timestamp::from_secs(LAST_SECOND).min(*at);
    humantime::format_rfc3339_seconds(at.as_system_time()).to_string()
}

/// The first `max` characters, with characters that are invisible or turn the reading direction shown as U+FFFD.
pub(crate) fn tamed(value: &str, max: usize) -> String {
    let mut shown: String =
        value.chars().take(max).map(|c| if disguises(c) { char::REPLACEMENT_CHARACTER } else { c }).collect();
    if value.chars().nth(max).is_some() {
        shown.push('…');
    }
    shown
}

/// `a`, `a or b`, `a, b or c`; a long list ends in `or one of N more`.
pub(crate) fn one_of(items: &[String]) -> String {
    let mut words: Vec<String> = items.iter().take(ITEMS).map(|item| tamed(item, WORD)).collect();
    let more = items.len().saturating_sub(ITEMS);
    if more > 0 {
        words.push(format!("one of {more} more"));
    }
    let last = words.pop().unwrap_or_default();
    if words.is_empty() { last } else { format!("{} or {last}", words.join(", ")) }
}

/// `in 11 h 40 min`, `3 min ago`, `just now`, seen from `now`.
pub(crate) fn relative(at: &Timestamp, now: &Timestamp) -> String {
    let (at, now) = (*at, *now);
    if at > now {
        let left = at.since(now);
        if left < Duration::from_secs(60) {
            "in less than a minute".into()
        } else {
            format!("in {}", span(&left))
        }
    } else {
        let gone = now.since(at);
        if gone < Duration::from_secs(60) { "just now".into() } else { format!("{} ago", span(&gone)) }
    }
}

/// The two largest units: `2 d 3 h`, `11 h 40 min`, `5 min`; below a minute `20 s`.
pub(crate) fn span(duration: &Duration) -> String {
    if *duration < Duration::from_secs(60) {
        return format!("{} s", duration.as_secs().max(1));
    }
    let minutes = duration.as_secs() / 60;
    let (days, hours, minutes) = (minutes / (24 * 60), minutes / 60 % 24, minutes % 60);
    match (days, hours, minutes) {
        (0, 0, m) => format!("{m} min"),
        (0, h, 0) => format!("{h} h"),
        (0, h, m) => format!("{h} h {m} min"),
        (d, 0, _) => format!("{d} d"),
        (d, h, _) => format!("{d} d {h} h"),
    }
}

/// A number of bytes in the largest unit that it fills, rounded down to a tenth: `512 bytes`, `1.5 MiB`.
pub(crate) fn size(bytes: &u64) -> String {
    const UNITS: [(u64, &str); 4] = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let Some((unit, name)) = UNITS.into_iter().find(|(unit, _)| bytes >= unit) else {
        return format!("{bytes} bytes");
    };
    let (whole, tenth) = (bytes / unit, bytes % unit * 10 / unit);
    if tenth == 0 { format!("{whole} {name}") } else { format!("{whole}.{tenth} {name}") }
}

/// `2026-11-24T08:46:15Z` as `24 November 2026, 08:46 UTC`; none if it has another shape.
fn in_words(written: &str) -> Option<String> {
    let (date, time) = written.split_once('T')?;
    let mut date = date.split('-');
    let (year, month, day) = (date.next()?, date.next()?, date.next()?);
    let month = MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?)?;
    let day = day.trim_start_matches('0');
    let mut time = time.split(':');
    let (hour, minute) = (time.next()?, time.next()?);
    Some(format!("{day} {month} {year}, {hour}:{minute} UTC"))
}

/// Control characters, line and paragraph separators, and what Unicode calls bidirectional formatting (UAX 9, 2),
/// zero-width characters and the tag block: a display name could rewrite the sentence around it with these. The
/// two joiners stay: Persian, Indic scripts and emoji need them.
fn disguises(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{061C}'
                | '\u{200B}'
                | '\u{200E}'
                | '\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{FEFF}'
                | '\u{FFF9}'..='\u{FFFB}'
                | '\u{E0000}'..='\u{E007F}'
        )
}
