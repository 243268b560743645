//! `vestibule explain`: the whole decision about one request, term by term, and what the upstream would get. Nothing
//! is sent to anybody, and nobody needs to be signed in.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};

use clap::Args;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};

use super::{ConfigArgs, Exit, print, tell};
use crate::app::{Explainer, Explanation, Outcome, Persona, Question};
use crate::config::Loaded;
use crate::lines::text::with_causes;
use crate::web::{Origin, PeerAddr};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArgs,
    /// The address as a browser shows it, or a path on the host of public_url
    #[arg(value_name = "URL")]
    url: String,
    /// Somebody with this user name has signed in; without it nobody has
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Nobody has signed in (which is also so without --user)
    #[arg(long, conflicts_with = "user")]
    no_session: bool,
    /// Their verified e-mail address
    #[arg(long, value_name = "ADDRESS", requires = "user")]
    email: Option<String>,
    /// Their display name
    #[arg(long, value_name = "TEXT", requires = "user")]
    name: Option<String>,
    /// Their sub claim [default: the same as --user]
    #[arg(long, value_name = "TEXT", requires = "user")]
    sub: Option<String>,
    /// A group of theirs; may be repeated
    #[arg(long = "group", value_name = "NAME", requires = "user")]
    groups: Vec<String>,
    /// A claim of theirs, by name or JSON pointer; may be repeated, also for several values of one claim
    #[arg(long = "claim", value_name = "NAME=VALUE", requires = "user", value_parser = claim)]
    claims: Vec<(String, String)>,
    /// The provider that they signed in with [default: the first that the route accepts]
    #[arg(long, value_name = "NAME", requires = "user")]
    provider: Option<String>,
    /// The method
    #[arg(long, value_name = "METHOD", default_value = "GET")]
    method: Method,
    /// The address that the connection comes from
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    from: IpAddr,
    /// A header of the request; may be repeated. With any, the request is no browser's but what you write
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Print the explanation as JSON
    #[arg(long)]
    json: bool,
}

/// What a browser says about a page that somebody opens.
const PAGE_LOAD: &[(&str, &str)] = &[
    ("accept", "text/html"),
    ("sec-fetch-dest", "document"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-site", "none"),
];

/// Where the second column begins.
const LABEL: usize = 10;

pub(super) fn run(arguments: Arguments) -> Exit {
    let Loaded { config, .. } = match arguments.config.load() {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    if let Some(name) = &arguments.provider {
        let names: Vec<&str> = config.providers.iter().map(|provider| provider.name.as_str()).collect();
        if !names.contains(&name.as_str()) {
            let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            tell(&format!("vestibule explain: there is no provider {name}; the configuration has: {there}"));
            return Exit::Usage;
        }
    }
    let (line, request) = match request(&arguments, &config.public_url) {
        Ok(request) => request,
        Err(reason) => {
            tell(&format!("vestibule explain: {reason}"));
            return Exit::Usage;
        }
    };
    let json = arguments.json;
    let question =
        Question { request, peer: PeerAddr::new((arguments.from, 0).into()), persona: persona(arguments) };
    let explanation = match Explainer::new(config) {
        Ok(explainer) => explainer.explain(question),
        Err(error) => {
            tell(&format!("vestibule explain: {}", with_causes(&error)));
            return Exit::Failed;
        }
    };
    if json {
        print(&serde_json::to_string_pretty(&explanation).unwrap_or_default());
    } else {
        print(&text(&line, &explanation));
    }
    match explanation.outcome {
        Outcome::Allow { .. } | Outcome::Own => Exit::Fine,
        Outcome::SignIn { .. } => Exit::SignIn,
        Outcome::Refuse { status: 401, .. } => Exit::SignIn,
        Outcome::Refuse { .. } => Exit::Refused,
    }
}

fn persona(arguments: Arguments) -> Option<Persona> {
    Some(Persona {
        user: arguments.user?,
        provider: arguments.provider,
        subject: arguments.sub,
        email: arguments.email,
        name: arguments.name,
        groups: arguments.groups,
        claims: arguments.claims,
    })
}

/// The request in one line for people, and as the gateway would read it.
fn request(arguments: &Arguments, public_url: &Origin) -> Result<(String, Request<()>), String> {
    let (origin, target) = split(&arguments.url, public_url)?;
    let authority = origin.split_once("://").map_or(origin.as_str(), |(_, authority)| authority);
    let host = HeaderValue::from_str(authority).map_err(|_| "the host of the URL is not ASCII".to_owned())?;
    let mut request = Request::new(());
    *request.method_mut() = arguments.method.clone();
    *request.uri_mut() =
        target.parse().map_err(|error| format!("the path cannot be sent in a request: {error}"))?;
    let fields = request.headers_mut();
    fields.insert(http::header::HOST, host);
    for (name, value) in &arguments.headers {
        fields.append(name.clone(), value.clone());
    }
    if arguments.headers.is_empty() && matches!(arguments.method, Method::GET | Method::HEAD) {
        add_page_load(fields);
    }
    Ok((format!("{} {origin}{target}", arguments.method), request))
}

fn add_page_load(fields: &mut HeaderMap) {
    for (name, value) in PAGE_LOAD {
        fields.insert(*name, HeaderValue::from_static(value));
    }
}

/// Scheme with authority, and path with query. Nothing is folded or decoded: that is for the gateway to do.
fn split(url: &str, public_url: &Origin) -> Result<(String, String), String> {
    let url = url.split('#').next().unwrap_or_default();
    if url.starts_with('/') {
        return Ok((public_url.to_string(), url.to_owned()));
    }
    let wrong = || format!("{url} is neither http(s)://HOST/PATH nor /PATH");
    let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(wrong());
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at_checked(end).ok_or_else(wrong)?;
    if authority.is_empty() {
        return Err(wrong());
    }
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    Ok((format!("{scheme}://{authority}"), target))
}

fn claim(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("write it as 'NAME: VALUE'")?;
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "that is no header name")?;
    if name == http::header::HOST {
        return Err("the host is that of the URL".to_owned());
    }
    let value = HeaderValue::from_bytes(value.trim().as_bytes()).map_err(|_| "that is no header value")?;
    Ok((name, value))
}

fn text(line: &str, seen: &Explanation) -> String {
    let mut out = format!("{line}\n");
    let mut row = |label: &str, text: &str| {
        let _ = writeln!(out, "{label:<LABEL$}{}", text.trim_end());
    };
    match &seen.route {
        Some(route) => row("route", &format!("{:<18}host {}, path {}", route.name, route.host, route.path)),
        None => row("route", "-"),
    }
    if let Some(path) = &seen.judged_path {
        row("path", &format!("judged as {path}"));
    }
    row("request", &format!("{:<18}from {}", seen.kind, seen.client));
    match &seen.session {
        None => row("session", "none"),
        Some(session) => {
            let groups = if session.groups.is_empty() {
                ", no groups".to_owned()
            } else {
                format!(", groups {}", session.groups.join(", "))
            };
            let email = session.email.as_ref().map(|email| format!(", e-mail {email}")).unwrap_or_default();
            let (user, provider) = (&session.user, &session.provider);
            row("session", &format!("{:<18}user {user}{email}{groups}, provider {provider}", "as given"));
            if !session.unasked_claims.is_empty() {
                row(
                    "",
                    &format!(
                        "not kept by a session, since nothing asks for it: {}",
                        session.unasked_claims.join(", ")
                    ),
                );
            }
        }
    }
    if seen.route.is_some() {
        let width = seen.terms.iter().map(|term| term.term.chars().count() + 2).fold(18, usize::max);
        for list in ["deny", "require", "allow"] {
            let mut terms = seen.terms.iter().filter(|term| term.list == list).peekable();
            if terms.peek().is_none() {
                row(list, "-");
            }
            for term in terms {
                row(list, &format!("{:<width$}{:<4}  {}", term.term, term.outcome, term.against));
            }
        }
    }
    match &seen.outcome {
        Outcome::Own => row("decision", "OWN               one of the gateway's own endpoints answers"),
        Outcome::SignIn { providers, return_to } => row(
            "decision",
            &format!("{:<18}at {}, then back to {return_to}", "SIGN IN", providers.join(" or ")),
        ),
        Outcome::Refuse { status, reason, because } => {
            row("decision", &format!("{:<18}{because}  [{reason}]", format!("REFUSE {status}")));
        }
        Outcome::Allow { by, line, head, removed } => {
            row("decision", &format!("{:<18}by {by}", "ALLOW"));
            row("upstream", line);
            for (name, value) in head.iter().filter(|field| !is_made_up(field)) {
                row("", &format!("{name}: {value}"));
            }
            if !removed.is_empty() {
                row("not sent", &removed.join(", "));
            }
        }
    }
    out
}

/// What stands for the browser in the question tells nothing in the answer.
fn is_made_up((name, value): &&(String, String)) -> bool {
    PAGE_LOAD.iter().any(|(own, text)| own == name && text == value)
}
