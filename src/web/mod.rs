//! The words of a request: path, host, origin, client, kind. Each is parsed once, from bytes that a stranger
//! chose, into a type that cannot hold a doubtful value.

pub mod arrival;
pub mod facts;
pub mod forwarded;
pub mod host;
pub mod kind;
pub mod origin;
pub mod path;
pub mod pattern;
pub mod proxy_header;
pub mod source;
pub mod subscriber;
pub mod tls;

pub use arrival::Arrival;
pub use facts::{Facts, RequestId};
pub use forwarded::{ClientAddr, Forwarded, PeerAddr, TrustedProxies};
pub use host::HostName;
pub use kind::RequestKind;
pub use origin::{Origin, ReturnTo, Scheme};
pub use path::CanonicalPath;
pub use pattern::{HostPattern, PatternError};
pub use proxy_header::Introduction;
pub use source::{SaidOrigin, Source};
pub use subscriber::Subscriber;
