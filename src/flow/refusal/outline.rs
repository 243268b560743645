//! What becomes of each refusal: status, word, texts and level, in one match.
//!
//! Each has two texts: a public one for who asked, and a private one for the log. Nothing internal leaks, nothing is lost.

use http::StatusCode;
use tracing::Level;

use super::Refusal;
use crate::lines::text::with_causes;
use crate::manual;
use crate::oidc::Fault;
use crate::proxy::{Fault as UpstreamFault, ForwardError};

/// What becomes of a refusal.
#[derive(Debug)]
pub(in crate::flow) struct Outline {
    pub(in crate::flow) status: StatusCode,
    /// A stable word for audit, metrics and the JSON answer.
    pub(in crate::flow) word: &'static str,
    /// One public sentence.
    pub(in crate::flow) public: String,
    /// For the log only.
    pub(in crate::flow) private: Option<String>,
    pub(in crate::flow) level: Level,
}

impl Outline {
    /// Where the documentation explains the word; only words of a group are.
    pub(in crate::flow) fn url(&self) -> Option<String> {
        manual::url(self.word)
    }
}

impl Refusal {
    /// Status, words and level of each refusal: the whole product on one screen.
    pub(in crate::flow) fn outline(&self) -> Outline {
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
            Self::TargetTooLong => {
                client(S::URI_TOO_LONG, "target_too_long", "The address that was asked for is too long.")
            }
            Self::UnknownHost(host) => Outline {
                private: Some(format!(
                    "no route has the host {host}; a proxy in front must pass on the one that the browser sent \
                     (nginx: proxy_set_header Host $host)"
                )),
                ..client(S::MISDIRECTED_REQUEST, "unknown_host", "No site here has this name.")
            },
            Self::Misdirected { asked, server_name } => Outline {
                private: Some(match server_name {
                    Some(name) => format!(
                        "a TLS connection to {name} was used for {asked}, which its certificate does not speak for"
                    ),
                    None => format!(
                        "a TLS connection without a server name was used for {asked}, which has a certificate of its own"
                    ),
                }),
                ..client(
                    S::MISDIRECTED_REQUEST,
                    "misdirected_request",
                    "This connection is for another site.",
                )
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
}

/// What becomes of a request that the proxy could not hand on.
fn upstream(error: &ForwardError) -> Outline {
    use StatusCode as S;
    let status = error.status();
    let public = match (error.fault(), status) {
        (_, S::PAYLOAD_TOO_LARGE) => "This is too large to send.",
        (UpstreamFault::Client, _) => "The request could not be handed on as it was sent.",
        (UpstreamFault::Upstream, S::SERVICE_UNAVAILABLE) => "The application is busy. Please try again.",
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

/// Whether an error of the provider speaks of the redirect URI, in the words that providers use for it.
fn is_about_redirect_uri(error: &str, description: Option<&str>) -> bool {
    let text = format!("{error} {}", description.unwrap_or_default()).to_ascii_lowercase();
    ["redirect_uri", "redirect uri", "redirect url"].iter().any(|words| text.contains(words))
}

fn said(error: &str, description: Option<&str>) -> String {
    format!(
        "the provider reported {error}{}",
        description.map(|text| format!(": {text}")).unwrap_or_default()
    )
}
