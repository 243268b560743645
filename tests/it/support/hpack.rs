//! HPACK (RFC 7541): a writer that never indexes and never compresses, and a reader of all there is.

use std::collections::VecDeque;

/// What one side remembers of the fields that the other side sent.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// Newest first.
    table: VecDeque<(String, String)>,
    size: usize,
}

/// The size of the table that nobody changed.
const TABLE_SIZE: usize = 4096;

/// Appendix A.
const STATIC: &[(&str, &str)] = &[
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

/// Appendix B: how many bits stand for each byte. The code is canonical, so the lengths say it all.
#[rustfmt::skip]
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];

/// A header block of these fields, in their order, as literals without indexing. Names and values may be anything.
pub(crate) fn encode<N: AsRef<[u8]>, V: AsRef<[u8]>>(fields: &[(N, V)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name.as_ref(), value.as_ref()] {
            integer(text.len(), &mut block);
            block.extend_from_slice(text);
        }
    }
    block
}

/// A number behind seven bits of prefix, the flag before it unset.
fn integer(mut number: usize, block: &mut Vec<u8>) {
    let byte = |number: usize| u8::try_from(number).expect("seven bits");
    if number < 127 {
        return block.push(byte(number));
    }
    block.push(127);
    number -= 127;
    while number >= 128 {
        block.push(byte(number % 128) | 128);
        number /= 128;
    }
    block.push(byte(number));
}

impl Decoder {
    /// The fields of a whole block, in their order. Blocks must come in the order in which they were sent.
    pub(crate) fn decode(&mut self, block: &[u8]) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        let mut rest = block;
        while let Some(first) = rest.first().copied() {
            if first & 0x80 != 0 {
                let index = number(&mut rest, 7);
                fields.push(self.at(index));
            } else if first & 0xe0 == 0x20 {
                let size = number(&mut rest, 5);
                assert!(size <= TABLE_SIZE, "a table of {size}");
                self.evict(size);
            } else {
                let indexed = first & 0x40 != 0;
                let index = number(&mut rest, if indexed { 6 } else { 4 });
                let name = if index == 0 { text(&mut rest) } else { self.at(index).0 };
                let value = text(&mut rest);
                if indexed {
                    self.evict(TABLE_SIZE.saturating_sub(name.len() + value.len() + 32));
                    self.size += name.len() + value.len() + 32;
                    self.table.push_front((name.clone(), value.clone()));
                }
                fields.push((name, value));
            }
        }
        fields
    }

    fn at(&self, index: usize) -> (String, String) {
        match STATIC.get(index - 1) {
            Some((name, value)) => ((*name).to_owned(), (*value).to_owned()),
            None => self.table.get(index - 1 - STATIC.len()).expect("an entry").clone(),
        }
    }

    fn evict(&mut self, limit: usize) {
        while self.size > limit {
            let (name, value) = self.table.pop_back().expect("what the size counts");
            self.size -= name.len() + value.len() + 32;
        }
    }
}

fn byte(rest: &mut &[u8]) -> u8 {
    let (first, behind) = rest.split_first().expect("a block that goes on");
    *rest = behind;
    *first
}

fn number(rest: &mut &[u8], prefix: u32) -> usize {
    let mask = (1_usize << prefix) - 1;
    let mut number = usize::from(byte(rest)) & mask;
    let mut shift = 0;
    if number == mask {
        loop {
            let next = byte(rest);
            number += usize::from(next & 127) << shift;
            shift += 7;
            if next & 128 == 0 {
                break;
            }
        }
    }
    number
}

fn text(rest: &mut &[u8]) -> String {
    let is_huffman = rest.first().is_some_and(|first| first & 0x80 != 0);
    let length = number(rest, 7);
    let (text, behind) = rest.split_at(length);
    *rest = behind;
    let bytes = if is_huffman { huffman(text) } else { text.to_vec() };
    String::from_utf8_lossy(&bytes).into_owned()
}

fn huffman(text: &[u8]) -> Vec<u8> {
    let mut order: Vec<u8> = (0..=255).collect();
    order.sort_by_key(|byte| (LENGTHS[usize::from(*byte)], *byte));
    let mut bytes = Vec::new();
    let (mut code, mut length) = (0_u32, 0_u8);
    for bit in text.iter().flat_map(|byte| (0..8).rev().map(move |at| u32::from(byte >> at & 1))) {
        code = code << 1 | bit;
        length += 1;
        let (mut next, mut of) = (0_u32, 0_u8);
        let found = order.iter().find(|byte| {
            let bits = LENGTHS[usize::from(**byte)];
            next <<= bits - of;
            of = bits;
            next += 1;
            bits == length && next - 1 == code
        });
        if let Some(byte) = found {
            bytes.push(*byte);
            (code, length) = (0, 0);
        }
    }
    // What is left is padding: the first bits of the code of the end, all ones.
    bytes
}
