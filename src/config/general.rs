//! What stands above all sections: the public URL and the worker threads.

use super::code::Code;
use super::reader::{Field, Section};
use super::values;
use crate::web::{Origin, Scheme};

/// The checked keys.
pub(super) struct General {
    pub(super) public_url: Option<Origin>,
    pub(super) threads: Option<usize>,
    pub(super) plain_http: PlainHttp,
}

/// Whether plain http may be public.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum PlainHttp {
    /// Only on loopback.
    LoopbackOnly,
    /// Everywhere, because the operator said so.
    Anywhere,
}

pub(super) fn read(top: &Section<'_>) -> General {
    let plain_http = top.read("insecure_http", PlainHttp::LoopbackOnly, |field| {
        let read = values::switch(field, PlainHttp::Anywhere, PlainHttp::LoopbackOnly);
        if read == Some(PlainHttp::Anywhere) {
            field.warning(
                Code::InsecureHttp,
                "insecure_http lets people sign in over plain http: whoever sees the traffic can take their sessions",
                "use an https public_url and remove this key",
            );
        }
        read
    });
    let threads = top.field("threads").and_then(|field| values::number(&field));
    let public_url = top
        .required("public_url", "write what people type: public_url = \"https://wiki.example.com\"")
        .and_then(|field| public_url(&field, plain_http));
    General { public_url, threads, plain_http }
}

fn public_url(field: &Field<'_>, plain_http: PlainHttp) -> Option<Origin> {
    let text = field.text("a URL", "public_url = \"https://wiki.example.com\"")?;
    let Some(origin) = Origin::parse(text) else {
        // The text is not shown: a URL may hold a password.
        field.fault(
            Code::PublicUrl,
            "public_url is not scheme, host and optional port",
            "write https://HOST or https://HOST:PORT: no path, no user, international names as xn--...",
        );
        return None;
    };
    let exposed = origin.scheme() == Scheme::Http && !origin.host().is_loopback();
    if exposed && plain_http == PlainHttp::LoopbackOnly {
        field.fault(
            Code::InsecureHttp,
            format!("public_url is plain http on {}, which is not this machine", origin.host()),
            "write https:// (also behind a proxy that ends TLS), or set insecure_http = true if you must",
        );
        return None;
    }
    Some(origin)
}
