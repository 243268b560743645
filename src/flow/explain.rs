//! Explaining: what a configuration says about one request, term by term, without a network and without a session.
//!
//! The request is read, routed, judged and given its head by the code that serves; only the person is made up here.
//! Nothing that an explanation makes can enter: no cookie is sealed, and nothing is sent.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, Request, Version};
use serde::Serialize;

use super::gateway::{Generation, Shared};
use super::refusal::Refusal;
use super::{denial, login, observe, own};
use crate::authz::{self, Term};
use crate::gate::{Decision, Freshness, Pass, Route, Visitor, decide};
use crate::identity::{Claim, Identity, ProviderName, Vouched};
use crate::session::{Session, SessionId};
use crate::web::{Arrival, ClientAddr, PeerAddr};

/// What is asked.
#[derive(Debug)]
pub struct Question {
    /// The request: its target in origin form, its Host and other fields.
    pub request: Request<()>,
    /// The other end of the connection.
    pub peer: PeerAddr,
    /// Who asks; none for somebody without a session.
    pub persona: Option<Persona>,
}

/// A person as made up for a question.
#[derive(Clone, Debug, Default)]
pub struct Persona {
    /// The provider; none for the first that the route accepts.
    pub provider: Option<String>,
    /// `{user}`.
    pub user: String,
    /// `{sub}`; none for the same text as the user.
    pub subject: Option<String>,
    /// A verified e-mail address.
    pub email: Option<String>,
    /// The display name.
    pub name: Option<String>,
    /// The groups.
    pub groups: Vec<String>,
    /// Further claims, by name or JSON pointer.
    pub claims: Vec<(String, String)>,
}

/// What becomes of the request, and why.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// The route; none when no route is asked.
    pub route: Option<RouteSeen>,
    /// The client, as it is held to be.
    pub client: String,
    /// The path that rules judge, when it is not what was asked.
    pub judged_path: Option<String>,
    /// What kind of request it is held to be.
    pub kind: &'static str,
    /// Who asks.
    pub session: Option<SessionSeen>,
    /// Every term of the rule.
    pub terms: Vec<TermSeen>,
    /// What becomes of it.
    pub outcome: Outcome,
}

/// A route, as it matched.
#[derive(Debug, Serialize)]
pub struct RouteSeen {
    /// Its name.
    pub name: String,
    /// The host that was asked.
    pub host: String,
    /// The prefix under which it was found.
    pub path: String,
}

/// The person of the question, as the rules saw them.
#[derive(Debug, Serialize)]
pub struct SessionSeen {
    /// `{user}`.
    pub user: String,
    /// The provider.
    pub provider: String,
    /// The verified e-mail address.
    pub email: Option<String>,
    /// The groups.
    pub groups: Vec<String>,
    /// Claims of the question that no rule and no header asks for: a session would not hold them.
    pub unasked_claims: Vec<String>,
}

/// One term of the rule.
#[derive(Debug, Serialize)]
pub struct TermSeen {
    /// `deny`, `require` or `allow`.
    pub list: &'static str,
    /// As written.
    pub term: String,
    /// `hit`, `miss`, or `open`: it is about a person, and nobody is signed in, or not with a provider of the route.
    pub outcome: &'static str,
    /// What it was held against.
    pub against: String,
}

/// What becomes of the request.
#[derive(Debug, Serialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Outcome {
    /// It goes to the upstream.
    Allow {
        /// The term that lets it in.
        by: String,
        /// The request line that the upstream gets.
        line: String,
        /// The fields that the upstream gets, in order. A secret is not shown.
        head: Vec<(String, String)>,
        /// The fields of the request that the upstream does not get, or gets from us instead.
        removed: Vec<String>,
    },
    /// The browser is sent to sign in.
    SignIn {
        /// The providers that come into question.
        providers: Vec<String>,
        /// Where it ends afterwards.
        return_to: String,
    },
    /// It ends here.
    Refuse {
        /// The status.
        status: u16,
        /// The stable word.
        reason: &'static str,
        /// One sentence.
        because: String,
    },
    /// One of our own endpoints answers.
    Own,
}

/// Explains.
#[must_use]
pub fn explain(generation: &Arc<Generation>, shared: &Shared, question: Question) -> Explanation {
    let Question { request, peer, persona } = question;
    // Answered whatever the request is like otherwise.
    let is_ping = generation.ping.is_asked(&request);
    let visit = match observe::read(generation, shared, &Arrival::new(peer), &request) {
        Ok(visit) => visit,
        Err(unread) => {
            let outcome = if is_ping { Outcome::Own } else { refused(&unread.refusal) };
            return unreadable(&request, unread.client, outcome);
        }
    };
    let facts = visit.facts();
    let asked = request.uri().path();
    let mut seen = Explanation {
        route: None,
        client: facts.forwarded().client().to_string(),
        judged_path: (facts.path().judged() != asked).then(|| facts.path().judged().to_owned()),
        kind: facts.kind().name(),
        session: None,
        terms: Vec::new(),
        outcome: Outcome::Own,
    };
    if is_ping {
        return seen;
    }
    if own::is_own(generation, facts) {
        if !generation.routes.has_host(facts.host()) {
            seen.outcome = refused(&Refusal::UnknownHost(facts.host().clone()));
        }
        return seen;
    }
    let route = match denial::route(generation, facts) {
        Ok(route) => route,
        Err(refusal) => {
            seen.outcome = refused(&refusal);
            return seen;
        }
    };
    let start = generation.routes.start(facts.host(), facts.path());
    seen.route = Some(RouteSeen {
        name: route.name().to_owned(),
        host: facts.host().to_string(),
        path: start.to_owned(),
    });
    let session = persona.map(|persona| made_up(generation, route, persona, visit.now()));
    let head =
        session.as_ref().map(|(session, _)| route.plan().render(Some((session.identity(), session.short()))));
    let visitor = session.as_ref().zip(head.as_ref()).map(|((session, _), head)| Visitor {
        session,
        freshness: Freshness::Fresh,
        head,
    });
    // Whose provider does not count here is nobody to the rule.
    let person = visitor.map(|visitor| visitor.session.identity());
    let identity = person.filter(|identity| route.providers().contains(identity.provider()));
    let judged = route.rule().judge_each(identity, facts).map(|(list, entry, outcome)| TermSeen {
        list: list.as_str(),
        term: entry.text().to_owned(),
        outcome: match outcome {
            authz::Outcome::Holds => "hit",
            authz::Outcome::Fails => "miss",
            authz::Outcome::NeedsSession => "open",
        },
        against: against(entry.term(), identity, person, &seen.client),
    });
    seen.terms = judged.collect();
    seen.outcome = match decide(facts, route, visitor) {
        Decision::Pass(pass) => allowed(generation, &pass, &request),
        Decision::Login => Outcome::SignIn {
            providers: accepted(generation, route),
            return_to: login::recorded(&visit, start).as_str().to_owned(),
        },
        Decision::Deny(denial) => {
            let session = visitor.map(|visitor| visitor.session);
            refused(&denial::refusal(generation, route, session, denial))
        }
    };
    seen.session = session.map(|(session, unasked_claims)| {
        let identity = session.identity();
        SessionSeen {
            user: identity.user().to_owned(),
            provider: identity.provider().to_string(),
            email: identity.email().map(str::to_owned),
            groups: identity.groups().to_vec(),
            unasked_claims,
        }
    });
    seen
}

/// The names of the providers whose people the route is for.
fn accepted(generation: &Generation, route: &Route) -> Vec<String> {
    generation.providers.among(route.providers()).iter().map(|one| one.name().to_string()).collect()
}

/// A session of this person, as a sign-in would make it.
fn made_up(
    generation: &Generation,
    route: &Route,
    persona: Persona,
    now: crate::clock::Timestamp,
) -> (Session, Vec<String>) {
    let name = persona.provider.clone().or_else(|| accepted(generation, route).into_iter().next());
    let name = name.unwrap_or_else(|| "none".to_owned());
    let issuer = generation.providers.get(&name).map(|provider| provider.binding().issuer().to_owned());
    let (claims, unasked) = kept_claims(generation, &persona.claims);
    let identity = Identity::vouch(Vouched {
        provider: ProviderName::new(&name),
        issuer: issuer.unwrap_or_else(|| "".into()),
        subject: persona.subject.unwrap_or_else(|| persona.user.clone()),
        user: persona.user,
        email: persona.email,
        name: persona.name,
        groups: persona.groups,
        claims,
    });
    let kept = generation.wanted.fingerprint();
    (Session::begin(SessionId::new([0; 16]), identity, kept, None, now), unasked)
}

/// The claims that a session would hold, and the names of the others.
fn kept_claims(generation: &Generation, given: &[(String, String)]) -> (Vec<Claim>, Vec<String>) {
    let same = |a: &str, b: &str| a.strip_prefix('/').unwrap_or(a) == b.strip_prefix('/').unwrap_or(b);
    let values = |path: &str| {
        given.iter().filter(|(name, _)| same(name, path)).map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    let wanted: Vec<&str> = generation.wanted.claims().collect();
    let kept = wanted
        .iter()
        .map(|path| Claim::new((*path).to_owned(), values(path)))
        .filter(|claim| !claim.values().is_empty())
        .collect();
    let mut unasked: Vec<String> = given
        .iter()
        .map(|(name, _)| name.clone())
        .filter(|name| !wanted.iter().any(|path| same(name, path)))
        .collect();
    unasked.dedup();
    (kept, unasked)
}

/// What a term was held against, in words. `identity` is the `person` if the rule counts them.
fn against(term: &Term, identity: Option<&Identity>, person: Option<&Identity>, client: &str) -> String {
    if let Term::Network(_) = term {
        return format!("client is {client}");
    }
    let Some(identity) = identity else {
        return match person {
            _ if *term == Term::Everyone => String::new(),
            None => "nobody is signed in".to_owned(),
            Some(other) => {
                format!("{} signed in with {}, which the route does not take", other.user(), other.provider())
            }
        };
    };
    let user = identity.user();
    match term {
        Term::Everyone | Term::SignedIn | Term::Network(_) => String::new(),
        Term::User(_) => format!("user is {user}"),
        Term::Email(_) | Term::Domain(_) => match identity.email() {
            Some(email) => format!("{user} has: {email}"),
            None => format!("{user} has no verified e-mail address"),
        },
        Term::Group(_) => match identity.groups() {
            [] => format!("{user} has no groups"),
            groups => format!("{user} has: {}", groups.join(", ")),
        },
        Term::Provider(_) => format!("signed in with {}", identity.provider()),
        Term::Claim { path, .. } => match identity.claim(path) {
            Some(claim) => format!("{user} has: {}", claim.values().join(", ")),
            None => format!("{user} has no such claim"),
        },
    }
}

fn allowed(generation: &Generation, pass: &Pass<'_>, request: &Request<()>) -> Outcome {
    let fields = request.headers();
    let mut head = fields.clone();
    let target = generation.proxy.outgoing_head(pass, request.uri(), &mut head);
    let line = match target {
        Ok((target, Version::HTTP_2)) => format!("{} {target} HTTP/2", request.method()),
        Ok((target, _)) => format!("{} {target} HTTP/1.1", request.method()),
        Err(error) => {
            return Outcome::Refuse {
                status: error.status().as_u16(),
                reason: error.word(),
                because: error.to_string(),
            };
        }
    };
    Outcome::Allow {
        by: pass.by().text().to_owned(),
        line,
        head: shown(&head),
        removed: removed(fields, &head),
    }
}

/// The fields as text; what proves to the upstream that we are the sender is not for a terminal.
fn shown(head: &HeaderMap) -> Vec<(String, String)> {
    let value = |value: &http::HeaderValue| match value.is_sensitive() {
        true => "(a secret of the configuration)".to_owned(),
        false => String::from_utf8_lossy(value.as_bytes()).into_owned(),
    };
    head.iter().map(|(name, field)| (name.as_str().to_owned(), value(field))).collect()
}

/// The names that came and do not go on as they came.
fn removed(came: &HeaderMap, goes: &HeaderMap) -> Vec<String> {
    let stays = |name: &&HeaderName| {
        came.get_all(*name).iter().all(|value| goes.get_all(*name).iter().any(|other| other == value))
    };
    came.keys().filter(|name| !stays(name)).map(|name| name.as_str().to_owned()).collect()
}

fn refused(refusal: &Refusal) -> Outcome {
    let outline = refusal.outline();
    Outcome::Refuse {
        status: outline.status.as_u16(),
        reason: outline.word,
        because: outline.private.unwrap_or(outline.public),
    }
}

fn unreadable(request: &Request<()>, client: ClientAddr, outcome: Outcome) -> Explanation {
    Explanation {
        route: None,
        client: client.to_string(),
        judged_path: None,
        kind: crate::web::RequestKind::of(request.method(), request.headers()).name(),
        session: None,
        terms: Vec::new(),
        outcome,
    }
}
