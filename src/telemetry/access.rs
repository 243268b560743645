//! Access lines: one for each request, when its answer has gone out or was given up.
//!
//! All but the ending of a line is known when the answer's head is ready, and is written down then, into one text; the
//! ending is added when the body is through.

use super::settings::Format;
use crate::clock::Timestamp;
use crate::lines::Lines;
use crate::lines::json::{Object, member};
use crate::lines::text::{HOST, METHOD, PATH, bounded, spoken};
use crate::web::{ClientAddr, PeerAddr};

/// A request and the head of its answer.
#[derive(Clone, Copy)]
pub struct AccessLine<'a> {
    /// When the request came.
    pub time: Timestamp,
    /// Its id.
    pub request_id: &'a str,
    /// The client's address.
    pub client: ClientAddr,
    /// The connection's other end.
    pub peer: PeerAddr,
    /// The protocol: `HTTP/1.1`.
    pub protocol: &'a str,
    /// The method.
    pub method: &'a str,
    /// The host.
    pub host: &'a str,
    /// The path, with its query where that is asked for.
    pub path: &'a str,
    /// The route's name.
    pub route: Option<&'a str>,
    /// The decision: allow, public, sign_in, deny, own, error.
    pub decision: &'static str,
    /// The term that let in, or the stable word of the refusal. Written with the ending, which may know better.
    pub reason: Option<&'a str>,
    /// The user, as `[log] identity` wants people named.
    pub user: Option<&'a str>,
    /// The short form of the session's id.
    pub session: Option<&'a str>,
    /// Host and port of the upstream that was asked.
    pub upstream: Option<&'a str>,
    /// What the client says it is: bytes of its own choice.
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
    answered: Option<Answered>,
}

#[derive(Debug)]
enum Open {
    /// A JSON object without its last members, and its length without the reason.
    Json {
        line: Object,
        unreasoned: usize,
    },
    Text(Box<Words>),
}

/// The words of a line for eyes.
#[derive(Debug)]
struct Words {
    /// What stands before the status.
    before: String,
    decision: &'static str,
    reason: Option<String>,
    /// ` alice`
    user: String,
    /// The reference, for lines that need one.
    id: String,
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
            Format::Json | Format::Auto => line.json(),
            Format::Text => Open::Text(Box::new(line.text())),
        };
        OpenLine { lines: self.lines.clone(), text, answered: None }
    }
}

impl OpenLine {
    /// Gives the line another reason than it began with.
    pub fn because(&mut self, reason: &str) {
        match &mut self.text {
            Open::Json { line, unreasoned } => {
                line.shorten(*unreasoned);
                line.text(member!("reason"), reason);
            }
            Open::Text(words) => words.reason = Some(reason.to_owned()),
        }
    }

    /// Tells how the upstream answered.
    pub const fn answered(&mut self, answered: Answered) {
        self.answered = Some(answered);
    }

    /// Ends the line, and writes it.
    pub fn close(self, ended: Ended) {
        let Ended { status, duration_ms, bytes_in, bytes_out } = ended;
        let line = match self.text {
            Open::Json { mut line, .. } => {
                line.number(member!("status"), status.into());
                line.number(member!("duration_ms"), duration_ms);
                if let Some(Answered { status, ms }) = self.answered {
                    if let Some(status) = status {
                        line.number(member!("upstream_status"), status.into());
                    }
                    line.number(member!("upstream_ms"), ms);
                }
                if let Some(bytes_in) = bytes_in {
                    line.number(member!("bytes_in"), bytes_in);
                }
                line.number(member!("bytes_out"), bytes_out);
                line.finish()
            }
            Open::Text(words) => {
                let Words { before, decision, reason, user, id } = *words;
                // The reference that an error page shows leads here.
                let id = if status >= 400 { format!(" [{id}]") } else { String::new() };
                let reason = reason.map(|reason| format!("({reason})")).unwrap_or_default();
                format!("{before} {status} {decision}{reason}{user} {duration_ms} ms{id}")
            }
        };
        // A line that found no room is counted by the lines.
        let _ = self.lines.write(line);
    }
}

impl AccessLine<'_> {
    fn json(&self) -> Open {
        let mut line = Object::new(LINE);
        line.word(member!("kind"), "access");
        line.word(member!("event"), "request");
        line.plain(member!("time"), |text| self.time.push_to(text));
        line.word(member!("request_id"), self.request_id);
        line.plain(member!("client"), |text| self.client.push_to(text));
        line.plain(member!("peer"), |text| self.peer.push_to(text));
        line.word(member!("protocol"), self.protocol);
        // A token (RFC 9110 section 5.6.2).
        line.word(member!("method"), &bounded(self.method, METHOD));
        line.text(member!("host"), &bounded(self.host, HOST));
        line.text(member!("path"), &bounded(self.path, PATH));
        line.text_if_any(member!("route"), self.route);
        line.word(member!("decision"), self.decision);
        line.text_if_any(member!("user"), self.user);
        if let Some(session) = self.session {
            line.word(member!("session"), session);
        }
        line.text_if_any(member!("upstream"), self.upstream);
        if let Some(agent) = self.user_agent {
            // No character is longer than four bytes: what is cut here is cut again, at a character.
            let agent = String::from_utf8_lossy(agent.get(..AGENT + 4).unwrap_or(agent));
            line.text(member!("user_agent"), &bounded(&agent, AGENT));
        }
        let unreasoned = line.len();
        line.text_if_any(member!("reason"), self.reason);
        Open::Json { line, unreasoned }
    }

    /// `14:07:31 GET / 200 allow(signed-in) alice 3 ms`
    fn text(&self) -> Words {
        let time = self.time.to_string();
        let time = time.get(11..19).unwrap_or_default();
        Words {
            before: format!("{time} {} {}", bounded(self.method, METHOD), bounded(self.path, PATH)),
            decision: self.decision,
            reason: self.reason.map(str::to_owned),
            user: self.user.map(|user| format!(" {}", spoken(user))).unwrap_or_default(),
            id: self.request_id.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
