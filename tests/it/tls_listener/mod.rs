//! TLS that ends with us.

mod clients;
mod handshake;
mod http2;
mod names;
mod plain;
mod traffic;

use crate::support::stage::Plan;
use crate::support::tls::{Authority, Folder};
use crate::support::{Stage, Upstream};

/// A route for everyone on these hosts.
fn open(hosts: &str) -> String {
    format!("[routes.app]\nupstream = \"UPSTREAM\"\nhost = {hosts}\nallow = [\"everyone\"]\n")
}

/// A stage at `wiki.example`, with a certificate of this authority for it and these names; `listen` are further lines.
async fn stage(folder: &Folder, authority: &Authority, names: &[&str], listen: &str) -> Stage {
    let table = authority.certify(names).table(folder, "tls", "");
    with(table, listen).await
}

/// The same with this value of `listen.tls`.
async fn with(tls: String, listen: &str) -> Stage {
    let routes = open("[\"wiki.example\", \"docs.example\", \"*.app.example\"]");
    let plan =
        Plan { host: "wiki.example", tls: Some(tls), listen: listen.to_owned(), routes, ..Plan::default() };
    Stage::before(Upstream::echo().await, plan).await
}
