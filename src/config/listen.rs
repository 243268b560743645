//! The `[listen]` section.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use figment::value::Value;
use ipnet::IpNet;

use super::code::Code;
use super::fault::quote;
use super::keys;
use super::reader::{Field, Section};
use super::tls::{self, Shown};
use super::values;
use crate::listener::{Address, Drain, Http2, Limits, Ping, Place, PriorKnowledge, Settings};
use crate::web::TrustedProxies;
use crate::web::forwarded::{Convention, Trust};

const EXAMPLE: &str = "http = [\"127.0.0.1:4180\"]";
const DEFAULT_HTTP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4180);
const DEFAULT_ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4181);

/// What fits into the system's address of a socket (unix(7)), without its last byte.
pub(super) const MAX_SOCKET_PATH: usize = 107;

/// What `[listen]` says, and the certificates in it by their places.
pub(super) fn read<'a>(top: &Section<'a>) -> (Settings, Shown<'a>) {
    let section = top.section("listen", keys::LISTEN);
    let https = section.read("https", Vec::new(), |field| public_addresses(field, &[]));
    let http = section.read("http", vec![fixed(DEFAULT_HTTP)], |field| match field.is_empty_list() {
        true if section.field("https").is_none_or(|https| https.is_empty_list()) => {
            field.fault(Code::Address, "listen.http names no address", format!("for example: {EXAMPLE}"));
            None
        }
        true => Some(Vec::new()),
        false => public_addresses(field, &https),
    });
    let public = || http.iter().chain(&https);
    let admin = admin(&section);
    if let Some(admin) = &admin
        && public().any(|public| overlap(public, admin))
    {
        let message = format!("listen.admin shares the address {} with a public one", admin.text);
        let help =
            "the admin listener must never be public: give it a port of its own, or write admin = \"off\"";
        match section.field("admin").or_else(|| section.field("http")).or_else(|| section.field("https")) {
            Some(field) => field.fault(Code::SameAddress, message, help),
            None => section.fault(Code::SameAddress, message, help),
        }
    }
    let (networks, unix) =
        section.read("trusted_proxies", Default::default(), |field| trusted(field, public()));
    let convention = section.read("client_address_from", Convention::default(), |field| {
        values::choice(
            field,
            &[
                ("x-forwarded", Convention::XForwarded),
                ("forwarded", Convention::Forwarded),
                ("proxy-protocol", Convention::ProxyProtocol),
            ],
        )
    });
    if convention == Convention::ProxyProtocol
        && networks.is_empty()
        && unix == Trust::Untrusted
        && let Some(field) = section.field("client_address_from")
    {
        field.warning(
            Code::IdleKey,
            format!(
                "{} is \"proxy-protocol\", and no proxy is trusted: nobody's header is read",
                field.path()
            ),
            "name in listen.trusted_proxies the proxies that send it",
        );
    }
    let shown = tls::read(&section, &https);
    let size = |key, unset| usize::try_from(section.read(key, unset, values::size)).unwrap_or(usize::MAX);
    let number = |key, unset| section.read(key, unset, values::number);
    let duration = |key, unset| section.read(key, unset, values::duration_within);
    let unset = Limits::new(10_000);
    let limits = Limits {
        max_connections: number("max_connections", unset.max_connections),
        max_connections_per_peer: number("max_connections_per_peer", unset.max_connections_per_peer),
        head: duration("head_timeout", unset.head),
        keep_alive: duration("keep_alive", unset.keep_alive),
        max_headers: number("max_headers", unset.max_headers),
        max_requests: number("max_requests", unset.max_requests),
        http2: http2(&section, unset.http2),
        ..unset
    };
    let unset = Drain::default();
    let drain = Drain {
        delay: section.read("drain_delay", unset.delay, values::any_duration),
        timeout: section.read("drain_timeout", unset.timeout, values::any_duration),
    };
    let settings = Settings {
        certificates: shown.certificates(),
        http,
        https,
        admin,
        ping: section.read("ping", Ping::Off, |field| values::switch(field, Ping::On, Ping::Off)),
        trusted_proxies: TrustedProxies::new(networks, convention).with_unix(unix),
        limits,
        max_head: size("max_head", 32 << 10),
        max_target: size("max_target", 16 << 10),
        body_timeout: section.read("body_timeout", Duration::from_secs(30), values::duration),
        drain,
    };
    (settings, shown)
}

/// The address of the admin listener; none when it is off.
pub(super) fn admin(section: &Section<'_>) -> Option<Address> {
    section.read("admin", Some(fixed(DEFAULT_ADMIN)), |field| admin_address(field))
}

fn http2(section: &Section<'_>, unset: Http2) -> Http2 {
    Http2 {
        prior_knowledge: section.read("h2c", unset.prior_knowledge, |field| {
            values::switch(field, PriorKnowledge::Taken, PriorKnowledge::Refused)
        }),
        max_streams: section
            .read("h2_max_streams", unset.max_streams, |field| u32::try_from(values::number(field)?).ok()),
        window: section.read("h2_window", unset.window, |field| u32::try_from(values::size(field)?).ok()),
    }
}

fn fixed(socket: SocketAddr) -> Address {
    Address { text: socket.to_string(), place: Place::Tcp(vec![socket]) }
}

/// The addresses in a list; none of them is one of `others`.
fn public_addresses(field: &Field<'_>, others: &[Address]) -> Option<Vec<Address>> {
    let mut found: Vec<Address> = Vec::new();
    for item in field.items(EXAMPLE) {
        let Some(address) = address(&item, EXAMPLE) else { continue };
        let text = quote(&address.text);
        if found.iter().any(|other| overlap(other, &address)) {
            let message = format!("{text} stands here twice, or within another address");
            item.fault(Code::Address, message, "keep one of them");
        } else if let Some(other) = others.iter().find(|other| overlap(other, &address)) {
            item.fault(
                Code::Address,
                format!("{text} shares an address with {} of listen.https", quote(&other.text)),
                "plain http and TLS need an address each: give one of them another port",
            );
        }
        found.push(address);
    }
    (!found.is_empty()).then_some(found)
}

/// None inside when it is switched off.
fn admin_address(field: &Field<'_>) -> Option<Option<Address>> {
    const EXAMPLE: &str = "admin = \"127.0.0.1:4181\"";
    match field.text("an address or \"off\"", EXAMPLE)? {
        "off" => Some(None),
        _ => address(field, EXAMPLE).map(Some),
    }
}

/// An IP address with a port, or `localhost` with one, or the path of a socket. Other names would need a resolver at
/// start.
fn address(field: &Field<'_>, example: &str) -> Option<Address> {
    let text = field.text("an address with a port", example)?;
    if let Some(path) = text.strip_prefix("unix:") {
        let place = Place::Unix(socket_path(field, path)?);
        return Some(Address { text: text.to_owned(), place });
    }
    if let Some(name) = text.strip_prefix("systemd:") {
        let place = Place::Systemd(socket_name(field, name)?);
        return Some(Address { text: text.to_owned(), place });
    }
    if let Ok(socket) = text.parse::<SocketAddr>() {
        return Some(Address { text: text.to_owned(), place: Place::Tcp(vec![socket]) });
    }
    let port = text.strip_prefix("localhost:").filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    if let Some(port) = port.and_then(|port| port.parse().ok()) {
        let sockets = vec![
            SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port),
            SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port),
        ];
        return Some(Address { text: text.to_owned(), place: Place::Tcp(sockets) });
    }
    field.fault(
        Code::Address,
        format!("{} is {}, which is no address with a port", field.path(), quote(text)),
        "write 127.0.0.1:4180 or localhost:4180 for this machine, 0.0.0.0:4180 or [::]:4180 for all addresses, unix:PATH for a socket, systemd:NAME for one that systemd passes",
    );
    None
}

/// Where the socket file is made. Relative paths start at the folder of the configuration file.
fn socket_path(field: &Field<'_>, text: &str) -> Option<PathBuf> {
    let path = field.context().resolve(text);
    let (wrong, help) = if text.is_empty() || text.ends_with('/') {
        ("names no file", "for example: unix:/run/vestibule/http.sock")
    } else if text.starts_with("//") {
        ("is written as a URL", "write the path behind the colon: unix:/run/vestibule/http.sock")
    } else if text.contains(char::is_control) {
        ("holds a control character", "write a plain path")
    } else if path.as_os_str().as_bytes().len() > MAX_SOCKET_PATH {
        ("is longer than the 107 bytes that the system allows", "choose a shorter path")
    } else {
        return Some(path);
    };
    field.fault(Code::Address, format!("{} {wrong}: {}", field.path(), quote(text)), help);
    None
}

/// A name as `FileDescriptorName=` of a socket unit takes it.
fn socket_name(field: &Field<'_>, name: &str) -> Option<String> {
    if (1..=255).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
        return Some(name.to_owned());
    }
    field.fault(
        Code::Address,
        format!("{} is no name of a socket unit: {}", field.path(), quote(name)),
        "write what FileDescriptorName= says there (without it, the unit's name): systemd:vestibule.socket",
    );
    None
}

/// Whether two addresses cannot both be bound. Port 0 lets the kernel choose.
fn overlap(a: &Address, b: &Address) -> bool {
    let clash = |a: &SocketAddr, b: &SocketAddr| {
        let same_ip = a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified();
        // The unspecified IPv6 address takes IPv4 as well.
        let same_family = a.is_ipv4() == b.is_ipv4() || [a, b].iter().any(|one| is_all_v6(one));
        a.port() == b.port() && a.port() != 0 && same_ip && same_family
    };
    match (&a.place, &b.place) {
        (Place::Tcp(a), Place::Tcp(b)) => a.iter().any(|one| b.iter().any(|other| clash(one, other))),
        (Place::Unix(a), Place::Unix(b)) => a == b,
        (Place::Systemd(a), Place::Systemd(b)) => a == b,
        (Place::Tcp(_) | Place::Unix(_) | Place::Systemd(_), _) => false,
    }
}

fn is_all_v6(socket: &SocketAddr) -> bool {
    socket.is_ipv6() && socket.ip().is_unspecified()
}

/// Networks, and `"unix"` for whoever comes over a socket of ours.
fn trusted<'a>(
    field: &Field<'_>,
    mut public: impl Iterator<Item = &'a Address>,
) -> Option<(Vec<IpNet>, Trust)> {
    const EXAMPLE: &str = "trusted_proxies = [\"10.0.0.0/8\"]";
    let items = field.items(EXAMPLE);
    let (sockets, networks): (Vec<_>, Vec<_>) =
        items.iter().partition(|item| matches!(item.value(), Value::String(_, text) if text == "unix"));
    // What systemd will pass is not known.
    let is_unix = |address: &Address| matches!(address.place, Place::Unix(_) | Place::Systemd(_));
    if let Some(item) = sockets.first().filter(|_| !public.any(is_unix)) {
        item.warning(
            Code::Network,
            format!("{} trusts whoever comes over a Unix socket, and listen.http names none", item.path()),
            "remove it, or add unix:PATH to listen.http",
        );
    }
    let unix = if sockets.is_empty() { Trust::Untrusted } else { Trust::Trusted };
    Some((networks.into_iter().filter_map(|item| network(item, EXAMPLE)).collect(), unix))
}

fn network(field: &Field<'_>, example: &str) -> Option<IpNet> {
    let text = field.text("a network", example)?;
    let parsed = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    let Some(network) = parsed else {
        field.fault(
            Code::Network,
            format!("{} is {}, which is no network", field.path(), quote(text)),
            "write an address with its prefix length, for example \"10.0.0.0/8\" or \"fd00::/8\"",
        );
        return None;
    };
    if network.trunc() != network {
        field.fault(
            Code::Network,
            format!("{} is {}, which names one host and a network at once", field.path(), quote(text)),
            format!(
                "for the network write {}, for the host {}",
                quote(&network.trunc().to_string()),
                quote(&network.addr().to_string())
            ),
        );
        return None;
    }
    if network.prefix_len() == 0 {
        field.warning(
            Code::Network,
            format!(
                "{} trusts everybody: any client can choose the address we hold it to have",
                field.path()
            ),
            "name only the networks that your proxies are in",
        );
    }
    Some(network)
}
