//! Keys: the one table of every key that exists, by section. What is not here is refused as unknown.
//!
//! The schema, the reference page, `check --print`, and the names and types of the environment layer come from this table. To add a key:
//! write it here (its meaning as a comment above it; kinds and defaults are in `kind.rs`), read it in the section's file,
//! name it in `config.example.toml`, and run `VESTIBULE_BLESS=1 cargo test the_reference_page`. When a merge meets plain names
//! (`"max_wait",`), each becomes such a block. A table inside a table is a list of its own, as `Table(LISTEN)` below.
//!
//! A key that is accepted and does nothing would be a defect (of a restricting one: a hole), so a test gives each of
//! these a value of the wrong type and wants to hear about it, and another looks for each in `config.example.toml`.

use super::kind::{Kind, keys};

/// A term of a rule.
const TERM: Kind = Kind::Text("term");
/// A claim by name or pointer.
const CLAIM: Kind = Kind::Text("claim");

keys! {
/// Above all sections.
TOP {
    /// What people type: scheme, host, optional port, no path. Decides the redirect URI, the default host of routes and
    /// whether cookies are Secure. Plain `http` only for this machine (`localhost`, `*.localhost`, `127.0.0.0/8`, `::1`).
    public_url: Text("URL"), Required;
    /// Lets `public_url` and route hosts be plain `http` elsewhere. Whoever sees the traffic can then take sessions.
    insecure_http: Bool, Is("false");
    /// How many worker threads run.
    threads: Int(1, 1024), Means("one per core");
    /// Where requests come in.
    listen: Table(LISTEN), Section;
    /// How long sessions live, and how they are sealed. Required when there is a provider.
    session: Table(SESSION), Section;
    /// Our own endpoints.
    login: Table(LOGIN), Section;
    /// Who signs people in. At least one, unless every route is for `everyone`. With two or more, every other route says in
    /// `providers` whose people it is for.
    providers: Named(PROVIDER), Section;
    /// What is served, to whom.
    routes: Named(ROUTE), Required;
    /// Header sets of your own: header names with templates, or with a secret that proves to the upstream that we are the
    /// sender.
    headers: HeaderSets, Section;
    /// What is logged.
    log: Table(LOG), Section;
    /// Where the events go that tell who did what.
    audit: Table(AUDIT), Section;
}
}

keys! {
/// `[listen]`
LISTEN {
    /// Where requests come in over plain http: IP address and port, `localhost:PORT`, `unix:PATH` for a Unix socket, or
    /// `systemd:NAME` for the sockets of that name that systemd passes. With `https` it may be `[]`.
    http: List(&Text("address")), Is("[\"127.0.0.1:4180\"]");
    /// Where requests come in over TLS, in the same forms.
    https: List(&Text("address")), Means("none: TLS ends in front");
    /// What is shown at the addresses of `https`: a certificate, or a list of them, chosen by the name that the client asks
    /// for. The first is shown where no other fits.
    tls: TableOrList(LISTEN_TLS), Means("none");
    /// With `https`: sends requests that come over plain http, and not from a trusted proxy, to the same address with https
    /// (308).
    redirect_http: Bool, Is("false");
    /// Tells browsers for so long to come over https only (`Strict-Transport-Security`), on answers over https.
    hsts: Duration, Means("none");
    /// Where `/livez`, `/readyz`, `/metrics` and `/config` are. Never for the public; may not share an address with `http` or
    /// `https`.
    admin: WordsOr(&["off"], "address"), Is("\"127.0.0.1:4181\"");
    /// Answer `/ping` with `OK` on the public addresses, on every host and before any route: for load balancers that cannot
    /// reach `admin`. It decides nothing, and leaves no line.
    ping: Bool, Is("false");
    /// The proxies in front, as `"10.0.0.0/8"`, one address, or `"unix"` for whoever comes over a Unix socket. Only their
    /// forwarding headers and request ids count.
    trusted_proxies: List(&Text("network")), Is("[]");
    /// How those proxies say for whom they speak: by `X-Forwarded-For` and `-Proto`, by `Forwarded`, or by the PROXY protocol
    /// (1 or 2), with which each of their connections must then begin. What is not named here is never read.
    client_address_from: Words(&["x-forwarded", "forwarded", "proxy-protocol"]), Is("\"x-forwarded\"");
    /// Connections at once. Further ones wait in the kernel.
    max_connections: Int(1, 1_000_000), Is("10000");
    /// Connections of one client address (an IPv6 /64) at once. Over it: closed. Private addresses, Unix sockets and
    /// `trusted_proxies` are not counted.
    max_connections_per_peer: Int(1, 1_000_000), Is("1024");
    /// Request line and header fields together. Over it: 431.
    max_head: Size(4 << 10, 60 << 10), Is("\"32KiB\"");
    /// How long a client may send nothing of its request body while more of it is wanted. Over it: 408. A slow upload that
    /// moves is never cut, and once the answer has begun `idle_timeout` counts instead.
    body_timeout: Duration, Is("\"30s\"");
    /// Path and query of a request. Over it: 414.
    max_target: Size(1 << 10, 60 << 10), Is("\"16KiB\"");
    /// Header fields of a request. Over it: 431 without a page.
    max_headers: Int(16, 1000), Is("100");
    /// Requests of one connection, which then ends after its answer.
    max_requests: Int(1, 1_000_000_000), Is("10000");
    /// From the first byte of a request to the end of its head, however steadily it comes; and the wait for the first byte of
    /// a connection. Over it: closed.
    head_timeout: DurationWithin(1, 300), Is("\"10s\"");
    /// How long a connection may lie idle between requests.
    keep_alive: DurationWithin(1, 3600), Is("\"75s\"");
    /// Lets clients of plain listeners begin with HTTP/2, as proxies do that know us (h2c). `Upgrade: h2c` is never followed.
    h2c: Bool, Is("false");
    /// HTTP/2: requests at once on one connection. Further ones wait with the client.
    h2_max_streams: Int(1, 10_000), Is("100");
    /// HTTP/2: bytes of one upload that may wait for its upstream. All uploads of a connection may have four times as many.
    h2_window: Size(64 << 10, 16 << 20), Is("\"256KiB\"");
    /// After SIGTERM: not ready any more, but requests are still taken, until whoever sends them has heard of it. `"0"`: no
    /// such time. Ctrl-C skips it.
    drain_delay: DurationOrOff, Is("\"5s\"");
    /// After that: how long requests, streams and WebSockets may take to end. What is left is then cut, WebSockets with
    /// 1001. `"0"`: no such time.
    drain_timeout: DurationOrOff, Is("\"20s\"");
}
}

keys! {
/// `tls` in `[listen]`
LISTEN_TLS {
    /// The certificate, and what leads from it to its authority, as PEM, in this order. Its names say which hosts it is
    /// shown for.
    cert: Path, Required;
    /// Its private key, as PEM.
    key: Secret, Required;
    /// Asks clients for a certificate that one of these authorities vouches for, as PEM. They need not show one; one that
    /// is not valid ends the handshake.
    client_ca: Path, Means("clients are not asked");
}
}

keys! {
/// `[session]`
SESSION {
    /// 32 random bytes as 43 characters, from `vestibule keygen session --out session.key`. A new one signs everybody out,
    /// unless the one before stands in `old_keys`. Several gateways behind one name share it.
    key: Secret, RequiredWith("providers");
    /// Keys that still open cookies and never seal new ones. To rotate: move `key` here, write a new one, and remove the old
    /// one after `max_age`.
    old_keys: List(&Secret), Is("[]");
    /// A sign-in lasts at most this long.
    max_age: Duration, Is("\"12h\"");
    /// It ends earlier without requests.
    idle: DurationOrOff, Is("\"2h\"");
    /// Base name of our cookies. The prefix `__Host-` (with `cookie_domain` `__Secure-`) is put before it when `public_url` is
    /// https.
    cookie: Text("cookie name"), Is("\"vestibule\"");
    /// The domain under which all hosts share sessions, sign-ins and sign-outs. Every host of this gateway must be in it, and
    /// every host below it gets the cookie, whoever runs it.
    cookie_domain: Text("domain"), Means("none: each host has its own");
    /// Which requests from other sites carry the session: `lax` page loads by link, `strict` none, `none` all of them, which
    /// is warned about and needs https.
    same_site: Words(&["lax", "strict", "none"]), Is("\"lax\"");
}
}

keys! {
/// `[login]`
LOGIN {
    /// Prefix of our own endpoints on every host. No route can take it over.
    path: Text("path"), Is("\"/oauth2\"");
    /// How long one sign-in may take.
    timeout: Duration, Is("\"15m\"");
    /// The page on which people choose how to sign in. `auto`: where a route takes several providers; `always`: also for one.
    chooser: Words(&["auto", "always"]), Is("\"auto\"");
    /// Hosts to which `rd` may lead besides those of routes: exact names, a port if it is not that of https. Only https, but
    /// on this machine.
    return_to: List(&Text("host")), Is("[]");
    /// What a sign-out ends: also the session at the provider, if it offers that, or ours only.
    sign_out: Words(&["provider", "local"]), Is("\"provider\"");
    /// Where a browser ends after signing out, unless `rd` named a place.
    after_sign_out: Text("path or URL"), Means("our page");
    /// Sign-ins that one client address (an IPv6 /64) may start in a minute. Over it: 429. `0`: no limit. A browser with an
    /// attempt under way is let through.
    rate: Int(0, 1_000_000), Is("600");
}
}

keys! {
/// `[providers.NAME]`
PROVIDER {
    /// What the provider calls itself, compared byte by byte, the final slash included. https, but on this machine.
    issuer: Text("URL"), Required;
    /// The id under which the provider knows us.
    client_id: Text("text"), Required;
    /// Without it we are a public client, with PKCE only.
    client_secret: Secret, Means("none");
    /// What people read on pages.
    title: Text("text"), Means("Google, Microsoft, Apple or GitLab by the host of `issuer`, else that host");
    /// What to ask for, `openid` among it.
    scopes: List(&Text("text")), Means("`openid`, `profile`, `email`, and `groups` if a rule or header needs groups and the provider lists that scope");
    /// Becomes `{user}`. When it names the e-mail claim, an unverified address is refused.
    user_claim: CLAIM, Is("\"preferred_username\"");
    /// Becomes `{email}`, if verified.
    email_claim: CLAIM, Is("\"email\"");
    /// An array, one text, or an object whose keys are the groups.
    groups_claim: OneOrMore(&CLAIM), Is("\"groups\"");
    /// An address without a verified flag counts as verified (Entra, authentik). A flag that says false still counts.
    email_trusted: Bool, Is("false");
    /// Whether the userinfo endpoint is asked at sign-in. `auto`: when a needed claim is not in the ID token.
    userinfo: Words(&["auto", "always", "never"]), Is("\"auto\"");
    /// What may sign its ID tokens. A token that is signed otherwise is refused (`token/algorithm`). `none` and `HS256` and kin are
    /// faults.
    algorithms: List(&Words(&["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"])), Means("those of them that the provider lists");
    /// Further parameters of the authorization request, such as `{ audience = "wiki" }`. Those that hold the sign-in
    /// together are refused.
    auth_params: Texts, Is("{}");
    /// PEM file with further root certificates for calls to this provider.
    ca: Path, Means("none");
    /// Limit of each call to the provider.
    timeout: Duration, Is("\"10s\"");
    /// How far the provider's clock may be off. `"0"`: not at all.
    clock_skew: DurationOrOff, Is("\"60s\"");
    /// Lets `issuer` and its endpoints be plain `http` elsewhere. Whoever is between can then sign in as anybody.
    insecure_http: Bool, Is("false");
}
}

keys! {
/// `[routes.NAME]`
ROUTE {
    /// `http://HOST`, `http://HOST:PORT`, the same with `https`, or with `h2c` for HTTP/2 without TLS, or `unix:/PATH` for a
    /// Unix socket. Paths are sent as they came.
    upstream: Text("URL"), Required;
    /// Who may enter. Any one term admits.
    allow: List(&TERM), Required;
    /// Must all hold as well.
    require: List(&TERM), Is("[]");
    /// Any one refuses, whatever else holds.
    deny: List(&TERM), Is("[]");
    /// Exact names, or `*.example.com` for every host with exactly one label more. No ports. A pattern where people sign in
    /// needs `session.cookie_domain`.
    host: OneOrMore(&Text("host")), Means("host of `public_url`");
    /// Plain prefixes.
    path: OneOrMore(&Text("path")), Is("\"/\"");
    /// The methods it takes, in upper case. `GET` brings `HEAD` along. Several routes may share host and path if no method
    /// is in two of them.
    methods: List(&Text("method")), Means("all");
    /// Further origins, as `https://HOST` or `https://HOST:PORT`, whose pages count as the site's own for WebSockets and
    /// `cross_site`.
    origins: List(&Text("origin")), Is("[]");
    /// `refuse`: a request other than GET, HEAD and OPTIONS from a page of another site is answered with 403.
    cross_site: Words(&["allow", "refuse"]), Is("\"allow\"");
    /// `pass` lets paths with `%2F` through, each within its segment; read as a plain slash it must not lead to another
    /// route.
    encoded_slash: Words(&["refuse", "pass"]), Is("\"refuse\"");
    /// Header names with an underscore that are let through. Others are removed, since many applications read `_` as `-`.
    underscore_headers: List(&Text("header name")), Is("[]");
    /// Whether a refusal says whom the page is for. The log always does.
    show_rule: Bool, Is("true");
    /// Removes the path that matched and sends it as `X-Forwarded-Prefix`. What the upstream answers is left as it is.
    strip_path: Bool, Is("false");
    /// Whose people may enter. Required with two or more providers, unless `allow` is exactly `["everyone"]`; left out there, no
    /// identity is passed. Who signed in with another provider gets a page (403) that names these.
    providers: List(&Text("name")), Means("the only one");
    /// Which header sets tell the upstream who it is. `"none"` for none.
    headers: OneOrMore(&Text("name")), Is("\"forwarded\"");
    /// Without a session: `auto` sends page loads to sign in and answers 401 to the rest; `redirect` also sends GET and
    /// HEAD that say nothing about themselves; `401` sends nobody.
    signed_out: Words(&["auto", "redirect", "401"]), Is("\"auto\"");
    /// The Host that the upstream sees: the browser's, its own, or a fixed one.
    host_header: WordsOr(&["preserve", "upstream"], "host"), Is("\"preserve\"");
    /// From the end of the request to the head of the answer. Over it: 504.
    timeout: DurationOrOff, Is("\"60s\"");
    /// Connecting to the upstream, TLS included. Over it: 504.
    connect_timeout: Duration, Is("\"5s\"");
    /// Silence of a stream, a WebSocket or a stalled answer, and of an upstream that stops taking an upload.
    idle_timeout: DurationOrOff, Is("\"15m\"");
    /// Requests of this route that its upstream may be answering at once, from sending one to the end of its answer. WebSockets
    /// no longer count once they are open. As many more wait for their turn.
    max_in_flight: Int(1, 1_000_000), Is("4096");
    /// How long a request may wait for its turn. Over it, or with too many waiting: 503. `"0"`: none waits.
    queue_timeout: DurationOrOff, Is("\"5s\"");
    /// The largest request body. Over it: 413.
    max_body: Size(1, 1 << 40), Means("no limit");
    /// The largest head of an answer, interim ones included. Over it, or with more than 100 fields: 502.
    max_response_head: Size(8 << 10, 1 << 20), Is("\"64KiB\"");
    /// How TLS is spoken with an `https` upstream.
    upstream_tls: Table(UPSTREAM_TLS), Means("the system's roots");
}
}

keys! {
/// `upstream_tls` in `[routes.NAME]`
UPSTREAM_TLS {
    /// PEM file with the root certificates that this upstream's must come from. No others count then, the system's neither.
    ca: Path, Means("the system's");
    /// The name that is asked for (SNI) and that the certificate must be for. `Host` is `host_header`'s matter.
    server_name: Text("host"), Means("host of `upstream`");
    /// PEM file with the certificate that we show when asked, followed by those between it and its authority.
    cert: Path, Means("none");
    /// Its private key, in PEM. `cert` and `key` come together.
    key: Secret, Means("none");
    /// Takes any certificate. Whoever is between reads everything and answers as the upstream. Excludes `ca`.
    insecure_skip_verify: Bool, Is("false");
}
}

keys! {
/// `[log]`
LOG {
    /// `auto` is text on a terminal, else JSON.
    format: Words(&["auto", "json", "text"]), Is("\"auto\"");
    /// Of the program's own log.
    level: Words(&["error", "warn", "info", "debug", "trace"]), Is("\"info\"");
    /// One line for each request.
    access: Bool, Is("true");
    /// Show the query in that line. Queries hold what people search for, and sometimes tokens.
    query: Bool, Is("false");
    /// How people are named. The same person has the same hash, under a key derived from `session.key`.
    identity: Words(&["user", "hash", "none"]), Is("\"user\"");
}
}

keys! {
/// `[audit]`
AUDIT {
    /// A file always holds JSON, is only appended to, and may be moved away at any time.
    sink: WordsOr(&["stdout", "off"], "`\"file:PATH\"`"), Is("\"stdout\"");
}
}
