//! Refusals: every way in which a request can end badly, and the answer that each gets.
//!
//! `outline.rs` says what becomes of each: status, word, texts; `page.rs` is what a person gets to see.

mod outline;
mod page;

use std::sync::Arc;
use std::time::Duration;

use http::header::{ALLOW, CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Response, StatusCode};

pub(super) use self::outline::Outline;
use super::answer::{self, Body};
use super::gateway::Generation;
use super::grpc;
use super::links::start_link;
use super::login::Ended;
use super::own;
use super::reader::{Carrier, Reader};
use super::visit::Visit;
use crate::oidc::{CallbackError, LoginError, Provider};
use crate::pages::{Frame, Pages};
use crate::proxy::ForwardError;
use crate::web::{HostName, RequestId};

/// A request that ends here.
#[derive(Debug)]
pub(super) enum Refusal {
    /// No host, several, or something that is none.
    BadHost(String),
    /// A path or target that servers read differently.
    BadPath(String),
    /// CONNECT or TRACE.
    UnsupportedMethod,
    /// The head is over the limit.
    HeadTooLarge,
    /// The target is over the limit.
    TargetTooLong,
    /// No route has this host.
    UnknownHost(HostName),
    /// The connection was made for another host, whose certificate does not speak for this one.
    Misdirected { asked: HostName, server_name: Option<HostName> },
    /// No route and no endpoint has this path.
    NotFound,
    /// The endpoint exists, but not for this method.
    MethodNotAllowed(Vec<Method>),
    /// Nobody is signed in.
    SignInNeeded,
    /// Signed in, but the rule does not let this person in.
    NotAllowed(Box<NotAllowed>),
    /// Refused whoever it is: by where the client is, which the answer may say or not.
    Barred { word: &'static str, by_place: bool },
    /// Signed in with a provider whose people are not meant here.
    WrongProvider { user: String, provider: Option<Arc<Provider>>, accepted: Vec<Arc<Provider>> },
    /// A sign-in was to start with a provider that does not exist.
    UnknownProvider { start_again: String },
    /// A provider answered at the address of another one.
    WrongCallback,
    /// A WebSocket handshake from a page that is not ours.
    ForeignWebSocket,
    /// A form of ours, sent from another site.
    ForeignForm { go_on: String },
    /// The provider's answer on the callback cannot be read.
    Callback(CallbackError),
    /// No attempt of this browser has that state.
    StaleState,
    /// The state was used with another code.
    CodeConflict,
    /// The sign-in broke off, or too many are under way.
    LoginBusy,
    /// A sign-in failed on its way; it can be started again, to end at this place.
    Login { error: Arc<LoginError>, start_again: String },
    /// The provider reported an error to an attempt with this redirect URI.
    ProviderSaid { error: String, description: Option<String>, redirect_uri: String, start_again: String },
    /// The session does not fit into a cookie.
    SessionTooLarge { bytes: usize, groups: usize, group_bytes: usize },
    /// This client address starts too many sign-ins; it may do so again after that time, at this place.
    TooMany { wait: Duration, retry: String },
    /// Three sign-ins in a row led nowhere.
    LoopBroken { last: Ended },
    /// The upstream failed.
    Upstream { error: ForwardError, retry: String },
}

/// Why somebody who signed in is not let in, as they and the log are told.
#[derive(Debug)]
pub(super) struct NotAllowed {
    pub(super) word: &'static str,
    pub(super) user: String,
    /// The name of the provider that they signed in with, and its title.
    pub(super) provider: Option<Arc<Provider>>,
    /// Whom the page is for, if that may be said.
    pub(super) needs: Vec<String>,
    /// What the provider did not send, for the log.
    pub(super) lacking: Option<String>,
}

impl Refusal {
    /// Whether there is nobody left to answer.
    pub(super) const fn lost_its_client(&self) -> bool {
        matches!(self, Self::Upstream { error: ForwardError::ClientGone, .. })
    }

    /// The answer for a request whose facts were read.
    pub(super) fn answer(&self, visit: &Visit) -> Response<Body> {
        let login = visit.generation().login.path.as_str();
        let sign_in = format!("{}{login}/sign_in", visit.facts().origin());
        let back = start_link(login, &own::target(visit.facts()), None);
        self.build(
            visit.generation(),
            visit.reader(),
            visit.facts().id(),
            visit.facts().host().as_str(),
            Some((&sign_in, &back)),
        )
    }

    /// The answer for a request that could not be read.
    pub(super) fn answer_unread(
        &self,
        generation: &Generation,
        reader: Reader,
        id: &RequestId,
        host: &str,
    ) -> Response<Body> {
        // The title is a host or nothing: not whatever a stranger put in its place.
        let title =
            HostName::parse(host).map_or_else(|_| "this site".to_owned(), |(host, _)| host.to_string());
        self.build(generation, reader, id, &title, None)
    }

    fn build(
        &self,
        generation: &Generation,
        reader: Reader,
        id: &RequestId,
        host: &str,
        links: Option<(&str, &str)>,
    ) -> Response<Body> {
        let outline = self.outline();
        let mut response = match reader {
            // Who cannot be redirected is told by JSON, whoever reads it: there is no page that a form could go on from.
            Reader::Person if !matches!(self, Self::SignInNeeded) => {
                let frame = Frame { title: host, reference: id.as_str() };
                let back = links.map_or("/", |(_, back)| back);
                self.page(generation, &outline, host, back, &frame)
            }
            Reader::Person | Reader::Program => {
                let sign_in =
                    links.filter(|_| matches!(self, Self::SignInNeeded)).map(|(sign_in, _)| sign_in);
                Pages::json(outline.status, outline.word, &outline.public, sign_in, id.as_str())
            }
            Reader::Grpc(content_type, _) => grpc::answer(content_type, &outline),
        };
        if !matches!(reader, Reader::Grpc(_, Carrier::Http2)) {
            *response.status_mut() = outline.status;
        }
        let headers = response.headers_mut();
        if let (Self::SignInNeeded, Some((sign_in, _))) = (self, links)
            && let Ok(challenge) = HeaderValue::from_str(&format!("Vestibule sign_in=\"{sign_in}\""))
        {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        // RFC 9110 section 15.5.6 wants to hear what would be taken.
        match self {
            Self::UnsupportedMethod => {
                headers.insert(ALLOW, HeaderValue::from_static(answer::USUAL_METHODS));
            }
            Self::MethodNotAllowed(allow) => {
                let names = allow.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
                // Methods are tokens, so their names always make a field.
                if let Ok(names) = HeaderValue::from_str(&names) {
                    headers.insert(ALLOW, names);
                }
            }
            _ => {}
        }
        if let Self::TooMany { wait, .. } = self {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        // Places become free all the time; the page's own value is for what is down.
        if matches!(self, Self::Upstream { error: ForwardError::Busy | ForwardError::Crowded { .. }, .. }) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if outline.status == StatusCode::SERVICE_UNAVAILABLE && !headers.contains_key(RETRY_AFTER) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("10"));
        }
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        answer::own(response)
    }
}
