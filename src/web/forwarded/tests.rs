//! Hops that a stranger controls never move the client beyond the trusted chain.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::{Convention, Forwarded, PeerAddr, Trust, TrustedProxies};
use crate::web::{Arrival, Introduction, Scheme};

fn read(convention: Convention, peer: &str, fields: &[(&'static str, &str)]) -> Forwarded {
    let networks = vec!["10.0.0.0/8".parse().expect("a network"), "fd00::/8".parse().expect("a network")];
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"));
    }
    TrustedProxies::new(networks, convention).read(PeerAddr::new(peer.parse().expect("an address")), &headers)
}

fn client(convention: Convention, peer: &str, fields: &[(&'static str, &str)]) -> String {
    read(convention, peer, fields).client().to_string()
}

#[test]
fn over_a_unix_socket_the_client_is_unknown_unless_a_trusted_proxy_names_it() {
    let mut headers = HeaderMap::new();
    let plain = TrustedProxies::new(Vec::new(), Convention::XForwarded);
    let trusting = plain.clone().with_unix(Trust::Trusted);
    let nobody = trusting.read(PeerAddr::Unix, &headers);
    assert_eq!((nobody.client().ip(), nobody.chain(), nobody.trust()), (None, &[][..], Trust::Trusted));
    headers.insert("x-forwarded-for", HeaderValue::from_static("6.6.6.6, 1.1.1.1"));
    headers.insert("x-forwarded-proto", HeaderValue::from_static("https"));
    let ignored = plain.read(PeerAddr::Unix, &headers);
    assert_eq!((ignored.client().to_string().as_str(), ignored.chain()), ("unknown", &[][..]));
    assert_eq!((ignored.scheme(), ignored.trust()), (None, Trust::Untrusted));
    let named = trusting.read(PeerAddr::Unix, &headers);
    let address: IpAddr = "1.1.1.1".parse().expect("an address");
    assert_eq!(
        (named.client().ip(), named.chain(), named.scheme()),
        (Some(address), &[address][..], Some(Scheme::Https))
    );
    // The word lets in no other address, and a network no socket.
    let tcp = trusting.read(PeerAddr::new("127.0.0.1:1".parse().expect("an address")), &headers);
    assert_eq!(tcp.trust(), Trust::Untrusted);
    headers.insert("x-forwarded-for", HeaderValue::from_static("unknown"));
    assert_eq!(trusting.read(PeerAddr::Unix, &headers).client().ip(), None);
}

#[test]
fn an_introduced_connection_is_read_by_its_introduction_and_one_that_should_have_been_by_nothing() {
    let mut headers = HeaderMap::new();
    for name in ["x-forwarded-for", "forwarded"] {
        headers.insert(name, HeaderValue::from_static("6.6.6.6"));
    }
    let peer = PeerAddr::new("10.0.0.1:1".parse().expect("an address"));
    let proxies =
        |convention| TrustedProxies::new(vec!["10.0.0.0/8".parse().expect("a network")], convention);
    let address: IpAddr = "203.0.113.7".parse().expect("an address");
    let said = Introduction::Client { address: Some(address), scheme: Some(Scheme::Https) };
    // A reload may have changed the convention since: what the client wrote is still the client's.
    for convention in [Convention::ProxyProtocol, Convention::XForwarded, Convention::Forwarded] {
        let proxies = proxies(convention);
        let read = proxies.read_arrival(&Arrival::new(peer).introduced(said), &headers);
        assert_eq!((read.client().ip(), read.scheme()), (Some(address), Some(Scheme::Https)));
        assert_eq!(
            (read.chain(), read.trust()),
            (&[address, "10.0.0.1".parse().expect("one")][..], Trust::Untrusted)
        );
        let own = proxies.read_arrival(&Arrival::new(peer).introduced(Introduction::Own), &headers);
        assert_eq!((own.client().to_string().as_str(), own.chain().len()), ("10.0.0.1", 1));
    }
    let read = proxies(Convention::ProxyProtocol).read_arrival(&Arrival::new(peer), &headers);
    assert_eq!((read.client().ip(), read.trust()), (None, Trust::Untrusted));
    let stranger = PeerAddr::new("9.9.9.9:1".parse().expect("an address"));
    let read = proxies(Convention::ProxyProtocol).read_arrival(&Arrival::new(stranger), &headers);
    assert_eq!(read.client().to_string(), "9.9.9.9");
    assert!(proxies(Convention::ProxyProtocol).expects_introduction(peer));
    assert!(!proxies(Convention::ProxyProtocol).expects_introduction(stranger));
    assert!(!proxies(Convention::XForwarded).expects_introduction(peer));
}

#[test]
fn an_untrusted_peer_is_the_client_whatever_it_says() {
    let fields =
        [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-proto", "https"), ("forwarded", "for=1.1.1.1")];
    let read = read(Convention::XForwarded, "9.9.9.9:1", &fields);
    assert_eq!(
        (read.client().to_string().as_str(), read.scheme(), read.trust()),
        ("9.9.9.9", None, Trust::Untrusted)
    );
    assert_eq!(read.chain(), ["9.9.9.9".parse::<IpAddr>().expect("an address")]);
}

#[test]
fn the_client_is_the_first_untrusted_hop_from_the_right_over_all_lines() {
    let fields = [
        ("x-forwarded-for", "6.6.6.6, 1.1.1.1"),
        ("x-forwarded-for", "10.0.0.2:99"),
        ("x-forwarded-proto", "https"),
    ];
    let read = read(Convention::XForwarded, "10.0.0.1:1", &fields);
    assert_eq!(read.client().to_string(), "1.1.1.1");
    assert_eq!(read.scheme(), Some(Scheme::Https));
    let chain: Vec<_> = read.chain().iter().map(ToString::to_string).collect();
    assert_eq!(chain, ["1.1.1.1", "10.0.0.2", "10.0.0.1"]);
}

#[test]
fn behind_a_broken_hop_the_client_is_unknown_and_not_the_proxy() {
    for value in ["1.1.1.1, unknown", "1.1.1.1, _hidden", "1.1.1.1, ?", "1.1.1.1, unix:"] {
        let value = format!("{value}, 10.0.0.2");
        let read = read(Convention::XForwarded, "10.0.0.1:1", &[("x-forwarded-for", &value)]);
        assert_eq!(read.client().to_string(), "unknown", "{value}");
        let chain: Vec<_> = read.chain().iter().map(ToString::to_string).collect();
        assert_eq!(chain, ["10.0.0.2", "10.0.0.1"], "{value}: the proxies are known all the same");
    }
}

#[test]
fn behind_more_proxies_than_are_looked_at_the_client_is_unknown() {
    let hops = |count: usize| vec!["10.0.0.2"; count].join(", ");
    let client = |value: String| client(Convention::XForwarded, "10.0.0.1:1", &[("x-forwarded-for", &value)]);
    assert_eq!(client(hops(32)), "10.0.0.2");
    assert_eq!(client(hops(33)), "unknown");
    assert_eq!(client(format!("6.6.6.6, {}", hops(32))), "unknown");
    assert_eq!(client(format!("6.6.6.6, {}", hops(31))), "6.6.6.6");
}

#[test]
fn the_forwarded_field_is_read_with_its_quotes_and_only_in_its_convention() {
    let field = [("forwarded", "for=6.6.6.6;proto=http, For=\"[2001:db8::1]:4711\";proto=https;host=evil")];
    let read = read(Convention::Forwarded, "10.0.0.1:1", &field);
    assert_eq!((read.client().to_string().as_str(), read.scheme()), ("2001:db8::1", Some(Scheme::Https)));
    assert_eq!(client(Convention::XForwarded, "10.0.0.1:1", &field), "10.0.0.1");
    assert_eq!(client(Convention::Forwarded, "10.0.0.1:1", &[("x-forwarded-for", "1.1.1.1")]), "10.0.0.1");
}

/// A proxy that appends to the line of a stranger writes the last word, whatever the line holds before it.
#[test]
fn a_line_that_a_stranger_began_does_not_spoil_what_the_proxy_wrote() {
    for left in ["\u{e9}", "\"", "\\\"", "for=\"x", "a\\", "\"\\", ";", "=", "for=\"\\\", x"] {
        let value = format!("{left}, 1.1.1.1");
        assert_eq!(
            client(Convention::XForwarded, "10.0.0.1:1", &[("x-forwarded-for", &value)]),
            "1.1.1.1",
            "{value}"
        );
        let value = format!("{left}, for=1.1.1.1;host=\"x\"");
        assert_eq!(
            client(Convention::Forwarded, "10.0.0.1:1", &[("forwarded", &value)]),
            "1.1.1.1",
            "{value}"
        );
    }
}

#[test]
fn a_separator_in_a_quoted_value_makes_no_hop() {
    for value in [
        "for=1.1.1.1;host=\"x, for=6.6.6.6\"",
        "for=1.1.1.1;host=\"x;for=6.6.6.6\"",
        "for=1.1.1.1;host=\"x\\\", for=6.6.6.6\"",
        "host=\", for=6.6.6.6;a=\"; for=1.1.1.1",
        "host=\"\\\\\"; for=1.1.1.1",
    ] {
        assert_eq!(
            client(Convention::Forwarded, "10.0.0.1:1", &[("forwarded", value)]),
            "1.1.1.1",
            "{value}"
        );
    }
    for broken in [
        "for=1.1.1.1;for=6.6.6.6",
        "for=\"6.6.6.6",
        "for=6.6.6.6\"",
        "for",
        "6.6.6.6",
        "for=1.1.1.1;;proto=https",
    ] {
        assert_eq!(
            client(Convention::Forwarded, "10.0.0.1:1", &[("forwarded", broken)]),
            "unknown",
            "{broken}"
        );
    }
}

proptest! {
    #[test]
    fn what_stands_left_of_the_client_changes_nothing(left in "[ -~]{0,60}") {
        let value = format!("{left}, 1.1.1.1, 10.0.0.2");
        prop_assert_eq!(client(Convention::XForwarded, "10.0.0.1:1", &[("x-forwarded-for", &value)]), "1.1.1.1");
    }

    #[test]
    fn nor_does_it_in_the_forwarded_field(left in "([ -~\u{e9}]|\"|\\\\|,|;|for=)*", host in "[ -!#-\\[\\]-~]{0,30}") {
        let value = format!("{left}, for=1.1.1.1;host=\"{host}\";proto=https, for=10.0.0.2");
        let read = read(Convention::Forwarded, "10.0.0.1:1", &[("forwarded", &value)]);
        prop_assert_eq!((read.client().to_string(), read.scheme()), ("1.1.1.1".to_owned(), Some(Scheme::Https)));
    }
}
