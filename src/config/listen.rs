//! The `[listen]` section.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

use super::code::Code;
use super::fault::quote;
use super::keys;
use super::reader::{Field, Section};
use super::values;
use crate::listener::{Address, Settings};
use crate::web::TrustedProxies;
use crate::web::forwarded::Convention;

const EXAMPLE: &str = "http = [\"127.0.0.1:4180\"]";
const DEFAULT_HTTP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4180);
const DEFAULT_ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4181);

pub(super) fn read(top: &Section<'_>) -> Settings {
    let section = top.section("listen", keys::LISTEN);
    let http = section.read("http", vec![fixed(DEFAULT_HTTP)], |field| public_addresses(field));
    let admin = section.read("admin", Some(fixed(DEFAULT_ADMIN)), |field| admin_address(field));
    if let Some(admin) = &admin
        && http.iter().any(|public| overlap(public, admin))
    {
        let message = format!("listen.admin shares the address {} with listen.http", admin.text);
        let help =
            "the admin listener must never be public: give it a port of its own, or write admin = \"off\"";
        match section.field("admin").or_else(|| section.field("http")) {
            Some(field) => field.fault(Code::SameAddress, message, help),
            None => section.fault(Code::SameAddress, message, help),
        }
    }
    let networks = section.read("trusted_proxies", Vec::new(), |field| networks(field));
    let convention = section.read("client_address_from", Convention::default(), |field| {
        values::choice(
            field,
            &[("x-forwarded", Convention::XForwarded), ("forwarded", Convention::Forwarded)],
        )
    });
    let max_head = section.read("max_head", 32 << 10, |field| values::size(field, 4 << 10..=60 << 10));
    Settings {
        http,
        admin,
        trusted_proxies: TrustedProxies::new(networks, convention),
        max_connections: section
            .read("max_connections", 10_000, |field| values::number(field, 1..=1_000_000)),
        max_head: usize::try_from(max_head).unwrap_or(usize::MAX),
    }
}

fn fixed(socket: SocketAddr) -> Address {
    Address { text: socket.to_string(), sockets: vec![socket] }
}

fn public_addresses(field: &Field<'_>) -> Option<Vec<Address>> {
    let items = field.items(EXAMPLE);
    if field.is_empty_list() {
        field.fault(Code::Address, "listen.http names no address", format!("for example: {EXAMPLE}"));
        return None;
    }
    let mut found: Vec<Address> = Vec::new();
    for item in items {
        let Some(address) = address(&item, EXAMPLE) else { continue };
        if found.iter().any(|other| overlap(other, &address)) {
            item.fault(
                Code::Address,
                format!("{} stands here twice, or within another address", quote(&address.text)),
                "keep one of them",
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

/// An IP address with a port, or `localhost` with one. Other names would need a resolver at start.
fn address(field: &Field<'_>, example: &str) -> Option<Address> {
    let text = field.text("an address with a port", example)?;
    if let Ok(socket) = text.parse::<SocketAddr>() {
        return Some(Address { text: text.to_owned(), sockets: vec![socket] });
    }
    let port = text.strip_prefix("localhost:").filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    if let Some(port) = port.and_then(|port| port.parse().ok()) {
        let sockets = vec![
            SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port),
            SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port),
        ];
        return Some(Address { text: text.to_owned(), sockets });
    }
    field.fault(
        Code::Address,
        format!("{} is {}, which is no address with a port", field.path(), quote(text)),
        "write 127.0.0.1:4180 or localhost:4180 for this machine, 0.0.0.0:4180 or [::]:4180 for all addresses",
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
    a.sockets.iter().any(|one| b.sockets.iter().any(|other| clash(one, other)))
}

fn is_all_v6(socket: &SocketAddr) -> bool {
    socket.is_ipv6() && socket.ip().is_unspecified()
}

fn networks(field: &Field<'_>) -> Option<Vec<IpNet>> {
    const EXAMPLE: &str = "trusted_proxies = [\"10.0.0.0/8\"]";
    let items = field.items(EXAMPLE);
    Some(items.iter().filter_map(|item| network(item, EXAMPLE)).collect())
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
