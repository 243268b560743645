//! Links between our own endpoints.

/// A link that starts a sign-in which ends at `path`.
pub(super) fn start_link(login: &str, path: &str, more: Option<&str>) -> String {
    link(login, "start", path, more)
}

/// A link to the page where a person chooses how to sign in, for a sign-in that ends at `path`.
pub(super) fn sign_in_link(login: &str, path: &str, more: Option<&str>) -> String {
    link(login, "sign_in", path, more)
}

fn link(login: &str, endpoint: &str, path: &str, more: Option<&str>) -> String {
    let path: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
    let more = more.map(|more| format!("{more}&")).unwrap_or_default();
    format!("{login}/{endpoint}?{more}rd={path}")
}

/// The path in a link that [`start_link`] made.
pub(super) fn back_path(link: &str) -> String {
    let query = link.split_once('?').map(|(_, query)| query);
    super::own::parameter(query, "rd").unwrap_or_else(|| "/".to_owned())
}
