//! Counting WebSocket frames (RFC 6455 section 5.2) without looking at what is in them.
//!
//! A Close frame of ours may only stand where a frame of the server has ended. So the frame heads that go to the
//! client are read along: their lengths, nothing else.

/// Where in the stream of frames the bytes so far have ended.
#[derive(Debug)]
pub(super) struct FrameCounter {
    head: [u8; 10],
    /// How many bytes of a frame head are here.
    have: usize,
    /// How many bytes of the frame are still to come, behind its length.
    payload: u64,
}

impl FrameCounter {
    pub(super) const fn new() -> Self {
        Self { head: [0; 10], have: 0, payload: 0 }
    }

    /// Counts bytes that were written.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
            if self.payload > 0 {
                let skip = bytes.len().min(usize::try_from(self.payload).unwrap_or(usize::MAX));
                self.payload -= skip as u64;
                bytes = bytes.get(skip..).unwrap_or_default();
                continue;
            }
            if let Some(place) = self.head.get_mut(self.have) {
                *place = *first;
            }
            self.have += 1;
            bytes = rest;
            if let Some(payload) = self.parse() {
                self.have = 0;
                self.payload = payload;
            }
        }
    }

    /// Whether the last byte ended a frame.
    pub(super) const fn at_boundary(&self) -> bool {
        self.have == 0 && self.payload == 0
    }

    /// What follows the length, once the length is here: the payload, and the mask that a server must not use.
    fn parse(&self) -> Option<u64> {
        let [_, second, extended @ ..] = &self.head;
        if self.have < 2 {
            return None;
        }
        let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        let length = match (second & 0x7f, self.have) {
            (126, 4) => number(extended.get(..2)?),
            (127, 10) => number(extended),
            (126 | 127, _) => return None,
            (length, _) => u64::from(length),
        };
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        Some(length.saturating_add(mask))
    }
}

/// Why we end a tunnel (RFC 6455 section 7.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloseCode {
    /// The server is going down.
    GoingAway = 1001,
    /// Whoever opened it may not have it any more.
    Policy = 1008,
}

/// A Close frame of a server, with its reason.
pub(super) fn close(code: CloseCode, reason: &str) -> Vec<u8> {
    let reason = reason.as_bytes().get(..reason.len().min(123)).unwrap_or_default();
    let length = u8::try_from(reason.len() + 2).unwrap_or(2);
    let mut frame = vec![0x88, length];
    frame.extend_from_slice(&(code as u16).to_be_bytes());
    frame.extend_from_slice(reason);
    frame
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{CloseCode, FrameCounter, close};

    fn frame(length: usize, masked: bool) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let mut frame = vec![0x82];
        match length {
            0..126 => frame.push(mask | u8::try_from(length).expect("small")),
            126..65_536 => {
                frame.push(mask | 126);
                frame.extend(u16::try_from(length).expect("medium").to_be_bytes());
            }
            _ => {
                frame.push(mask | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend(vec![0xff; length + if masked { 4 } else { 0 }]);
        frame
    }

    proptest! {
        #[test]
        fn a_boundary_is_where_a_frame_ended_however_the_bytes_came(
            frames in prop::collection::vec((prop_oneof![0_usize..130, Just(65_535), Just(65_536)], any::<bool>()), 1..5),
            piece in 1_usize..70_000,
        ) {
            let mut ends = vec![0];
            let mut bytes = Vec::new();
            for (length, masked) in frames {
                bytes.extend(frame(length, masked));
                ends.push(bytes.len());
            }
            let mut counter = FrameCounter::new();
            let mut fed = 0;
            prop_assert!(counter.at_boundary());
            for part in bytes.chunks(piece) {
                counter.feed(part);
                fed += part.len();
                prop_assert_eq!(counter.at_boundary(), ends.contains(&fed));
            }
        }
    }

    #[test]
    fn our_close_frame_is_one_frame() {
        let frame = close(CloseCode::Policy, "session ended");
        assert_eq!(frame.get(..4), Some(&[0x88, 15, 0x03, 0xf0][..]));
        let mut counter = FrameCounter::new();
        counter.feed(&frame);
        assert!(counter.at_boundary());
    }
}
