//! What the targets share: a gateway's configuration to ask, and requests from bytes.

use std::path::Path;

use http::{HeaderName, HeaderValue, Method, Request, Uri};
use vestibule::app::{Explainer, Explanation, Persona, Question};
use vestibule::config::{self, Outside};
use vestibule::web::PeerAddr;

/// A route for everyone, one for whoever signs in with the identity in several presets' headers, one for a group with
/// everything that changes how a head is written. The peer is not trusted.
const CONFIG: &str = r#"
public_url = "https://wiki.example"

[listen]
http = ["127.0.0.1:0"]

[session]
key = { env = "KEY" }

[providers.main]
issuer = "https://id.example"
client_id = "wiki"
client_secret = { env = "SECRET" }

[routes.public]
upstream = "http://127.0.0.1:9"
path = "/public"
allow = ["everyone"]

[routes.home]
upstream = "http://127.0.0.1:9"
allow = ["signed-in"]

[routes.admin]
upstream = "http://127.0.0.1:9"
path = "/admin"
allow = ["group:ops"]
methods = ["GET", "POST"]
strip_path = true
underscore_headers = ["x_tenant"]
encoded_slash = "pass"
"#;

/// The gateway's configuration.
#[must_use]
pub fn explainer() -> Explainer {
    let outside =
        Outside::new([("KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"), ("SECRET", "secret")]);
    let loaded = config::parse(CONFIG, "fuzz.toml", Path::new("."), &outside);
    let loaded = loaded.unwrap_or_else(|faults| panic!("{faults}"));
    Explainer::new(loaded.config).unwrap_or_else(|error| panic!("{error}"))
}

/// A request head: `METHOD TARGET`, then a field a line, as `name: value`. None where it is none to HTTP.
#[must_use]
pub fn request(bytes: &[u8]) -> Option<Request<()>> {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let mut words = lines.next()?.splitn(2, |byte| *byte == b' ');
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(words.next()?).ok()?;
    *request.uri_mut() = Uri::try_from(words.next()?).ok()?;
    for line in lines {
        let at = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..at]).ok()?;
        let value = HeaderValue::from_bytes(line[at + 1..].trim_ascii()).ok()?;
        request.headers_mut().append(name, value);
    }
    Some(request)
}

/// What becomes of it, for somebody of no group, or for nobody.
#[must_use]
pub fn ask(explainer: &Explainer, request: Request<()>, user: Option<&str>) -> Explanation {
    let persona = user.map(|user| Persona { user: user.to_owned(), ..Persona::default() });
    let peer = PeerAddr::new(([203, 0, 113, 9], 40_000).into());
    explainer.explain(Question { request, peer, persona })
}

/// The form in which CGI and its kin compare header names.
#[must_use]
pub fn fold(name: &str) -> String {
    let fold =
        |byte: u8| if byte.is_ascii_alphanumeric() { char::from(byte.to_ascii_lowercase()) } else { '-' };
    name.bytes().map(fold).collect()
}
