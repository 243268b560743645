//! What is wrong with a request head that the parser refuses.
//!
//! hyper tells the kind of a parse error by its words only. Should they change, the class is `other`, and a test says so.

use crate::meter::Counter;

/// Request heads that the parser refused, by what was wrong first. Clones count into the same words.
#[derive(Clone, Debug, Default)]
pub struct Malformed {
    /// No method, or one that is no token.
    pub method: Counter,
    /// A target that is no URI.
    pub target: Counter,
    /// A version other than HTTP/1.0 and HTTP/1.1.
    pub version: Counter,
    /// A field that is none: its name, its value, or its line end.
    pub field: Counter,
    /// A Content-Length that is no number, or several that differ.
    pub length: Counter,
    /// A Transfer-Encoding that does not end in `chunked`, or one in HTTP/1.0.
    pub coding: Counter,
    /// The beginning of HTTP/2 where that is not spoken.
    pub preface: Counter,
    /// Anything else.
    pub other: Counter,
}

impl Malformed {
    /// Counts a parse error.
    pub(super) fn count(&self, error: &hyper::Error) {
        let counter = match &*error.to_string() {
            "invalid HTTP method parsed" => &self.method,
            "invalid URI" => &self.target,
            "invalid HTTP version parsed" => &self.version,
            "invalid HTTP header parsed" => &self.field,
            "invalid content-length parsed" => &self.length,
            "invalid transfer-encoding parsed" | "unexpected transfer-encoding parsed" => &self.coding,
            _ if error.is_parse_version_h2() => &self.preface,
            _ => &self.other,
        };
        counter.increment();
    }

    /// Each class by its name in metrics.
    #[must_use]
    pub fn all(&self) -> [(&'static str, u64); 8] {
        [
            ("head_method", self.method.get()),
            ("head_target", self.target.get()),
            ("head_version", self.version.get()),
            ("head_field", self.field.get()),
            ("head_length", self.length.get()),
            ("head_coding", self.coding.get()),
            ("head_preface", self.preface.get()),
            ("head_other", self.other.get()),
        ]
    }
}
