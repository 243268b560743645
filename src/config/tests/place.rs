//! A folder with secret files of every kind, and an environment beside it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use super::super::{Faults, Loaded, Outside, parse};
use crate::clock::{Clock, Timestamp};

/// A session key in its text form.
pub(super) const SESSION_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
/// When configurations are judged: 2027-01-01.
const NOW: Timestamp = Timestamp::from_secs(1_798_761_600);
/// What the other secrets are.
pub(super) const SECRET: &str = "this-must-never-print-me";

/// A folder of its own for one test, removed at its end.
pub(super) struct Place(PathBuf);

impl Place {
    pub(super) fn new(test: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("vestibule-config-{}-{test}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let place = Self(folder);
        place.put("session.key", format!("{SESSION_KEY}\n").as_bytes(), 0o600);
        place.put("client.secret", SECRET.as_bytes(), 0o600);
        place.put("lines.secret", format!("{SECRET}\r\n\n").as_bytes(), 0o600);
        place.put("gateway.secret", SECRET.as_bytes(), 0o440);
        place.put("empty.secret", b"\n", 0o600);
        place.put("binary.secret", b"\xff\xfe", 0o600);
        place.put("big.secret", &[b'x'; 65_537], 0o600);
        place.put("readable.secret", SECRET.as_bytes(), 0o644);
        place.put("writable.secret", SECRET.as_bytes(), 0o602);
        place.put("provider-ca.pem", include_bytes!("../../../tests/vectors/config/ca.pem"), 0o644);
        place.put("company-ca.pem", include_bytes!("../../../tests/vectors/config/ca.pem"), 0o644);
        let (gateway, other) = (KeyPair::generate().expect("a key"), KeyPair::generate().expect("a key"));
        let certificate = CertificateParams::default().self_signed(&gateway).expect("a certificate");
        place.put("gateway.pem", certificate.pem().as_bytes(), 0o644);
        place.put("gateway.key", gateway.serialize_pem().as_bytes(), 0o600);
        let mut tls = CertificateParams::new(["wiki.example.com".to_owned()]).expect("names");
        tls.not_before = date_time_ymd(2026, 1, 1);
        tls.not_after = date_time_ymd(2028, 1, 1);
        place.certify("tls", &tls);
        tls.not_after = date_time_ymd(2027, 1, 10);
        place.certify("ending", &tls);
        tls.not_after = date_time_ymd(2026, 12, 1);
        place.certify("ended", &tls);
        (tls.not_before, tls.not_after) = (date_time_ymd(2027, 2, 1), date_time_ymd(2028, 1, 1));
        place.certify("coming", &tls);
        tls =
            CertificateParams::new(["other.example.com", "*.example.org"].map(str::to_owned)).expect("names");
        place.certify("foreign", &tls);
        place.put("other.key", other.serialize_pem().as_bytes(), 0o600);
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        place.put("broken.pem", broken, 0o644);
        place.put("der.pem", b"\x30\x82\x01\x00", 0o644);
        place
    }

    /// Puts a certificate that nobody else vouches for, with its key.
    fn certify(&self, name: &str, params: &CertificateParams) {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        self.put(&format!("{name}.pem"), certificate.pem().as_bytes(), 0o644);
        self.put(&format!("{name}.key"), key.serialize_pem().as_bytes(), 0o600);
    }

    pub(super) fn put(&self, name: &str, content: &[u8], mode: u32) {
        let path = self.0.join(name);
        fs::write(&path, content).expect("a file");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("permissions");
    }

    pub(super) fn folder(&self) -> &Path {
        &self.0
    }

    /// Checks a text as the file `vestibule.toml` of this folder.
    pub(super) fn parse(&self, text: &str) -> Result<Loaded, Faults> {
        self.parse_with(text, &[], &[])
    }

    /// The same with further variables, and with settings of the command line.
    pub(super) fn parse_with(
        &self,
        text: &str,
        variables: &[(&str, &str)],
        settings: &[&str],
    ) -> Result<Loaded, Faults> {
        let more = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let settings: Vec<String> = settings.iter().map(|text| (*text).to_owned()).collect();
        let outside = Outside::new(self.variables().into_iter().chain(more))
            .with_settings(&settings)
            .with_clock(Clock::manual(NOW).0);
        parse(text, "vestibule.toml", &self.0, &outside)
    }

    fn variables(&self) -> Vec<(String, String)> {
        let folder = self.0.to_string_lossy();
        let old_key = SESSION_KEY.replace('A', "B");
        let two_lines = format!("{SECRET}\n{SECRET}");
        [
            ("SESSION_KEY", SESSION_KEY),
            ("OLD_KEY", &old_key),
            ("CLIENT_SECRET", SECRET),
            ("TWO_LINES", &two_lines),
            ("EMPTY", ""),
            ("CREDENTIALS_DIRECTORY", &folder),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}
