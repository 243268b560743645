//! The `[providers.NAME]` section.

use std::time::Duration;

use url::Url;
use zeroize::Zeroizing;

use super::code::Code;
use super::fault::quote;
use super::keys;
use super::nearest::nearest;
use super::reader::{Field, Section};
use super::{certificates, secrets, values};
use crate::identity::ProviderName;
use crate::oidc::{Algorithm, EmailTrust, Settings, Transport, Userinfo};
use crate::web::HostName;

/// The providers of the configuration.
pub(super) struct Providers<'a> {
    /// Every name that is written, in the order of the file.
    pub(super) names: Vec<&'a str>,
    /// Those with which nothing is wrong.
    pub(super) settings: Vec<Settings>,
}

/// Parameters of the authorization request that make it ours.
const OWN_PARAMS: &[&str] = &[
    "response_type",
    "response_mode",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "request",
    "request_uri",
];

const ISSUER_EXAMPLE: &str = "issuer = \"https://sso.example.com/realms/main\"";
const SECRET_EXAMPLE: &str = "{ file = \"client.secret\" }";

pub(super) fn read<'a>(top: &Section<'a>) -> Providers<'a> {
    let mut providers = Providers { names: Vec::new(), settings: Vec::<Settings>::new() };
    for (name, field) in top.named("providers", "[providers.main]", keys::PROVIDER) {
        providers.names.push(name);
        let Some(settings) = read_one(name, &field.section(keys::PROVIDER)) else { continue };
        if let Some(twin) = providers.settings.iter().find(|twin| twin.title == settings.title) {
            field.warning(
                Code::SameTitle,
                format!(
                    "providers.{name} and providers.{} have one title: nobody can tell them apart",
                    twin.name
                ),
                "give each a title of its own, for example: title = \"Company account\"",
            );
        }
        providers.settings.push(settings);
    }
    if providers.names.is_empty() && top.field("providers").is_some_and(|field| !field.is_empty_table()) {
        // A provider that is written wrongly was reported; nobody is helped by hearing that there is none.
        providers.names.push("main");
    }
    providers
}

impl Providers<'_> {
    /// Whether each one that is written can be used.
    pub(super) fn are_whole(&self) -> bool {
        self.names.len() == self.settings.len()
    }

    /// The claims in which they send e-mail addresses.
    pub(super) fn email_claims(&self) -> Vec<&str> {
        let mut claims: Vec<&str> = self.settings.iter().map(|one| one.email_claim.as_str()).collect();
        claims.sort_unstable();
        claims.dedup();
        claims
    }
}

fn read_one(name: &str, section: &Section<'_>) -> Option<Settings> {
    let transport = section.read("insecure_http", Transport::Secure, |field| {
        let read = values::switch(field, Transport::InsecureHttp, Transport::Secure);
        if read == Some(Transport::InsecureHttp) {
            field.warning(
                Code::InsecureHttp,
                format!(
                    "{} lets us speak plain http to the provider: whoever is between can sign in as anybody",
                    field.path()
                ),
                "use an https issuer and remove this key",
            );
        }
        read
    });
    let issuer = section
        .required("issuer", format!("write what the provider calls itself: {ISSUER_EXAMPLE}"))
        .and_then(|field| issuer(&field, transport));
    let client_id = section
        .required("client_id", "write the id under which the provider knows us: client_id = \"wiki\"")
        .and_then(|field| values::line(&field).map(str::to_owned));
    let client_secret = section.field("client_secret").map(|field| client_secret(&field));
    let title = section.field("title").map(|field| values::line(&field).map(str::to_owned));
    let scopes = section.field("scopes").map(|field| scopes(&field));
    let user_claim = section.read("user_claim", "preferred_username".to_owned(), |field| claim(field));
    let email_claim = section.read("email_claim", "email".to_owned(), |field| claim(field));
    let groups_claims = section.read("groups_claim", vec!["groups".to_owned()], |field| group_claims(field));
    let email_trust = section.read("email_trusted", EmailTrust::default(), |field| {
        values::switch(field, EmailTrust::Unflagged, EmailTrust::VerifiedOnly)
    });
    let userinfo = section.read("userinfo", Userinfo::default(), |field| {
        values::choice(
            field,
            &[("auto", Userinfo::Auto), ("always", Userinfo::Always), ("never", Userinfo::Never)],
        )
    });
    let algorithms = section.field("algorithms").map(|field| algorithms(&field));
    let auth_params = section.read("auth_params", Vec::new(), |field| Some(auth_params(field)));
    let extra_roots = section.read("ca", Vec::new(), |field| certificates::roots(field, "the provider"));
    let timeout = section.read("timeout", Duration::from_secs(10), |field| values::duration(field));
    let clock_skew = section.read("clock_skew", Duration::from_secs(60), |field| values::any_duration(field));

    let (issuer, host) = issuer?;
    Some(Settings {
        name: ProviderName::new(name),
        issuer,
        client_id: client_id?,
        client_secret: match client_secret {
            Some(secret) => Some(secrets::keep(&secret?)),
            None => None,
        },
        title: match title {
            Some(title) => title?,
            None => title_of(&host),
        },
        scopes: match scopes {
            Some(scopes) => Some(scopes?),
            None => None,
        },
        user_claim,
        email_claim,
        email_trust,
        groups_claims,
        userinfo,
        algorithms: match algorithms {
            Some(algorithms) => Some(algorithms?),
            None => None,
        },
        auth_params,
        extra_roots,
        timeout,
        clock_skew,
        transport,
    })
}

/// What people call a provider that most of them know; any other is called by its host.
fn title_of(host: &HostName) -> String {
    match host.as_str() {
        "accounts.google.com" => "Google",
        "login.microsoftonline.com" => "Microsoft",
        "appleid.apple.com" => "Apple",
        "gitlab.com" => "GitLab",
        other => other,
    }
    .to_owned()
}

/// One line (RFC 6749 appendix A.2). Of a file with more of them, the provider would say no more than `invalid_client`.
fn client_secret(field: &Field<'_>) -> Option<Zeroizing<String>> {
    let secret = secrets::read(field, SECRET_EXAMPLE, "put the secret into that file")?;
    if secret.chars().any(char::is_control) {
        let message = format!("{}: the secret holds a line break or another control character", field.path());
        field.fault(Code::Text, message, "put the secret alone there, as one line");
        return None;
    }
    Some(secret)
}

/// The issuer as written, since it is compared byte by byte (OpenID Connect Core 1.0 section 3.1.3.7), and its host.
fn issuer(field: &Field<'_>, transport: Transport) -> Option<(String, HostName)> {
    let text = field.text("a URL", ISSUER_EXAMPLE)?;
    // The text is not shown: a URL may hold a password.
    let refuse = |what: &str, help: &str| {
        field.fault(Code::ProviderUrl, format!("{} {what}", field.path()), help);
        None
    };
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let url = Url::parse(text).ok().filter(|url| plain && matches!(url.scheme(), "http" | "https"));
    let host = url.as_ref().and_then(Url::host_str).and_then(|host| HostName::parse(host).ok());
    let (Some(url), Some((host, _))) = (url, host) else {
        return refuse("is no URL of a provider", &format!("for example: {ISSUER_EXAMPLE}"));
    };
    if url.query().is_some() || url.fragment().is_some() || text.contains('@') {
        return refuse(
            "holds a user, a query or a fragment, which no issuer has",
            "copy the issuer from the provider's discovery document",
        );
    }
    if text.contains("/.well-known/") {
        return refuse(
            "is the address of the discovery document",
            "write the issuer: what stands before /.well-known/",
        );
    }
    if url.scheme() == "http" && !host.is_loopback() && transport == Transport::Secure {
        return refuse(
            "is plain http: whoever is between could sign in as anybody",
            "write https://, or set insecure_http = true for this provider if you must",
        );
    }
    Some((text.to_owned(), host))
}

/// Scopes (RFC 6749 section 3.3), `openid` among them.
fn scopes(field: &Field<'_>) -> Option<Vec<String>> {
    const EXAMPLE: &str = "scopes = [\"openid\", \"profile\", \"email\"]";
    let mut found: Vec<String> = Vec::new();
    for item in field.items(EXAMPLE) {
        let text = item.text("a text", EXAMPLE)?;
        let legal = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        if text.is_empty() || !text.bytes().all(legal) {
            item.fault(
                Code::Scopes,
                format!("{} is {}, which is no scope", item.path(), quote(text)),
                format!("write each scope as an element of its own: {EXAMPLE}"),
            );
            return None;
        }
        found.push(text.to_owned());
    }
    if found.is_empty() && !field.is_empty_list() {
        return None;
    }
    if !found.iter().any(|scope| scope == "openid") {
        field.fault(
            Code::Scopes,
            format!("{} lacks openid, without which there is no sign-in", field.path()),
            format!("for example: {EXAMPLE}"),
        );
        return None;
    }
    Some(found)
}

fn group_claims(field: &Field<'_>) -> Option<Vec<String>> {
    let items = field.one_or_more("groups_claim = \"groups\"");
    let found: Option<Vec<String>> = items.iter().map(claim).collect();
    let found = found?;
    if field.is_empty_list() {
        field.fault(
            Code::Claim,
            format!("{} names no claim", field.path()),
            "leave the key out, or write groups_claim = \"groups\"",
        );
    }
    (!found.is_empty()).then_some(found)
}

/// A claim: a top-level name, or a JSON pointer (RFC 6901) when it starts with a slash.
fn claim(field: &Field<'_>) -> Option<String> {
    let text = values::line(field)?;
    let escapes = text.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
    if text.starts_with('/') && (text == "/" || !escapes) {
        field.fault(
            Code::Claim,
            format!("{} is {}, which is no JSON pointer", field.path(), quote(text)),
            "write a name such as \"groups\", or a pointer such as \"/realm_access/roles\" (~1 for /, ~0 for ~)",
        );
        return None;
    }
    Some(text.to_owned())
}

/// What may sign tokens: public keys only.
fn algorithms(field: &Field<'_>) -> Option<Vec<Algorithm>> {
    const EXAMPLE: &str = "algorithms = [\"RS256\", \"ES256\"]";
    let mut found = Vec::new();
    for item in field.items(EXAMPLE) {
        let text = item.text("the name of an algorithm", EXAMPLE)?;
        let Some(algorithm) = Algorithm::parse(text) else {
            let names = Algorithm::ALL.iter().map(|algorithm| algorithm.name());
            let legal = names.clone().collect::<Vec<_>>().join(", ");
            let wrong = match text.to_ascii_uppercase().as_str() {
                "NONE" => "is no signature: anybody could make such a token".to_owned(),
                upper if upper.starts_with("HS") => {
                    "signs with the client secret, so that whoever knows it could make a token for anybody"
                        .to_owned()
                }
                _ => format!("is {}, which is none that we know", quote(text)),
            };
            let same = names.clone().find(|name| name.eq_ignore_ascii_case(text));
            let guess = same
                .or_else(|| nearest(text, names))
                .map(|near| format!("did you mean {near}? "))
                .unwrap_or_default();
            item.fault(
                Code::Algorithms,
                format!("{} {wrong}", item.path()),
                format!("{guess}Legal here: {legal}"),
            );
            return None;
        };
        found.push(algorithm);
    }
    if field.is_empty_list() {
        field.fault(
            Code::Algorithms,
            format!("{} is empty, so that no token would count", field.path()),
            "leave the key out for what the provider lists",
        );
    }
    (!found.is_empty()).then_some(found)
}

fn auth_params(field: &Field<'_>) -> Vec<(String, String)> {
    const EXAMPLE: &str = "auth_params = { audience = \"wiki\" }";
    let mut found = Vec::new();
    for (name, value) in field.entries(EXAMPLE) {
        if name.is_empty() || OWN_PARAMS.iter().any(|own| own.eq_ignore_ascii_case(name)) {
            value.key_fault(
                Code::AuthParams,
                format!("{} is a parameter that we set ourselves", value.path()),
                format!("remove it; not to be set: {}", OWN_PARAMS.join(", ")),
            );
        }
        let text = value.text("a text", EXAMPLE);
        if let Some(text) = text {
            found.push((name.to_owned(), text.to_owned()));
        }
    }
    found
}
