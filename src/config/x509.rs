//! What a certificate says of itself. The TLS library uses all of this and shows none of it.

use std::net::IpAddr;

use rustls_pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, SubjectAltName};

use crate::clock::Timestamp;
use crate::web::{HostName, HostPattern};

/// What a certificate says of itself.
#[derive(Clone, Debug)]
pub(super) struct X509 {
    /// The names and addresses that it is for. What is neither (an e-mail address, a pattern that no client follows) is
    /// left out; so is the subject, which clients have ceased to look at (RFC 9110 section 4.3.4).
    pub(super) names: Vec<HostPattern>,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    /// Whether it may vouch for others (RFC 5280 section 4.2.1.9).
    pub(super) is_authority: bool,
}

impl X509 {
    /// Reads a certificate; none if it is malformed.
    pub(super) fn read(der: &CertificateDer<'_>) -> Option<Self> {
        let certificate = Certificate::from_der(der).ok()?.tbs_certificate;
        let names = certificate.get::<SubjectAltName>().ok()?.map(|(_, names)| names.0).unwrap_or_default();
        let constraints = certificate.get::<BasicConstraints>().ok()?;
        let time = |time: x509_cert::time::Time| Timestamp::from_secs(time.to_unix_duration().as_secs());
        Some(Self {
            names: names.iter().filter_map(name).collect(),
            from: time(certificate.validity.not_before),
            until: time(certificate.validity.not_after),
            is_authority: constraints.is_some_and(|(_, constraints)| constraints.ca),
        })
    }
}

fn name(name: &GeneralName) -> Option<HostPattern> {
    match name {
        GeneralName::DnsName(name) => HostPattern::parse(name.as_str()).ok(),
        GeneralName::IpAddress(bytes) => {
            let bytes = bytes.as_bytes();
            let address = match (<[u8; 4]>::try_from(bytes), <[u8; 16]>::try_from(bytes)) {
                (Ok(four), _) => IpAddr::from(four).to_string(),
                (_, Ok(sixteen)) => format!("[{}]", std::net::Ipv6Addr::from(sixteen)),
                _ => return None,
            };
            HostName::parse(&address).ok().map(|(host, _)| HostPattern::Exact(host))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, SanType, date_time_ymd};
    use rustls_pki_types::CertificateDer;

    use super::X509;
    use crate::clock::Timestamp;

    #[test]
    fn names_times_and_authority_are_read() {
        let names = ["a.example", "*.b.example", "127.0.0.1", "::1", "*.com"].map(str::to_owned);
        let mut params = CertificateParams::new(names).expect("names");
        params.subject_alt_names.push(SanType::Rfc822Name("a@a.example".try_into().expect("a text")));
        params.not_before = date_time_ymd(2026, 1, 2);
        params.not_after = date_time_ymd(2051, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let plain = params.clone().self_signed(&key).expect("a certificate");
        let read = X509::read(plain.der()).expect("a certificate");
        let names: Vec<String> = read.names.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["a.example", "*.b.example", "127.0.0.1", "[::1]"]);
        assert_eq!(read.from, Timestamp::from_secs(1_767_312_000));
        assert_eq!(read.until, Timestamp::from_secs(2_556_144_000), "a time after 2049 has another form");
        assert!(!read.is_authority);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&key).expect("a certificate");
        assert!(X509::read(authority.der()).expect("a certificate").is_authority);
        assert!(X509::read(&CertificateDer::from(vec![0x30, 0x00])).is_none());
    }
}
