//! Access lines: one for each request, when its answer has gone out or was given up.
//!
//! All but the ending of a line is known when the answer's head is ready, and is written down then, into one text; the
//! ending is added when the body is through.

use std::fmt::{Display, Write as _};

use serde::{Serialize, Serializer};

use super::settings::Format;
use crate::clock::Timestamp;
use crate::lines::Lines;
use crate::lines::text::{self, METHOD, PATH, bounded, spoken};

/// A request and the head of its answer.
#[derive(Clone, Copy, Serialize)]
pub struct AccessLine<'a> {
    /// When the request came.
    #[serde(serialize_with = "text::shown")]
    pub time: Timestamp,
    /// Its id.
    pub request_id: &'a str,
    /// The client's address.
    #[serde(serialize_with = "text::shown")]
    pub client: &'a dyn Display,
    /// The connection's other end.
    #[serde(serialize_with = "text::shown")]
    pub peer: &'a dyn Display,
    /// The protocol: `HTTP/1.1`.
    pub protocol: &'a str,
    /// The method.
    #[serde(serialize_with = "text::method")]
    pub method: &'a str,
    /// The host.
    #[serde(serialize_with = "text::host")]
    pub host: &'a str,
    /// The path, with its query where that is asked for.
    #[serde(serialize_with = "text::path")]
    pub path: &'a str,
    /// The route's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<&'a str>,
    /// The decision: allow, public, sign_in, deny, own, error.
    pub decision: &'static str,
    /// The term that let in, or the stable word of the refusal. Written with the ending, which may know better.
    #[serde(skip)]
    pub reason: Option<&'a str>,
    /// The user, as `[log] identity` wants people named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<&'a str>,
    /// The short form of the session's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<&'a str>,
    /// Host and port of the upstream that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<&'a str>,
    /// What the client says it is: bytes of its own choice.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "agent")]
    pub user_agent: Option<&'a [u8]>,
}

/// When and how an upstream answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Its status; none when there was no answer.
    pub status: Option<u16>,
    /// How long it took to its head, in milliseconds.
    pub ms: u64,
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The status; 499 when the client was gone before the answer's end.
    pub status: u16,
    /// From the request's head to the end of the answer, in milliseconds.
    pub duration_ms: u64,
    /// Bytes of the request's body that an upstream took; none when there was no body to take.
    pub bytes_in: Option<u64>,
    /// Bytes of the answer's body that were handed to the connection.
    pub bytes_out: u64,
}

/// Where access lines go.
#[derive(Clone, Debug)]
pub struct AccessTrail {
    lines: Lines,
    format: Format,
}

/// A line that lacks its ending.
#[derive(Debug)]
pub struct OpenLine {
    lines: Lines,
    text: Open,
    reason: Option<String>,
    answered: Option<Answered>,
}

#[derive(Debug)]
enum Open {
    /// A JSON object without its last members.
    Json(String),
    /// What stands before the status, what stands behind it, and the reference for lines that need one.
    Text { before: String, behind: Behind, id: String },
}

/// What stands behind the status: `allow`, the reason, ` alice`.
#[derive(Debug)]
struct Behind {
    decision: &'static str,
    user: String,
}

/// What a line takes, mostly.
const LINE: usize = 768;

/// The longest name of a browser, in bytes.
const AGENT: usize = 256;

impl AccessTrail {
    /// Lines in `format` (which is not `auto`) to `lines`.
    #[must_use]
    pub const fn new(lines: Lines, format: Format) -> Self {
        Self { lines, format }
    }

    /// Begins a line.
    #[must_use]
    pub fn open(&self, line: &AccessLine<'_>) -> OpenLine {
        let text = match self.format {
            Format::Json | Format::Auto => Open::Json(line.json()),
            Format::Text => line.text(),
        };
        OpenLine { lines: self.lines.clone(), text, reason: line.reason.map(str::to_owned), answered: None }
    }
}

impl OpenLine {
    /// Gives the line another reason than it began with.
    pub fn because(&mut self, reason: &str) {
        self.reason = Some(reason.to_owned());
    }

    /// Tells how the upstream answered.
    pub const fn answered(&mut self, answered: Answered) {
        self.answered = Some(answered);
    }

    /// Ends the line, and writes it.
    pub fn close(self, ended: Ended) {
        let Ended { status, duration_ms, bytes_in, bytes_out } = ended;
        let line = match self.text {
            Open::Json(mut text) => {
                if let Some(reason) = self.reason.and_then(|reason| serde_json::to_string(&reason).ok()) {
                    text.push_str(",\"reason\":");
                    text.push_str(&reason);
                }
                // Writing to a string cannot fail.
                let _ = write!(text, ",\"status\":{status},\"duration_ms\":{duration_ms}");
                if let Some(Answered { status, ms }) = self.answered {
                    if let Some(status) = status {
                        let _ = write!(text, ",\"upstream_status\":{status}");
                    }
                    let _ = write!(text, ",\"upstream_ms\":{ms}");
                }
                if let Some(bytes_in) = bytes_in {
                    let _ = write!(text, ",\"bytes_in\":{bytes_in}");
                }
                let _ = write!(text, ",\"bytes_out\":{bytes_out}}}");
                text
            }
            Open::Text { before, behind, id } => {
                // The reference that an error page shows leads here.
                let id = if status >= 400 { format!(" [{id}]") } else { String::new() };
                let reason = self.reason.map(|reason| format!("({reason})")).unwrap_or_default();
                let Behind { decision, user } = behind;
                format!("{before} {status} {decision}{reason}{user} {duration_ms} ms{id}")
            }
        };
        // A line that found no room is counted by the lines.
        let _ = self.lines.write(line);
    }
}

impl AccessLine<'_> {
    fn json(&self) -> String {
        const HEAD: &[u8] = b"{\"kind\":\"access\",\"event\":\"request\",";
        let mut text = Vec::with_capacity(LINE);
        text.extend_from_slice(HEAD);
        let written = serde_json::to_writer(&mut text, self).is_ok();
        // One object, not one within the other; and without the last brace, for the ending to follow.
        if let Some(brace) = text.get_mut(HEAD.len()) {
            *brace = b' ';
        }
        text.pop();
        String::from_utf8(text).ok().filter(|_| written).unwrap_or_default()
    }

    /// `14:07:31 GET / 200 allow(signed-in) alice 3 ms`
    fn text(&self) -> Open {
        let time = self.time.to_string();
        let time = time.get(11..19).unwrap_or_default();
        let user = self.user.map(|user| format!(" {}", spoken(user))).unwrap_or_default();
        Open::Text {
            before: format!("{time} {} {}", bounded(self.method, METHOD), bounded(self.path, PATH)),
            behind: Behind { decision: self.decision, user },
            id: self.request_id.to_owned(),
        }
    }
}

fn agent<S: Serializer>(value: &Option<&[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
    let bytes = value.unwrap_or_default();
    // No character is longer than four bytes: what is cut here is cut again, at a character.
    let text = String::from_utf8_lossy(bytes.get(..AGENT + 4).unwrap_or(bytes));
    serializer.serialize_str(&bounded(&text, AGENT))
}

#[cfg(test)]
mod tests;
