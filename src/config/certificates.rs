//! Certificates: PEM files with roots that a connection may end at, or with a chain that we show ourselves.

use std::fs::File;
use std::io::{ErrorKind, Read};

use figment::value::Value;
use rustls::RootCertStore;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::code::Code;
use super::reader::Field;
use super::secrets::{self, plain_path, reason};

/// The whole list of roots that a system trusts is a fifth of this.
const MAX_FILE: u64 = 1 << 20;

/// The certificates of the file that `field` names, for connections to `whom`. At least one, and each fit to be a root.
pub(super) fn roots(field: &Field<'_>, whom: &str) -> Option<Vec<CertificateDer<'static>>> {
    let help = format!("name a PEM file with the root certificates of {whom}; {RELATIVE}");
    let found = read(field, "ca = \"company-ca.pem\"", &help)?;
    // What the TLS library would refuse later is said now.
    let mut store = RootCertStore::empty();
    if found.iter().any(|certificate| store.add(certificate.clone()).is_err()) {
        let what = format!("{}: {} holds something that is no root certificate", field.path(), named(field));
        field.fault(Code::Ca, what, help);
        return None;
    }
    Some(found)
}

/// The file that `field` names, as messages show it.
pub(super) fn named(field: &Field<'_>) -> String {
    match field.value() {
        Value::String(_, path) if !field.is_private() => plain_path(&field.context().resolve(path)),
        _ => "the file named here".to_owned(),
    }
}

/// The certificates of the file that `field` names: ours, and those between it and its authority.
pub(super) fn chain(field: &Field<'_>, example: &str, help: &str) -> Option<Vec<CertificateDer<'static>>> {
    read(field, example, &format!("{help}; {RELATIVE}"))
}

/// The private key, as PEM, that `field` refers to.
pub(super) fn private_key(field: &Field<'_>, code: Code, example: &str) -> Option<PrivateKeyDer<'static>> {
    let text = secrets::read(field, example, "keep the key in that file, in PEM")?;
    let key = PrivateKeyDer::from_pem_slice(text.as_bytes()).ok();
    if key.is_none() {
        field.fault(
            code,
            format!("{} refers to no private key", field.path()),
            "the key is PEM without a password: -----BEGIN PRIVATE KEY-----; this removes one: openssl pkey -in OLD -out NEW",
        );
    }
    key
}

/// Kinds of keys, for who has another.
pub(super) const KINDS: &str = "use RSA of at least 2048 bits, ECDSA on P-256, P-384 or P-521, or Ed25519";

const RELATIVE: &str = "relative paths start at the folder of the configuration file";

fn read(field: &Field<'_>, example: &str, help: &str) -> Option<Vec<CertificateDer<'static>>> {
    let text = field.text("the path of a PEM file", example)?;
    let path = field.context().resolve(text);
    let name = named(field);
    let refuse = |what: &str| {
        field.fault(Code::Ca, format!("{}: {name} {what}", field.path()), help);
        None
    };
    field.context().look_at(&path);
    let kind = std::fs::metadata(&path);
    if kind.as_ref().is_ok_and(|kind| !kind.is_file()) {
        return refuse("is not a regular file");
    }
    let mut pem = Vec::new();
    let read =
        kind.and_then(|_| File::open(&path)).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut pem));
    match read {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let message = format!("{}: {name} cannot be read: {}", field.path(), reason(&error));
            field.fault(Code::Ca, message, secrets::LET_READ);
            return None;
        }
        Err(error) if secrets::is_for_a_shell(&path) => {
            let message = format!("{}: {name} cannot be read: {}", field.path(), reason(&error));
            field.fault(Code::Ca, message, secrets::NO_SHELL);
            return None;
        }
        Err(error) => return refuse(&format!("cannot be read: {}", reason(&error))),
        Ok(length) if u64::try_from(length).is_ok_and(|length| length > MAX_FILE) => {
            return refuse("is larger than 1 MiB");
        }
        Ok(_) => field.context().take(&pem),
    }
    let Ok(found) = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>() else {
        return refuse("is not PEM");
    };
    if found.is_empty() {
        return refuse(match pem.first() {
            // A SEQUENCE (ITU-T X.690): a certificate without the armour of PEM.
            Some(0x30) => "is not PEM, but DER: openssl x509 -inform der -in OLD -out NEW converts it",
            _ => "holds no certificate",
        });
    }
    Some(found)
}
