//! Audit: one event for each decision and for each change in a session's life, with stable names and fields.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};

use serde::{Serialize, Serializer};

use crate::clock::Timestamp;
use crate::lines::Lines;
use crate::web::ClientAddr;

/// What happened. The names never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventName {
    /// A browser was sent to the provider.
    SignInStarted,
    /// Somebody signed in.
    SignInSucceeded,
    /// A sign-in ended without a session.
    SignInFailed,
    /// Somebody signed out.
    SignOut,
    /// A request was let in.
    AccessAllowed,
    /// A request was refused.
    AccessDenied,
    /// A client sent a header that only we may set.
    IdentityHeaderStripped,
    /// The process serves.
    ProcessStarted,
    /// The process is asked to end.
    ProcessStopping,
}

/// An event, with what is known of it.
#[derive(Clone)]
pub struct Event<'a> {
    /// What happened.
    pub name: EventName,
    /// When.
    pub time: Timestamp,
    /// Who, as `[log] identity` wants people named.
    pub who: Option<Who<'a>>,
    /// The request: method, host, path without its query.
    pub what: Option<What<'a>>,
    /// The route's name.
    pub route: Option<&'a str>,
    /// A stable word for the cause.
    pub reason: Option<&'a str>,
    /// The term that decided.
    pub rule: Option<&'a str>,
    /// The request's id.
    pub request_id: Option<&'a str>,
    /// The client's address.
    pub client: Option<ClientAddr>,
    /// The provider that was involved.
    pub provider: Option<&'a str>,
    /// For the log only: what went wrong, in words.
    pub detail: Option<String>,
}

/// A person in an event.
#[derive(Clone, Debug, Serialize)]
pub struct Who<'a> {
    /// The issuer.
    pub issuer: &'a str,
    /// The subject, or its keyed hash.
    pub sub: Cow<'a, str>,
    /// The user's name, or its keyed hash.
    pub user: Cow<'a, str>,
    /// The short form of the session's id.
    pub session: &'a str,
}

/// A request in an event.
#[derive(Clone, Debug, Serialize)]
pub struct What<'a> {
    /// The method.
    pub method: &'a str,
    /// The host.
    pub host: &'a str,
    /// The path, without query.
    pub path: &'a str,
}

/// Where events go, and in which form.
#[derive(Clone, Debug)]
pub struct Trail {
    lines: Lines,
    form: Form,
}

/// The form of an event's line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One JSON object.
    Json,
    /// Readable text.
    Text,
    /// Readable text, but only of what no access line tells: for people who watch both in one terminal.
    Brief,
}

/// What a line takes, mostly.
const LINE: usize = 512;

impl EventName {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignInStarted => "sign_in.started",
            Self::SignInSucceeded => "sign_in.succeeded",
            Self::SignInFailed => "sign_in.failed",
            Self::SignOut => "sign_out",
            Self::AccessAllowed => "access.allowed",
            Self::AccessDenied => "access.denied",
            Self::IdentityHeaderStripped => "identity_header.stripped",
            Self::ProcessStarted => "process.started",
            Self::ProcessStopping => "process.stopping",
        }
    }

    const fn is_in_access_lines(self) -> bool {
        matches!(
            self,
            Self::AccessAllowed | Self::AccessDenied | Self::ProcessStarted | Self::ProcessStopping
        )
    }

    const fn outcome(self) -> &'static str {
        match self {
            Self::SignInFailed | Self::AccessDenied => "failure",
            _ => "success",
        }
    }
}

impl<'a> Event<'a> {
    /// An event about which nothing but its name is known yet.
    #[must_use]
    pub const fn new(name: EventName, time: Timestamp) -> Self {
        Self {
            name,
            time,
            who: None,
            what: None,
            route: None,
            reason: None,
            rule: None,
            request_id: None,
            client: None,
            provider: None,
            detail: None,
        }
    }

    fn json(&self) -> String {
        #[derive(Serialize)]
        struct Line<'a> {
            #[serde(serialize_with = "as_text")]
            time: Timestamp,
            kind: &'static str,
            event: &'static str,
            outcome: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            who: Option<&'a Who<'a>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            what: Option<&'a What<'a>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            provider: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            route: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            reason: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            rule: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            request_id: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text_if_any")]
            client: Option<ClientAddr>,
            #[serde(skip_serializing_if = "Option::is_none")]
            detail: Option<&'a str>,
        }
        let line = Line {
            time: self.time,
            kind: "audit",
            event: self.name.as_str(),
            outcome: self.name.outcome(),
            who: self.who.as_ref(),
            what: self.what.as_ref(),
            provider: self.provider,
            route: self.route,
            reason: self.reason,
            rule: self.rule,
            request_id: self.request_id,
            client: self.client,
            detail: self.detail.as_deref(),
        };
        let mut text = Vec::with_capacity(LINE);
        let written = serde_json::to_writer(&mut text, &line).is_ok();
        String::from_utf8(text).ok().filter(|_| written).unwrap_or_default()
    }

    /// `14:07:31 sign_in.succeeded alice via demo`
    fn text(&self) -> String {
        let mut line = format!("{} {}", clock_of_day(self.time), self.name.as_str());
        // Writing to a string cannot fail.
        if let Some(who) = &self.who {
            let _ = write!(line, " {}", who.user);
        }
        if let Some(provider) = self.provider {
            let _ = write!(line, " via {provider}");
        }
        if let Some(what) = &self.what {
            let _ = write!(line, " {} {}{}", what.method, what.host, what.path);
        }
        for word in [self.reason, self.rule].into_iter().flatten() {
            let _ = write!(line, " {word}");
        }
        if let Some(detail) = &self.detail {
            let _ = write!(line, ": {detail}");
        }
        if let (Some(id), EventName::AccessDenied | EventName::SignInFailed) = (self.request_id, self.name) {
            let _ = write!(line, " [{id}]");
        }
        line
    }
}

impl Trail {
    /// Events in `form` to `lines`.
    #[must_use]
    pub const fn new(lines: Lines, form: Form) -> Self {
        Self { lines, form }
    }

    /// Records an event.
    pub fn record(&self, event: &Event<'_>) {
        self.lines.write(match self.form {
            Form::Json => event.json(),
            Form::Brief if event.name.is_in_access_lines() => return,
            Form::Text | Form::Brief => event.text(),
        });
    }
}

/// `14:07:31`, in UTC.
fn clock_of_day(time: Timestamp) -> String {
    time.to_string().get(11..19).unwrap_or_default().to_owned()
}

fn as_text<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn as_text_if_any<S: Serializer>(value: &Option<impl Display>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}
