//! A provider over a real socket that says what a test tells it to, true or false.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// The provider and what it was asked.
pub(super) struct Op {
    pub(super) issuer: String,
    state: Arc<State>,
}

/// One answer.
#[derive(Clone)]
pub(super) enum Reply {
    /// Status, header fields, body.
    Say(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Nothing, for ever.
    Hang,
}

/// One request that arrived.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) authorization: String,
    pub(super) accept_encoding: bool,
    pub(super) form: HashMap<String, String>,
}

#[derive(Default)]
struct State {
    replies: Mutex<HashMap<String, Reply>>,
    asked: Mutex<Vec<Asked>>,
    arrivals: watch::Sender<usize>,
}

/// A signing key with its id.
pub(super) enum SigningKey {
    Ec(&'static str, EcdsaKeyPair),
    Rsa(&'static str, RsaKeyPair),
}

impl Op {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                let service = service_fn(move |request| answer(Arc::clone(&state), request));
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        let op = Self { issuer, state };
        op.set("/.well-known/openid-configuration", Reply::json(&op.discovery()));
        op
    }

    /// An ordinary discovery document.
    pub(super) fn discovery(&self) -> Value {
        let issuer = &self.issuer;
        json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize?tenant=a"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/jwks"),
            "userinfo_endpoint": format!("{issuer}/userinfo"),
            "end_session_endpoint": format!("{issuer}/logout"),
            "scopes_supported": ["openid", "profile", "email", "groups"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
            "service_documentation": "",
        })
    }

    /// An ordinary discovery document with these members replaced or, with null, removed.
    pub(super) fn discover(&self, changes: &Value) {
        self.set("/.well-known/openid-configuration", Reply::json(&changed(self.discovery(), changes)));
    }

    pub(super) fn set(&self, path: &str, reply: Reply) {
        self.state.replies.lock().expect("no panic").insert(path.to_owned(), reply);
    }

    pub(super) fn publish(&self, keys: &[&SigningKey]) {
        let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
        self.set("/jwks", Reply::json(&json!({ "keys": keys })));
    }

    /// The token endpoint answers with this ID token.
    pub(super) fn issue(&self, id_token: &str) {
        let answer = json!({ "access_token": ACCESS, "token_type": "bearer", "id_token": id_token });
        self.set("/token", Reply::json(&answer));
    }

    pub(super) fn asked(&self, path: &str) -> Vec<Asked> {
        let asked = self.state.asked.lock().expect("no panic");
        asked.iter().filter(|asked| asked.path == path).cloned().collect()
    }

    /// Waits until `count` requests have arrived.
    pub(super) async fn arrived(&self, count: usize) {
        self.state.arrivals.subscribe().wait_for(|seen| *seen >= count).await.expect("the sender lives");
    }
}

/// The access token of every answer.
pub(super) const ACCESS: &str = "access-token-of-the-test";

impl Reply {
    pub(super) fn json(value: &Value) -> Self {
        Self::Say(200, vec![("content-type", "application/json".to_owned())], value.to_string().into_bytes())
    }

    pub(super) fn status(status: u16, body: &str) -> Self {
        Self::Say(status, vec![("content-type", "application/json".to_owned())], body.as_bytes().to_vec())
    }
}

impl SigningKey {
    pub(super) fn ec(id: &'static str) -> Self {
        Self::Ec(id, EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"))
    }

    pub(super) fn rsa(id: &'static str) -> Self {
        Self::Rsa(id, RsaKeyPair::generate(KeySize::Rsa2048).expect("a key"))
    }

    /// The public key as it is published.
    pub(super) fn jwk(&self) -> Value {
        match self {
            Self::Ec(id, pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "kid": id, "use": "sig", "x": b64(x), "y": b64(y) })
            }
            Self::Rsa(id, pair) => {
                // RSAPublicKey in DER (RFC 8017 A.1.1): heads of 9 and 2 bytes, for 2048 bits and exponent 65537.
                let der = pair.public_key().as_ref();
                let (n, e) = (&der[9..265], &der[267..]);
                json!({ "kty": "RSA", "kid": id, "alg": "RS256", "n": b64(n), "e": b64(e) })
            }
        }
    }

    /// A token with these claims.
    pub(super) fn sign(&self, claims: &Value) -> String {
        let header = match self {
            Self::Ec(id, _) => json!({ "alg": "ES256", "kid": id, "typ": "JWT" }),
            Self::Rsa(id, _) => json!({ "alg": "RS256", "kid": id }),
        };
        self.sign_as(&header, &claims.to_string())
    }

    /// A token with this header, which need not be true, and this payload, which need not be JSON.
    pub(super) fn sign_as(&self, header: &Value, payload: &str) -> String {
        let signed = format!("{}.{}", b64(header.to_string().as_bytes()), b64(payload.as_bytes()));
        let random = SystemRandom::new();
        let signature = match self {
            Self::Ec(_, pair) => pair.sign(&random, signed.as_bytes()).expect("signs").as_ref().to_vec(),
            Self::Rsa(_, pair) => {
                let mut out = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut out).expect("signs");
                out
            }
        };
        format!("{signed}.{}", b64(&signature))
    }
}

/// `base` with the members of `changes`; null removes one.
pub(super) fn changed(mut base: Value, changes: &Value) -> Value {
    let members = base.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object") {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    base
}

pub(super) fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The `at_hash` of [`ACCESS`] for algorithms with SHA-256.
pub(super) fn at_hash() -> String {
    b64(&digest(&SHA256, ACCESS.as_bytes()).as_ref()[..16])
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let field = |name: &str| {
        request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    let (authorization, accept_encoding) =
        (field("authorization"), request.headers().contains_key("accept-encoding"));
    let body =
        request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let form = url::form_urlencoded::parse(&body).into_owned().collect();
    let asked = Asked { path: path.clone(), authorization, accept_encoding, form };
    state.asked.lock().expect("no panic").push(asked);
    state.arrivals.send_modify(|count| *count += 1);
    let reply = state.replies.lock().expect("no panic").get(&path).cloned();
    match reply.unwrap_or_else(|| Reply::status(404, "{}")) {
        Reply::Say(status, fields, body) => {
            let mut response = Response::builder().status(status);
            for (name, value) in fields {
                response = response.header(name, value);
            }
            Ok(response.body(Full::new(Bytes::from(body))).expect("a response"))
        }
        Reply::Hang => std::future::pending().await,
    }
}
