//! Configuration: one TOML file, checked as a whole before anything starts.
//!
//! Text becomes values with positions (`document.rs`), layers become one tree (`layers.rs`), and each section has a file
//! that turns its part of the tree into the checked `Settings` of the folder concerned. Every fault is found at once,
//! with its place and its remedy, and none of them holds a secret.

mod afterwards;
mod audit;
mod certificates;
mod code;
mod context;
mod document;
mod effective;
mod environment;
mod fault;
mod general;
mod headers;
mod ineffective;
mod keypath;
mod keys;
mod kind;
mod layers;
mod listen;
mod log;
mod login;
mod nearest;
mod options;
mod outside;
mod places;
mod provider;
mod reader;
mod restart;
mod routes;
mod rules;
mod schema;
mod secrets;
mod session;
mod set;
mod sources;
mod tls;
mod unasked;
mod upstream;
mod values;
mod whose;
mod x509;

use std::cell::RefCell;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;

pub use code::Code;
pub use effective::Effective;
pub use fault::{Fault, Faults, Severity};
pub use outside::Outside;
pub use restart::{changed, needs_restart};
pub use schema::schema;
pub use sources::{Content, Sources};

use context::Context;
use document::Document;
use reader::Section;
use session::Needed;

use crate::gate::Route;
use crate::identity::{ProviderName, Reserved, Wanted};
use crate::web::{HostName, HostPattern, Origin};
use crate::{flow, listener, oidc, proxy, telemetry};

/// A checked configuration.
#[derive(Debug)]
pub struct Config {
    /// What people type.
    pub public_url: Origin,
    /// How many worker threads; none means as many as there are cores.
    pub threads: Option<usize>,
    /// Where we listen.
    pub listen: listener::Settings,
    /// What is done so that people come over https.
    pub https: flow::Https,
    /// How sessions are kept. Always there when there is a provider.
    pub session: Option<crate::session::Settings>,
    /// Our own endpoints.
    pub login: flow::Settings,
    /// Who signs people in, in the order of the file. Empty only when every route is for everyone.
    pub providers: Vec<oidc::Settings>,
    /// The routes, in the order of the file.
    pub routes: Vec<RouteConfig>,
    /// The header names that only we may set towards an upstream.
    pub reserved: Reserved,
    /// What is logged, and how.
    pub log: telemetry::Settings,
    /// What becomes of audit events.
    pub audit: crate::audit::Settings,
}

/// A checked route.
#[derive(Clone, Debug)]
pub struct RouteConfig {
    /// As the gate sees it: name, rule, header plan.
    pub route: Arc<Route>,
    /// Its hosts, at least one.
    pub hosts: Vec<HostPattern>,
    /// Its path prefixes, at least one: `/`, or `/a/b` without a slash at the end.
    pub paths: Vec<String>,
    /// As the proxy sees it.
    pub upstream: proxy::RouteSettings,
    /// The names of its header sets as written, for people to read.
    pub header_sets: Vec<String>,
}

/// A configuration that may be used, and what is doubtful about it.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What the operator should know, in the order of the file.
    pub warnings: Vec<Fault>,
    /// Every value that holds, and where it came from.
    pub effective: Vec<Effective>,
    /// A short hash of every value that holds, in hex. Secrets have no part in it: it is shown.
    pub hash: String,
}

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// Reads and checks the file at `path`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(path: &Path, outside: &Outside) -> Result<Loaded, Faults> {
    read(path, outside).1
}

/// As [`load`], and says which files were read for it, also when it was refused.
pub fn read(path: &Path, outside: &Outside) -> (Sources, Result<Loaded, Faults>) {
    let sources = RefCell::default();
    let loaded = load_from(path, outside, &sources);
    (sources.into_inner(), loaded)
}

fn load_from(path: &Path, outside: &Outside, sources: &RefCell<Sources>) -> Result<Loaded, Faults> {
    let (name, text) = text(path, sources)?;
    parse_from(&text, &name, folder(path), outside, sources)
}

/// Where the admin listener is that the file at `path` means; none when it is off. Looks at nothing else in it: a gateway
/// runs on while what was written since is faulty.
///
/// # Errors
/// When the file cannot be read, is no TOML, or this key of it is wrong.
pub fn admin_address(path: &Path, outside: &Outside) -> Result<Option<listener::Address>, Faults> {
    let sources = RefCell::default();
    let (name, text) = text(path, &sources)?;
    let document = Document::parse(&text, &name, folder(path))?;
    let layers = layers::merge(&document, outside);
    let context = Context::new(&document, &layers, outside, &sources);
    let top = Section::top(&context, &layers.values, keys::TOP);
    let admin = listen::admin(&top.section("listen", keys::LISTEN));
    context.finish_with("listen.admin")?;
    Ok(admin)
}

/// Where relative paths of the file start.
fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or_else(|| Path::new(""))
}

/// The text of the file at `path`, and what messages call it.
fn text(path: &Path, sources: &RefCell<Sources>) -> Result<(String, String), Faults> {
    let name = secrets::plain_path(path);
    let refuse = |what: &str, help: &str| {
        Faults::new(vec![Fault {
            code: Code::File,
            severity: Severity::Error,
            file: name.clone(),
            line: None,
            column: None,
            key: String::new(),
            message: what.to_owned(),
            help: help.to_owned(),
            url: Code::File.url(),
        }])
    };
    sources.borrow_mut().look_at(path);
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        let what = format!("cannot be read: {}", secrets::reason(&error));
        let help = match error.kind() {
            ErrorKind::NotFound => {
                "name a file with --config FILE; without it vestibule.toml here is taken, else /etc/vestibule/vestibule.toml. \
                 A first one has ten lines: docs/start.md. To see it work without one: vestibule demo"
            }
            ErrorKind::PermissionDenied => "let the user that runs this read it",
            _ => "name a file with --config FILE",
        };
        return Err(refuse(&what, help));
    }
    sources.borrow_mut().take(&bytes);
    if bytes.len() as u64 > MAX_FILE {
        return Err(refuse("is larger than 1 MiB", "no configuration is: check what --config names"));
    }
    let Ok(text) = String::from_utf8(bytes) else {
        return Err(refuse("is not UTF-8 text", "save it as UTF-8, which TOML demands"));
    };
    Ok((name, text))
}

/// Checks a configuration text. `name` is what messages call it; relative paths in it start at `folder`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(text: &str, name: &str, folder: &Path, outside: &Outside) -> Result<Loaded, Faults> {
    parse_from(text, name, folder, outside, &RefCell::default())
}

fn parse_from(
    text: &str,
    name: &str,
    folder: &Path,
    outside: &Outside,
    sources: &RefCell<Sources>,
) -> Result<Loaded, Faults> {
    let document = Document::parse(text, name, folder)?;
    let layers = layers::merge(&document, outside);
    let context = Context::new(&document, &layers, outside, sources);
    let config = check(&Section::top(&context, &layers.values, keys::TOP));
    let (config, warnings) = context.finish(config)?;
    let effective = effective::list(&document, &layers);
    let hash = effective::hash(&effective);
    Ok(Loaded { config, warnings, effective, hash })
}

/// Reads every section, whatever is wrong with others.
fn check(top: &Section<'_>) -> Option<Config> {
    let general = general::read(top);
    let (listen, shown) = listen::read(top);
    let https = tls::https(top, &listen, general.public_url.as_ref());
    let login = login::read(top);
    let providers = provider::read(top);
    let needed = if providers.names.is_empty() { Needed::No } else { Needed::Yes };
    let session::Sessions { settings: session, cookie_domain } =
        session::read(top, needed, general.public_url.as_ref());
    let sets = headers::read(top);
    let email_claims = providers.email_claims();
    for field in email_claims.iter().flat_map(|claim| sets.reading(claim)) {
        field.warning(
            Code::RawEmail,
            format!("{} sends the e-mail address whether it is verified or not", field.path()),
            "write {email}, which is sent only when verified",
        );
    }
    let around = routes::Around {
        public_url: general.public_url.as_ref(),
        plain_http: general.plain_http,
        login_path: &login.path,
        providers: &providers.names,
        email_claims: &email_claims,
        sets: &sets,
        listen: &listen,
        cookie_domain: cookie_domain.as_ref(),
    };
    let routes = routes::read(top, &around);
    if let Some(routes) = &routes {
        unasked::warn(top, &providers, routes);
        tls::review(&shown, routes);
        if let (Some(after), Some(public_url)) = (&login.after_sign_out, &general.public_url) {
            afterwards::warn(top, after, public_url, cookie_domain.as_ref(), routes);
        }
    }
    let log = log::read(top);
    let audit = audit::read(top);
    if needed == Needed::Yes && (session.is_none() || !providers.are_whole()) {
        return None;
    }
    Some(Config {
        threads: general.threads,
        listen,
        https,
        session,
        providers: providers.settings,
        routes: routes?,
        reserved: sets.reserved(),
        log,
        audit,
        public_url: general.public_url?,
        login,
    })
}

// === impl Config ===

impl Config {
    /// The claims that rules and header sets have a use for.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        let mut wanted = Wanted::default();
        for route in &self.routes {
            route.route.rule().want(&mut wanted);
            route.route.plan().want(&mut wanted);
        }
        wanted
    }

    /// The hosts that routes name exactly: that of the public URL first, the others by name.
    #[must_use]
    pub fn hosts(&self) -> Vec<&HostName> {
        let patterns = self.routes.iter().flat_map(|route| &route.hosts);
        let mut hosts: Vec<&HostName> = patterns.filter_map(HostPattern::exact).collect();
        hosts.sort_by_key(|host| (*host != self.public_url.host(), *host));
        hosts.dedup();
        hosts
    }

    /// What to register at the provider of that name as redirect URIs: one for each host. Each of several providers has
    /// addresses of its own.
    #[must_use]
    pub fn redirect_uris(&self, provider: &ProviderName) -> Vec<String> {
        match self.providers.as_slice() {
            [_] => self.own_urls("/callback"),
            _ => self.own_urls(&format!("/callback/{provider}")),
        }
    }

    /// What to register at each provider as post-logout redirect URIs.
    #[must_use]
    pub fn post_logout_redirect_uris(&self) -> Vec<String> {
        self.own_urls("/signed_out")
    }

    /// The hosts to which the provider sends browsers back: each, or where they share their cookies, that of the public URL.
    fn landings(&self) -> Vec<&HostName> {
        match &self.session {
            Some(session) if session.cookie_domain.is_some() => vec![self.public_url.host()],
            _ => self.hosts(),
        }
    }

    fn own_urls(&self, end: &str) -> Vec<String> {
        let url = |host: &HostName| format!("{}{}{end}", self.public_url.with_host(host), self.login.path);
        self.landings().into_iter().map(url).collect()
    }
}

#[cfg(test)]
mod tests;
