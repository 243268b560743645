//! Keys: every key that exists, by section. What is not here is refused as unknown.
//!
//! A key that is accepted and does nothing would be a defect (of a restricting one: a hole), so a test gives each of
//! these a value of the wrong type and wants to hear about it, and another looks for each in `config.example.toml`.

/// Above all sections.
pub(super) const TOP: &[&str] = &[
    "public_url",
    "insecure_http",
    "threads",
    "listen",
    "session",
    "login",
    "providers",
    "routes",
    "headers",
    "log",
];

/// `[listen]`
pub(super) const LISTEN: &[&str] =
    &["http", "admin", "trusted_proxies", "client_address_from", "max_connections", "max_head"];

/// `[session]`
pub(super) const SESSION: &[&str] = &["key", "max_age", "idle", "cookie"];

/// `[login]`
pub(super) const LOGIN: &[&str] = &["path", "timeout"];

/// `[providers.NAME]`
pub(super) const PROVIDER: &[&str] = &[
    "issuer",
    "client_id",
    "client_secret",
    "title",
    "scopes",
    "user_claim",
    "email_claim",
    "groups_claim",
    "email_trusted",
    "userinfo",
    "auth_params",
    "ca",
    "timeout",
    "clock_skew",
    "insecure_http",
];

/// `[routes.NAME]`
pub(super) const ROUTE: &[&str] = &[
    "upstream",
    "allow",
    "host",
    "path",
    "headers",
    "signed_out",
    "host_header",
    "timeout",
    "connect_timeout",
    "idle_timeout",
    "max_body",
    "upstream_tls",
];

/// `upstream_tls` in `[routes.NAME]`
pub(super) const UPSTREAM_TLS: &[&str] = &["ca", "server_name", "cert", "key", "insecure_skip_verify"];

/// `[log]`
pub(super) const LOG: &[&str] = &["format", "level", "access", "query", "identity"];
