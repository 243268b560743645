//! The relying party against a provider that errs, lies or dies, over real sockets and on a manual clock.

mod faults;
mod op;
mod outage;
mod sign_in;
mod tls;

use std::time::Duration;

use serde_json::{Value, json};

use self::op::{Op, SigningKey};
use super::callback::{self, Answer, Code};
use super::{EmailTrust, Known, LoginError, Provider, Settings, SignedIn, Transport, Userinfo};
use crate::clock::{Clock, ManualClock, Timestamp};
use crate::identity::{ProviderName, Wanted};
use crate::random::Random;
use crate::secret::Secret;
use crate::session::PendingLogin;

/// When the tests take place.
const NOW: u64 = 1_800_000_000;

/// A provider, our view of it, and one attempt to sign in under way.
struct Scene {
    op: Op,
    key: SigningKey,
    provider: Provider,
    hand: ManualClock,
    pending: PendingLogin,
    wanted: Wanted,
}

impl Scene {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// A scene with other settings than the ordinary ones.
    async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let op = Op::start().await;
        let key = SigningKey::ec("k1");
        op.publish(&[&key]);
        let (clock, hand) = Clock::manual(Timestamp::from_secs(NOW));
        let mut settings = settings(&op.issuer);
        change(&mut settings);
        let provider = Provider::new(settings, clock.clone(), &Known::default()).expect("a provider");
        let pending = PendingLogin::begin(
            provider.binding(),
            "https://wiki.example.com/oauth2/callback".to_owned(),
            "/".to_owned(),
            &Random::seeded(1),
            clock.now(),
        );
        Self { op, key, provider, hand, pending, wanted: Wanted::default() }
    }

    /// The claims of an ordinary ID token for this attempt.
    fn claims(&self) -> Value {
        json!({
            "iss": self.op.issuer, "sub": "s-1", "aud": ["wiki"], "azp": "wiki",
            "exp": NOW + 300, "iat": NOW, "nonce": self.pending.attempt().proofs().nonce.as_str(),
            "at_hash": op::at_hash(), "auth_time": NOW - 60,
            "preferred_username": "alice", "email": "alice@example.com", "email_verified": true,
            "name": "Alice", "groups": ["staff", "ops"],
        })
    }

    /// Signs in with a token of these claims.
    async fn sign_in(&self, claims: &Value) -> Result<SignedIn, LoginError> {
        self.op.issue(&self.key.sign(claims));
        self.redeem().await
    }

    /// Signs in with whatever the provider answers.
    async fn redeem(&self) -> Result<SignedIn, LoginError> {
        self.provider.redeem(&code(), &self.pending, &self.wanted).await
    }

    /// The word for the failure of a sign-in with the ordinary claims and these changes.
    async fn fault(&self, changes: &Value) -> &'static str {
        self.sign_in(&op::changed(self.claims(), changes)).await.map_or_else(|error| error.code(), |_| "none")
    }
}

fn settings(issuer: &str) -> Settings {
    Settings {
        name: ProviderName::new("main"),
        issuer: issuer.to_owned(),
        client_id: "wiki".to_owned(),
        client_secret: Some(Secret::new("s3cr et:".to_owned())),
        title: "Example".to_owned(),
        scopes: None,
        user_claim: "preferred_username".to_owned(),
        email_claim: "email".to_owned(),
        email_trust: EmailTrust::VerifiedOnly,
        groups_claims: vec!["groups".to_owned()],
        userinfo: Userinfo::Auto,
        algorithms: None,
        auth_params: Vec::new(),
        extra_roots: Vec::new(),
        timeout: Duration::from_secs(10),
        clock_skew: Duration::from_secs(60),
        transport: Transport::Secure,
    }
}

fn code() -> Code {
    match callback::parse("state=s&code=the-code-of-the-test").expect("a callback").into_answer() {
        Answer::Code(code) => code,
        Answer::Error { .. } => panic!("no error was sent"),
    }
}
