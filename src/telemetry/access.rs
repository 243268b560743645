//! Access lines: one for each request, when its answer has gone out or was given up.

use serde::Serialize;

use super::settings::Format;
use crate::lines::Lines;

/// A request and its answer.
#[derive(Clone, Debug, Serialize)]
pub struct AccessLine {
    /// When the request came, in RFC 3339.
    pub time: String,
    /// Its id.
    pub request_id: String,
    /// The client's address.
    pub client: String,
    /// The connection's other end.
    pub peer: String,
    /// The method.
    pub method: String,
    /// The host.
    pub host: String,
    /// The path, with its query where that is asked for.
    pub path: String,
    /// The route's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The status of the answer; 499 when the client was gone before its end.
    pub status: u16,
    /// The decision: allow, public, sign_in, deny, own, error.
    pub decision: &'static str,
    /// The term that let in, or the stable word of the refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The user, as `[log] identity` wants people named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The short form of the session's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// From the request's head to the end of the answer, in milliseconds.
    pub duration_ms: u64,
    /// Bytes of the answer's body that were handed to the connection.
    pub bytes_out: u64,
}

/// Where access lines go.
#[derive(Clone, Debug)]
pub struct AccessTrail {
    lines: Lines,
    format: Format,
}

impl AccessTrail {
    /// Lines in `format` (which is not `auto`) to `lines`.
    #[must_use]
    pub const fn new(lines: Lines, format: Format) -> Self {
        Self { lines, format }
    }

    /// Writes a line.
    pub fn record(&self, line: &AccessLine) {
        self.lines.write(match self.format {
            Format::Json | Format::Auto => line.json(),
            Format::Text => line.text(),
        });
    }
}

impl AccessLine {
    fn json(&self) -> String {
        #[derive(Serialize)]
        struct Tagged<'a> {
            kind: &'static str,
            event: &'static str,
            #[serde(flatten)]
            line: &'a AccessLine,
        }
        serde_json::to_string(&Tagged { kind: "access", event: "request", line: self }).unwrap_or_default()
    }

    /// `14:07:31 GET / 200 allow(signed-in) alice 3 ms`
    fn text(&self) -> String {
        let time = self.time.get(11..19).unwrap_or_default();
        let reason = self.reason.as_ref().map(|reason| format!("({reason})")).unwrap_or_default();
        let user = self.user.as_ref().map(|user| format!(" {user}")).unwrap_or_default();
        // The reference that an error page shows leads here.
        let id = if self.status >= 400 { format!(" [{}]", self.request_id) } else { String::new() };
        format!(
            "{time} {} {} {} {}{reason}{user} {} ms{id}",
            self.method, self.path, self.status, self.decision, self.duration_ms
        )
    }
}
