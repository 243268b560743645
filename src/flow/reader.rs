//! Who reads an answer, and so in which form it is told.

use http::Version;

use crate::web::RequestKind;

/// Who reads the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// A person in a browser: a page.
    Person,
    /// A program: JSON.
    Program,
    /// A gRPC client: a status in the head, under this content type.
    Grpc(&'static str, Carrier),
}

/// What carries a call, and so whether its HTTP status means anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    /// gRPC as it is meant: whoever sees the status of such an answer knows that it is 200 always.
    Http2,
    /// Any other. Proxies and checks in front of us take 200 for a yes, and a client that reads `grpc-status` loses
    /// nothing by the true status.
    Http1,
}

impl Reader {
    /// A person reads what a browser shows: whatever loads a page, in whichever way.
    pub(super) fn of(kind: RequestKind, version: Version) -> Self {
        match kind {
            RequestKind::Navigation | RequestKind::Form | RequestKind::Frame | RequestKind::Prefetch => {
                Self::Person
            }
            RequestKind::Grpc if version == Version::HTTP_2 => Self::Grpc("application/grpc", Carrier::Http2),
            RequestKind::Grpc => Self::Grpc("application/grpc", Carrier::Http1),
            // Its clients are pages, and speak whatever HTTP the browser does: they look at both.
            RequestKind::GrpcWeb => Self::Grpc("application/grpc-web", Carrier::Http1),
            RequestKind::Unmarked
            | RequestKind::Fetch
            | RequestKind::Resource
            | RequestKind::Manifest
            | RequestKind::ServiceWorker
            | RequestKind::EventStream
            | RequestKind::WebSocket
            | RequestKind::Upgrade
            | RequestKind::Preflight
            | RequestKind::Call => Self::Program,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Version;

    use super::{Carrier, Reader};
    use crate::web::RequestKind;

    #[test]
    fn only_grpc_over_http_2_is_answered_with_200() {
        let carrier = |kind, version| match Reader::of(kind, version) {
            Reader::Grpc(_, carrier) => Some(carrier),
            Reader::Person | Reader::Program => None,
        };
        for kind in RequestKind::ALL.iter().copied() {
            let is_grpc = matches!(kind, RequestKind::Grpc | RequestKind::GrpcWeb);
            for version in [Version::HTTP_10, Version::HTTP_11] {
                assert_eq!(carrier(kind, version), is_grpc.then_some(Carrier::Http1), "{kind:?}");
            }
            let is_native = carrier(kind, Version::HTTP_2) == Some(Carrier::Http2);
            assert_eq!(is_native, kind == RequestKind::Grpc, "{kind:?}");
        }
    }
}
