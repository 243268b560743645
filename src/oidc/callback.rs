//! The provider's answer as the browser brings it back (RFC 6749 section 4.1.2, RFC 9207).

use std::fmt;

use crate::secret::Secret;

/// An authorization response, read strictly.
pub struct Callback {
    state: String,
    issuer: Option<String>,
    answer: Answer,
}

/// What the provider answers.
#[derive(Debug)]
pub enum Answer {
    /// It signed somebody in.
    Code(Code),
    /// It did not.
    Error {
        /// The error code: visible ASCII, at most 128 characters.
        error: String,
        /// What it says about it: at most 300 characters, no control characters. To be shown as text only.
        description: Option<String>,
    },
}

/// An authorization code.
#[derive(Debug)]
pub struct Code(Secret<String>);

/// Why a response is refused. Answered with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// The whole is too long.
    #[error("the query is longer than {MAX_QUERY} bytes")]
    Long,
    /// Not `application/x-www-form-urlencoded`.
    #[error("the query is not form-encoded text")]
    Encoding,
    /// A parameter that may stand once stands twice.
    #[error("the parameter {0} stands twice")]
    Twice(&'static str),
    /// A parameter is empty, too long, or has characters that it cannot have.
    #[error("the parameter {0} is empty, too long, or has illegal characters")]
    Illegal(&'static str),
    /// No `state`: the response belongs to no attempt.
    #[error("the parameter state is missing")]
    NoState,
    /// Neither `code` nor `error`.
    #[error("neither code nor error is there")]
    NoAnswer,
}

/// The longest query that is looked at, in bytes.
const MAX_QUERY: usize = 16 * 1024;

/// The longest description that is kept, in characters.
const MAX_DESCRIPTION: usize = 300;

/// The parameters that we read. Anything else (`session_state`, `scope`) is ignored, tokens included.
const NAMES: [&str; 5] = ["state", "code", "error", "error_description", "iss"];

/// Parses the query of a callback.
///
/// # Errors
/// [`CallbackError`]. An `error` wins over a `code`: nothing is redeemed then.
pub fn parse(query: &str) -> Result<Callback, CallbackError> {
    if query.len() > MAX_QUERY {
        return Err(CallbackError::Long);
    }
    let mut found: [Option<String>; NAMES.len()] = Default::default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name).ok_or(CallbackError::Encoding)?;
        let known = NAMES.iter().zip(found.iter_mut()).find(|(own, _)| **own == name);
        let Some((name, slot)) = known else { continue };
        if slot.is_some() {
            return Err(CallbackError::Twice(name));
        }
        *slot = Some(decode(value).ok_or(CallbackError::Encoding)?);
    }
    let [state, code, error, description, issuer] = found;
    let state = visible("state", 128, state)?.ok_or(CallbackError::NoState)?;
    let issuer = visible("iss", 512, issuer)?;
    let answer = if let Some(error) = visible("error", 128, error)? {
        Answer::Error { error, description: description.map(|text| bounded(&text)) }
    } else {
        let code = code.map(|code| Code(Secret::new(code))).ok_or(CallbackError::NoAnswer)?;
        check("code", 4096, code.expose())?;
        Answer::Code(code)
    };
    Ok(Callback { state, issuer, answer })
}

impl Callback {
    /// The `state`: visible ASCII, at most 128 characters.
    #[must_use]
    pub fn state(&self) -> &str {
        &self.state
    }

    /// The `iss`: visible ASCII, at most 512 characters.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// The answer.
    #[must_use]
    pub const fn answer(&self) -> &Answer {
        &self.answer
    }

    /// The answer alone.
    #[must_use]
    pub fn into_answer(self) -> Answer {
        self.answer
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback").field("answer", &self.answer).finish_non_exhaustive()
    }
}

impl Code {
    /// The text, for the call that redeems it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

fn visible(name: &'static str, max: usize, value: Option<String>) -> Result<Option<String>, CallbackError> {
    value.map(|value| check(name, max, &value).map(|()| value)).transpose()
}

fn check(name: &'static str, max: usize, value: &str) -> Result<(), CallbackError> {
    let legal = !value.is_empty()
        && value.len() <= max
        && value.bytes().all(|byte| byte.is_ascii_graphic() || (byte == b' ' && name == "error"));
    if legal { Ok(()) } else { Err(CallbackError::Illegal(name)) }
}

fn bounded(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(MAX_DESCRIPTION).collect()
}

/// Form decoding, without the leniency of a browser: a stray `%` or bytes that are no UTF-8 give nothing.
fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            _ => byte,
        });
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests;
