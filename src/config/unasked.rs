//! Claims that nobody asked for: what rules and headers look at, and no provider of theirs will send.
//!
//! The scopes that are asked for decide which claims come (OpenID Connect Core 1.0 section 5.4). These are warnings: a
//! provider may send more than the standard says, and whoever writes the claim's own key says that it does.

use super::RouteConfig;
use super::code::Code;
use super::provider::Providers;
use super::reader::{Field, Section};
use crate::authz::{List, Term};
use crate::identity::Part;
use crate::oidc::Settings;

/// What the configuration has a use for.
struct Need {
    /// In words, after "looks at" and "sends".
    what: &'static str,
    part: Part,
    looks_at: fn(&Term) -> bool,
}

/// The claims of each scope, for those scopes that have any.
const SCOPES: &[(&str, &[&str])] = &[
    (
        "profile",
        &[
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
    ),
    ("email", &["email", "email_verified"]),
    ("address", &["address"]),
    ("phone", &["phone_number", "phone_number_verified"]),
];

const GOOGLE: &str = "https://accounts.google.com";

const GROUPS: Need =
    Need { what: "groups", part: Part::Groups, looks_at: |term| matches!(term, Term::Group(_)) };

const EMAIL: Need = Need {
    what: "e-mail addresses",
    part: Part::Email,
    looks_at: |term| matches!(term, Term::Email(_) | Term::Domain(_)),
};

const NAME: Need = Need { what: "names", part: Part::Name, looks_at: |_| false };

/// Warns of them, once for each provider and kind.
pub(super) fn warn(top: &Section<'_>, providers: &Providers<'_>, routes: &[RouteConfig]) {
    for settings in &providers.settings {
        let Some(table) = table(top, "providers", settings.name.as_str()) else { continue };
        let own: Vec<&RouteConfig> =
            routes.iter().filter(|route| route.route.providers().contains(&settings.name)).collect();
        if settings.issuer == GOOGLE {
            google(top, &table, &own);
            continue;
        }
        if let Some(scopes) = key(&table, "scopes") {
            missing_scopes(top, &table, &scopes, settings, &own);
        }
        other_claims(&table, settings, &own);
    }
}

/// Google lists no scope of groups, and its people have no name but their address.
fn google(top: &Section<'_>, table: &Field<'_>, routes: &[&RouteConfig]) {
    let Some(issuer) = key(table, "issuer") else { return };
    if key(table, "user_claim").is_none() {
        issuer.warning(
            Code::UnaskedClaim,
            format!(
                "{} is Google, which sends no preferred_username, so that no sign-in would succeed",
                table.path()
            ),
            "write user_claim = \"email\" (or \"sub\")",
        );
    }
    if let (Some(place), None) = (used(top, &GROUPS, routes), key(table, "groups_claim")) {
        issuer.warning(
            Code::UnaskedClaim,
            format!("{} is Google, which sends no groups, and {place}", table.path()),
            "use email:, domain: or claim:hd=EXAMPLE.COM, or a provider in between that adds groups",
        );
    }
}

fn missing_scopes(
    top: &Section<'_>,
    table: &Field<'_>,
    scopes: &Field<'_>,
    settings: &Settings,
    routes: &[&RouteConfig],
) {
    let asks = |scope: &str| settings.scopes.iter().flatten().any(|own| own == scope);
    for (need, scope, own) in
        [(GROUPS, "groups", "groups_claim"), (EMAIL, "email", "email_claim"), (NAME, "profile", "")]
    {
        if asks(scope) || key(table, own).is_some() {
            continue;
        }
        let Some(place) = used(top, &need, routes) else { continue };
        let or = if own.is_empty() {
            "or leave scopes out".to_owned()
        } else {
            format!("leave scopes out, or write {own} to say in which claim they come all the same")
        };
        scopes.warning(
            Code::UnaskedClaim,
            format!("{} lacks {scope}, and {place}", scopes.path()),
            format!("add \"{scope}\" to it, {or}"),
        );
    }
    if key(table, "user_claim").is_none() && !asks("profile") {
        scopes.warning(
            Code::UnaskedClaim,
            format!("{} lacks profile, with which preferred_username comes, the user of each sign-in", scopes.path()),
            "add \"profile\" to it, leave scopes out, or write user_claim to say which claim becomes the user",
        );
    }
}

/// Claims that a rule or a header names itself.
fn other_claims(table: &Field<'_>, settings: &Settings, routes: &[&RouteConfig]) {
    let asks = |scope: &str| match &settings.scopes {
        Some(scopes) => scopes.iter().any(|own| own == scope),
        None => matches!(scope, "profile" | "email"),
    };
    let mut told: Vec<&str> = Vec::new();
    for route in routes {
        let mut wanted = crate::identity::Wanted::default();
        route.route.rule().want(&mut wanted);
        route.route.plan().want(&mut wanted);
        for claim in wanted.claims() {
            let name = claim.strip_prefix('/').and_then(|rest| rest.split('/').next()).unwrap_or(claim);
            let scope = SCOPES.iter().find(|(_, claims)| claims.contains(&name)).map(|(scope, _)| *scope);
            let Some(scope) = scope.filter(|scope| !asks(scope) && !told.contains(scope)) else { continue };
            told.push(scope);
            let at = key(table, "scopes").unwrap_or_else(|| table.clone());
            at.warning(
                Code::UnaskedClaim,
                format!(
                    "providers.{} is not asked for the scope {scope}, with which the claim {name} comes, and \
                     routes.{} looks at it",
                    settings.name,
                    route.route.name()
                ),
                format!("write scopes with \"{scope}\" among them: scopes = [\"openid\", \"profile\", \"email\", \"{scope}\"]"),
            );
        }
    }
}

/// The first place that has a use for something, in words. A header set counts only where it was chosen: the one that
/// is there by itself leaves out what it does not have.
fn used(top: &Section<'_>, need: &Need, routes: &[&RouteConfig]) -> Option<String> {
    let mut places = routes.iter().filter_map(|route| {
        let name = route.route.name();
        let looks = |list: &List| route.route.rule().terms(*list).any(need.looks_at);
        if let Some(list) = [List::Allow, List::Require, List::Deny].into_iter().find(looks) {
            return Some(format!("routes.{name}.{} looks at {}", list.as_str(), need.what));
        }
        let chosen = table(top, "routes", name).and_then(|table| key(&table, "headers")).is_some();
        (chosen && route.route.plan().reads(need.part))
            .then(|| format!("routes.{name}.headers sends {}", need.what))
    });
    places.next()
}

/// The table `group.name`.
fn table<'a>(top: &Section<'a>, group: &str, name: &str) -> Option<Field<'a>> {
    key(&top.field(group)?, name)
}

fn key<'a>(table: &Field<'a>, key: &str) -> Option<Field<'a>> {
    table.entries("").into_iter().find(|(name, _)| *name == key).map(|(_, field)| field)
}
