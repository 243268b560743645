//! Where a route's requests go: `upstream`, and `upstream_tls` for how the way there is secured.

use std::net::IpAddr;
use std::path::PathBuf;

use rustls_pki_types::ServerName;

use super::code::Code;
use super::fault::quote;
use super::listen::MAX_SOCKET_PATH;
use super::reader::{Field, Section};
use super::{certificates, keys, values};
use crate::listener::{self, Place};
use crate::proxy::{ClientCertificate, Target, Tls, Trust};
use crate::web::{HostName, Origin, Scheme};

/// What `upstream_tls` says.
#[derive(Default)]
struct Written {
    trust: Option<Trust>,
    name: Option<ServerName<'static>>,
    client: Option<ClientCertificate>,
}

/// Whether any certificate is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verify {
    Yes,
    No,
}

const EXAMPLE: &str = "upstream = \"http://127.0.0.1:8080\"";
const H2C: &str = "h2c://";
const KEY_EXAMPLE: &str = "{ file = \"client.key\" }";

/// The target of the route that `section` is.
pub(super) fn target(section: &Section<'_>) -> Option<Target> {
    let upstream = section.field("upstream");
    let target = match &upstream {
        Some(field) => url(field),
        None => {
            section.missing(
                "upstream",
                Code::NoUpstream,
                format!("{} does not say where requests go", section.path()),
                format!("for example: {EXAMPLE}"),
            );
            None
        }
    };
    let Some(field) = section.field("upstream_tls") else { return target };
    let written = written(&field);
    match target? {
        Target::Https { host, port, mut tls } => {
            let written = written?;
            tls.trust = written.trust.unwrap_or(Trust::System);
            tls.name = written.name.unwrap_or(tls.name);
            tls.client = written.client;
            Some(Target::Https { host, port, tls })
        }
        Target::Http { .. } | Target::H2c { .. } | Target::Unix { .. } => {
            field.key_fault(
                Code::UpstreamTls,
                format!(
                    "{} says how to speak TLS, and {}.upstream is no https URL",
                    field.path(),
                    section.path()
                ),
                "write https:// there if the upstream speaks TLS, else remove this key",
            );
            None
        }
    }
}

/// Refuses a target that is a listener of ours: a request to `listen.http` would go round until no connection is left, and
/// `listen.admin` would be public.
pub(super) fn refuse_own(section: &Section<'_>, target: &Target, listen: &listener::Settings) {
    let Some(field) = section.field("upstream") else { return };
    let found = |address: &listener::Address| is_at(target, &address.place);
    if let Some(address) = listen.public().find(|address| found(address)) {
        field.fault(
            Code::SameAddress,
            format!("{} is where we listen ourselves: {}", field.path(), address.text),
            "name the address of the application; each request would come back to us until no connection is left",
        );
    } else if let Some(address) = listen.admin.as_ref().filter(|address| found(address)) {
        field.fault(
            Code::SameAddress,
            format!("{} is our admin listener: {}", field.path(), address.text),
            "name the address of the application; the admin listener must never be public",
        );
    }
}

/// Whether a connection to `target` comes to `place`. Names other than localhost are not resolved here.
fn is_at(target: &Target, place: &Place) -> bool {
    match (target, place) {
        (
            Target::Http { host, port } | Target::H2c { host, port } | Target::Https { host, port, .. },
            Place::Tcp(sockets),
        ) => sockets.iter().any(|socket| {
            let reaches = match host.address() {
                Some(address) => socket.ip() == address || (is_here(address) && socket.ip().is_unspecified()),
                None => host.is_loopback() && (socket.ip().is_loopback() || socket.ip().is_unspecified()),
            };
            socket.port() == *port && reaches
        }),
        (Target::Unix { path }, Place::Unix(socket)) => path == socket,
        (Target::Http { .. } | Target::H2c { .. } | Target::Https { .. }, Place::Unix(_))
        | (Target::Unix { .. }, Place::Tcp(_)) => false,
        // Where that is, is known only when we run.
        (_, Place::Systemd(_)) => false,
    }
}

/// Whether the address is this machine's, as far as it shows. The unspecified one connects to it too.
const fn is_here(address: IpAddr) -> bool {
    address.is_loopback() || address.is_unspecified()
}

fn url(field: &Field<'_>) -> Option<Target> {
    let text = field.text("one URL", EXAMPLE)?;
    if let Some(path) = text.strip_prefix("unix:") {
        return socket(field, path);
    }
    // The text is not shown: a URL may hold a password.
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    // It differs from http in what is spoken from the first byte on, and in nothing that stands here.
    let http2 = text.get(..H2C.len()).filter(|scheme| scheme.eq_ignore_ascii_case(H2C));
    let origin = match http2 {
        Some(_) => text.get("h2c".len()..).and_then(|rest| Origin::parse(&format!("http{rest}"))),
        None => Origin::parse(text),
    };
    let origin = origin.filter(|origin| origin.port() != 0);
    let wrong = match (scheme, origin) {
        (Some(scheme), _) if http2.is_none() && Scheme::parse(scheme).is_none() => {
            "has a scheme other than http, https or h2c"
        }
        (Some(_), Some(origin)) => {
            let (host, port) = (origin.host().clone(), origin.port());
            match (origin.scheme(), server_name(&host)) {
                (Scheme::Http, _) if http2.is_some() => return Some(Target::H2c { host, port }),
                (Scheme::Http, _) => return Some(Target::Http { host, port }),
                (Scheme::Https, Some(name)) => {
                    let tls = Tls { name, trust: Trust::System, client: None };
                    return Some(Target::Https { host, port, tls });
                }
                (Scheme::Https, None) => "has a host that no certificate can be for",
            }
        }
        (Some(_), None) => "is not scheme, host and optional port",
        (None, _) => "is no URL",
    };
    field.fault(
        Code::UpstreamUrl,
        format!("{} {wrong}", field.path()),
        "legal are http://HOST, http://HOST:PORT and the same with https or h2c, without path, query or user, and unix:/PATH",
    );
    None
}

/// An absolute path: who starts the application and who starts us need not be in the same folder.
fn socket(field: &Field<'_>, path: &str) -> Option<Target> {
    let wrong = if !path.starts_with('/') {
        "names no absolute path"
    } else if path.starts_with("//") || path.ends_with('/') {
        "names no socket"
    } else if path.contains(char::is_control) {
        "holds a control character"
    } else if path.len() > MAX_SOCKET_PATH {
        "is longer than the 107 bytes that the system allows"
    } else {
        return Some(Target::Unix { path: PathBuf::from(path) });
    };
    field.fault(
        Code::UpstreamUrl,
        format!("{} {wrong}: {}", field.path(), quote(path)),
        "write the whole path behind the colon: unix:/run/wiki/http.sock",
    );
    None
}

/// None inside a fault.
fn written(field: &Field<'_>) -> Option<Written> {
    let section = field.section(keys::UPSTREAM_TLS);
    let roots =
        section.field("ca").map(|field| certificates::roots(&field, "the upstream").map(Trust::Roots));
    let verify = section.read("insecure_skip_verify", Verify::Yes, |field| {
        let read = values::switch(field, Verify::No, Verify::Yes);
        if read == Some(Verify::No) {
            field.warning(
                Code::InsecureTls,
                format!("{} takes any certificate: whoever is between reads everything and answers as the upstream", field.path()),
                "name the upstream's authority in ca, its name in server_name, and remove this key",
            );
        }
        read
    });
    let name = section.field("server_name").map(|field| name(&field));
    let client = client(&section);
    let trust = match (roots, verify) {
        (None, Verify::Yes) => None,
        (None, Verify::No) => Some(Trust::Anything),
        (Some(roots), Verify::Yes) => Some(roots?),
        (Some(_), Verify::No) => {
            section.fault(
                Code::UpstreamTls,
                format!("{} names an authority in ca, and insecure_skip_verify asks none", section.path()),
                "remove one of the two",
            );
            return None;
        }
    };
    let name = match name {
        Some(name) => Some(name?),
        None => None,
    };
    Some(Written { trust, name, client: client? })
}

fn name(field: &Field<'_>) -> Option<ServerName<'static>> {
    let text = field.text("a host name", "server_name = \"app.internal\"")?;
    let name = match HostName::parse(text) {
        Ok((host, None)) => server_name(&host),
        Ok((_, Some(_))) | Err(_) => None,
    };
    if name.is_none() {
        field.fault(
            Code::Host,
            format!("{} is no host name: {}", field.path(), quote(text)),
            "write a name or an address that the upstream's certificate is for, without scheme and port",
        );
    }
    name
}

fn server_name(host: &HostName) -> Option<ServerName<'static>> {
    match host.address() {
        Some(address) => Some(ServerName::from(address)),
        None => ServerName::try_from(host.as_str().to_owned()).ok(),
    }
}

/// The certificate with its key. None inside when neither is written.
fn client(section: &Section<'_>) -> Option<Option<ClientCertificate>> {
    let cert = section.field("cert");
    let key = section.field("key");
    let chain = cert.as_ref().map(|field| {
        certificates::chain(
            field,
            "cert = \"client.pem\"",
            "name a PEM file with the certificate that we show, and what leads to its authority",
        )
    });
    let read = key.as_ref().map(|field| certificates::private_key(field, Code::UpstreamTls, KEY_EXAMPLE));
    let (Some(chain), Some(read), Some(key)) = (chain, read, key) else {
        if cert.is_none() && section.field("key").is_none() {
            return Some(None);
        }
        section.fault(
            Code::UpstreamTls,
            format!("{} has one of cert and key", section.path()),
            format!("a client certificate needs both: cert = \"client.pem\", key = {KEY_EXAMPLE}"),
        );
        return None;
    };
    match ClientCertificate::new(chain?, read?) {
        Ok(client) => Some(Some(client)),
        Err(rustls::Error::InconsistentKeys(_)) => {
            key.fault(
                Code::UpstreamTls,
                format!("{} belongs to another certificate than cert", key.path()),
                "name the key that the first certificate of cert was made with",
            );
            None
        }
        Err(_) => {
            key.fault(
                Code::UpstreamTls,
                format!("{} or cert is of a kind that is not known here", key.path()),
                certificates::KINDS,
            );
            None
        }
    }
}
