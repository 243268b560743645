//! Audit: one event for each decision and for each change in a session's life, with stable names and fields.
//!
//! `docs/audit.md` describes them for people who search and count them; tests hold it to the lists here.

mod names;
mod reasons;
mod settings;
mod trail;

use std::borrow::Cow;
use std::fmt::Write as _;

pub use names::EventName;
pub use reasons::REASONS;
pub use settings::{Settings, Sink};
pub use trail::{Form, Trail};

use crate::clock::Timestamp;
use crate::lines::json::{Object, member};
use crate::lines::text::{HOST, METHOD, PATH, bounded, spoken};
use crate::web::ClientAddr;

/// An event, with what is known of it.
#[derive(Clone, Debug)]
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
    /// Why: one of [`REASONS`], or of a configuration the code of its first fault, `config/...`.
    pub reason: Option<&'static str>,
    /// The term that decided; of a refusal the whole rule.
    pub rule: Option<&'a str>,
    /// The names of headers that were taken away, folded.
    pub headers: &'a [String],
    /// The request's id.
    pub request_id: Option<&'a str>,
    /// The client's address.
    pub client: Option<ClientAddr>,
    /// The provider that was involved.
    pub provider: Option<&'a str>,
    /// How many events were lost since the process started.
    pub dropped: Option<u64>,
    /// What went wrong, in words for the operator.
    pub detail: Option<String>,
}

/// A person in an event or an access line.
#[derive(Clone, Debug)]
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
#[derive(Clone, Debug)]
pub struct What<'a> {
    /// The method.
    pub method: &'a str,
    /// The host.
    pub host: &'a str,
    /// The path, without query.
    pub path: &'a str,
}

/// What a line takes, mostly.
const LINE: usize = 512;

/// The longest detail in a line, in bytes.
const DETAIL: usize = 1024;

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
            headers: &[],
            request_id: None,
            client: None,
            provider: None,
            dropped: None,
            detail: None,
        }
    }

    fn json(&self) -> String {
        let mut line = Object::new(LINE);
        line.plain(member!("time"), |text| self.time.push_to(text));
        line.word(member!("kind"), "audit");
        line.word(member!("event"), self.name.as_str());
        line.word(member!("outcome"), self.name.outcome());
        line.text_if_any(member!("reason"), self.reason);
        if let Some(Who { issuer, sub, user, session }) = &self.who {
            line.object(member!("who"), |who| {
                who.text(member!("issuer"), issuer);
                who.text(member!("sub"), sub);
            });
            line.text(member!("user"), user);
            line.word(member!("session"), session);
        }
        if let Some(What { method, host, path }) = &self.what {
            line.object(member!("what"), |what| {
                what.word(member!("method"), &bounded(method, METHOD));
                what.text(member!("host"), &bounded(host, HOST));
                what.text(member!("path"), &bounded(path, PATH));
            });
        }
        line.text_if_any(member!("route"), self.route);
        line.text_if_any(member!("rule"), self.rule);
        line.text_if_any(member!("provider"), self.provider);
        if !self.headers.is_empty() {
            line.list(member!("headers"), self.headers);
        }
        if let Some(dropped) = self.dropped {
            line.number(member!("dropped"), dropped);
        }
        if let Some(id) = self.request_id {
            line.word(member!("request_id"), id);
        }
        if let Some(client) = self.client {
            line.plain(member!("client"), |text| client.push_to(text));
        }
        line.text_if_any(
            member!("detail"),
            self.detail.as_deref().map(|detail| bounded(detail, DETAIL)).as_deref(),
        );
        line.finish()
    }

    /// `14:07:31 sign_in.succeeded alice via demo`
    fn text(&self) -> String {
        let mut line = format!("{} {}", clock_of_day(self.time), self.name.as_str());
        // Writing to a string cannot fail.
        if let Some(who) = &self.who {
            let _ = write!(line, " {}", spoken(&who.user));
        }
        if let Some(provider) = self.provider {
            let _ = write!(line, " via {provider}");
        }
        if let Some(What { method, host, path }) = &self.what {
            let (method, host, path) = (bounded(method, METHOD), bounded(host, HOST), bounded(path, PATH));
            let _ = write!(line, " {method} {}{path}", spoken(&host));
        }
        for word in [self.reason, self.rule].into_iter().flatten() {
            let _ = write!(line, " {word}");
        }
        for name in self.headers {
            let _ = write!(line, " {name}");
        }
        if let Some(dropped) = self.dropped {
            let _ = write!(line, " {dropped}");
        }
        if let Some(detail) = &self.detail {
            let _ = write!(line, ": {}", bounded(detail, DETAIL));
        }
        if let (Some(id), EventName::AccessDenied | EventName::SignInFailed) = (self.request_id, self.name) {
            let _ = write!(line, " [{id}]");
        }
        line
    }
}

/// `14:07:31`, in UTC.
fn clock_of_day(time: Timestamp) -> String {
    time.to_string().get(11..19).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
