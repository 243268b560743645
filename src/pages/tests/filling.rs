//! Every page, filled with one word.

use std::time::Duration;

use http::Method;

use super::NOW;
use crate::pages::{
    Choice, Link, Onward, Page, ProviderSignOut, RestartEnds, SignInFault, Trouble, YourSession,
};

/// What the pages are filled with; `word` goes into every string of every page.
pub(super) struct Filling<'a> {
    word: &'a str,
    pub(super) list: Vec<String>,
    providers: Vec<(&'a str, Link<'a>)>,
    choices: [Choice<'a>; 2],
    link: Link<'a>,
}

impl<'a> Filling<'a> {
    pub(super) fn new(word: &'a str, link: &'a str) -> Self {
        let link = Link::here(link);
        let choice = |last_used| Choice { title: word, last_used, start: link };
        Self {
            word,
            list: vec![word.to_owned(), word.to_owned()],
            providers: vec![(word, link)],
            choices: [choice(true), choice(false)],
            link,
        }
    }

    /// Every page, each of its forms once. The match below keeps this list whole: a new page does not compile
    /// before it stands here.
    pub(super) fn pages(&self) -> Vec<Page<'_>> {
        let Self { word, list, providers, choices, link } = self;
        let (word, link) = (*word, *link);
        let failed = |fault, detail| Page::SignInFailed {
            fault,
            cause: word,
            detail,
            start_again: link,
            ends: RestartEnds::AtTarget,
            home: link,
        };
        let denied = |needs| Page::Denied {
            user: word,
            provider_title: word,
            needs,
            try_again: link,
            switch_account: link,
            sign_out: link,
        };
        let session = |some: bool| {
            Page::YourSession(YourSession {
                user: word,
                name: some.then_some(word),
                email: some.then_some(word),
                groups: if some { list } else { &[] },
                provider_title: word,
                signed_in_at: NOW.minus(Duration::from_secs(1200)),
                ends_at: NOW.plus(Duration::from_secs(42_000)),
                idle_until: some.then(|| NOW.plus(Duration::from_secs(7200))),
                now: NOW,
                header_names: if some { list } else { &[] },
                sign_out: link,
                home: link,
            })
        };
        let trouble = |kind, retry| Page::UpstreamTrouble { kind, retry };
        let signed_out = |provider| Page::SignedOut { provider, sign_in: link };
        let already = |return_to| Page::AlreadySignedIn {
            user: word,
            provider_title: word,
            return_to,
            go_on: link,
            switch_account: link,
        };
        let all = vec![
            Page::Chooser { return_to: Some(word), choices },
            Page::Chooser { return_to: None, choices: &[] },
            already(Some(word)),
            already(None),
            failed(SignInFault::Request, None),
            failed(SignInFault::Refused, Some(word)),
            failed(SignInFault::Provider, None),
            Page::SignInUnavailable { cause: word, retry: link },
            denied(list),
            denied(&[]),
            Page::WrongProvider { user: word, provider_title: word, accepted: providers, sign_out: link },
            Page::ConfirmSignOut { user: Some(word), action: link, rd: Some(word), stay: link },
            Page::ConfirmSignOut { user: None, action: link, rd: None, stay: link },
            signed_out(ProviderSignOut::Ended),
            signed_out(ProviderSignOut::Local),
            signed_out(ProviderSignOut::MayRemain(word)),
            session(true),
            session(false),
            Page::Onward { to: link, reason: Onward::SignedIn },
            Page::Onward { to: link, reason: Onward::FromElsewhere },
            trouble(Trouble::BadGateway, Some(link)),
            trouble(Trouble::Unavailable, Some(link)),
            trouble(Trouble::TimedOut, None),
            Page::TooLarge { limit: Some(1_572_864) },
            Page::TooLarge { limit: None },
            Page::HeadTooLarge,
            Page::TargetTooLong,
            Page::TooMany { retry: link, wait: Duration::from_secs(20) },
            Page::BadRequest { reason: word },
            Page::Barred { reason: word },
            Page::ForeignOrigin { go_on: link },
            Page::NotFound { home: link },
            Page::MethodNotAllowed { allow: &[Method::GET, Method::HEAD], home: link },
            Page::UnknownHost { public_url: Some(link) },
            Page::UnknownHost { public_url: None },
        ];
        for page in &all {
            match page {
                Page::Chooser { .. }
                | Page::AlreadySignedIn { .. }
                | Page::SignInFailed { .. }
                | Page::SignInUnavailable { .. }
                | Page::Denied { .. }
                | Page::WrongProvider { .. }
                | Page::ConfirmSignOut { .. }
                | Page::SignedOut { .. }
                | Page::YourSession(_)
                | Page::Onward { .. }
                | Page::UpstreamTrouble { .. }
                | Page::TooLarge { .. }
                | Page::HeadTooLarge
                | Page::TargetTooLong
                | Page::TooMany { .. }
                | Page::BadRequest { .. }
                | Page::Barred { .. }
                | Page::ForeignOrigin { .. }
                | Page::NotFound { .. }
                | Page::MethodNotAllowed { .. }
                | Page::UnknownHost { .. } => {}
            }
        }
        all
    }
}
