//! Certificates: PEM files with roots that a connection may end at, or with a chain that we show ourselves.

use std::fs::File;
use std::io::Read;

use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::code::Code;
use super::reader::Field;
use super::secrets::{plain_path, reason};

/// The whole list of roots that a system trusts is a fifth of this.
const MAX_FILE: u64 = 1 << 20;

/// The certificates of the file that `field` names, for connections to `whom`. At least one, and each fit to be a root.
pub(super) fn roots(field: &Field<'_>, whom: &str) -> Option<Vec<CertificateDer<'static>>> {
    let help = format!("name a PEM file with the root certificates of {whom}; {RELATIVE}");
    let found = read(field, "ca = \"company-ca.pem\"", &help)?;
    // What the TLS library would refuse later is said now.
    let mut store = RootCertStore::empty();
    if found.iter().any(|certificate| store.add(certificate.clone()).is_err()) {
        let name = plain_path(&field.context().resolve(field.text("", "")?));
        let what = format!("{}: {name} holds something that is no root certificate", field.path());
        field.fault(Code::Ca, what, help);
        return None;
    }
    Some(found)
}

/// The certificates of the file that `field` names: ours, and those between it and its authority.
pub(super) fn chain(field: &Field<'_>, help: &str) -> Option<Vec<CertificateDer<'static>>> {
    read(field, "cert = \"client.pem\"", &format!("{help}; {RELATIVE}"))
}

const RELATIVE: &str = "relative paths start at the folder of the configuration file";

fn read(field: &Field<'_>, example: &str, help: &str) -> Option<Vec<CertificateDer<'static>>> {
    let text = field.text("the path of a PEM file", example)?;
    let path = field.context().resolve(text);
    let name = if field.is_private() { "the file named here".to_owned() } else { plain_path(&path) };
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
        return refuse("holds no certificate");
    }
    Some(found)
}
