//! The root certificates that this machine trusts: what TLS to others ends at, where nothing else is said.

use rustls::RootCertStore;

/// The system's roots, or those that the program carries where there are none. Reads files, which takes some
/// milliseconds: to be called once, and only when there is TLS to come.
#[must_use]
pub fn system() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}
