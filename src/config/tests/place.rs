//! A folder with secret files of every kind, and an environment beside it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, KeyPair};

use super::super::{Faults, Loaded, Outside, parse};

/// A session key in its text form.
pub(super) const SESSION_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
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
        place.put("other.key", other.serialize_pem().as_bytes(), 0o600);
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        place.put("broken.pem", broken, 0o644);
        place
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
        parse(text, "vestibule.toml", &self.0, &Outside::new(self.variables()))
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
        let outside = Outside::new(self.variables().into_iter().chain(more)).with_settings(&settings);
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
