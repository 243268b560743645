//! Presets: the header sets that real applications read. A preset is a named set of templates, nothing more.

/// A built-in header set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preset {
    /// `X-Forwarded-User` and kin: what oauth2-proxy users have.
    Forwarded,
    /// `X-Auth-Request-User` and kin.
    AuthRequest,
    /// `X-WEBAUTH-USER`, `-EMAIL`, `-FULLNAME`: Gitea, Forgejo, FreshRSS.
    Webauth,
    /// `X-WEBAUTH-USER`, `-NAME`, `-EMAIL`, `-GROUPS`: Grafana's `auth.proxy`.
    Grafana,
    /// `X-Remote-User` and kin: Radicale, Dex.
    Remote,
    /// `X-Remote-User` and one `X-Remote-Group` for each group: the Kubernetes API's front proxy.
    Kubernetes,
    /// `Remote-User` and kin: what Authelia users have.
    Authelia,
    /// `X-Forwarded-User` with groups joined by a bar: Jenkins.
    Jenkins,
    /// `Remote-User` with groups joined by a bar: NetBox.
    Netbox,
    /// `x-proxy-user`, `x-proxy-roles`: OpenSearch.
    Opensearch,
}

impl Preset {
    /// Every preset.
    pub const ALL: &'static [Self] = &[
        Self::Forwarded,
        Self::AuthRequest,
        Self::Webauth,
        Self::Grafana,
        Self::Remote,
        Self::Kubernetes,
        Self::Authelia,
        Self::Jenkins,
        Self::Netbox,
        Self::Opensearch,
    ];

    /// The name by which a route asks for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forwarded => "forwarded",
            Self::AuthRequest => "auth-request",
            Self::Webauth => "webauth",
            Self::Grafana => "grafana",
            Self::Remote => "remote",
            Self::Kubernetes => "kubernetes",
            Self::Authelia => "authelia",
            Self::Jenkins => "jenkins",
            Self::Netbox => "netbox",
            Self::Opensearch => "opensearch",
        }
    }

    /// The preset of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|preset| preset.name() == name)
    }
}

/// The headers of a preset with the templates of their values.
#[must_use]
pub const fn preset(preset: Preset) -> &'static [(&'static str, &'static str)] {
    match preset {
        Preset::Forwarded => &[
            ("x-forwarded-user", "{user}"),
            ("x-forwarded-email", "{email}"),
            ("x-forwarded-groups", "{groups}"),
            ("x-forwarded-preferred-username", "{user}"),
        ],
        Preset::AuthRequest => &[
            ("x-auth-request-user", "{user}"),
            ("x-auth-request-email", "{email}"),
            ("x-auth-request-groups", "{groups}"),
            ("x-auth-request-preferred-username", "{user}"),
        ],
        Preset::Webauth => {
            &[("x-webauth-user", "{user}"), ("x-webauth-email", "{email}"), ("x-webauth-fullname", "{name}")]
        }
        Preset::Grafana => &[
            ("x-webauth-user", "{user}"),
            ("x-webauth-name", "{name}"),
            ("x-webauth-email", "{email}"),
            ("x-webauth-groups", "{groups}"),
        ],
        Preset::Remote => {
            &[("x-remote-user", "{user}"), ("x-remote-user-email", "{email}"), ("x-remote-group", "{groups}")]
        }
        Preset::Kubernetes => &[("x-remote-user", "{user}"), ("x-remote-group", "{groups*}")],
        Preset::Authelia => &[
            ("remote-user", "{user}"),
            ("remote-email", "{email}"),
            ("remote-name", "{name}"),
            ("remote-groups", "{groups}"),
        ],
        Preset::Jenkins => &[
            ("x-forwarded-user", "{user}"),
            ("x-forwarded-email", "{email}"),
            ("x-forwarded-displayname", "{name}"),
            ("x-forwarded-groups", "{groups:|}"),
        ],
        Preset::Netbox => &[
            ("remote-user", "{user}"),
            ("remote-user-email", "{email}"),
            ("remote-user-group", "{groups:|}"),
        ],
        Preset::Opensearch => &[("x-proxy-user", "{user}"), ("x-proxy-roles", "{groups}")],
    }
}
