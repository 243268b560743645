//! The first part of a multipart body (RFC 2046 section 5.1), read as it comes.

/// Longest head of a part, in bytes.
const MAX_HEAD: usize = 8 * 1024;

/// A reader that hands on the content of the first part and ignores the rest.
#[derive(Debug)]
pub(super) struct FirstPart {
    /// CR LF, two dashes, the boundary.
    delimiter: Vec<u8>,
    /// Bytes that are not yet known to be content.
    held: Vec<u8>,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Head,
    Content,
    After,
}

/// The body is not a form that a browser would send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the multipart body cannot be read")]
pub(super) struct Malformed;

/// The boundary of a `multipart/form-data` content type.
pub(super) fn boundary(content_type: &str) -> Option<String> {
    let mut parts = content_type.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let (_, boundary) = parts
        .filter_map(|part| part.split_once('='))
        .find(|(name, _)| name.eq_ignore_ascii_case("boundary"))?;
    let boundary = boundary.trim_matches('"');
    (1..=70).contains(&boundary.len()).then(|| boundary.to_owned())
}

impl FirstPart {
    pub(super) fn new(boundary: &str) -> Self {
        Self {
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            // The first delimiter has no line before it; this gives it one.
            held: b"\r\n".to_vec(),
            place: Place::Head,
        }
    }

    /// Reads on; `content` gets what belongs to the first part.
    ///
    /// # Errors
    /// [`Malformed`] when the body does not start with its boundary or the head of the part is too long.
    pub(super) fn feed(&mut self, data: &[u8], mut content: impl FnMut(&[u8])) -> Result<(), Malformed> {
        if self.place == Place::After {
            return Ok(());
        }
        self.held.extend_from_slice(data);
        if self.place == Place::Head {
            let known = self.held.len().min(self.delimiter.len());
            if self.held.get(..known) != self.delimiter.get(..known) {
                return Err(Malformed);
            }
            match find(&self.held, b"\r\n\r\n") {
                Some(end) if end <= MAX_HEAD => {
                    self.held.drain(..end + 4);
                    self.place = Place::Content;
                }
                None if self.held.len() <= MAX_HEAD => return Ok(()),
                _ => return Err(Malformed),
            }
        }
        if let Some(end) = find(&self.held, &self.delimiter) {
            content(self.held.get(..end).unwrap_or_default());
            self.held = Vec::new();
            self.place = Place::After;
            return Ok(());
        }
        // The end may be the start of a delimiter: that much is held back.
        let safe = self.held.len().saturating_sub(self.delimiter.len() - 1);
        content(self.held.get(..safe).unwrap_or_default());
        self.held.drain(..safe);
        Ok(())
    }

    /// Whether the end of the part was seen.
    pub(super) fn is_complete(&self) -> bool {
        self.place == Place::After
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}
