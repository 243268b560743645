//! Refusals: every way in which a request can end badly, and the one place that says what becomes of it.
//!
//! Each has two texts: a public one for who asked, and a private one for the log. Nothing internal leaks, nothing is lost.

use std::sync::Arc;
use std::time::Duration;

use http::header::{ALLOW, CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Response, StatusCode};
use tracing::Level;

use super::answer::{self, Body};
use super::gateway::Generation;
use super::grpc;
use super::links::{back_path, start_link};
use super::login::Ended;
use super::own;
use super::reader::{Carrier, Reader};
use super::visit::Visit;
use crate::oidc::{CallbackError, Fault, LoginError, Provider};
use crate::pages::{Frame, Link, Page, Pages, RestartEnds, SignInFault, Trouble};
use crate::proxy::{Fault as UpstreamFault, ForwardError};
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
    /// No route has this host.
    UnknownHost(HostName),
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

/// What becomes of a refusal.
#[derive(Debug)]
pub(super) struct Outline {
    pub(super) status: StatusCode,
    /// A stable word for audit, metrics and the JSON answer.
    pub(super) word: &'static str,
    /// One public sentence.
    pub(super) public: String,
    /// For the log only.
    pub(super) private: Option<String>,
    pub(super) level: Level,
}

impl Outline {
    /// Where the documentation explains the word; only words of a group are.
    pub(super) fn url(&self) -> Option<String> {
        self.word.contains('/').then(|| format!("docs/errors.md#{}", self.word.replace('/', "-")))
    }
}

impl Refusal {
    /// Status, words and level of each refusal: the whole product on one screen.
    pub(super) fn outline(&self) -> Outline {
        use StatusCode as S;
        let client = |status, word, public: &str| Outline {
            status,
            word,
            public: public.to_owned(),
            private: None,
            level: Level::INFO,
        };
        match self {
            Self::BadHost(why) => {
                client(S::BAD_REQUEST, "bad_host", &format!("The request cannot be understood: {why}."))
            }
            Self::BadPath(why) => {
                client(S::BAD_REQUEST, "bad_path", &format!("The request cannot be understood: {why}."))
            }
            Self::UnsupportedMethod => {
                client(S::METHOD_NOT_ALLOWED, "method_not_allowed", "This method is not served here.")
            }
            Self::HeadTooLarge => client(
                S::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "head_too_large",
                "The request's head is too large.",
            ),
            Self::UnknownHost(host) => Outline {
                private: Some(format!(
                    "no route has the host {host}; a proxy in front must pass on the one that the browser sent \
                     (nginx: proxy_set_header Host $host)"
                )),
                ..client(S::MISDIRECTED_REQUEST, "unknown_host", "No site here has this name.")
            },
            Self::NotFound => client(S::NOT_FOUND, "not_found", "There is nothing at this address."),
            Self::MethodNotAllowed(_) => client(
                S::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "This address does not take such requests.",
            ),
            Self::SignInNeeded => client(S::UNAUTHORIZED, "sign_in_required", "Sign in to go on."),
            Self::NotAllowed(why) => Outline {
                private: why.lacking.clone(),
                ..client(S::FORBIDDEN, why.word, "You are signed in, but not allowed to enter here.")
            },
            Self::Barred { word, by_place: true } => {
                client(S::FORBIDDEN, word, "This cannot be opened from your network.")
            }
            Self::Barred { word, by_place: false } => client(S::FORBIDDEN, word, "This is for other people."),
            Self::WrongProvider { .. } => client(
                S::FORBIDDEN,
                "wrong_provider",
                "You are signed in in another way than this address accepts.",
            ),
            Self::UnknownProvider { .. } => client(
                S::BAD_REQUEST,
                "login/unknown-provider",
                "There is no way to sign in by this name here.",
            ),
            Self::WrongCallback => Outline {
                private: Some(
                    "the answer came to the address of another provider than the one that was asked"
                        .to_owned(),
                ),
                level: Level::WARN,
                ..client(
                    S::BAD_REQUEST,
                    "login/wrong-callback",
                    "The answer of the sign-in came to an address that was not asked for it.",
                )
            },
            Self::ForeignWebSocket => client(
                S::FORBIDDEN,
                "foreign_origin",
                "A WebSocket with a session must come from a page of this site.",
            ),
            Self::ForeignForm { .. } => {
                client(S::FORBIDDEN, "foreign_origin", "This must come from a page of this site.")
            }
            Self::Callback(error) => Outline {
                private: Some(error.to_string()),
                ..client(S::BAD_REQUEST, "login/bad-callback", "The provider's answer could not be read.")
            },
            Self::StaleState => client(
                S::BAD_REQUEST,
                "login/stale-state",
                "This sign-in took too long, was finished already, or was started in another browser; or this browser keeps no \
                 cookies of this site.",
            ),
            Self::CodeConflict => {
                client(S::BAD_REQUEST, "login/code-conflict", "This sign-in was answered twice, in two ways.")
            }
            Self::LoginBusy => {
                client(S::SERVICE_UNAVAILABLE, "login/busy", "The sign-in broke off. Please try again.")
            }
            Self::Login { error, .. } => {
                let (status, level) = match error.fault() {
                    Fault::Client => (S::BAD_REQUEST, Level::INFO),
                    Fault::Provider | Fault::Account => (S::BAD_GATEWAY, Level::WARN),
                    Fault::Unavailable => (S::SERVICE_UNAVAILABLE, Level::WARN),
                    Fault::Excess => (S::FORBIDDEN, Level::WARN),
                };
                Outline {
                    status,
                    word: error.code(),
                    public: error.public(),
                    private: Some(error.to_string()),
                    level,
                }
            }
            Self::ProviderSaid { error, description, .. } if error == "access_denied" => Outline {
                private: Some(said(error, description.as_deref())),
                ..client(
                    S::FORBIDDEN,
                    "login/access-denied",
                    "The provider did not let you in, or you declined.",
                )
            },
            Self::ProviderSaid { error, description, redirect_uri, .. }
                if is_about_redirect_uri(error, description.as_deref()) =>
            {
                Outline {
                    private: Some(format!(
                        "the provider refused {redirect_uri} ({}); register exactly this address for our client; \
                         common slips: http for https, a missing port, a trailing slash",
                        said(error, description.as_deref())
                    )),
                    level: Level::WARN,
                    ..client(S::BAD_REQUEST, "login/redirect-uri", "The provider reported an error.")
                }
            }
            Self::ProviderSaid { error, description, .. } => Outline {
                private: Some(said(error, description.as_deref())),
                level: Level::WARN,
                ..client(S::BAD_REQUEST, "login/provider-error", "The provider reported an error.")
            },
            Self::SessionTooLarge { bytes, groups, group_bytes } => Outline {
                status: S::FORBIDDEN,
                word: "session/too-large",
                public: "Your account has more data than a session can hold here.".to_owned(),
                private: Some(format!(
                    "this session would be {bytes} bytes; one cookie holds {}. {group_bytes} bytes of it are {groups} groups. Use a header \
                     set without {{groups}}, so that only the groups that rules name are kept",
                    crate::session::MAX_COOKIE
                )),
                level: Level::WARN,
            },
            Self::TooMany { .. } => client(
                S::TOO_MANY_REQUESTS,
                "login/rate",
                "Too many sign-ins were started from your network. Wait a moment and try again.",
            ),
            Self::LoopBroken { last } => Outline {
                status: S::FORBIDDEN,
                word: "login/loop",
                public: format!(
                    "Signing in worked three times in a row, but each time it was lost again. {}",
                    last.sentence()
                ),
                private: Some(format!(
                    "three sign-ins in a row led nowhere; the last check that failed: {}",
                    last.word()
                )),
                level: Level::WARN,
            },
            Self::Upstream { error, .. } => upstream(error),
        }
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
                headers
                    .insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
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
        if outline.status == StatusCode::SERVICE_UNAVAILABLE && !headers.contains_key(RETRY_AFTER) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("10"));
        }
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        answer::own(response)
    }

    fn page(
        &self,
        generation: &Generation,
        outline: &Outline,
        host: &str,
        back: &str,
        frame: &Frame<'_>,
    ) -> Response<bytes::Bytes> {
        let login = generation.login.path.as_str();
        let public_url = generation.public_url.to_string();
        let sign_out = format!("{login}/sign_out");
        let path = back_path(back);
        let switch = start_link(login, &path, Some("switch=1"));
        let root = start_link(login, "/", None);
        let failed = |fault, start_again: &str| {
            let page = Page::SignInFailed {
                fault,
                cause: &outline.public,
                detail: self.detail(),
                start_again: Link::here(start_again),
                ends: if start_again == root { RestartEnds::AtStart } else { RestartEnds::AtTarget },
                home: Link::START,
            };
            generation.pages.render(&page, frame)
        };
        let page = match self {
            Self::UnsupportedMethod
            | Self::BadHost(_)
            | Self::BadPath(_)
            | Self::SignInNeeded
            | Self::ForeignWebSocket => Page::BadRequest { reason: &outline.public },
            Self::HeadTooLarge => Page::HeadTooLarge,
            Self::UnknownHost(_) => {
                // To a stranger it would tell what stands here; on loopback it is the operator who typed the other name.
                let loopback = HostName::parse(host).is_ok_and(|(host, _)| host.is_loopback());
                Page::UnknownHost { public_url: loopback.then_some(Link::site(&public_url)) }
            }
            Self::NotFound => Page::NotFound { home: Link::START },
            Self::MethodNotAllowed(allow) => Page::MethodNotAllowed { allow, home: Link::START },
            Self::Barred { .. } => Page::Barred { reason: &outline.public },
            Self::NotAllowed(why) => {
                let NotAllowed { user, provider, needs, .. } = &**why;
                let named = provider.as_ref().filter(|_| generation.providers.are_several());
                let named = named.map(|provider| format!("provider={}", provider.name()));
                let again = start_link(login, &path, named.as_deref());
                let page = Page::Denied {
                    user,
                    provider_title: title(provider),
                    needs,
                    try_again: Link::here(&again),
                    switch_account: Link::here(&switch),
                    sign_out: Link::here(&sign_out),
                };
                return generation.pages.render(&page, frame);
            }
            Self::WrongProvider { user, provider, accepted } => {
                let start =
                    |one: &Provider| start_link(login, &path, Some(&format!("provider={}", one.name())));
                let starts: Vec<_> = accepted.iter().map(|one| (one.title(), start(one))).collect();
                let accepted: Vec<_> =
                    starts.iter().map(|(title, start)| (*title, Link::here(start))).collect();
                let page = Page::WrongProvider {
                    user,
                    provider_title: title(provider),
                    accepted: &accepted,
                    sign_out: Link::here(&sign_out),
                };
                return generation.pages.render(&page, frame);
            }
            Self::UnknownProvider { start_again } => return failed(SignInFault::Request, start_again),
            Self::ForeignForm { go_on } => Page::ForeignOrigin { go_on: Link::here(go_on) },
            Self::Callback(_) | Self::StaleState | Self::CodeConflict | Self::WrongCallback => {
                return failed(SignInFault::Request, &root);
            }
            Self::LoopBroken { .. } | Self::SessionTooLarge { .. } => {
                return failed(SignInFault::Refused, &root);
            }
            Self::TooMany { wait, retry } => Page::TooMany { retry: Link::here(retry), wait: *wait },
            Self::LoginBusy => Page::SignInUnavailable { cause: &outline.public, retry: Link::here(&root) },
            Self::Login { start_again, .. } => match outline.status {
                StatusCode::SERVICE_UNAVAILABLE => {
                    Page::SignInUnavailable { cause: &outline.public, retry: Link::here(start_again) }
                }
                StatusCode::BAD_REQUEST => return failed(SignInFault::Request, start_again),
                StatusCode::FORBIDDEN => return failed(SignInFault::Refused, start_again),
                _ => return failed(SignInFault::Provider, start_again),
            },
            Self::ProviderSaid { start_again, .. } if outline.status == StatusCode::FORBIDDEN => {
                return failed(SignInFault::Refused, start_again);
            }
            Self::ProviderSaid { start_again, .. } => return failed(SignInFault::Request, start_again),
            Self::Upstream { error, retry } => match outline.status {
                StatusCode::PAYLOAD_TOO_LARGE => Page::TooLarge { limit: error.limit() },
                StatusCode::SERVICE_UNAVAILABLE => trouble(Trouble::Unavailable, retry),
                StatusCode::GATEWAY_TIMEOUT => trouble(Trouble::TimedOut, retry),
                status if status.is_server_error() => trouble(Trouble::BadGateway, retry),
                _ => Page::BadRequest { reason: &outline.public },
            },
        };
        generation.pages.render(&page, frame)
    }

    fn detail(&self) -> Option<&str> {
        match self {
            Self::ProviderSaid { error, description, .. } => Some(description.as_deref().unwrap_or(error)),
            _ => None,
        }
    }
}

/// What becomes of a request that the proxy could not hand on.
fn upstream(error: &ForwardError) -> Outline {
    use StatusCode as S;
    let status = error.status();
    let public = match (error.fault(), status) {
        (_, S::PAYLOAD_TOO_LARGE) => "This is too large to send.",
        (UpstreamFault::Client, _) => "The request could not be handed on as it was sent.",
        (UpstreamFault::Upstream, S::GATEWAY_TIMEOUT) => "The application took too long to answer.",
        (UpstreamFault::Upstream, _) => "The application is not answering.",
        (UpstreamFault::Us, _) => "Something went wrong here.",
    };
    let level = match error.fault() {
        UpstreamFault::Client => Level::INFO,
        UpstreamFault::Upstream => Level::WARN,
        UpstreamFault::Us => Level::ERROR,
    };
    Outline {
        status,
        word: error.word(),
        public: public.to_owned(),
        private: Some(with_causes(error)),
        level,
    }
}

/// An error with what caused it, in one line.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn trouble(kind: Trouble, retry: &str) -> Page<'_> {
    Page::UpstreamTrouble { kind, retry: (!retry.is_empty()).then_some(Link::here(retry)) }
}

/// Whether an error of the provider speaks of the redirect URI, in the words that providers use for it.
fn is_about_redirect_uri(error: &str, description: Option<&str>) -> bool {
    let text = format!("{error} {}", description.unwrap_or_default()).to_ascii_lowercase();
    ["redirect_uri", "redirect uri", "redirect url"].iter().any(|words| text.contains(words))
}

fn title(provider: &Option<Arc<Provider>>) -> &str {
    provider.as_ref().map(|provider| provider.title()).unwrap_or_default()
}

fn said(error: &str, description: Option<&str>) -> String {
    format!(
        "the provider reported {error}{}",
        description.map(|text| format!(": {text}")).unwrap_or_default()
    )
}
