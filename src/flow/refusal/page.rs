//! The page that a person gets to see for each refusal, in one match.

use std::sync::Arc;

use http::{Response, StatusCode};

use super::{NotAllowed, Outline, Refusal};
use crate::flow::gateway::Generation;
use crate::flow::links::{back_path, start_link};
use crate::oidc::Provider;
use crate::pages::{Frame, Link, Page, RestartEnds, SignInFault, Trouble};
use crate::web::HostName;

impl Refusal {
    pub(super) fn page(
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
            | Self::Misdirected { .. }
            | Self::ForeignWebSocket => Page::BadRequest { reason: &outline.public },
            Self::HeadTooLarge => Page::HeadTooLarge,
            Self::TargetTooLong => Page::TargetTooLong,
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

fn trouble(kind: Trouble, retry: &str) -> Page<'_> {
    Page::UpstreamTrouble { kind, retry: (!retry.is_empty()).then_some(Link::here(retry)) }
}

fn title(provider: &Option<Arc<Provider>>) -> &str {
    provider.as_ref().map(|provider| provider.title()).unwrap_or_default()
}
