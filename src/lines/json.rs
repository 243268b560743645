//! Lines of JSON, written member by member into one text.
//!
//! A request writes two of them, and a general serializer asks each value what it is and each byte what it means. What
//! stands in a line is known here: names of ours, texts that seldom need an escape, and numbers.

use std::net::IpAddr;

/// A JSON object that grows.
#[derive(Debug)]
pub struct Object(String);

/// The name of a member, with all that stands around it. `member!("name")` makes one.
#[derive(Clone, Copy, Debug)]
pub struct Member(pub(crate) &'static str);

/// A [`Member`] of that name. Names are ours: nothing in them needs an escape.
macro_rules! member {
    ($name:literal) => {
        $crate::lines::json::Member(concat!(",\"", $name, "\":"))
    };
}
pub(crate) use member;

impl Object {
    /// An object without members, in a text that has room for `capacity` bytes.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let mut text = String::with_capacity(capacity);
        text.push('{');
        Self(text)
    }

    /// Adds a text.
    pub fn text(&mut self, member: Member, value: &str) {
        self.begin(member);
        quote(&mut self.0, value);
    }

    /// Adds a word of ours, or one that was checked to hold nothing that needs an escape.
    pub fn word(&mut self, member: Member, value: &str) {
        debug_assert!(value.bytes().all(is_plain), "{value:?}");
        self.plain(member, |text| text.push_str(value));
    }

    /// Adds a text, if there is one.
    pub fn text_if_any(&mut self, member: Member, value: Option<&str>) {
        if let Some(value) = value {
            self.text(member, value);
        }
    }

    /// Adds a text that `write` writes, of characters that stand for themselves: addresses, times, words of ours.
    pub fn plain(&mut self, member: Member, write: impl FnOnce(&mut String)) {
        self.begin(member);
        self.0.push('"');
        write(&mut self.0);
        self.0.push('"');
    }

    /// Adds a number.
    pub fn number(&mut self, member: Member, value: u64) {
        self.begin(member);
        push_number(&mut self.0, value);
    }

    /// Adds a list of texts.
    pub fn list(&mut self, member: Member, values: &[String]) {
        self.begin(member);
        self.0.push('[');
        for (number, value) in values.iter().enumerate() {
            if number > 0 {
                self.0.push(',');
            }
            quote(&mut self.0, value);
        }
        self.0.push(']');
    }

    /// Adds an object with what `members` adds to it.
    pub fn object(&mut self, member: Member, members: impl FnOnce(&mut Self)) {
        self.begin(member);
        self.0.push('{');
        members(self);
        self.0.push('}');
    }

    /// How long it is so far: a place to go back to with [`Self::shorten`].
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.as_bytes().last() == Some(&b'{')
    }

    /// Takes back what was added since it was that long.
    pub fn shorten(&mut self, length: usize) {
        self.0.truncate(length);
    }

    /// Its text.
    #[must_use]
    pub fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }

    #[inline]
    fn begin(&mut self, Member(text): Member) {
        // The first one has no comma before it.
        let text = if self.is_empty() { text.get(1..).unwrap_or_default() } else { text };
        self.0.push_str(text);
    }
}

/// Writes a number in digits.
pub fn push_number(text: &mut String, number: u64) {
    text.push_str(itoa::Buffer::new().format(number));
}

/// Writes an address, as it is shown.
pub fn push_address(text: &mut String, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            for (number, octet) in address.octets().into_iter().enumerate() {
                let digit = |value: u8| char::from(b'0' + value % 10);
                if number > 0 {
                    text.push('.');
                }
                if octet >= 100 {
                    text.push(digit(octet / 100));
                }
                if octet >= 10 {
                    text.push(digit(octet / 10));
                }
                text.push(digit(octet));
            }
        }
        IpAddr::V6(address) => text.push_str(&address.to_string()),
    }
}

/// Writes a text as a JSON string (RFC 8259 section 7).
fn quote(text: &mut String, value: &str) {
    text.reserve(value.len() + 2);
    text.push('"');
    // All bytes are looked at, so that the compiler can take many at once; hardly any text has one to escape.
    if value.bytes().fold(true, |plain, byte| plain & is_plain(byte)) {
        text.push_str(value);
    } else {
        escape(text, value);
    }
    text.push('"');
}

#[cold]
fn escape(text: &mut String, value: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut from = 0;
    for (at, byte) in value.bytes().enumerate().filter(|(_, byte)| !is_plain(*byte)) {
        text.push_str(value.get(from..at).unwrap_or_default());
        from = at + 1;
        text.push('\\');
        match byte {
            b'\n' => text.push('n'),
            b'\r' => text.push('r'),
            b'\t' => text.push('t'),
            0x08 => text.push('b'),
            0x0c => text.push('f'),
            b'"' | b'\\' => text.push(char::from(byte)),
            _ => {
                text.push_str("u00");
                text.push(char::from(HEX[usize::from(byte >> 4)]));
                text.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
    text.push_str(value.get(from..).unwrap_or_default());
}

const fn is_plain(byte: u8) -> bool {
    byte >= 0x20 && byte != b'"' && byte != b'\\'
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::{Object, push_address, push_number, quote};

    #[test]
    fn members_stand_in_order_and_can_be_taken_back() {
        let mut line = Object::new(64);
        line.object(member!("who"), |who| {
            who.text(member!("sub"), "a\"b");
            who.text_if_any(member!("none"), None);
            who.number(member!("n"), 7);
        });
        line.plain(member!("at"), |text| push_address(text, [192, 0, 2, 10].into()));
        line.list(member!("names"), &["x".to_owned(), "y\\".to_owned()]);
        let length = line.len();
        line.text(member!("reason"), "first");
        line.shorten(length);
        line.text(member!("reason"), "second");
        assert_eq!(
            line.finish(),
            r#"{"who":{"sub":"a\"b","n":7},"at":"192.0.2.10","names":["x","y\\"],"reason":"second"}"#
        );
        assert_eq!(Object::new(0).finish(), "{}");
    }

    proptest! {
        #[test]
        fn texts_numbers_and_addresses_are_what_the_general_writers_make_of_them(
            value in any::<String>(), control in "[\u{0}-\u{7f}]{0,20}", number in any::<u64>(), address in any::<IpAddr>(),
        ) {
            for value in [value, control] {
                let mut text = String::new();
                quote(&mut text, &value);
                prop_assert_eq!(text, serde_json::to_string(&value).expect("JSON"));
            }
            let (mut digits, mut shown) = (String::new(), String::new());
            push_number(&mut digits, number);
            push_address(&mut shown, address);
            prop_assert_eq!(digits, number.to_string());
            prop_assert_eq!(shown, address.to_string());
        }
    }
}
