//! Who is counted as one when connections or sign-ins are counted, and who is not counted at all.

use std::net::{IpAddr, Ipv6Addr};

/// An IPv4 address, or the IPv6 network of 64 bits that one customer gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subscriber {
    /// This address; an IPv4-mapped one too.
    V4(u32),
    /// The network of these upper bits.
    V6(u64),
}

impl From<IpAddr> for Subscriber {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.to_bits()),
            IpAddr::V6(address) => Self::V6(u64::try_from(address.to_bits() >> 64).unwrap_or_default()),
        }
    }
}

/// Whether an address is no host of the internet: a proxy in front is such a one more often than a client.
#[must_use]
pub fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_private() || address.is_loopback() || address.is_link_local(),
        IpAddr::V6(address) => {
            address == Ipv6Addr::LOCALHOST || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Subscriber, is_private};

    #[test]
    fn private_addresses_are_known() {
        let is_private = |text: &str| is_private(text.parse().expect("an address"));
        for text in [
            "10.1.2.3",
            "127.0.0.1",
            "192.168.0.9",
            "172.18.0.3",
            "169.254.1.1",
            "::ffff:10.0.0.1",
            "::1",
            "fd00::1",
            "fe80::1",
        ] {
            assert!(is_private(text), "{text}");
        }
        for text in ["8.8.8.8", "172.32.0.1", "2001:db8::1"] {
            assert!(!is_private(text), "{text}");
        }
    }

    #[test]
    fn an_ipv6_network_is_one_and_a_mapped_address_the_ipv4_one() {
        let of = |text: &str| Subscriber::from(text.parse::<std::net::IpAddr>().expect("an address"));
        assert_eq!(of("2001:db8:0:1::1"), of("2001:db8:0:1:ffff::2"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
