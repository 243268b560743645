//! The path of a request: one reading, which is both judged and sent.
//!
//! A gateway and the application behind it must never disagree about what a path names. So a path is parsed once:
//! what is *sent* keeps the client's bytes with only `//` and plain dot segments folded (RFC 3986 section 5.2.4), what is
//! *judged* is that path with each segment percent-decoded once and its `;params` cut. Forms that some server reads
//! otherwise are refused: an encoded dot segment at any depth, an encoded backslash, control bytes, `..;`.

/// A path in its one canonical form. Always starts with `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalPath {
    sent: String,
    /// None where it is what is sent.
    judged: Option<String>,
    readings: Vec<String>,
    encoded_slash: EncodedSlash,
}

/// Whether a segment holds `%2F`. A route decides whether it takes such a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodedSlash {
    /// No segment does.
    Absent,
    /// At least one does; it stays encoded inside its segment, in the sent and in the judged form.
    Present,
}

/// Why a path is refused. Each is answered with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Not in origin form (RFC 9112 section 3.2.1).
    #[error("the path does not start with a slash")]
    NotAbsolute,
    /// `%` without two hex digits.
    #[error("the path holds an invalid percent-encoding")]
    InvalidEncoding,
    /// The decoded path is not UTF-8 (which also covers overlong forms of `.` and `/`).
    #[error("the decoded path is not UTF-8")]
    NotUtf8,
    /// A control byte, plain or encoded.
    #[error("the path holds a control character")]
    Control,
    /// A backslash, plain or encoded.
    #[error("the path holds a backslash")]
    Backslash,
    /// A fragment, which no request may carry, or a query, which is no part of the path.
    #[error("the path holds a fragment or a query")]
    Fragment,
    /// A segment of parameters only (`/;x/`): to a server that cuts them it is no segment.
    #[error("a segment of the path is empty but for its parameters")]
    EmptySegment,
    /// `..` above the root.
    #[error("the path climbs out of the root")]
    ClimbsOut,
    /// A dot segment written so that servers differ about it: `%2e%2e`, `%252e`, `..;x`.
    #[error("the path holds a disguised dot segment")]
    DisguisedDots,
    /// `%2525…`: encoded so often that nobody means it.
    #[error("the path is encoded too many times")]
    TooDeep,
}

/// How often a segment may be encoded. Each level costs a pass over the whole segment, and a stranger chooses both.
const MAX_DEPTH: usize = 8;

impl CanonicalPath {
    /// Parses the path of a request target, without its query.
    ///
    /// # Errors
    /// [`PathError`] for a path that servers are known to read differently.
    pub fn parse(raw: &str) -> Result<Self, PathError> {
        // Nearly every path: nothing to decode and nothing to fold.
        if is_plain(raw) {
            return Ok(Self {
                sent: raw.to_owned(),
                judged: None,
                readings: Vec::new(),
                encoded_slash: EncodedSlash::Absent,
            });
        }
        let rest = raw.strip_prefix('/').ok_or(PathError::NotAbsolute)?;
        let mut kept: Vec<(&str, Segment)> = Vec::new();
        // A path that ends in an empty or a dot segment names a directory: it keeps its final slash.
        let mut directory = false;
        for raw in rest.split('/') {
            directory = true;
            match raw {
                "" | "." => {}
                ".." => {
                    kept.pop().ok_or(PathError::ClimbsOut)?;
                }
                _ => {
                    directory = false;
                    kept.push((raw, Segment::parse(raw)?));
                }
            }
        }
        Ok(Self::assemble(&kept, directory))
    }

    /// The path as it goes to the upstream.
    #[must_use]
    pub fn sent(&self) -> &str {
        &self.sent
    }

    /// The path as routes match it.
    #[must_use]
    pub fn judged(&self) -> &str {
        self.judged.as_deref().unwrap_or(&self.sent)
    }

    /// What of [`Self::sent`] is below `prefix` (`/a/b`, as routes write it), `/` at least; none if the judged path is not
    /// below it on a segment border. Both forms have the same segments, so the same number of them is cut off.
    #[must_use]
    pub fn sent_below(&self, prefix: &str) -> Option<&str> {
        let rest = self.judged().strip_prefix(prefix)?;
        if !rest.is_empty() && !rest.starts_with('/') {
            return None;
        }
        let border = self.sent.match_indices('/').nth(prefix.matches('/').count());
        let rest = border.and_then(|(at, _)| self.sent.get(at..)).unwrap_or_default();
        Some(if rest.is_empty() { "/" } else { rest })
    }

    /// The path as lenient servers read it, where that is not [`Self::judged`]: not decoded, once or again and again, taken
    /// for a URL that ends at `?` or `#` or not, with `\` for `/`, `;params` cut and slashes merged. A request is refused
    /// when any of these leads to another route.
    #[must_use]
    pub fn readings(&self) -> &[String] {
        &self.readings
    }

    /// Whether an encoded slash is in it.
    #[must_use]
    pub const fn encoded_slash(&self) -> EncodedSlash {
        self.encoded_slash
    }

    fn assemble(kept: &[(&str, Segment)], directory: bool) -> Self {
        let (mut sent, mut judged, mut encoded_slash) = (String::new(), String::new(), EncodedSlash::Absent);
        for (raw, segment) in kept {
            sent.push('/');
            sent.push_str(raw);
            judged.push('/');
            judged.push_str(&segment.judged);
            if segment.encoded_slash == EncodedSlash::Present {
                encoded_slash = EncodedSlash::Present;
            }
        }
        if directory || kept.is_empty() {
            sent.push('/');
            judged.push('/');
        }
        let mut readings = lenient_readings(&sent);
        readings.retain(|reading| *reading != judged);
        let judged = (judged != sent).then_some(judged);
        Self { sent, judged, readings, encoded_slash }
    }
}

/// What lenient servers make of a path, at each level of decoding. Its segments were found free of dot segments at
/// every level before.
fn lenient_readings(sent: &str) -> Vec<String> {
    let mut readings = vec![undecoded_reading(sent)];
    let mut text = sent.to_owned();
    for _ in 0..=MAX_DEPTH {
        let (bytes, _) = decode_bytes(&text);
        let next = String::from_utf8_lossy(&bytes).into_owned();
        for whole in [next.as_str(), before_query(&next)] {
            let parts = whole.split(['/', '\\']).map(cut_params).filter(|part| !matches!(*part, "" | "."));
            let mut reading = parts.fold(String::new(), |path, part| path + "/" + part);
            if reading.is_empty() || whole.ends_with(['/', '\\']) {
                reading.push('/');
            }
            if !readings.contains(&reading) {
                readings.push(reading);
            }
        }
        if next == text {
            break;
        }
        text = next;
    }
    readings
}

/// What a server makes of a path that matches its own routes before it decodes: `/%61dmin` is not `/admin` to it. Only
/// what no client has a reason to encode tells it from [`CanonicalPath::judged`]; a route of `/caf` with an accent has no other form.
fn undecoded_reading(sent: &str) -> String {
    let mut reading = String::new();
    for segment in sent.split('/').skip(1) {
        let mut kept = String::new();
        for (at, piece) in cut_params(segment).split('%').enumerate() {
            let byte = piece.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
            let is_needless = byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
            // A percent sign that was encoded here stays so through the one decoding that follows.
            kept.push_str(match (at, is_needless) {
                (0, _) => "",
                (_, true) => "%25",
                (_, false) => "%",
            });
            kept.push_str(piece);
        }
        let (bytes, _) = decode_bytes(&kept);
        reading.push('/');
        reading.push_str(&String::from_utf8_lossy(&bytes));
    }
    reading
}

/// One segment, read once and read to the end.
struct Segment {
    judged: String,
    encoded_slash: EncodedSlash,
}

impl Segment {
    fn parse(raw: &str) -> Result<Self, PathError> {
        if has_dots(raw) {
            return Err(PathError::DisguisedDots);
        }
        if raw.contains('\\') {
            return Err(PathError::Backslash);
        }
        if raw.contains(['#', '?']) {
            return Err(PathError::Fragment);
        }
        if raw.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
            return Err(PathError::Control);
        }
        let once = decode(raw)?;
        check_characters(&once)?;
        if once.contains('\\') {
            return Err(PathError::Backslash);
        }
        let deep = decode_deep(&once)?;
        let mut parts = before_query(&deep).split(['/', '\\']);
        if cut_params(&once).is_empty() || parts.any(|part| cut_params(part).is_empty() && !part.is_empty()) {
            return Err(PathError::EmptySegment);
        }
        let encoded_slash = if once.contains('/') { EncodedSlash::Present } else { EncodedSlash::Absent };
        // The borders between segments must stay what they were: an encoded slash is judged as its own text.
        let judged = cut_params(&once).replace('/', "%2F");
        Ok(Self { judged, encoded_slash })
    }
}

/// Whether the path is one that every server reads alike, byte for byte.
fn is_plain(raw: &str) -> bool {
    let mut last = b' ';
    raw.starts_with('/')
        && raw.bytes().all(|byte| {
            let plain = match byte {
                b'/' | b'.' => last != b'/',
                b'-' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'='
                | b':' | b'@' => true,
                _ => byte.is_ascii_alphanumeric(),
            };
            last = byte;
            plain
        })
}

/// Whether a part, as split on either slash and cut at its `;params` or at a query, is a dot segment.
fn has_dots(text: &str) -> bool {
    text.split(['/', '\\']).any(|part| matches!(cut_params(before_query(part)), "." | ".."))
}

fn before_query(text: &str) -> &str {
    text.split(['?', '#']).next().unwrap_or_default()
}

fn cut_params(segment: &str) -> &str {
    segment.split(';').next().unwrap_or_default()
}

fn check_characters(decoded: &str) -> Result<(), PathError> {
    if decoded.chars().any(char::is_control) { Err(PathError::Control) } else { Ok(()) }
}

/// Percent-decodes once, strictly.
fn decode(text: &str) -> Result<String, PathError> {
    if !text.contains('%') {
        return Ok(text.to_owned());
    }
    let (bytes, whole) = decode_bytes(text);
    if whole {
        String::from_utf8(bytes).map_err(|_| PathError::NotUtf8)
    } else {
        Err(PathError::InvalidEncoding)
    }
}

/// Percent-decodes what was decoded once, until nothing changes. A server that does so mostly keeps what is no
/// encoding (`%zz`) as it is, so that one bad `%` must not end the reading here.
fn decode_deep(once: &str) -> Result<String, PathError> {
    let mut deep = once.to_owned();
    for _ in 0..MAX_DEPTH {
        if has_dots(&deep) {
            return Err(PathError::DisguisedDots);
        }
        if !deep.contains('%') {
            return Ok(deep);
        }
        let (bytes, _) = decode_bytes(&deep);
        let next = String::from_utf8_lossy(&bytes).into_owned();
        if next == deep {
            return Ok(deep);
        }
        check_characters(&next)?;
        deep = next;
    }
    Err(PathError::TooDeep)
}

/// The bytes with every `%` and two hex digits decoded, and whether no other `%` was there.
fn decode_bytes(text: &str) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(text.len());
    let mut whole = true;
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        if *byte == b'%'
            && let (Some(high), Some(low)) = (digit(0), digit(1))
        {
            out.push(u8::try_from(high * 16 + low).unwrap_or_default());
            rest = after.get(2..).unwrap_or_default();
        } else {
            whole &= *byte != b'%';
            out.push(*byte);
            rest = after;
        }
    }
    (out, whole)
}

#[cfg(test)]
mod tests;
