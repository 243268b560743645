//! The pages themselves: what each one is told, its status, its heading, and what its answer needs besides the text.

use std::borrow::Cow;
use std::time::Duration;

use http::{Method, StatusCode};

use super::link::Link;
use super::text;
use crate::clock::Timestamp;

/// One HTML answer of the gateway, with what it has to say. Every string may be hostile: it is bounded and escaped
/// when the page is written. `title` of a provider is its configured name, `user` is the `{user}` of the identity.
#[derive(Clone, Debug)]
pub enum Page<'a> {
    /// Where a person chooses how to sign in: 200.
    Chooser {
        /// Where the sign-in ends: a path, after its host where that is another one; none for the start page.
        return_to: Option<&'a str>,
        /// The ways there are, the one that was used last first.
        choices: &'a [Choice<'a>],
    },
    /// The chooser, asked for by somebody who is signed in: 200.
    AlreadySignedIn {
        /// Who is signed in.
        user: &'a str,
        /// With which provider.
        provider_title: &'a str,
        /// Where it goes on: a path, after its host where that is another one; none for the start page.
        return_to: Option<&'a str>,
        /// Goes on with this session.
        go_on: Link<'a>,
        /// Signs in with another account.
        switch_account: Link<'a>,
    },
    /// A sign-in ended without a session.
    SignInFailed {
        /// Whose fault it was; decides the status.
        fault: SignInFault,
        /// One public sentence.
        cause: &'a str,
        /// The error text of the provider, shown as a quotation.
        detail: Option<&'a str>,
        /// Starts again.
        start_again: Link<'a>,
        /// Where that ends.
        ends: RestartEnds,
        /// The start page.
        home: Link<'a>,
    },
    /// The provider cannot be reached, so that no sign-in can start: 503.
    SignInUnavailable {
        /// One public sentence.
        cause: &'a str,
        /// Starts the sign-in once more.
        retry: Link<'a>,
    },
    /// Signed in, but the rule does not admit this person: 403.
    Denied {
        /// Who is signed in.
        user: &'a str,
        /// With which provider.
        provider_title: &'a str,
        /// Whom the page is for, in words (`group ops`), any one of them; empty if the rule is not to be named.
        needs: &'a [String],
        /// Signs in afresh with the same account, so that new rights count.
        try_again: Link<'a>,
        /// Signs in with another account.
        switch_account: Link<'a>,
        /// Where a POST signs out.
        sign_out: Link<'a>,
    },
    /// Signed in with a provider that the route does not accept: 403.
    WrongProvider {
        /// Who is signed in.
        user: &'a str,
        /// With which provider.
        provider_title: &'a str,
        /// The accepted providers: title, and where a sign-in with it starts.
        accepted: &'a [(&'a str, Link<'a>)],
        /// Where a POST signs out.
        sign_out: Link<'a>,
    },
    /// Asks before signing out: 200.
    ConfirmSignOut {
        /// Who is signed in, if anybody.
        user: Option<&'a str>,
        /// Where a POST signs out.
        action: Link<'a>,
        /// The field `rd` of that POST.
        rd: Option<&'a str>,
        /// Back without signing out.
        stay: Link<'a>,
    },
    /// The end of a sign-out: 200.
    SignedOut {
        /// What became of the session at the provider.
        provider: ProviderSignOut<'a>,
        /// Starts a sign-in.
        sign_in: Link<'a>,
    },
    /// What the gateway knows about the person who asks: 200.
    YourSession(YourSession<'a>),
    /// Leads on by itself, and by a press where that is switched off: 200.
    Onward {
        /// Where to.
        to: Link<'a>,
        /// Why not by a redirect.
        reason: Onward,
    },
    /// The upstream did not answer as it should: 502, 503 or 504.
    UpstreamTrouble {
        /// In which way.
        kind: Trouble,
        /// The same page once more; none where asking again could do something twice.
        retry: Option<Link<'a>>,
    },
    /// The body is over the limit of the route: 413.
    TooLarge {
        /// The limit in bytes.
        limit: Option<u64>,
    },
    /// The head is over the limit: 431, with a button that clears the cookies of this host.
    HeadTooLarge,
    /// The address is over the limit: 414.
    TargetTooLong,
    /// Too many sign-ins were started: 429.
    TooMany {
        /// The same page once more.
        retry: Link<'a>,
        /// After which time.
        wait: Duration,
    },
    /// The request cannot be read in one way only: 400.
    BadRequest {
        /// One public sentence.
        reason: &'a str,
    },
    /// Refused whoever it is, by where the client is: 403.
    Barred {
        /// One public sentence.
        reason: &'a str,
    },
    /// A form of ours was sent from another site: 403.
    ForeignOrigin {
        /// Where the person can do the same thing here.
        go_on: Link<'a>,
    },
    /// No route and no endpoint has this path: 404.
    NotFound {
        /// The start page.
        home: Link<'a>,
    },
    /// The path exists, but not for this method: 405.
    MethodNotAllowed {
        /// The methods that it has (RFC 9110, 15.5.6).
        allow: &'a [Method],
        /// The start page.
        home: Link<'a>,
    },
    /// No site of ours has this host: 421.
    UnknownHost {
        /// Where to go instead; told on loopback only, since to others it would tell what stands here.
        public_url: Option<Link<'a>>,
    },
}

/// The data of [`Page::YourSession`].
#[derive(Clone, Debug)]
pub struct YourSession<'a> {
    /// The `{user}` of the identity.
    pub user: &'a str,
    /// The display name.
    pub name: Option<&'a str>,
    /// The e-mail address.
    pub email: Option<&'a str>,
    /// The groups that the session holds.
    pub groups: &'a [String],
    /// The provider's configured name.
    pub provider_title: &'a str,
    /// When the sign-in took place.
    pub signed_in_at: Timestamp,
    /// When the session ends at the latest.
    pub ends_at: Timestamp,
    /// When it ends without a further request.
    pub idle_until: Option<Timestamp>,
    /// The time of the request.
    pub now: Timestamp,
    /// The names of the headers that the applications of this host receive.
    pub header_names: &'a [String],
    /// Where a POST signs out.
    pub sign_out: Link<'a>,
    /// The start page.
    pub home: Link<'a>,
}

/// One way to sign in.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    /// The provider's configured name.
    pub title: &'a str,
    /// Whether this browser signed in that way before.
    pub last_used: bool,
    /// Where a sign-in that way starts.
    pub start: Link<'a>,
}

/// Why a page leads on by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Onward {
    /// A sign-in is done.
    SignedIn,
    /// A foreign site led here, and a browser keeps the session back from such a load.
    FromElsewhere,
}

/// Where a sign-in that is started again ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartEnds {
    /// On the page that was asked for.
    AtTarget,
    /// On the start page: which page was asked for is not known any more.
    AtStart,
}

/// Whose fault a failed sign-in was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInFault {
    /// Stale, unknown or malformed, or the provider reported an error: 400.
    Request,
    /// The provider, the loop breaker or a limit refused it: 403.
    Refused,
    /// The provider's answer was not acceptable: 502.
    Provider,
}

/// What became of the session at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderSignOut<'a> {
    /// It ended as well.
    Ended,
    /// The sign-out concerned this site only, as configured.
    Local,
    /// It could not be ended, or that is not known. Holds the provider's configured name.
    MayRemain(&'a str),
}

/// How an upstream failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It could not be reached, or its answer made no sense: 502.
    BadGateway,
    /// It takes no requests now: 503.
    Unavailable,
    /// It took too long: 504.
    TimedOut,
}

/// What a page may submit a form to, for its Content-Security-Policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FormTarget {
    /// This origin.
    Here,
    /// Not restricted: browsers hold the redirect that answers a form against `form-action` too, and this one may
    /// lead to the provider and on from there.
    MayLeave,
}

/// The state of the door in the picture: decoration, never the only sign of anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Open,
    Ajar,
    Closed,
}

/// Proposed to whoever meets a provider or an upstream that is down.
const RETRY_SOON: Duration = Duration::from_secs(10);

impl Page<'_> {
    /// The status that the page is sent with.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Chooser { .. }
            | Self::AlreadySignedIn { .. }
            | Self::Onward { .. }
            | Self::ConfirmSignOut { .. }
            | Self::SignedOut { .. }
            | Self::YourSession(_) => StatusCode::OK,
            Self::SignInFailed { fault, .. } => match fault {
                SignInFault::Request => StatusCode::BAD_REQUEST,
                SignInFault::Refused => StatusCode::FORBIDDEN,
                SignInFault::Provider => StatusCode::BAD_GATEWAY,
            },
            Self::BadRequest { .. } => StatusCode::BAD_REQUEST,
            Self::Denied { .. }
            | Self::WrongProvider { .. }
            | Self::Barred { .. }
            | Self::ForeignOrigin { .. } => StatusCode::FORBIDDEN,
            Self::NotFound { .. } => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnknownHost { .. } => StatusCode::MISDIRECTED_REQUEST,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::SignInUnavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::UpstreamTrouble { kind, .. } => match kind {
                Trouble::BadGateway => StatusCode::BAD_GATEWAY,
                Trouble::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
                Trouble::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            },
        }
    }

    /// The heading of the page on the service called `title`.
    pub(crate) fn heading(&self, title: &str) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Chooser { .. } => return Cow::Owned(format!("Sign in to {}", text::word(&title))),
            Self::AlreadySignedIn { user, .. } => {
                return Cow::Owned(format!("You are signed in as {}", text::word(user)));
            }
            Self::SignInFailed { .. } => "Sign-in did not finish",
            Self::SignInUnavailable { .. } => "Sign-in is not available right now",
            Self::Denied { .. } | Self::WrongProvider { .. } | Self::Barred { .. } => {
                "You do not have access"
            }
            Self::ConfirmSignOut { .. } => {
                return Cow::Owned(format!("Sign out of {}?", text::word(&title)));
            }
            Self::SignedOut { .. } => "You are signed out",
            Self::YourSession(_) => "Your session",
            Self::UpstreamTrouble { .. } => "The application is not answering",
            Self::Onward { reason: Onward::SignedIn, .. } => "You are signed in",
            Self::Onward { reason: Onward::FromElsewhere, .. } => "One moment",
            Self::TooLarge { .. } => "This is too large to send",
            Self::HeadTooLarge => "Your browser sent too many cookies",
            Self::TargetTooLong => "This address is too long",
            Self::TooMany { .. } => "Too many sign-ins at once",
            Self::BadRequest { .. } => "This request was not understood",
            Self::ForeignOrigin { .. } => "This came from another site",
            Self::NotFound { .. } => "There is nothing at this address",
            Self::MethodNotAllowed { .. } => "This address does not take such requests",
            Self::UnknownHost { .. } => "No site here has this name",
        })
    }

    /// Where a browser is to go by itself.
    pub(crate) const fn onward(&self) -> Option<Link<'_>> {
        match self {
            Self::Onward { to, .. } => Some(*to),
            _ => None,
        }
    }

    /// The time after which asking again makes sense, for `Retry-After`.
    pub(crate) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::SignInUnavailable { .. } | Self::UpstreamTrouble { kind: Trouble::Unavailable, .. } => {
                Some(RETRY_SOON)
            }
            Self::TooMany { wait, .. } => Some(*wait),
            _ => None,
        }
    }

    pub(crate) const fn form_target(&self) -> FormTarget {
        match self {
            // Clearing the cookies ends at the start page, which for want of a session leads to the provider.
            Self::Denied { .. }
            | Self::WrongProvider { .. }
            | Self::ConfirmSignOut { .. }
            | Self::YourSession(_)
            | Self::HeadTooLarge => FormTarget::MayLeave,
            _ => FormTarget::Here,
        }
    }

    pub(crate) const fn door(&self) -> Door {
        match self {
            Self::AlreadySignedIn { .. } | Self::ConfirmSignOut { .. } | Self::YourSession(_) => Door::Open,
            Self::Chooser { .. }
            | Self::Onward { .. }
            | Self::SignedOut { .. }
            | Self::SignInFailed { .. }
            | Self::SignInUnavailable { .. }
            | Self::TooMany { .. }
            | Self::UpstreamTrouble { .. } => Door::Ajar,
            _ => Door::Closed,
        }
    }
}
