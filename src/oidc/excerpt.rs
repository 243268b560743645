//! Foreign text for our log lines and messages: short, on one line, and without what must not be logged.

/// The most characters of foreign text that we repeat.
const MAX: usize = 200;

/// How much of a body is looked at.
const MAX_BODY: usize = 2048;

/// A run of so many token characters may be a credential.
const MAX_RUN: usize = 24;

/// Foreign text that is no secret.
pub(super) fn shown(text: &str) -> String {
    let clean: String = text.chars().take(MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(MAX).is_some() { format!("{clean}...") } else { clean }
}

/// The beginning of an error body. `hidden` texts are removed, and so is whatever could be a credential by its length.
pub(super) fn excerpt(body: &[u8], hidden: &[&str]) -> String {
    let head = String::from_utf8_lossy(body.get(..MAX_BODY).unwrap_or(body)).into_owned();
    let known = hidden
        .iter()
        .filter(|secret| !secret.is_empty())
        .fold(head, |text, secret| text.replace(secret, "[hidden]"));
    let mut out = String::new();
    for word in known.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || "-_.~+/=%".contains(c))) {
        out.push_str(if word.len() > MAX_RUN { "[hidden] " } else { word });
    }
    shown(out.split_whitespace().collect::<Vec<_>>().join(" ").as_str())
}

#[cfg(test)]
mod tests {
    use super::{excerpt, shown};

    #[test]
    fn what_is_repeated_is_short_and_on_one_line() {
        assert_eq!(shown("a\r\nb\u{85}c"), "a  b c");
        assert_eq!(shown(&"x".repeat(500)).len(), 203);
    }

    #[test]
    fn secrets_and_what_looks_like_one_are_removed() {
        let body = b"{\"error\":\"bad code s3cret\",\n\"t\":\"eyJhbGciOiJFUzI1NiIsImtpZCI6ImEifQ.eyJ9.x\"}";
        let text = excerpt(body, &["s3cret", ""]);
        assert!(text.contains("bad code [hidden]"), "{text}");
        assert!(!text.contains("eyJ"), "{text}");
    }
}
