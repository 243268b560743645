//! Version 2: sixteen bytes, the addresses, and additions of a type, a length and a value each.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::origin::Scheme;
use super::{BadHeader, Introduction, Progress, needs};

pub(super) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Signature, version and command, family, length of the rest.
const FIXED: usize = 16;

/// The most that may follow. The length has 16 bits; no proxy that is in use sends a tenth of this.
const MAX_REST: usize = 4096;

/// What type of addition is looked at.
const CRC32C: u8 = 0x03;
const SSL: u8 = 0x20;

pub(super) fn read(bytes: &[u8]) -> Result<Progress, BadHeader> {
    let Some((&[command, family, high, low], _)) =
        bytes.get(SIGNATURE.len()..).and_then(|rest| rest.split_first_chunk::<4>())
    else {
        return Ok(needs(FIXED.saturating_sub(bytes.len())));
    };
    let is_local = match command {
        0x20 => true,
        0x21 => false,
        _ => return Err(BadHeader::Command),
    };
    let size = usize::from(u16::from_be_bytes([high, low]));
    if size > MAX_REST {
        return Err(BadHeader::Length);
    }
    let length = FIXED + size;
    let Some(header) = bytes.get(..length) else { return Ok(needs(length.saturating_sub(bytes.len()))) };
    let rest = header.get(FIXED..).unwrap_or_default();
    let introduction = match (is_local, family) {
        // Of these all that follows is to be ignored.
        (true, _) => Introduction::Own,
        (false, 0x00) => Introduction::Client { address: None, scheme: None },
        (false, 0x11) => {
            let (addresses, additions) = rest.split_first_chunk::<12>().ok_or(BadHeader::Length)?;
            let [a, b, c, d, ..] = *addresses;
            client(Some(Ipv4Addr::new(a, b, c, d).into()), header, additions)?
        }
        (false, 0x21) => {
            let (addresses, additions) = rest.split_first_chunk::<36>().ok_or(BadHeader::Length)?;
            let address = addresses.first_chunk::<16>().map(|octets| Ipv6Addr::from(*octets).into());
            client(address, header, additions)?
        }
        // A client of the proxy's own machine has no address.
        (false, 0x31) => {
            let (_, additions) = rest.split_first_chunk::<216>().ok_or(BadHeader::Length)?;
            client(None, header, additions)?
        }
        _ => return Err(BadHeader::Family),
    };
    Ok(Progress::Complete { introduction, length })
}

fn client(address: Option<IpAddr>, header: &[u8], mut additions: &[u8]) -> Result<Introduction, BadHeader> {
    let (mut scheme, mut checksum) = (None, None);
    while let Some((&[kind, high, low], rest)) = additions.split_first_chunk::<3>() {
        let size = usize::from(u16::from_be_bytes([high, low]));
        let (value, further) = rest.split_at_checked(size).ok_or(BadHeader::Addition)?;
        match kind {
            SSL => {
                // Flags, then 32 bits on how the client's certificate was judged, then additions of its own.
                let flags = value.first().filter(|_| value.len() >= 5).ok_or(BadHeader::Addition)?;
                let said = if flags & 1 == 1 { Scheme::Https } else { Scheme::Http };
                if scheme.replace(said).is_some() {
                    return Err(BadHeader::Addition);
                }
            }
            CRC32C => {
                let said = <[u8; 4]>::try_from(value).map_err(|_| BadHeader::Addition)?;
                let at = header.len() - further.len() - value.len();
                if checksum.replace((u32::from_be_bytes(said), at)).is_some() {
                    return Err(BadHeader::Addition);
                }
            }
            _ => {}
        }
        additions = further;
    }
    if !additions.is_empty() {
        return Err(BadHeader::Addition);
    }
    if let Some((said, at)) = checksum
        && said != crc32c(header, at..at + 4)
    {
        return Err(BadHeader::Checksum);
    }
    Ok(Introduction::Client { address: address.map(|address| address.to_canonical()), scheme })
}

/// The checksum of RFC 9260, appendix A, of `bytes` with zeros in place of `blank`.
fn crc32c(bytes: &[u8], blank: std::ops::Range<usize>) -> u32 {
    const POLYNOMIAL: u32 = 0x82F6_3B78;
    let sum = bytes.iter().enumerate().fold(u32::MAX, |sum, (at, byte)| {
        let byte = if blank.contains(&at) { 0 } else { *byte };
        (0..8).fold(
            sum ^ u32::from(byte),
            |sum, _| {
                if sum & 1 == 1 { (sum >> 1) ^ POLYNOMIAL } else { sum >> 1 }
            },
        )
    });
    !sum
}

#[cfg(test)]
mod tests {
    use super::crc32c;

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        // The check value of the catalogue of CRC algorithms.
        assert_eq!(crc32c(b"123456789", 0..0), 0xE306_9283);
        assert_eq!(crc32c(b"1234x6789", 4..5), crc32c(b"1234\x006789", 0..0));
    }
}
