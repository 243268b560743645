//! Forwarding headers: what stands to the left of what a trusted proxy wrote changes nothing about the client, and
//! nothing at all counts that an untrusted peer sends.

#![no_main]

use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use vestibule::web::forwarded::{Convention, Trust};
use vestibule::web::{PeerAddr, Scheme, TrustedProxies};

const CLIENT: &str = "203.0.113.7";

fuzz_target!(|input: (&[u8], &[u8])| {
    let (line, scheme) = input;
    let (Ok(said), Ok(spoken)) = (HeaderValue::from_bytes(line), HeaderValue::from_bytes(scheme)) else {
        return;
    };
    let trusted = PeerAddr::new(([10, 0, 0, 1], 1).into());
    let stranger = PeerAddr::new(([198, 51, 100, 2], 1).into());
    for convention in [Convention::XForwarded, Convention::Forwarded] {
        let networks = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().expect("a network"));
        let proxies = TrustedProxies::new(networks.to_vec(), convention);
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", said.clone());
        headers.append("x-forwarded-proto", spoken.clone());
        headers.append("forwarded", said.clone());

        let alone = proxies.read(stranger, &headers);
        assert_eq!(
            (alone.client(), alone.scheme(), alone.trust()),
            (stranger.into(), None, Trust::Untrusted)
        );

        // Every hop behind the client is one that may speak for others.
        let read = proxies.read(trusted, &headers);
        let behind = if read.client().ip().is_some() { 1 } else { 0 };
        let is_trusted = |address: &std::net::IpAddr| {
            proxies.read(PeerAddr::new((*address, 1).into()), &HeaderMap::new()).trust() == Trust::Trusted
        };
        assert!(read.chain().iter().skip(behind).all(is_trusted), "{:?}", read.chain());
        assert!(read.chain().len() <= 33);
        assert_eq!(read.chain().first().copied().filter(|_| behind == 1), read.client().ip());

        // The trusted proxy appends: to the stranger's line, or in a line of its own.
        let own = match convention {
            Convention::XForwarded => ("x-forwarded-for", CLIENT.to_owned()),
            Convention::Forwarded => ("forwarded", format!("for={CLIENT};proto=https")),
            // Has no header field; it is a target of its own.
            Convention::ProxyProtocol => continue,
        };
        let mut joined = headers.clone();
        let value = [line, b", ", own.1.as_bytes()].concat();
        joined.insert(own.0, HeaderValue::from_bytes(&value).expect("both were legal"));
        joined.insert(
            "x-forwarded-proto",
            HeaderValue::from_bytes(&[scheme, b",https"].concat()).expect("legal"),
        );
        let mut apart = headers.clone();
        apart.append(own.0, HeaderValue::from_str(&own.1).expect("legal"));
        apart.append("x-forwarded-proto", HeaderValue::from_static("https"));
        for headers in [joined, apart] {
            let read = proxies.read(trusted, &headers);
            assert_eq!(read.client().to_string(), CLIENT);
            assert_eq!((read.scheme(), read.chain().len()), (Some(Scheme::Https), 2));
        }
    }
});
