//! Calls to a provider: bounded in time and size, over TLS, without redirects, and logged without what they carry.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use rustls_pki_types::CertificateDer;
use serde_json::Value;
use url::Url;

use super::error::{Call, ProviderError, SetupError};
use super::excerpt::{excerpt, shown};
use super::settings::{Settings, Transport};
use super::watch::{Watch, Watches};
use crate::clock::Clock;
use crate::identity::ProviderName;
use crate::web::host::HostName;

/// The client for one provider.
#[derive(Debug)]
pub(super) struct Http {
    /// Made at the first call: reading the system's roots takes longer than all else at the start.
    client: OnceLock<Client<HttpsConnector<HttpConnector>, Full<Bytes>>>,
    tls: ConfigBuilder<ClientConfig, WantsVerifier>,
    extra_roots: Vec<CertificateDer<'static>>,
    provider: ProviderName,
    transport: Transport,
    limit: Duration,
    clock: Clock,
    pub(super) watch: Arc<Watch>,
}

/// The most bytes of a token answer; other documents may be four times as large.
const MAX_TOKEN: usize = 256 * 1024;

/// The most bytes of any other document.
const MAX_DOCUMENT: usize = 1024 * 1024;

/// The most bytes of an answer's head.
const MAX_HEAD: usize = 64 * 1024;

const AGENT: HeaderValue = HeaderValue::from_static(concat!("vestibule/", env!("CARGO_PKG_VERSION")));

impl Http {
    pub(super) fn new(settings: &Settings, clock: Clock) -> Result<Self, SetupError> {
        let tls = |error| SetupError::Tls(settings.name.clone(), error);
        let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            ClientConfig::builder_with_provider(crypto).with_safe_default_protocol_versions().map_err(tls)?;
        // A root that is none is told now, not at the first call.
        let mut probe = RootCertStore::empty();
        for certificate in &settings.extra_roots {
            probe.add(certificate.clone()).map_err(tls)?;
        }
        Ok(Self {
            client: OnceLock::new(),
            tls: builder,
            extra_roots: settings.extra_roots.clone(),
            provider: settings.name.clone(),
            transport: settings.transport,
            limit: settings.timeout,
            clock,
            watch: Watches::default().of(&settings.name),
        })
    }

    fn client(&self) -> &Client<HttpsConnector<HttpConnector>, Full<Bytes>> {
        self.client.get_or_init(|| {
            let roots = roots(&self.extra_roots);
            let config = self.tls.clone().with_root_certificates(roots).with_no_client_auth();
            let connector =
                HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().build();
            // A connection for each call: they are rare, and an idle one that died would fail the next sign-in.
            // Nothing is sent twice: a code may be redeemed once.
            Client::builder(TokioExecutor::new())
                .pool_max_idle_per_host(0)
                .retry_canceled_requests(false)
                .http1_max_buf_size(MAX_HEAD)
                .build(connector)
        })
    }

    /// Fetches a JSON document.
    pub(super) async fn get_json(
        &self,
        call: Call,
        url: &str,
        bearer: Option<&str>,
    ) -> Result<Value, ProviderError> {
        let bad = |reason: &str| ProviderError::BadAnswer { call, reason: reason.to_owned() };
        let mut request = Request::builder().method(Method::GET).uri(url);
        if let Some(token) = bearer {
            let mut value = HeaderValue::try_from(format!("Bearer {token}"))
                .map_err(|_| bad("the access token has characters that no header field can hold"))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let request =
            request.body(Vec::new()).map_err(|_| bad("its address is not a URL that can be called"))?;
        let response = self.send(call, request).await?;
        if response.status() != StatusCode::OK {
            return Err(ProviderError::Status { call, status: response.status().as_u16() });
        }
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/jwt")) {
            return Err(bad(
                "a signed or encrypted answer (application/jwt), which is not supported; register a plain one",
            ));
        }
        serde_json::from_slice(response.body()).map_err(|error| {
            bad(&format!("not JSON ({}, content type {})", position(&error), shown(kind.unwrap_or("absent"))))
        })
    }

    /// Sends a request and reads the whole answer. A redirect is an error, any other status is for the caller.
    pub(super) async fn send(
        &self,
        call: Call,
        request: Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, ProviderError> {
        let url = request.uri().to_string();
        check_url(self.transport, call.what(), &url)?;
        let host = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        let (method, asked) = (request.method().clone(), self.clock.instant());
        let answer = self.clock.timeout(self.limit, self.exchange(call, &host, request)).await;
        let answer =
            answer.unwrap_or_else(|_elapsed| Err(ProviderError::Timeout { call, host, limit: self.limit }));
        let took = self.clock.instant().saturating_duration_since(asked);
        let response = match answer {
            Ok(response) => response,
            Err(error) => {
                error.log(&self.provider);
                self.watch.failed(&method, &error, took, self.clock.now());
                return Err(error);
            }
        };
        let status = response.status();
        self.watch.answered(&method, status, response.headers(), took, self.clock.now());
        if status.is_success() {
            tracing::debug!(provider = %self.provider, %call, status = status.as_u16(), "provider answered");
        } else {
            // What the token and userinfo endpoints say may repeat what we sent; their callers say more.
            let body = match call {
                Call::Discovery | Call::Keys => excerpt(response.body(), &[]),
                Call::Token | Call::Userinfo => format!("{} bytes", response.body().len()),
            };
            tracing::warn!(provider = %self.provider, %call, status = status.as_u16(), body, "provider refused");
        }
        if status.is_redirection() {
            return Err(ProviderError::Redirect { call, status: status.as_u16() });
        }
        Ok(response)
    }

    async fn exchange(
        &self,
        call: Call,
        host: &str,
        request: Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, ProviderError> {
        let unreachable = |source| ProviderError::Unreachable { call, host: host.to_owned(), source };
        let mut request = request.map(|body| Full::new(Bytes::from(body)));
        let headers = request.headers_mut();
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, AGENT);
        let response = self.client().request(request).await.map_err(|error| unreachable(Arc::new(error)))?;
        let (head, body) = response.into_parts();
        // We ask for none, so this is a server that does as it likes; a small answer could unfold to any size.
        if head.headers.get(CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
            return Err(ProviderError::BadAnswer {
                call,
                reason: "compressed without being asked".to_owned(),
            });
        }
        let limit = call.limit();
        let body = Limited::new(body, limit).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                ProviderError::TooLarge { call, limit }
            } else {
                unreachable(Arc::from(error))
            }
        })?;
        Ok(Response::from_parts(head, body.to_bytes().to_vec()))
    }
}

impl Call {
    const fn limit(self) -> usize {
        match self {
            Self::Token => MAX_TOKEN,
            Self::Discovery | Self::Keys | Self::Userinfo => MAX_DOCUMENT,
        }
    }

    const fn what(self) -> &'static str {
        match self {
            Self::Discovery => "issuer",
            Self::Keys => "jwks_uri",
            Self::Token => "token_endpoint",
            Self::Userinfo => "userinfo_endpoint",
        }
    }
}

/// Whether we may call `url`, or send a browser there: https, or http where `transport` accepts it.
pub(super) fn check_url(transport: Transport, what: &'static str, url: &str) -> Result<Url, ProviderError> {
    let refused = || ProviderError::Insecure { what, url: shown(url) };
    let parsed = Url::parse(url).map_err(|_| refused())?;
    let host = parsed.host_str().and_then(|host| HostName::parse(host).ok()).ok_or_else(refused)?;
    let plain = || transport == Transport::InsecureHttp || host.0.is_loopback();
    let fine = parsed.scheme() == "https" || (parsed.scheme() == "http" && plain());
    if fine && parsed.username().is_empty() && parsed.password().is_none() {
        Ok(parsed)
    } else {
        Err(refused())
    }
}

/// The system's roots, and further ones that were checked.
fn roots(extra: &[CertificateDer<'static>]) -> RootCertStore {
    let mut roots = crate::roots::system();
    roots.add_parsable_certificates(extra.iter().cloned());
    roots
}

/// Where JSON is broken, without the text that it is broken at.
fn position(error: &serde_json::Error) -> String {
    format!("line {} column {}", error.line(), error.column())
}
