//! Values: the words of the file that mean a duration, a size, a number or a choice.

use std::time::Duration;

use figment::value::Value;

use super::code::Code;
use super::fault::quote;
use super::kind::Kind;
use super::nearest::nearest;
use super::reader::Field;

/// Longer than any limit makes sense, and short enough that no sum of time stamps overflows.
const MAX_DURATION: Duration = Duration::from_secs(400 * 24 * 3600);

const DURATION_UNITS: &[(&str, u64)] =
    &[("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

const SIZE_UNITS: &[(&str, u64)] = &[("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// A duration above zero.
pub(super) fn duration(field: &Field<'_>) -> Option<Duration> {
    let duration = any_duration(field)?;
    if duration.is_zero() {
        field.fault(
            Code::Duration,
            format!("{} cannot be zero", field.path()),
            format!("write a limit, for example: {} = \"90s\"", field.path().key()),
        );
        return None;
    }
    Some(duration)
}

/// A duration within the bounds of its key.
pub(super) fn duration_within(field: &Field<'_>) -> Option<Duration> {
    let Some(Kind::DurationWithin(least, most)) = field.kind() else { return unbounded(field) };
    let duration = any_duration(field)?;
    let bounds = Duration::from_secs(least.into())..=Duration::from_secs(most.into());
    if !bounds.contains(&duration) {
        let text = field.text("a duration such as \"90s\"", "")?;
        field.fault(
            Code::Duration,
            format!("{} is {}, which is out of range", field.path(), quote(text)),
            format!("write \"{}\" to \"{}\"", in_seconds(least), in_seconds(most)),
        );
        return None;
    }
    Some(duration)
}

/// A duration, or none for `"0"`, which switches the limit off.
pub(super) fn duration_or_off(field: &Field<'_>) -> Option<Option<Duration>> {
    any_duration(field).map(|duration| (!duration.is_zero()).then_some(duration))
}

/// A duration, also `"0"`.
pub(super) fn any_duration(field: &Field<'_>) -> Option<Duration> {
    let key = field.path().key();
    if let Some(spelling) = bare_number(field) {
        field.fault(
            Code::Duration,
            format!("{} needs a unit", field.path()),
            format!("seconds are written {key} = \"{spelling}s\"; units are ms, s, m, h and d"),
        );
        return None;
    }
    let text = field.text("a duration such as \"90s\"", &format!("{key} = \"90s\""))?;
    let parsed = match text {
        "0" => Some(0),
        _ => with_units(text, DURATION_UNITS),
    };
    let duration = parsed.map(Duration::from_millis);
    match duration {
        None => field.fault(
            Code::Duration,
            format!("{} is {}, which is no duration", field.path(), quote(text)),
            "write numbers with units, largest first: \"90s\", \"15m\", \"12h\", \"7d\", \"1h30m\"",
        ),
        Some(duration) if duration > MAX_DURATION => {
            field.fault(
                Code::Duration,
                format!("{} is longer than 400 days", field.path()),
                "write at most \"400d\"",
            );
            return None;
        }
        Some(_) => {}
    }
    duration
}

/// A size in bytes, within the bounds of its key.
pub(super) fn size(field: &Field<'_>) -> Option<u64> {
    let Some(Kind::Size(least, most)) = field.kind() else { return unbounded(field) };
    let key = field.path().key();
    if let Some(spelling) = bare_number(field) {
        field.fault(
            Code::Size,
            format!("{} needs a unit", field.path()),
            format!("bytes are written {key} = \"{spelling}B\"; units are B, KiB, MiB and GiB"),
        );
        return None;
    }
    let text = field.text("a size such as \"32KiB\"", &format!("{key} = \"32KiB\""))?;
    let Some(size) = with_units(text, SIZE_UNITS) else {
        field.fault(
            Code::Size,
            format!("{} is {}, which is no size", field.path(), quote(text)),
            "write a number with a unit: \"512B\", \"32KiB\", \"8MiB\", \"1GiB\"",
        );
        return None;
    };
    if !(least..=most).contains(&size) {
        field.fault(
            Code::Size,
            format!("{} is {}, which is out of range", field.path(), quote(text)),
            format!("write {} to {}", in_units(least), in_units(most)),
        );
        return None;
    }
    Some(size)
}

/// A number within the bounds of its key.
pub(super) fn number(field: &Field<'_>) -> Option<usize> {
    let Some(Kind::Int(least, most)) = field.kind() else { return unbounded(field) };
    let key = field.path().key();
    let number = match field.value() {
        Value::Num(_, number) => number.to_i128(),
        _ => None,
    };
    let Some(number) = number else {
        field.wrong_type("a whole number", &format!("{key} = {}", most.min(100)));
        return None;
    };
    let fitting = u32::try_from(number).ok().filter(|number| (least..=most).contains(number));
    if fitting.is_none() {
        field.fault(
            Code::Number,
            format!("{} is out of range", field.path()),
            format!("write a number from {least} to {most}"),
        );
    }
    fitting.and_then(|number| usize::try_from(number).ok())
}

/// A reader that asks for the bounds of a key which the table gives none: a defect of ours, and nothing is legal then.
fn unbounded<T>(field: &Field<'_>) -> Option<T> {
    field.wrong_type("what the table of keys says", "docs/configuration.md");
    None
}

/// `true` or `false`, as the two values of what it means.
pub(super) fn switch<T>(field: &Field<'_>, on: T, off: T) -> Option<T> {
    match field.value() {
        Value::Bool(_, true) => Some(on),
        Value::Bool(_, false) => Some(off),
        _ => {
            field.wrong_type("true or false", &format!("{} = true", field.path().key()));
            None
        }
    }
}

/// One word of several.
pub(super) fn choice<T: Copy>(field: &Field<'_>, legal: &[(&str, T)]) -> Option<T> {
    let words: Vec<&str> = legal.iter().map(|(word, _)| *word).collect();
    let key = field.path().key();
    let first = words.first().copied().unwrap_or_default();
    let text = field.text(&format!("one of {}", words.join(", ")), &format!("{key} = \"{first}\""))?;
    let found = legal.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    if found.is_none() {
        let guess = nearest(text, words.iter().copied()).map(|near| format!("did you mean {near}? "));
        field.fault(
            Code::Value,
            format!("{} cannot be {}", field.path(), quote(text)),
            format!("{}Legal here: {}", guess.unwrap_or_default(), words.join(", ")),
        );
    }
    found
}

/// A text that is not empty and holds no control character. Never echoed.
pub(super) fn line<'a>(field: &Field<'a>) -> Option<&'a str> {
    let key = field.path().key();
    let text = field.text("a text", &format!("{key} = \"...\""))?;
    let (wrong, help) = if text.is_empty() {
        ("is empty", "write a text, or leave the key out if it is optional")
    } else if text.chars().any(char::is_control) {
        ("holds a control character", "write one line of plain text")
    } else {
        return Some(text);
    };
    field.fault(Code::Text, format!("{} {wrong}", field.path()), help);
    None
}

/// The value without its sign, if it is a whole number.
fn bare_number(field: &Field<'_>) -> Option<u128> {
    match field.value() {
        Value::Num(_, number) => number.to_i128().map(i128::unsigned_abs),
        _ => None,
    }
}

/// The sum of numbers with units, each unit at most once and the largest first.
fn with_units(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let mut rest = text;
    let mut sum: u64 = 0;
    let mut below = u64::MAX;
    while !rest.is_empty() {
        let (digits, after) = rest.split_at_checked(rest.bytes().take_while(u8::is_ascii_digit).count())?;
        let unit = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at_checked(unit)?;
        let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
        if *factor >= below {
            return None;
        }
        below = *factor;
        sum = sum.checked_add(digits.parse::<u64>().ok()?.checked_mul(*factor)?)?;
        rest = after;
    }
    (!text.is_empty()).then_some(sum)
}

/// A duration with the largest unit that gives a whole number.
pub(super) fn in_seconds(seconds: u32) -> String {
    let milliseconds = u64::from(seconds) * 1000;
    let fitting = DURATION_UNITS.iter().rev().find(|(_, factor)| milliseconds.is_multiple_of(*factor));
    let (unit, factor) = fitting.copied().unwrap_or(("ms", 1));
    format!("{}{unit}", milliseconds / factor)
}

/// A size with the largest unit that gives a whole number, in quotes.
pub(super) fn in_units(size: u64) -> String {
    let fitting = SIZE_UNITS.iter().rev().find(|(_, factor)| size >= *factor && size.is_multiple_of(*factor));
    let (unit, factor) = fitting.copied().unwrap_or(("B", 1));
    format!("\"{}{unit}\"", size / factor)
}

#[cfg(test)]
mod tests {
    use super::{DURATION_UNITS, SIZE_UNITS, in_units, with_units};

    #[test]
    fn words_with_units_are_summed_and_doubtful_ones_are_refused() {
        for (text, milliseconds) in
            [("90s", 90_000), ("1h30m", 5_400_000), ("7d", 604_800_000), ("250ms", 250), ("0s", 0)]
        {
            assert_eq!(with_units(text, DURATION_UNITS), Some(milliseconds), "{text}");
        }
        for text in [
            "",
            "s",
            "90",
            "-1s",
            "1.5h",
            "90 s",
            "90S",
            "1s1m",
            "1s1s",
            "99999999999999999999d",
            "1h30",
            "1w",
        ] {
            assert_eq!(with_units(text, DURATION_UNITS), None, "{text}");
        }
        assert_eq!(with_units("32KiB", SIZE_UNITS), Some(32_768));
        assert_eq!(with_units("32KB", SIZE_UNITS), None);
        assert_eq!(with_units("18014398509481984KiB", SIZE_UNITS), None);
        assert_eq!(in_units(61_440), "\"60KiB\"");
    }
}
