//! Hosts: one form whatever the case, the port and the final dot; and nothing in it that ends a host.

#![no_main]

use libfuzzer_sys::fuzz_target;
use url::{Host, Url};
use vestibule::web::HostName;

fuzz_target!(|text: &str| {
    let Ok((host, port)) = HostName::parse(text) else { return };
    let form = host.as_str();
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    let address = form.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match address {
        Some(address) => assert!(address.parse::<std::net::Ipv6Addr>().is_ok(), "{form:?}"),
        None => {
            assert!(!form.is_empty() && form.len() <= 253 && form.bytes().all(legal), "{form:?}");
            assert!(!form.starts_with('.') && !form.ends_with('.') && !form.contains(".."), "{form:?}");
        }
    }

    assert_eq!(HostName::parse(form), Ok((host.clone(), None)));
    assert_eq!(HostName::parse(&text.to_ascii_uppercase()), Ok((host.clone(), port)));
    assert_eq!(
        HostName::parse(&format!("{form}:{}", port.unwrap_or(1))),
        Ok((host.clone(), Some(port.unwrap_or(1))))
    );
    if address.is_none() {
        assert_eq!(HostName::parse(&format!("{form}.")), Ok((host.clone(), None)));
    }

    // A browser that reads the same text goes to the same name. To other spellings of an address it may go under
    // another name (`127.1`), never to a name that we have and it has not.
    let Ok(url) = Url::parse(&format!("http://{text}/")) else { return };
    match url.host() {
        Some(Host::Domain(name)) => {
            // The parser knows about international names; to us `xn--` is a text.
            assert_eq!(name.strip_suffix('.').unwrap_or(name), form);
        }
        Some(Host::Ipv4(address)) => assert!(host.address().is_none_or(|own| own == address), "{form:?}"),
        Some(Host::Ipv6(address)) => assert_eq!(host.address(), Some(address.into())),
        None => panic!("{text:?} has no host"),
    }
    assert_eq!(url.port_or_known_default(), Some(port.unwrap_or(80)));
    assert_eq!((url.path(), url.username(), url.query()), ("/", "", None));
});
