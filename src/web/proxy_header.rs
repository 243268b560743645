//! The header of the PROXY protocol, versions 1 and 2, in which a proxy says for whom it opened a connection
//! (<https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>, sections 2.1 and 2.2).
//!
//! What follows the header is the client's, so not a byte more than the header may be taken from the connection: while it
//! is not whole, [`read`] says how many bytes are missing at least.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroUsize;

use super::origin::Scheme;

mod v2;

/// What a proxy says of a connection before anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Introduction {
    /// The proxy itself is the client: it looks whether we are there.
    Own,
    /// It speaks for a client.
    Client {
        /// The client's address; none where it has none, or none that the proxy knows.
        address: Option<IpAddr>,
        /// How the client speaks with the proxy, where it says so.
        scheme: Option<Scheme>,
    },
}

/// How far a header has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is not whole; at least so many more bytes belong to it.
    Needs(NonZeroUsize),
    /// It is whole.
    Complete {
        /// What it says.
        introduction: Introduction,
        /// Its length in bytes.
        length: usize,
    },
}

/// A connection begins with no header of the PROXY protocol that we take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHeader {
    /// Something else stands there.
    #[error("it does not begin with a header of the PROXY protocol")]
    Absent,
    /// A line of version 1 that is none.
    #[error("the PROXY line is malformed")]
    Line,
    /// A line of version 1 without its end.
    #[error("the PROXY line is longer than 107 bytes")]
    LongLine,
    /// A version or a command of version 2 that does not exist.
    #[error("the PROXY header has an unknown version or command")]
    Command,
    /// An address family or a transport that is none of a stream.
    #[error("the PROXY header has an address of an unknown kind")]
    Family,
    /// A length that is too short for what it has to hold, or over our limit.
    #[error("the PROXY header has an impossible length, or one over 4 KiB")]
    Length,
    /// Additions that do not fit into the header, or contradict themselves.
    #[error("the PROXY header has malformed additions")]
    Addition,
    /// A checksum that is not that of the bytes.
    #[error("the checksum of the PROXY header is wrong")]
    Checksum,
}

/// The longest line of version 1, its CRLF included.
const MAX_LINE: usize = 107;

/// So many bytes every header has: it is 15 in version 1, 16 in version 2.
const LEAST: usize = 12;

const LINE: &[u8] = b"PROXY ";

/// Reads the header that `bytes` begin with.
///
/// # Errors
/// [`BadHeader`], as soon as it is certain.
pub fn read(bytes: &[u8]) -> Result<Progress, BadHeader> {
    let begins_like = |start: &[u8]| bytes.iter().zip(start).all(|(ours, theirs)| ours == theirs);
    if !begins_like(LINE) && !begins_like(v2::SIGNATURE) {
        return Err(BadHeader::Absent);
    }
    if bytes.len() < LEAST {
        return Ok(needs(LEAST - bytes.len()));
    }
    if bytes.starts_with(LINE) { line(bytes) } else { v2::read(bytes) }
}

fn needs(count: usize) -> Progress {
    Progress::Needs(NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN))
}

/// Version 1: `PROXY TCP4 203.0.113.7 192.0.2.1 50000 443` and CRLF.
fn line(bytes: &[u8]) -> Result<Progress, BadHeader> {
    let room = bytes.get(..MAX_LINE).unwrap_or(bytes);
    let end = room.iter().position(|byte| !(b' '..=b'~').contains(byte));
    let text = room.get(..end.unwrap_or(room.len())).unwrap_or_default();
    let text = std::str::from_utf8(text).map_err(|_| BadHeader::Line)?;
    match end.and_then(|end| room.get(end..)) {
        Some([b'\r', b'\n', ..]) => {
            Ok(Progress::Complete { introduction: introduction(text)?, length: text.len() + 2 })
        }
        // The words are all there: what is wrong with them is certain by now.
        Some([b'\r']) if room.len() < MAX_LINE => introduction(text).map(|_| needs(1)),
        None if room.len() < MAX_LINE => Ok(needs(missing(text)?.min(MAX_LINE - room.len()))),
        None | Some([b'\r']) => Err(BadHeader::LongLine),
        Some(_) => Err(BadHeader::Line),
    }
}

/// How many bytes a line that begins like this lacks at least, CRLF included: so it takes few reads to read not a byte too
/// many.
fn missing(text: &str) -> Result<usize, BadHeader> {
    const END: usize = 2;
    let shortest: [usize; 6] = match text.get(..text.len().min(11)) {
        Some("PROXY TCP4 ") => [5, 4, "0.0.0.0".len(), "0.0.0.0".len(), 1, 1],
        Some("PROXY TCP6 ") => [5, 4, "::".len(), "::".len(), 1, 1],
        Some("PROXY UNKNO") => return Ok(END),
        _ => return Err(BadHeader::Line),
    };
    let (complete, begun) = text.rsplit_once(' ').unwrap_or_default();
    let number = complete.split(' ').count();
    let current = shortest.get(number).ok_or(BadHeader::Line)?;
    let further: usize = shortest.iter().skip(number + 1).map(|length| length + 1).sum();
    Ok(current.saturating_sub(begun.len()) + further + END)
}

fn introduction(text: &str) -> Result<Introduction, BadHeader> {
    let words: Vec<&str> = text.split(' ').collect();
    let addresses = match *words.as_slice() {
        // Whatever else stands in such a line is to be ignored.
        ["PROXY", "UNKNOWN", ..] => return Ok(Introduction::Client { address: None, scheme: None }),
        ["PROXY", "TCP4", from, to, from_port, to_port] if is_port(from_port) && is_port(to_port) => {
            let parse = |text: &str| text.parse::<Ipv4Addr>().ok().map(IpAddr::V4);
            (parse(from), parse(to))
        }
        ["PROXY", "TCP6", from, to, from_port, to_port] if is_port(from_port) && is_port(to_port) => {
            let parse = |text: &str| text.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
            (parse(from), parse(to))
        }
        _ => return Err(BadHeader::Line),
    };
    let (Some(from), Some(_)) = addresses else { return Err(BadHeader::Line) };
    Ok(Introduction::Client { address: Some(from.to_canonical()), scheme: None })
}

/// A number up to 65535, written as short as it can be.
fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'))
        && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests;
