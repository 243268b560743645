//! Codes: the stable name of each kind of fault. `docs/errors.md` has a section for each, which a test holds to.

/// Lists the codes once, for the type, its text and the test over all of them.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A kind of configuration fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its text: what messages show and scripts may compare.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => concat!("config/", $text),)*
                }
            }

            /// Where `docs/errors.md` explains it.
            #[must_use]
            pub const fn url(self) -> &'static str {
                match self {
                    $(Self::$name => concat!("docs/errors.md#config-", $text),)*
                }
            }
        }
    };
}

codes! {
    /// The file cannot be read.
    File = "file",
    /// The file is no TOML.
    Syntax = "syntax",
    /// An environment variable that is no key, or whose value cannot be read.
    Variable = "variable",
    /// A setting of the command line that is none.
    Set = "set",
    /// A key that does not exist.
    UnknownKey = "unknown-key",
    /// A value of the wrong type.
    Type = "type",
    /// A required key is absent.
    Missing = "missing",
    /// A text that is empty or holds control characters.
    Text = "text",
    /// A word that is none of the legal ones.
    Value = "value",
    /// A number out of range.
    Number = "number",
    /// No duration, or one that makes no sense there.
    Duration = "duration",
    /// No size, or one out of range.
    Size = "size",
    /// A table's name with illegal characters.
    Name = "name",
    /// A public URL that is none.
    PublicUrl = "public-url",
    /// Plain http where it exposes sign-ins.
    InsecureHttp = "insecure-http",
    /// An address to listen on that is none.
    Address = "address",
    /// The admin listener shares an address with the public one, or an upstream one with us.
    SameAddress = "same-address",
    /// Certificates and addresses for TLS that do not go together.
    ListenTls = "listen-tls",
    /// A certificate whose time is over, soon over, or has not come.
    CertificateTime = "certificate-time",
    /// A certificate for other names than ours, or a name without one.
    CertificateNames = "certificate-names",
    /// A network that is none.
    Network = "network",
    /// A rule asks for the network of clients that have no address.
    UnixClient = "unix-client",
    /// A secret written into the file.
    PlainSecret = "plain-secret",
    /// A secret reference that is malformed.
    SecretReference = "secret-reference",
    /// The file of a secret cannot be used.
    SecretFile = "secret-file",
    /// The file of a secret is open to everybody.
    SecretPermissions = "secret-permissions",
    /// The environment variable of a secret cannot be used.
    SecretEnv = "secret-env",
    /// The session key is none.
    SessionKey = "session-key",
    /// An old session key that is in use otherwise.
    OldKey = "old-key",
    /// The idle limit never applies.
    Idle = "idle",
    /// A cookie name with illegal characters.
    CookieName = "cookie-name",
    /// Cookies that foreign sites can make a browser send.
    SameSite = "same-site",
    /// A domain to share cookies over that is none, or that does not hold every host.
    CookieDomain = "cookie-domain",
    /// The prefix of our own endpoints is no plain path.
    LoginPath = "login-path",
    /// Several providers, and a route that does not say whose people it is for.
    Whose = "whose",
    /// A route names a provider that does not exist.
    UnknownProvider = "unknown-provider",
    /// A term that no session can match.
    NeverMatches = "never-matches",
    /// Two providers that people cannot tell apart.
    SameTitle = "same-title",
    /// A place to go to after signing out that is none.
    AfterSignOut = "after-sign-out",
    /// A rule needs a sign-in, and there is no provider.
    NoProvider = "no-provider",
    /// An issuer that is none.
    ProviderUrl = "provider-url",
    /// Scopes that cannot be asked for.
    Scopes = "scopes",
    /// A claim's name or pointer that is none.
    Claim = "claim",
    /// An algorithm that must not sign tokens.
    Algorithms = "algorithms",
    /// A rule or header looks at a claim that no scope asks for.
    UnaskedClaim = "unasked-claim",
    /// A parameter that is ours to set.
    AuthParams = "auth-params",
    /// Root certificates that cannot be used.
    Ca = "ca",
    /// A rule or header reads the e-mail claim unverified.
    RawEmail = "raw-email",
    /// A route says nothing about who may enter.
    NoAllow = "no-allow",
    /// A route admits nobody.
    EmptyAllow = "empty-allow",
    /// A term that is none.
    BadTerm = "bad-term",
    /// A term in a list where it cannot be.
    TermPlace = "term-place",
    /// A term that decides nothing where it stands.
    IdleTerm = "idle-term",
    /// A rule that lets nobody in.
    NobodyEnters = "nobody-enters",
    /// A key that has no effect where it stands.
    IdleKey = "idle-key",
    /// A term names a provider that does not exist.
    ProviderTerm = "provider-term",
    /// A route without upstream.
    NoUpstream = "no-upstream",
    /// An upstream that is none.
    UpstreamUrl = "upstream-url",
    /// TLS settings of an upstream that cannot be.
    UpstreamTls = "upstream-tls",
    /// An upstream whose certificate is not looked at.
    InsecureTls = "insecure-tls",
    /// A host that is none.
    Host = "host",
    /// A pattern of hosts where people sign in, and no cookie for them all.
    WildcardHost = "wildcard-host",
    /// A path that is none.
    Path = "path",
    /// A method that is none, or is never served.
    Method = "method",
    /// Two routes at one place.
    DuplicateRoute = "duplicate-route",
    /// A path that another of the same route covers.
    IdlePath = "idle-path",
    /// A pattern's route that does not hold on an exact host.
    ShadowedRoute = "shadowed-route",
    /// An origin that is none.
    Origin = "origin",
    /// A name that may not be let through.
    UnderscoreHeader = "underscore-header",
    /// A header set that does not exist.
    UnknownHeaders = "unknown-headers",
    /// A header name that is none.
    HeaderName = "header-name",
    /// A header that is not for the configuration to set.
    ReservedHeader = "reserved-header",
    /// A template that is none.
    Template = "template",
    /// A place for audit events that is none.
    AuditSink = "audit-sink",
}
