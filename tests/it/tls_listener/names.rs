//! Which certificate is shown, and which hosts its connection serves.

use rustls_pki_types::CertificateDer;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::with;
use crate::support::Stage;
use crate::support::message::exchange_over;
use crate::support::tls::{Authority, Certified, Folder};
use crate::support::tls_client::{Client, certificate, get};

/// The certificate that the server showed.
fn shown(stream: &TlsStream<TcpStream>) -> &CertificateDer<'static> {
    &stream.get_ref().1.peer_certificates().expect("certificates")[0]
}

/// A stage with three certificates: for the wiki, for everything below `app.example`, and for the documents, where
/// clients may be asked.
async fn three(folder: &Folder, authority: &Authority, asking: bool) -> (Stage, [Certified; 3]) {
    let wiki = authority.certify(&["wiki.example", "127.0.0.1"]);
    let apps = authority.certify(&["*.app.example", "wiki.example"]);
    let docs = authority.certify(&["docs.example"]);
    let more = if asking {
        format!(", client_ca = \"{}\"", folder.put("ca.pem", &authority.pem()))
    } else {
        String::new()
    };
    let tables =
        [wiki.table(folder, "wiki", ""), apps.table(folder, "apps", ""), docs.table(folder, "docs", &more)];
    (with(format!("[{}]", tables.join(", ")), "").await, [wiki, apps, docs])
}

#[tokio::test]
async fn the_name_that_is_asked_for_chooses_the_certificate() {
    let folder = Folder::new("https-names");
    let authority = Authority::new("the company");
    let (stage, [wiki, apps, docs]) = three(&folder, &authority, false).await;
    let address = stage.https.expect("TLS");
    let client = Client::new(&authority);
    // By its address a client asks for no name, and gets the first.
    for (name, expected) in [
        ("wiki.example", &wiki),
        ("a.app.example", &apps),
        ("B.App.Example", &apps),
        ("docs.example", &docs),
        ("127.0.0.1", &wiki),
    ] {
        let stream = client.connect(address, name).await.expect(name);
        assert_eq!(*shown(&stream), certificate(&expected.certificate), "{name}");
    }
    // The first also stands for names that have none, which no client believes.
    let error = client.connect(address, "a.b.app.example").await.expect_err("no certificate");
    assert!(error.to_string().contains("not valid for name \"a.b.app.example\""), "{error}");
}

/// What a connection made for `name` answers about `host`.
async fn ask(stage: &Stage, client: &Client, name: &str, host: &str) -> u16 {
    let mut stream = client.connect(stage.https.expect("TLS"), name).await.expect("a handshake");
    let answer = exchange_over(&mut stream, get(host, "/", "connection: close\r\n")).await;
    if answer.status == 421 {
        assert_eq!(
            answer.json()["error"],
            if host == "no.example" { "unknown_host" } else { "misdirected_request" }
        );
    }
    answer.status
}

#[tokio::test]
async fn a_connection_serves_every_host_of_its_certificate_and_no_other() {
    let folder = Folder::new("https-coalescing");
    let authority = Authority::new("the company");
    let (stage, _) = three(&folder, &authority, false).await;
    let client = Client::new(&authority);
    for (name, host, status) in [
        ("wiki.example", "wiki.example", 200),
        ("a.app.example", "b.app.example", 200),
        // Another certificate is the one for that host, and this one is for it too.
        ("a.app.example", "wiki.example", 200),
        ("wiki.example", "a.app.example", 421),
        ("wiki.example", "docs.example", 421),
        ("docs.example", "wiki.example", 421),
        // No name was asked for, and the first certificate shown.
        ("127.0.0.1", "wiki.example", 200),
        ("127.0.0.1", "docs.example", 421),
        ("127.0.0.1", "no.example", 421),
    ] {
        assert_eq!(ask(&stage, &client, name, host).await, status, "{name}, then {host}");
    }
    let events = stage.events_with_access().await;
    let misdirected = |event: &&serde_json::Value| event["reason"] == "misdirected_request";
    let denied = events.iter().filter(misdirected).find(|event| event["event"] == "access.denied");
    assert_eq!(denied.expect("an event")["what"]["host"], "a.app.example", "{denied:?}");
}

#[tokio::test]
async fn where_one_certificate_asks_clients_connections_are_for_it_alone() {
    let folder = Folder::new("https-alone");
    let authority = Authority::new("the company");
    let both = authority.certify(&["wiki.example", "docs.example"]);
    let asking = format!(", client_ca = \"{}\"", folder.put("ca.pem", &authority.pem()));
    // Each is for both hosts, and would serve the other without that.
    let docs = authority.certify(&["docs.example", "wiki.example", "a.app.example"]);
    let tables = [docs.table(&folder, "docs", &asking), both.table(&folder, "both", "")];
    let stage = with(format!("[{}]", tables.join(", ")), "").await;
    let client = Client::new(&authority);
    for (name, host, status) in
        [("docs.example", "docs.example", 200), ("docs.example", "a.app.example", 200)]
    {
        assert_eq!(ask(&stage, &client, name, host).await, status, "{name}, then {host}");
    }
    drop(stage);
    // The other way round the names are with the one that does not ask.
    let tables = [both.table(&folder, "both", ""), docs.table(&folder, "docs", &asking)];
    let stage = with(format!("[{}]", tables.join(", ")), "").await;
    for (name, host, status) in [
        ("wiki.example", "docs.example", 200),
        ("a.app.example", "a.app.example", 200),
        // Its certificate is for that host, but for that host no client is asked.
        ("a.app.example", "wiki.example", 421),
        ("a.app.example", "docs.example", 421),
        ("wiki.example", "a.app.example", 421),
    ] {
        assert_eq!(ask(&stage, &client, name, host).await, status, "{name}, then {host}");
    }
}
