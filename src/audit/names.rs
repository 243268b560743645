//! The names of events.

/// What happened. The names never change, and none is ever taken away; `docs/audit.md` has a row for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventName {
    /// A browser was sent to the provider.
    SignInStarted,
    /// Somebody signed in.
    SignInSucceeded,
    /// A sign-in ended without a session.
    SignInFailed,
    /// Somebody signed out.
    SignOut,
    /// A session was over when its cookie came.
    SessionEnded,
    /// The cookie of a session came that somebody had ended.
    SessionRevoked,
    /// A request was let in.
    AccessAllowed,
    /// A request was refused.
    AccessDenied,
    /// A client sent a header that only we may set.
    IdentityHeaderStripped,
    /// The process serves.
    ProcessStarted,
    /// The process is asked to end.
    ProcessStopping,
    /// A provider cannot be reached any more.
    ProviderDown,
    /// A provider answers again.
    ProviderUp,
    /// A new configuration is in force.
    ConfigReloaded,
    /// A new configuration is faulty, and the old one stays in force.
    ConfigRefused,
    /// Sessions are sealed with another key from now on.
    KeyRotated,
    /// Events before this one were lost.
    AuditDropped,
}

impl EventName {
    /// Every name.
    pub const ALL: &'static [Self] = &[
        Self::SignInStarted,
        Self::SignInSucceeded,
        Self::SignInFailed,
        Self::SignOut,
        Self::SessionEnded,
        Self::SessionRevoked,
        Self::AccessAllowed,
        Self::AccessDenied,
        Self::IdentityHeaderStripped,
        Self::ProcessStarted,
        Self::ProcessStopping,
        Self::ProviderDown,
        Self::ProviderUp,
        Self::ConfigReloaded,
        Self::ConfigRefused,
        Self::KeyRotated,
        Self::AuditDropped,
    ];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignInStarted => "sign_in.started",
            Self::SignInSucceeded => "sign_in.succeeded",
            Self::SignInFailed => "sign_in.failed",
            Self::SignOut => "sign_out",
            Self::SessionEnded => "session.ended",
            Self::SessionRevoked => "session.revoked",
            Self::AccessAllowed => "access.allowed",
            Self::AccessDenied => "access.denied",
            Self::IdentityHeaderStripped => "identity_header.stripped",
            Self::ProcessStarted => "process.started",
            Self::ProcessStopping => "process.stopping",
            Self::ProviderDown => "provider.down",
            Self::ProviderUp => "provider.up",
            Self::ConfigReloaded => "config.reloaded",
            Self::ConfigRefused => "config.refused",
            Self::KeyRotated => "key.rotated",
            Self::AuditDropped => "audit.dropped",
        }
    }

    /// Whether access lines, or the start lines of the program, tell the same.
    pub(super) const fn is_told_elsewhere(self) -> bool {
        matches!(
            self,
            Self::AccessAllowed | Self::AccessDenied | Self::ProcessStarted | Self::ProcessStopping
        )
    }

    /// Whether what was asked for, or meant to be, came about.
    pub(super) const fn outcome(self) -> &'static str {
        match self {
            Self::SignInFailed
            | Self::AccessDenied
            | Self::SessionRevoked
            | Self::ProviderDown
            | Self::ConfigRefused
            | Self::AuditDropped => "failure",
            _ => "success",
        }
    }
}
