//! `listen.tls`: the certificates that we show, and the authorities whose clients are known by theirs.

use std::time::Duration;

use figment::value::Value;
use rustls_pki_types::CertificateDer;

use super::code::Code;
use super::reader::{Field, Section};
use super::x509::X509;
use super::{RouteConfig, certificates, keys, values};
use crate::flow::{Https, Plain};
use crate::listener::{Address, Certificate, CertificateError, Settings};
use crate::web::{HostPattern, Origin, Scheme};

/// The certificates with the places where they are named.
#[derive(Default)]
pub(super) struct Shown<'a>(Vec<(Field<'a>, Certificate)>);

const EXAMPLE: &str = "tls = { cert = \"tls.pem\", key = { file = \"tls.key\" } }";
const CERT_EXAMPLE: &str = "cert = \"tls.pem\"";
const KEY_EXAMPLE: &str = "{ file = \"tls.key\" }";

/// From here on a certificate should long have been renewed: those of public authorities are at half of their time or
/// later.
const SOON: Duration = Duration::from_secs(14 * 24 * 3600);

/// The certificates of `section`, which is `[listen]`.
pub(super) fn read<'a>(section: &Section<'a>, https: &[Address]) -> Shown<'a> {
    let Some(field) = section.field("tls") else {
        if let Some(https) = section.field("https").filter(|_| !https.is_empty()) {
            https.fault(
                Code::ListenTls,
                "listen.https needs a certificate, and listen.tls names none",
                format!("for example: {EXAMPLE}"),
            );
        }
        return Shown::default();
    };
    if section.field("https").is_none_or(|https| https.is_empty_list()) {
        field.fault(
            Code::ListenTls,
            "listen.tls has a certificate, and listen.https no address to show it at: nothing would be encrypted",
            "for example: https = [\"0.0.0.0:443\"]; or remove listen.tls, if TLS ends in front",
        );
    }
    let tables = match field.value() {
        Value::Dict(..) => vec![field],
        Value::Array(..) if field.is_empty_list() => {
            field.fault(
                Code::ListenTls,
                "listen.tls names no certificate",
                format!("for example: {EXAMPLE}"),
            );
            Vec::new()
        }
        Value::Array(..) => field.items(EXAMPLE),
        _ => {
            field.wrong_type("a table or a list of tables", EXAMPLE);
            Vec::new()
        }
    };
    let shown = Shown(tables.into_iter().filter_map(|table| one(&table)).collect());
    shown.warn_of_doubles();
    shown
}

fn one<'a>(table: &Field<'a>) -> Option<(Field<'a>, Certificate)> {
    let section = table.section(keys::LISTEN_TLS);
    let authorities = section.field("client_ca").map(|field| authorities(&field));
    let help = "the file with the certificate and what leads to its authority, as PEM, in this order";
    let cert = section.required("cert", format!("{help}: {CERT_EXAMPLE}"));
    let key = section.required("key", format!("where its private key is: key = {KEY_EXAMPLE}"));
    let chain =
        cert.as_ref().and_then(|field| certificates::chain(field, CERT_EXAMPLE, &format!("name {help}")));
    let read = key.as_ref().and_then(|field| certificates::private_key(field, Code::ListenTls, KEY_EXAMPLE));
    let (cert, key, chain, read) = (cert?, key?, chain?, read?);
    let Some(said) = chain.first().and_then(X509::read) else {
        cert.fault(
            Code::ListenTls,
            format!(
                "{}: {} begins with something that is no certificate",
                cert.path(),
                certificates::named(&cert)
            ),
            format!("name {help}"),
        );
        return None;
    };
    warn_of_time(&cert, &said);
    if said.names.is_empty() {
        cert.warning(
            Code::CertificateNames,
            format!("{} is for no host: {}", cert.path(), certificates::named(&cert)),
            "clients look for the host among its subject alternative names; have one made that has them",
        );
    }
    let certificate = match Certificate::new(chain, read, said.names, said.until) {
        Ok(certificate) => certificate,
        Err(CertificateError::OtherKey) => {
            key.fault(
                Code::ListenTls,
                format!("{} belongs to another certificate than cert", key.path()),
                "name the key that the first certificate of cert was made with; after a renewal, replace both files",
            );
            return None;
        }
        Err(CertificateError::UnknownKind(_)) => {
            key.fault(
                Code::ListenTls,
                format!("{} or cert is of a kind that is not known here", key.path()),
                certificates::KINDS,
            );
            return None;
        }
    };
    let certificate = match authorities {
        None => certificate,
        // What cannot be built from authorities that were read, was reported as such.
        Some(authorities) => certificate.asking(&authorities?).ok()?,
    };
    Some((cert, certificate))
}

/// The authorities of clients.
fn authorities(field: &Field<'_>) -> Option<Vec<CertificateDer<'static>>> {
    let found = certificates::roots(field, "the clients")?;
    if found.iter().all(|one| X509::read(one).is_some_and(|one| one.is_authority)) {
        return Some(found);
    }
    field.fault(
        Code::Ca,
        format!(
            "{}: {} holds a certificate that is no authority's",
            field.path(),
            certificates::named(field)
        ),
        "name the certificate of the authority that signs those of the clients, not one of theirs",
    );
    None
}

fn warn_of_time(cert: &Field<'_>, said: &X509) {
    let now = cert.context().now();
    let what = if said.until <= now {
        format!("has expired at {}: clients refuse it", said.until)
    } else if said.from > now {
        format!("is not valid before {}: clients refuse it until then", said.from)
    } else if said.until.since(now) < SOON {
        format!("expires at {}", said.until)
    } else {
        return;
    };
    cert.warning(
        Code::CertificateTime,
        format!("{}: {} {what}", cert.path(), certificates::named(cert)),
        "renew it, or look why what renews it did not; and see that the clock of this machine is right",
    );
}

/// What `[listen]` says about coming over https.
pub(super) fn https(top: &Section<'_>, listen: &Settings, public_url: Option<&Origin>) -> Https {
    let Some(section) = top.field("listen") else { return Https::default() };
    let plain_url = public_url.is_some_and(|url| url.scheme() == Scheme::Http);
    let idle = |field: &Field<'_>, reasons: &[(bool, &str)]| {
        if let Some((_, why)) = reasons.iter().find(|(holds, _)| *holds) {
            let message = format!("{} has no effect: {why}", field.path());
            field.warning(Code::IdleKey, message, "remove it, or look again at what it was meant for");
        }
    };
    // Addresses that are written and faulty are told of by themselves.
    let none = listen.https.is_empty() && section.member("https").is_none_or(|field| field.is_empty_list());
    let mut https = Https::default();
    if let Some(field) = section.member("redirect_http")
        && let Some(Plain::Redirected) = values::switch(&field, Plain::Redirected, Plain::Served)
    {
        // Without an address for https every request is plain, also one that came over https to who is in front: it would
        // go round and round.
        let reasons = [
            (none, "listen.https has no address to send them to"),
            (listen.http.is_empty(), "listen.http has no address where they could come in"),
            (plain_url, "public_url is plain http"),
        ];
        idle(&field, &reasons);
        if reasons.iter().all(|(holds, _)| !holds) {
            https.plain = Plain::Redirected;
        }
    }
    if let Some(field) = section.member("hsts")
        && let Some(age) = values::duration(&field)
    {
        let trusts = section.member("trusted_proxies").is_some_and(|field| !field.is_empty_list());
        let unseen = none && !trusts;
        let why = "no request is seen to come over https, neither at listen.https nor from a trusted proxy";
        idle(&field, &[(plain_url, "public_url is plain http"), (unseen, why)]);
        https.remember = format!("max-age={}", age.as_secs()).parse().ok().filter(|_| !plain_url);
    }
    https
}

/// Warns of certificates for none of our hosts, and of hosts that no certificate is for.
pub(super) fn review(shown: &Shown<'_>, routes: &[RouteConfig]) {
    let mut hosts: Vec<&HostPattern> = routes.iter().flat_map(|route| &route.hosts).collect();
    hosts.sort_unstable();
    hosts.dedup();
    let Some((first, _)) = shown.0.first() else { return };
    for (field, certificate) in &shown.0 {
        let serves = certificate.names.iter().any(|name| hosts.iter().any(|host| meet(name, host)));
        if !serves && !certificate.names.is_empty() {
            field.warning(
                Code::CertificateNames,
                format!("{} is for none of our hosts: it is for {}", field.path(), list(&certificate.names)),
                "name the certificate of a host that a route has, or remove this one",
            );
        }
    }
    let bare: Vec<HostPattern> = hosts
        .into_iter()
        .filter(|host| {
            !shown.0.iter().any(|(_, certificate)| certificate.names.iter().any(|name| covers(name, host)))
        })
        .cloned()
        .collect();
    if !bare.is_empty() {
        first.warning(
            Code::CertificateNames,
            format!("no certificate is for {}: clients refuse the connection there", list(&bare)),
            "add one to listen.tls whose subject alternative names hold it",
        );
    }
}

/// Whether there is a host for both.
fn meet(one: &HostPattern, other: &HostPattern) -> bool {
    covers(one, other) || covers(other, one)
}

/// Whether `name` is for every host that `host` stands for.
fn covers(name: &HostPattern, host: &HostPattern) -> bool {
    name == host || host.exact().is_some_and(|host| name.matches(host))
}

/// A few names, and how many there are besides.
fn list(names: &[HostPattern]) -> String {
    const MOST: usize = 3;
    let shown = names.iter().take(MOST).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

impl Shown<'_> {
    /// The certificates alone.
    pub(super) fn certificates(&self) -> Vec<Certificate> {
        self.0.iter().map(|(_, certificate)| certificate.clone()).collect()
    }

    /// Of two certificates for one name, only the earlier is ever shown for it.
    fn warn_of_doubles(&self) {
        let mut rest = self.0.as_slice();
        while let Some(((field, certificate), before)) = rest.split_last() {
            let is_taken = |name: &&HostPattern| before.iter().any(|(_, other)| other.names.contains(name));
            let doubles: Vec<HostPattern> = certificate.names.iter().filter(is_taken).cloned().collect();
            if !doubles.is_empty() {
                field.warning(
                    Code::CertificateNames,
                    format!(
                        "{} is for {} as an earlier one is, which is shown instead",
                        field.path(),
                        list(&doubles)
                    ),
                    "keep one certificate for each name",
                );
            }
            rest = before;
        }
    }
}
