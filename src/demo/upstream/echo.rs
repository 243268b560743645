//! The JSON echo: what reached the upstream, with length and hash of the body, which is read as it comes.

use std::fmt::Write as _;

use aws_lc_rs::digest::{Context, Digest, SHA256};
use http::StatusCode;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::received::Received;
use crate::demo::answer::{self, Answer};

/// Length and hash of bytes that are not kept.
pub(super) struct Sum {
    bytes: u64,
    hash: Context,
}

/// A finished [`Sum`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Total {
    /// How many bytes.
    pub(super) bytes: u64,
    /// Their SHA-256 in hex.
    pub(super) sha256: String,
}

/// Tells what was received.
pub(super) async fn answer(received: &Received, body: Incoming) -> Answer {
    let Some(total) = sum_of(body).await else {
        return answer::text(StatusCode::BAD_REQUEST, "the body did not arrive");
    };
    let headers: Vec<Value> =
        received.lines().map(|(name, value)| json!(format!("{name}: {value}"))).collect();
    let mut told = json!({
        "method": received.method.as_str(),
        "path": received.path,
        "query": received.query,
        "user": received.text("x-forwarded-user"),
        "headers": headers,
        "body": { "bytes": total.bytes, "sha256": total.sha256 },
    });
    if let (Some(changes), Some(members)) = (&received.changes, told.as_object_mut()) {
        let names =
            |names: &[http::HeaderName]| -> Value { names.iter().map(http::HeaderName::as_str).collect() };
        members.insert("added_by_gateway".to_owned(), names(&changes.added));
        members.insert("removed_by_gateway".to_owned(), names(&changes.removed));
    }
    let text = serde_json::to_string_pretty(&told).unwrap_or_default();
    answer::with_type(StatusCode::OK, "application/json", text + "\n")
}

async fn sum_of(mut body: Incoming) -> Option<Total> {
    let mut sum = Sum::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.ok()?.into_data() {
            sum.add(&data);
        }
    }
    Some(sum.total())
}

impl Sum {
    pub(super) fn new() -> Self {
        Self { bytes: 0, hash: Context::new(&SHA256) }
    }

    pub(super) fn add(&mut self, data: &[u8]) {
        self.bytes += data.len() as u64;
        self.hash.update(data);
    }

    pub(super) fn total(self) -> Total {
        Total { bytes: self.bytes, sha256: hex(&self.hash.finish()) }
    }
}

fn hex(digest: &Digest) -> String {
    digest.as_ref().iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
