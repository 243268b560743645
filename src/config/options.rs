//! What a route says besides who enters and where it goes: answers for the signed-out, origins, and what is changed of a
//! request on its way.

use http::HeaderName;

use super::code::Code;
use super::fault::quote;
use super::general::PlainHttp;
use super::headers;
use super::reader::{Field, Section};
use super::routes::Around;
use super::{places, values};
use crate::authz::Rule;
use crate::gate::{CrossSite, EncodedSlashes, Methods, Options, RuleNaming, SignedOut};
use crate::identity::fold;
use crate::proxy::Rewriting;
use crate::web::{HostPattern, Origin, Scheme};

const ORIGIN_EXAMPLE: &str = "origins = [\"https://app.example.com\"]";
const UNDERSCORE_EXAMPLE: &str = "underscore_headers = [\"x_tenant\"]";

/// None when a key that narrows the route is wrong.
pub(super) fn read(section: &Section<'_>, around: &Around<'_, '_>) -> Option<Options> {
    let signed_out = section.read("signed_out", SignedOut::default(), |field| {
        values::choice(
            field,
            &[("auto", SignedOut::Auto), ("redirect", SignedOut::Redirect), ("401", SignedOut::Unauthorized)],
        )
    });
    let methods = match section.field("methods") {
        Some(field) => places::methods(&field),
        None => Some(Methods::ALL),
    };
    let origins = section.read("origins", Vec::new(), |field| origins(field, around));
    let cross_site = section.read("cross_site", CrossSite::default(), |field| {
        values::choice(field, &[("allow", CrossSite::Allow), ("refuse", CrossSite::Refuse)])
    });
    let encoded_slashes = section.read("encoded_slash", EncodedSlashes::default(), |field| {
        values::choice(field, &[("refuse", EncodedSlashes::Refuse), ("pass", EncodedSlashes::Pass)])
    });
    let naming = section.read("show_rule", RuleNaming::default(), |field| {
        values::switch(field, RuleNaming::Shown, RuleNaming::Hidden)
    });
    Some(Options { signed_out, methods: methods?, origins, cross_site, encoded_slashes, naming })
}

/// Pages of these count as the site's own.
fn origins(field: &Field<'_>, around: &Around<'_, '_>) -> Option<Vec<Origin>> {
    let mut found: Vec<Origin> = Vec::new();
    for item in field.items(ORIGIN_EXAMPLE) {
        let text = item.text("an origin", ORIGIN_EXAMPLE)?;
        let Some(origin) = Origin::parse(text).filter(|_| !text.ends_with('/')) else {
            item.fault(
                Code::Origin,
                format!("{} is no origin: {}", item.path(), quote(text)),
                "write scheme, host and, if it is no default one, port: \"https://app.example.com:8443\"",
            );
            continue;
        };
        let exposed = origin.scheme() == Scheme::Http && !origin.host().is_loopback();
        if exposed && around.plain_http == PlainHttp::LoopbackOnly {
            item.fault(
                Code::InsecureHttp,
                format!(
                    "{} is plain http and not this machine: whoever sees its traffic can change its pages",
                    item.path()
                ),
                "name an https origin, or set insecure_http = true if you must",
            );
        }
        if found.contains(&origin) {
            item.warning(Code::Origin, format!("{} stands there twice", item.path()), "keep one of them");
        }
        found.push(origin);
    }
    Some(found)
}

/// What is changed of a request on its way.
pub(super) fn rewriting(
    section: &Section<'_>,
    paths: Option<&[String]>,
    around: &Around<'_, '_>,
) -> Option<Rewriting> {
    let underscore_headers = match section.field("underscore_headers") {
        Some(field) => underscore_headers(&field, around),
        None => Some(Vec::new()),
    };
    let strips = section.read("strip_path", false, |field| values::switch(field, true, false));
    let paths = paths.unwrap_or_default().iter().filter(|path| *path != "/").cloned();
    let stripped = if strips { paths.collect() } else { Vec::new() };
    if let Some(field) = section.field("strip_path").filter(|_| strips && stripped.is_empty()) {
        field.warning(
            Code::IdleKey,
            format!("{} removes nothing from \"/\"", field.path()),
            "set a path that is to be removed, or remove the key",
        );
    }
    Some(Rewriting { underscore_headers: underscore_headers?, stripped })
}

/// Names that pass although applications read them as names with a dash. None of them may thereby become one of ours.
fn underscore_headers(field: &Field<'_>, around: &Around<'_, '_>) -> Option<Vec<HeaderName>> {
    let reserved = around.sets.reserved();
    let mut found: Vec<HeaderName> = Vec::new();
    let mut is_whole = true;
    for item in field.items(UNDERSCORE_EXAMPLE) {
        let text = item.text("a header name", UNDERSCORE_EXAMPLE)?;
        let name = HeaderName::from_bytes(text.as_bytes()).ok().filter(|_| text.len() <= 128);
        let folded = fold(text);
        let (wrong, help) = match name {
            Some(_) if !text.contains('_') => {
                ("has no underscore, and passes anyway", "list only names that have one")
            }
            Some(_) if reserved.contains(text) || headers::is_ours(&folded) || folded == "authorization" => (
                "is read as a name that only we may send, or that carries the message itself",
                "rename the header in the application",
            ),
            Some(name) => {
                if found.contains(&name) {
                    item.warning(
                        Code::UnderscoreHeader,
                        format!("{} stands there twice", item.path()),
                        "keep one of them",
                    );
                }
                found.push(name);
                continue;
            }
            None => ("is no header name", "header names are letters, digits, - and _"),
        };
        is_whole = false;
        item.fault(Code::UnderscoreHeader, format!("{} {wrong}: {}", item.path(), quote(text)), help);
    }
    is_whole.then_some(found)
}

/// Keys that have no effect on this route. They stand there for a reason, so their author should know.
pub(super) fn check_idle(
    section: &Section<'_>,
    rule: &Rule,
    options: &Options,
    hosts: &[HostPattern],
    around: &Around<'_, '_>,
) {
    let idle = |key: &str, is_idle: bool, why: &str| {
        if let Some(field) = section.field(key).filter(|_| is_idle) {
            let message = format!("{} has no effect: {why}", field.path());
            field.warning(Code::IdleKey, message, "remove it, or look again at what it was meant for");
        }
    };
    let methods = &options.methods;
    let is_safe_only = methods.is_limited()
        && methods.listed().iter().all(|method| matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS"));
    let refuses = options.cross_site == CrossSite::Refuse;
    let no_websocket = !methods.takes(&http::Method::GET);
    idle("signed_out", rule.is_public(), "nobody needs to sign in here");
    idle("show_rule", rule.is_open(), "nobody is refused here");
    idle("cross_site", refuses && is_safe_only, "it is about methods other than GET, HEAD and OPTIONS");
    let nobody_asks = (!refuses || is_safe_only) && no_websocket;
    idle("origins", nobody_asks && !options.origins.is_empty(), "only WebSockets and cross_site look at it");
    if let ([HostPattern::Exact(host)], Some(public_url)) = (hosts, around.public_url) {
        let own = options.origins.contains(&public_url.with_host(host));
        idle("origins", own && options.origins.len() == 1, "the site's own origin always counts");
    }
}
