//! Where a sign-out ends. A page that asks for a sign-in undoes it: the provider may well know the person still, and then
//! nobody is even asked.

use http::Method;
use url::Url;

use super::RouteConfig;
use super::code::Code;
use super::reader::Section;
use crate::flow::AfterSignOut;
use crate::gate::{Found, RouteTable};
use crate::web::{CanonicalPath, HostName, Origin};

/// Warns of a place on one of our hosts whose route asks for a sign-in. `shared` is the domain whose hosts share their
/// sessions: only the public one ends sign-outs then.
pub(super) fn warn(
    top: &Section<'_>,
    after: &AfterSignOut,
    public_url: &Origin,
    shared: Option<&HostName>,
    routes: &[RouteConfig],
) {
    let places: Vec<(HostName, String)> = match after {
        AfterSignOut::Path(path) if shared.is_some() => vec![(public_url.host().clone(), path.clone())],
        AfterSignOut::Path(path) => {
            let patterns = routes.iter().flat_map(|route| &route.hosts);
            patterns.filter_map(|pattern| Some((pattern.exact()?.clone(), path.clone()))).collect()
        }
        AfterSignOut::Url(url) => own_place(url, public_url).into_iter().collect(),
    };
    let mut table = RouteTable::default();
    for route in routes {
        for (host, path) in
            route.hosts.iter().flat_map(|host| route.paths.iter().map(move |path| (host, path)))
        {
            // Two routes at one place are reported elsewhere.
            let _ = table.insert(host, path, &route.route);
        }
    }
    let asks = places.iter().find_map(|(host, path)| {
        let path = path.split('?').next().unwrap_or_default();
        match table.find(host, &CanonicalPath::parse(path).ok()?, &Method::GET) {
            Found::Route(route) if route.rule().is_about_people() => Some((host, route)),
            _ => None,
        }
    });
    let field = top.field("login").and_then(|login| {
        login.entries("").into_iter().find(|(key, _)| *key == "after_sign_out").map(|(_, field)| field)
    });
    if let (Some((host, route)), Some(field)) = (asks, field) {
        field.warning(
            Code::AfterSignOut,
            format!(
                "login.after_sign_out leads to [routes.{}] on {host}, which asks for a sign-in: the provider may give it \
                 at once, so that nobody can sign out",
                route.name()
            ),
            "name a path that is for everyone, or leave the key out for the page that says what became of the sign-out",
        );
    }
}

/// The host and path of a URL on a host of ours, if there is a route for it.
fn own_place(url: &str, public_url: &Origin) -> Option<(HostName, String)> {
    let url = Url::parse(url).ok()?;
    let (host, _) = HostName::parse(url.host_str()?).ok()?;
    let origin = Origin::parse(&url.origin().ascii_serialization())?;
    (origin == public_url.with_host(&host)).then(|| (host, url.path().to_owned()))
}
