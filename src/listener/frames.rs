//! What frames a client of HTTP/2 sends, by kind: h2 bounds heads, resets and empty data, but answers any number of
//! pings and settings, and reads any number of frames that mean nothing.
//!
//! Frames are counted as they pass; nothing of them is changed. What a connection may send of such frames grows with
//! what it does: requests and bytes, in either direction, and with time. In the other direction the resets are counted by
//! which h2 refuses a malformed request, since it tells nobody.

use std::time::{Duration, Instant};

/// Counts the frames that a client sends.
#[derive(Debug)]
pub(super) struct FrameCount {
    cutter: Cutter,
    /// How many frames that want an answer may still come: PING and SETTINGS.
    questions: u32,
    /// And how many that want none, and carry nothing: credit, priorities, resets, acknowledgements, unknown ones.
    remarks: u32,
    refilled: Instant,
    /// Bytes written that were not counted yet.
    written: usize,
    /// How many bytes of frames that only confirm others h2 writes in answer to what came.
    confirmed: u64,
    has_settings: bool,
}

/// Counts the resets that we send.
#[derive(Debug)]
pub(super) struct ResetCount {
    cutter: Cutter,
    code: Code,
}

/// Finds the frames in bytes that come in any pieces.
#[derive(Debug)]
struct Cutter {
    /// Bytes of the payload that is passed over.
    skip: usize,
    /// As much of the next frame's head as came.
    head: [u8; HEAD],
    have: usize,
}

/// Where in a reset's payload we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    /// In none.
    Elsewhere,
    /// Within it, and all that came was as in PROTOCOL_ERROR.
    Within { at: u8 },
}

/// The head of a frame.
#[derive(Clone, Copy, Debug)]
struct Frame {
    kind: u8,
    flags: u8,
    length: usize,
}

/// The bytes of a frame's head (RFC 9113 section 4.1).
const HEAD: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const ACK: u8 = 1;

const MAX_QUESTIONS: u32 = 1000;
const MAX_REMARKS: u32 = 10_000;

impl FrameCount {
    /// Before the preface, of which `preface` bytes are to come.
    pub(super) const fn new(preface: usize, now: Instant) -> Self {
        Self {
            cutter: Cutter::new(preface),
            questions: MAX_QUESTIONS,
            remarks: MAX_REMARKS,
            refilled: now,
            written: 0,
            confirmed: 0,
            has_settings: false,
        }
    }

    /// How many bytes of confirmations, of PING and SETTINGS, what came asks for.
    pub(super) const fn confirmed(&self) -> u64 {
        self.confirmed
    }

    /// Whether the client has said its settings, and so its connection has begun.
    pub(super) const fn has_settings(&self) -> bool {
        self.has_settings
    }

    /// So many bytes went to the client.
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.remark(4);
        self.written += bytes;
        let (full, rest) = (self.written / 1024, self.written % 1024);
        self.written = rest;
        let full = u32::try_from(full).unwrap_or(u32::MAX);
        self.question(full);
        self.remark(full.saturating_mul(4));
    }

    /// These bytes came. False when it is too much.
    pub(super) fn read(&mut self, mut bytes: &[u8], now: impl Fn() -> Instant) -> bool {
        while let Some(frame) = self.cutter.next(&mut bytes) {
            if !self.count(frame, &now) {
                return false;
            }
        }
        true
    }

    fn count(&mut self, frame: Frame, now: impl Fn() -> Instant) -> bool {
        self.has_settings |= frame.kind == SETTINGS;
        match frame.kind {
            HEADERS => {
                self.question(10);
                self.remark(10);
                true
            }
            DATA if frame.length > 0 => {
                self.question(1);
                self.remark(4);
                true
            }
            // h2 has limits for these.
            DATA | CONTINUATION => true,
            PING | SETTINGS if frame.flags & ACK == 0 => {
                let payload = if frame.kind == PING { frame.length } else { 0 };
                self.confirmed += (HEAD + payload) as u64;
                if self.questions == 0 {
                    self.refill(now());
                }
                let left = self.questions.checked_sub(1);
                self.questions = left.unwrap_or(0);
                left.is_some()
            }
            _ => {
                if self.remarks == 0 {
                    self.refill(now());
                }
                let left = self.remarks.checked_sub(1);
                self.remarks = left.unwrap_or(0);
                left.is_some()
            }
        }
    }

    /// What the time brings: ten questions a second, a hundred remarks.
    fn refill(&mut self, now: Instant) {
        let tenths = now.saturating_duration_since(self.refilled).as_millis() / 100;
        let tenths = u32::try_from(tenths).unwrap_or(u32::MAX);
        self.question(tenths);
        self.remark(tenths.saturating_mul(10));
        self.refilled += Duration::from_millis(100).saturating_mul(tenths);
    }

    fn question(&mut self, more: u32) {
        self.questions = self.questions.saturating_add(more).min(MAX_QUESTIONS);
    }

    fn remark(&mut self, more: u32) {
        self.remarks = self.remarks.saturating_add(more).min(MAX_REMARKS);
    }
}

impl ResetCount {
    pub(super) const fn new() -> Self {
        Self { cutter: Cutter::new(0), code: Code::Elsewhere }
    }

    /// How many resets for malformed requests end in these bytes.
    pub(super) fn wrote(&mut self, mut bytes: &[u8]) -> u64 {
        let mut resets = 0;
        loop {
            if let Code::Within { at } = self.code {
                let Some((first, rest)) = bytes.split_first() else { return resets };
                (bytes, self.cutter.skip) = (rest, self.cutter.skip.saturating_sub(1));
                // PROTOCOL_ERROR is 1, in four bytes.
                self.code = match (at, *first) {
                    (0..3, 0) => Code::Within { at: at + 1 },
                    (3, 1) => {
                        resets += 1;
                        Code::Elsewhere
                    }
                    _ => Code::Elsewhere,
                };
                continue;
            }
            match self.cutter.next(&mut bytes) {
                Some(Frame { kind: RST_STREAM, length: 4, .. }) => self.code = Code::Within { at: 0 },
                Some(_) => {}
                None => return resets,
            }
        }
    }
}

impl Cutter {
    /// `skip` bytes come before the first frame.
    const fn new(skip: usize) -> Self {
        Self { skip, head: [0; HEAD], have: 0 }
    }

    /// The next frame that begins in `bytes`, of which what was looked at is taken off.
    fn next(&mut self, bytes: &mut &[u8]) -> Option<Frame> {
        let passed = self.skip.min(bytes.len());
        self.skip -= passed;
        let rest = bytes.get(passed..).unwrap_or_default();
        let (part, rest) = rest.split_at((HEAD - self.have).min(rest.len()));
        *bytes = rest;
        if let Some(place) = self.head.get_mut(self.have..self.have + part.len()) {
            place.copy_from_slice(part);
        }
        self.have += part.len();
        if self.have < HEAD {
            return None;
        }
        self.have = 0;
        let [a, b, c, kind, flags, ..] = self.head;
        self.skip = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        Some(Frame { kind, flags, length: self.skip })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{
        CONTINUATION, DATA, FrameCount, HEADERS, MAX_QUESTIONS, MAX_REMARKS, PING, RST_STREAM, ResetCount,
        SETTINGS,
    };
    use crate::clock::{Clock, Timestamp};

    fn now() -> Instant {
        Clock::manual(Timestamp::EPOCH).0.instant()
    }

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).expect("a short one");
        [&[0, 0, length, kind, flags, 0, 0, 0, 1], payload].concat()
    }

    /// How many of these frames are let through.
    fn passes(count: &mut FrameCount, now: Instant, bytes: &[u8]) -> u32 {
        (0..).find(|_| !count.read(bytes, || now)).expect("an end")
    }

    #[test]
    fn frames_are_told_apart_however_they_are_cut() {
        let bytes =
            [frame(SETTINGS, 0, &[0; 6]), frame(HEADERS, 5, &[6; 20]), frame(PING, 0, &[4; 8])].concat();
        let whole = [&[b'x'; 24][..], &bytes].concat();
        for size in 1..=whole.len() {
            let mut count = FrameCount::new(24, now());
            assert!(!count.has_settings());
            for part in whole.chunks(size) {
                assert!(count.read(part, now));
            }
            assert!(count.has_settings());
            // The head of the request gave back what the settings took.
            assert_eq!(
                (count.questions, count.remarks, count.cutter.skip, count.cutter.have),
                (MAX_QUESTIONS - 1, MAX_REMARKS, 0, 0)
            );
        }
    }

    #[test]
    fn what_means_nothing_is_bounded_and_what_does_something_is_not() {
        let start = now();
        for (bytes, most) in [
            (frame(PING, 0, &[0; 8]), MAX_QUESTIONS),
            (frame(SETTINGS, 0, &[]), MAX_QUESTIONS),
            (frame(PING, 1, &[0; 8]), MAX_REMARKS),
            (frame(2, 0, &[0; 5]), MAX_REMARKS),
            (frame(8, 0, &[0, 0, 0, 1]), MAX_REMARKS),
            (frame(99, 0, &[]), MAX_REMARKS),
        ] {
            let mut count = FrameCount::new(0, start);
            assert_eq!(passes(&mut count, start, &bytes), most);
            // Time brings some of it back.
            assert!(passes(&mut count, start + Duration::from_secs(1), &bytes) >= 10);
        }
        let mut count = FrameCount::new(0, start);
        for bytes in [frame(HEADERS, 4, &[0]), frame(DATA, 0, &[1]), frame(CONTINUATION, 0, &[])] {
            for _ in 0..3 * MAX_REMARKS {
                assert!(count.read(&bytes, || start));
            }
        }
    }

    #[test]
    fn a_client_that_takes_an_answer_gives_credit_for_it_as_often_as_it_likes() {
        let start = now();
        let mut count = FrameCount::new(0, start);
        let credit = [frame(8, 0, &[0, 0, 0, 9]), frame(8, 0, &[0, 0, 0, 9])].concat();
        for _ in 0..100_000 {
            count.wrote(20);
            assert!(count.read(&credit, || start));
        }
    }

    #[test]
    fn resets_for_malformed_requests_are_counted_however_they_are_cut() {
        let bytes = [
            frame(RST_STREAM, 0, &[0, 0, 0, 1]),
            frame(RST_STREAM, 0, &[0, 0, 0, 8]),
            frame(DATA, 0, &[3; 30]),
            frame(RST_STREAM, 0, &[0, 0, 0, 1]),
            frame(RST_STREAM, 0, &[0, 0, 1, 1]),
            frame(PING, 0, &[0; 8]),
            frame(RST_STREAM, 0, &[0, 0, 0, 1]),
        ]
        .concat();
        for size in 1..=bytes.len() {
            let mut count = ResetCount::new();
            assert_eq!(bytes.chunks(size).map(|part| count.wrote(part)).sum::<u64>(), 3, "{size}");
        }
    }
}
