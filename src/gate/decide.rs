//! The decision: pass, sign in first, or not at all.

use std::sync::Arc;

use http::Method;

use super::routes::{CrossSite, Route, SignedOut};
use crate::authz::{Entry, Refused, Verdict};
use crate::identity::IdentityHead;
use crate::session::Session;
use crate::web::source::FetchSite;
use crate::web::{Facts, RequestKind, SaidOrigin};

/// The right to be forwarded. Only [`decide`] makes one, and only for the facts it judged.
#[derive(Debug)]
pub struct Pass<'a> {
    facts: &'a Facts,
    route: &'a Arc<Route>,
    by: &'a Entry,
    visitor: Option<Visitor<'a>>,
}

/// A person with a session, as presented to the gate.
#[derive(Clone, Copy, Debug)]
pub struct Visitor<'a> {
    /// The session, which stands.
    pub session: &'a Session,
    /// Whether it kept all that the configuration now asks for.
    pub freshness: Freshness,
    /// The identity headers of the route for this person.
    pub head: &'a IdentityHead,
}

/// Whether a session kept all that the configuration now asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It did.
    Fresh,
    /// The configuration wants more by now: the session says too little to judge by.
    Stale,
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Decision<'a> {
    /// It goes on to the upstream.
    Pass(Pass<'a>),
    /// The browser is sent to sign in.
    Login,
    /// It ends here.
    Deny(Denial<'a>),
}

/// Why a request ends at the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial<'a> {
    /// Nobody is signed in, and this is no page load that could be redirected: 401.
    SignInNeeded,
    /// The rule refuses, whoever signs in or the one who did: 403.
    Refused(Refused<'a>),
    /// Signed in with a provider whose sessions do not count here: 403.
    WrongProvider,
    /// An unsafe request from a page of another site, where the route wants none: 403.
    ForeignOrigin,
    /// A WebSocket handshake with a session from a page that is not ours, or from no page at all: 403.
    ForeignWebSocket,
}

/// Decides. Pure: the same input always gives the same decision, and neither query nor fragment is part of it.
#[must_use]
pub fn decide<'a>(facts: &'a Facts, route: &'a Arc<Route>, visitor: Option<Visitor<'a>>) -> Decision<'a> {
    // Whose alice? A name means nothing but beside the provider that gave it.
    let is_theirs =
        |visitor: &Visitor<'_>| !route.providers().contains(visitor.session.identity().provider());
    let is_strange = visitor.as_ref().is_some_and(is_theirs);
    // A stale session proves nothing that a rule could rest on; it counts as none.
    let visitor = visitor.filter(|visitor| visitor.freshness == Freshness::Fresh && !is_strange);
    match route.rule().evaluate(visitor.map(|visitor| visitor.session.identity()), facts) {
        Verdict::Admitted(_) if visitor.is_some() && is_foreign_websocket(facts, route) => {
            Decision::Deny(Denial::ForeignWebSocket)
        }
        Verdict::Admitted(_)
            if route.options().cross_site == CrossSite::Refuse && is_foreign(facts, route) =>
        {
            Decision::Deny(Denial::ForeignOrigin)
        }
        Verdict::Admitted(by) => Decision::Pass(Pass { facts, route, by, visitor }),
        // Never a redirect: it would take the session that the person has without asking.
        Verdict::SignInNeeded if is_strange => Decision::Deny(Denial::WrongProvider),
        Verdict::SignInNeeded if may_redirect(facts, route.options().signed_out) => Decision::Login,
        Verdict::SignInNeeded => Decision::Deny(Denial::SignInNeeded),
        Verdict::Refused(why) => Decision::Deny(Denial::Refused(why)),
    }
}

/// Whether a request of that kind is sent to sign in. Every other kind gets a refusal that a program understands.
fn may_redirect(facts: &Facts, signed_out: SignedOut) -> bool {
    match (facts.kind(), signed_out) {
        (RequestKind::Navigation, SignedOut::Auto | SignedOut::Redirect)
        | (RequestKind::Unmarked, SignedOut::Redirect) => true,
        (RequestKind::Navigation | RequestKind::Unmarked, SignedOut::Auto | SignedOut::Unauthorized)
        | (
            RequestKind::Form
            | RequestKind::Frame
            | RequestKind::Prefetch
            | RequestKind::Fetch
            | RequestKind::Resource
            | RequestKind::Manifest
            | RequestKind::ServiceWorker
            | RequestKind::EventStream
            | RequestKind::WebSocket
            | RequestKind::Upgrade
            | RequestKind::Preflight
            | RequestKind::Grpc
            | RequestKind::GrpcWeb
            | RequestKind::Call,
            _,
        ) => false,
    }
}

/// Browsers send cookies along with a handshake from any site, and no CORS check follows: only the Origin tells.
fn is_foreign_websocket(facts: &Facts, route: &Route) -> bool {
    facts.kind() == RequestKind::WebSocket && !has_origin_of(facts, route)
}

/// Whether an unsafe request comes from a page of another site. A program that sends neither field is no browser, and
/// no browser sends it on somebody's behalf.
fn is_foreign(facts: &Facts, route: &Route) -> bool {
    if matches!(*facts.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return false;
    }
    match facts.source().origin() {
        // A value that we do not know may be a new word for a foreign page.
        SaidOrigin::Absent => {
            !matches!(facts.source().site(), None | Some(FetchSite::SameOrigin | FetchSite::None))
        }
        SaidOrigin::Opaque | SaidOrigin::Origin(_) => !has_origin_of(facts, route),
    }
}

/// Whether the Origin is the site's own, or one that the route names.
fn has_origin_of(facts: &Facts, route: &Route) -> bool {
    matches!(
        facts.source().origin(),
        SaidOrigin::Origin(origin) if origin == facts.origin() || route.options().origins.contains(origin)
    )
}

impl<'a> Pass<'a> {
    /// The facts that were judged.
    #[must_use]
    pub const fn facts(&self) -> &'a Facts {
        self.facts
    }

    /// The route.
    #[must_use]
    pub const fn route(&self) -> &'a Arc<Route> {
        self.route
    }

    /// The term that let the request in.
    #[must_use]
    pub const fn by(&self) -> &'a Entry {
        self.by
    }

    /// The session that was presented; always there unless everybody may enter.
    #[must_use]
    pub fn session(&self) -> Option<&'a Session> {
        self.visitor.map(|visitor| visitor.session)
    }

    /// The identity headers to send.
    #[must_use]
    pub fn head(&self) -> &'a IdentityHead {
        self.visitor.map_or(self.route.anonymous(), |visitor| visitor.head)
    }
}

#[cfg(test)]
mod tests;
