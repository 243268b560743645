//! Headers as proxies send them, headers that nobody should send, and any bytes.

use proptest::prelude::*;

use super::{BadHeader, Introduction, Progress, read};
use crate::web::Scheme;

const VECTORS: &str = include_str!("../../../tests/vectors/proxy-protocol.txt");

struct Vector {
    name: &'static str,
    bytes: Vec<u8>,
    expected: &'static str,
}

fn vectors() -> Vec<Vector> {
    let lines = VECTORS.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let vector = |line: &'static str| {
        let mut cells = line.split('|').map(str::trim);
        let mut cell = || cells.next().expect("a cell");
        Vector { name: cell(), bytes: cell().split(' ').flat_map(hex).collect(), expected: cell() }
    };
    lines.map(vector).collect()
}

/// Hexadecimal, or one byte and how often it stands there.
fn hex(word: &str) -> Vec<u8> {
    let (digits, times) = word.split_once('*').unwrap_or((word, "1"));
    let bytes = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("ASCII"));
    let bytes: Vec<u8> = bytes.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal")).collect();
    bytes.repeat(times.parse().expect("a number"))
}

fn words(result: Result<Progress, BadHeader>) -> String {
    match result {
        Err(error) => format!("bad {error:?}"),
        Ok(Progress::Needs(count)) => format!("needs {count}"),
        Ok(Progress::Complete { introduction: Introduction::Own, .. }) => "own -".to_owned(),
        Ok(Progress::Complete { introduction: Introduction::Client { address, scheme }, .. }) => {
            let address = address.map_or("unknown".to_owned(), |address| address.to_string());
            let scheme = match scheme {
                None => "-",
                Some(Scheme::Http) => "http",
                Some(Scheme::Https) => "https",
            };
            format!("{address} {scheme}")
        }
    }
}

/// Takes from `stream` as the listener does: never more than is known to be missing.
fn take(stream: &[u8], step: impl Fn(usize) -> usize) -> (Result<Progress, BadHeader>, usize, usize) {
    let (mut taken, mut reads) = (0, 0);
    loop {
        match read(&stream[..taken]) {
            Ok(Progress::Needs(count)) if taken < stream.len() => {
                taken = (taken + step(count.get()).clamp(1, count.get())).min(stream.len());
                reads += 1;
            }
            result => return (result, taken, reads),
        }
    }
}

#[test]
fn each_header_is_what_it_is() {
    let vectors = vectors();
    assert!(vectors.len() >= 80, "{}", vectors.len());
    for Vector { name, bytes, expected } in &vectors {
        assert_eq!(words(read(bytes)), *expected, "{name}");
    }
}

#[test]
fn what_follows_a_header_is_left_alone_however_it_arrives() {
    for Vector { name, bytes, expected } in vectors() {
        let is_whole = !expected.starts_with("bad") && !expected.starts_with("needs");
        for behind in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"PROXY UNKNOWN\r\n", b"\r\n", b"\0"] {
            let stream = [&*bytes, behind].concat();
            for step in [1, 2, 7, 4096] {
                let (result, taken, reads) = take(&stream, |_| step);
                if is_whole {
                    assert_eq!((words(result).as_str(), taken), (expected, bytes.len()), "{name}");
                    // Whatever stands behind UNKNOWN has no shape to count by.
                    let is_counted = step == 4096 && !name.starts_with("v1 unknown");
                    assert!(!is_counted || reads <= 16, "{name}: {reads} reads");
                } else if expected.starts_with("bad") {
                    assert_eq!(words(result), expected, "{name}");
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_have_one_end(bytes in proptest::collection::vec(any::<u8>(), 0..200), line in any::<bool>(), step in 1usize..50) {
        let start: &[u8] = if line { b"PROXY TCP4 " } else { super::v2::SIGNATURE };
        for stream in [bytes.clone(), [start, &bytes].concat()] {
            let (stepwise, taken, _) = take(&stream, |_| step);
            let (greedy, greedily, _) = take(&stream, |count| count);
            prop_assert_eq!(stepwise, greedy);
            if let Ok(Progress::Complete { length, .. }) = greedy {
                prop_assert_eq!((taken, greedily), (length, length));
                // The same from all bytes at once.
                prop_assert_eq!(read(&stream), greedy);
            }
        }
    }

    #[test]
    fn a_line_of_any_addresses_is_read(from in any::<std::net::IpAddr>(), to in any::<u128>(), ports in any::<(u16, u16)>()) {
        let (family, to) = match from {
            std::net::IpAddr::V4(_) => ("TCP4", std::net::Ipv4Addr::from_bits(u32::try_from(to >> 96).expect("32 bits")).to_string()),
            std::net::IpAddr::V6(_) => ("TCP6", std::net::Ipv6Addr::from_bits(to).to_string()),
        };
        let line = format!("PROXY {family} {from} {to} {} {}\r\n", ports.0, ports.1);
        let (result, taken, _) = take(format!("{line}GET").as_bytes(), |count| count);
        let expected = Introduction::Client { address: Some(from.to_canonical()), scheme: None };
        prop_assert_eq!(result, Ok(Progress::Complete { introduction: expected, length: line.len() }));
        prop_assert_eq!(taken, line.len());
    }
}
