//! Reserved names: the header names that only we may set towards an upstream.
//!
//! A name is compared *folded*: in lower case and with `-` for whatever is no letter and no digit, because CGI, WSGI and
//! their kin read those as the same variable (`X_Remote_User`, and to PHP `X.Remote.User`, logs in where
//! `X-Remote-User` would).

use std::collections::HashSet;

use http::HeaderName;

/// The names that are removed from every request, on every route.
#[derive(Clone, Debug)]
pub struct Reserved {
    names: HashSet<String>,
    /// The bytes that reserved names begin with. Nearly every name that a browser sends is none by its first byte.
    initials: Vec<u8>,
    /// Those of them that say who somebody is.
    identity: HashSet<String>,
}

/// Families of names: whatever starts so is reserved.
const PREFIXES: &[&str] =
    &["x-forwarded-", "x-remote-extra-", "x-auth-request-", "x-webauth-", "x-vestibule-"];

/// The families among them whose every member says who somebody is.
const IDENTITY_PREFIXES: &[&str] = &["x-remote-extra-", "x-auth-request-", "x-webauth-", "x-vestibule-"];

/// Forwarding fields, and fields by which frameworks let a client replace the path that was judged.
const ALWAYS: &[&str] = &[
    "forwarded",
    "x-real-ip",
    "x-request-id",
    "x-original-url",
    "x-original-uri",
    "x-original-host",
    "x-original-method",
    "x-rewrite-url",
    "x-envoy-original-path",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    // CGI makes HTTP_PROXY of it, which many clients take for their own setting (httpoxy).
    "proxy",
];

impl Reserved {
    /// The names of all presets, of the forwarding fields, and of `own`: the names of the configured header sets.
    #[must_use]
    pub fn new<'a>(own: impl IntoIterator<Item = &'a HeaderName>) -> Self {
        let presets =
            super::Preset::ALL.iter().flat_map(|preset| super::preset(*preset)).map(|(name, _)| fold(name));
        let own = own.into_iter().map(|name| fold(name.as_str()));
        let identity: HashSet<String> = presets.chain(own).collect();
        let mut names = identity.clone();
        names.extend(ALWAYS.iter().map(|name| (*name).to_owned()));
        // Authorization belongs to the application unless a route's header set writes it (see `HeaderPlan::sets`).
        names.remove("authorization");
        let all = names.iter().map(String::as_str).chain(PREFIXES.iter().copied());
        let mut initials: Vec<u8> = all.filter_map(|name| name.bytes().next()).collect();
        initials.sort_unstable();
        initials.dedup();
        Self { names, initials, identity }
    }

    /// Whether `name`, folded, is reserved.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        let initial = name.bytes().next().map(|byte| byte.to_ascii_lowercase());
        if !initial.is_some_and(|initial| self.initials.contains(&initial)) {
            return false;
        }
        let check =
            |name: &str| self.names.contains(name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        let is_folded = |byte: u8| byte == b'-' || byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if name.bytes().all(is_folded) { check(name) } else { check(&fold(name)) }
    }
}

impl Reserved {
    /// What to call `name`, a reserved one, in a report about who tried to say who they are: the folded name from our list,
    /// or the family it is of. None for forwarding fields and their like, which every proxy in front of us sends.
    #[must_use]
    pub fn claimed(&self, name: &HeaderName) -> Option<String> {
        let name = fold(name.as_str());
        if self.identity.contains(&name) {
            return Some(name);
        }
        let family = IDENTITY_PREFIXES.iter().find(|prefix| name.starts_with(**prefix));
        family.map(|prefix| format!("{prefix}*"))
    }
}

/// The form in which names are compared: lower case, `-` for what is no letter and no digit.
#[must_use]
pub fn fold(name: &str) -> String {
    let fold = |character: char| if character.is_ascii_alphanumeric() { character } else { '-' };
    name.to_ascii_lowercase().chars().map(fold).collect()
}
