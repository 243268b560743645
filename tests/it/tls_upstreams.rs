//! Upstreams over TLS: who is trusted, what each fault says, and that nothing else changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rcgen::{BasicConstraints, IsCa};
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::log::Log;
use crate::support::message::{find, read};
use crate::support::stage::Plan;
use crate::support::tls::{Authority, Certified, Folder};
use crate::support::{Answer, Stage, Upstream, exchange};

/// A route for everyone, to this URL.
fn route(name: &str, path: &str, url: &str, tls: &str) -> String {
    format!("[routes.{name}]\nupstream = \"{url}\"\npath = \"{path}\"\nallow = [\"everyone\"]\n{tls}\n")
}

/// A stage with these routes only.
async fn stage(routes: String) -> Stage {
    Stage::with(Plan { routes, ..Plan::default() }).await
}

async fn get(stage: &Stage, path: &str) -> Answer {
    let head = format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", stage.gateway);
    exchange(stage.gateway, head).await
}

/// The reason in the access line of the last request.
async fn reason(stage: &Stage) -> String {
    stage.access_line().await["reason"].as_str().unwrap_or_default().to_owned()
}

/// Asks for `/`, which must be refused for TLS, and gives what the log said about it.
async fn refused(stage: &Stage, log: &Log) -> String {
    log.take();
    let answer = get(stage, "/").await;
    assert_eq!(answer.status, 502, "{answer:?}");
    assert!(!answer.text().contains("certificate"), "strangers hear nothing of it: {}", answer.text());
    assert_eq!(reason(stage).await, "upstream/tls");
    log.take()
}

/// An upstream with a certificate of `authority` for these names.
async fn upstream(authority: &Authority, names: &[&str]) -> Upstream {
    Upstream::echo_tls(authority.certify(names).acceptor(&[&TLS13, &TLS12], None)).await
}

#[tokio::test]
async fn a_request_passes_over_either_version_as_it_does_over_plain_tcp() {
    let folder = Folder::new("tls-good");
    let authority = Authority::new("the company");
    let ca = folder.put("ca.pem", &authority.pem());
    for version in [&TLS12, &TLS13] {
        let certified = authority.certify(&["127.0.0.1", "localhost"]);
        let upstream = Upstream::echo_tls(certified.acceptor(&[version], None)).await;
        // By address, for which the certificate must name the address, and by name.
        for host in ["127.0.0.1", "localhost"] {
            let url = format!("https://{host}:{}", upstream.address.port());
            let stage = stage(route("app", "/", &url, &format!("upstream_tls = {{ ca = \"{ca}\" }}"))).await;
            let answer = get(&stage, "/page?q=1").await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let received = upstream.received().pop().expect("a request");
            assert_eq!(received.line(), "GET /page?q=1 HTTP/1.1");
            assert_eq!(received.all("host"), [stage.gateway.to_string()]);
            assert_eq!(received.all("x-forwarded-proto"), ["http"], "what the client spoke, not we");
            assert_eq!(received.all("x-forwarded-for"), ["127.0.0.1"]);
        }
    }
}

#[tokio::test]
async fn an_upstream_with_a_certificate_of_nobody_we_trust_is_502_and_never_spoken_to() {
    let folder = Folder::new("tls-unknown");
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let ca = folder.put("ca.pem", &ours.pem());
    let upstream = upstream(&theirs, &["127.0.0.1"]).await;
    let url = format!("https://{}", upstream.address);
    let log = Log::catch();
    // Against our own roots, and against the system's.
    for tls in [format!("upstream_tls = {{ ca = \"{ca}\" }}"), String::new()] {
        let stage = stage(route("app", "/", &url, &tls)).await;
        let said = refused(&stage, &log).await;
        assert!(said.contains("WARN") && said.contains("upstream/tls"), "{said}");
        assert!(said.contains(&format!("no TLS connection to {url}")), "{said}");
        assert!(said.contains("an authority that is not trusted here"), "{said}");
        assert!(said.contains("upstream_tls.ca"), "{said}");
    }
    assert!(upstream.received().is_empty());
}

#[tokio::test]
async fn ca_replaces_the_roots_of_the_system_and_may_be_the_upstream_s_own_certificate() {
    let folder = Folder::new("tls-alone");
    let log = Log::catch();
    let alone = Certified::alone(&["127.0.0.1"], IsCa::ExplicitNoCa);
    let upstream = Upstream::echo_tls(alone.acceptor(&[&TLS13], None)).await;
    let ca = folder.put("alone.pem", &alone.certificate);
    let url = format!("https://{}", upstream.address);
    let tls = format!("upstream_tls = {{ ca = \"{ca}\" }}");
    assert_eq!(get(&stage(route("app", "/", &url, &tls)).await, "/").await.status, 200);
    // One that says that it is an authority can be none's server.
    let authority = Certified::alone(&["127.0.0.1"], IsCa::Ca(BasicConstraints::Unconstrained));
    let upstream = Upstream::echo_tls(authority.acceptor(&[&TLS13], None)).await;
    let ca = folder.put("authority.pem", &authority.certificate);
    let tls = format!("upstream_tls = {{ ca = \"{ca}\" }}");
    let stage = stage(route("app", "/", &format!("https://{}", upstream.address), &tls)).await;
    let said = refused(&stage, &log).await;
    assert!(said.contains("its certificate calls itself an authority"), "{said}");
    assert!(said.contains("-addext basicConstraints=critical,CA:FALSE"), "{said}");
}

#[tokio::test]
async fn a_certificate_counts_from_its_first_day_to_its_last() {
    let folder = Folder::new("tls-expired");
    let log = Log::catch();
    let authority = Authority::new("the company");
    let ca = folder.put("ca.pem", &authority.pem());
    let tls = format!("upstream_tls = {{ ca = \"{ca}\" }}");
    let early = authority.certify_for(&["127.0.0.1"], 2028, 2029);
    let upstream = Upstream::echo_tls(early.acceptor(&[&TLS13], None)).await;
    let stage = stage(route("app", "/", &format!("https://{}", upstream.address), &tls)).await;
    let said = refused(&stage, &log).await;
    assert!(said.contains("its certificate is not valid yet"), "{said}");
    stage.advance(Duration::from_secs(400 * 24 * 3600));
    assert_eq!(get(&stage, "/").await.status, 200);
    stage.advance(Duration::from_secs(400 * 24 * 3600));
    let said = refused(&stage, &log).await;
    assert!(said.contains("its certificate has expired; renew it"), "{said}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_until_server_name_says_which() {
    let folder = Folder::new("tls-name");
    let log = Log::catch();
    let authority = Authority::new("the company");
    let ca = folder.put("ca.pem", &authority.pem());
    let upstream = upstream(&authority, &["app.internal", "localhost"]).await;
    let url = format!("https://{}", upstream.address);
    let plain = stage(route("app", "/", &url, &format!("upstream_tls = {{ ca = \"{ca}\" }}"))).await;
    let said = refused(&plain, &log).await;
    assert!(said.contains("its certificate is not for 127.0.0.1; set upstream_tls.server_name"), "{said}");
    assert!(said.contains("app.internal"), "it says what it is for: {said}");
    let named = format!("upstream_tls = {{ ca = \"{ca}\", server_name = \"app.internal\" }}");
    let named = stage(route("app", "/", &url, &named)).await;
    assert_eq!(get(&named, "/").await.status, 200);
    assert_eq!(upstream.only().all("host"), [named.gateway.to_string()], "the Host is another matter");
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_whoever_asks_for_one() {
    let folder = Folder::new("tls-client");
    let log = Log::catch();
    let (authority, strangers) = (Authority::new("the company"), Authority::new("strangers"));
    let ca = folder.put("ca.pem", &authority.pem());
    let (us, stranger) = (authority.certify(&["gateway"]), strangers.certify(&["gateway"]));
    let files = [("us", &us), ("stranger", &stranger)].map(|(name, certified)| {
        let cert = folder.put(&format!("{name}.pem"), &certified.certificate);
        let key = folder.put(&format!("{name}.key"), &certified.key);
        format!("cert = \"{cert}\", key = {{ file = \"{key}\" }}")
    });
    for version in [&TLS12, &TLS13] {
        let acceptor = authority.certify(&["127.0.0.1"]).acceptor(&[version], Some(&authority));
        let upstream = Upstream::echo_tls(acceptor).await;
        let url = format!("https://{}", upstream.address);
        let known = format!("upstream_tls = {{ ca = \"{ca}\", {} }}", files[0]);
        assert_eq!(get(&stage(route("app", "/", &url, &known)).await, "/").await.status, 200);
        let stranger = format!("upstream_tls = {{ ca = \"{ca}\", {} }}", files[1]);
        let nobody = format!("upstream_tls = {{ ca = \"{ca}\" }}");
        for tls in [stranger, nobody] {
            let stage = stage(route("app", "/", &url, &tls)).await;
            let said = refused(&stage, &log).await;
            assert!(said.contains("it refused; if it wants a client certificate"), "{said}");
        }
        upstream.only();
    }
}

#[tokio::test]
async fn what_speaks_no_tls_is_502_and_what_says_nothing_504() {
    let log = Log::catch();
    let plain = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("https://{}", plain.local_addr().expect("an address"));
    let stage = stage(route("app", "/", &url, "connect_timeout = \"2s\"")).await;
    let answer = async {
        let (mut stream, _) = plain.accept().await.expect("a connection");
        let mut hello = [0; 16];
        stream.read_exact(&mut hello).await.expect("a hello");
        assert_eq!(hello[0], 22, "a TLS handshake, and nothing of the request");
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await.expect("an answer");
        while stream.read(&mut hello).await.is_ok_and(|count| count > 0) {}
    };
    let (said, ()) = tokio::join!(refused(&stage, &log), answer);
    assert!(
        said.contains("what answers there speaks no TLS; if it is meant to be plain, write http://"),
        "{said}"
    );
    let ask = async {
        let answer = get(&stage, "/").await;
        assert_eq!(answer.status, 504);
        assert_eq!(reason(&stage).await, "upstream/connect-timeout");
    };
    let silent = async {
        let (mut stream, _) = plain.accept().await.expect("a connection");
        let mut hello = [0; 16];
        stream.read_exact(&mut hello).await.expect("a hello");
        stage.advance(Duration::from_secs(3));
        stream
    };
    tokio::join!(ask, silent);
    // One that hangs up in the handshake.
    let hangs_up = async {
        let (mut stream, _) = plain.accept().await.expect("a connection");
        let mut hello = vec![0; 4096];
        assert!(stream.read(&mut hello).await.expect("a hello") > 0);
    };
    let (said, ()) = tokio::join!(refused(&stage, &log), hangs_up);
    assert!(said.contains("the connection ended during the TLS handshake"), "{said}");
}

#[tokio::test]
async fn insecure_skip_verify_takes_any_certificate_and_only_on_its_own_route() {
    let log = Log::catch();
    let upstream = upstream(&Authority::new("anybody"), &["elsewhere.example"]).await;
    let url = format!("https://{}", upstream.address);
    let routes = [
        route("blind", "/blind", &url, "upstream_tls = { insecure_skip_verify = true }"),
        route("careful", "/", &url, ""),
    ];
    let stage = stage(routes.concat()).await;
    assert_eq!(get(&stage, "/blind").await.status, 200);
    // Not even over the connection that lies idle there.
    refused(&stage, &log).await;
    upstream.only();
}

#[tokio::test]
async fn large_bodies_pass_both_ways() {
    let folder = Folder::new("tls-large");
    let authority = Authority::new("the company");
    let ca = folder.put("ca.pem", &authority.pem());
    let acceptor = authority.certify(&["127.0.0.1"]).acceptor(&[&TLS13], None);
    let upstream = Upstream::start_tls(acceptor, |received| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", received.body.len());
        [head.as_bytes(), &received.body].concat()
    })
    .await;
    let tls = format!("upstream_tls = {{ ca = \"{ca}\" }}");
    let stage = stage(route("app", "/", &format!("https://{}", upstream.address), &tls)).await;
    let body: Vec<u8> = (0..4_000_000_u32).map(|at| at.to_le_bytes()[usize::from(at % 3 == 0)]).collect();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        stage.gateway,
        body.len()
    );
    let answer = exchange(stage.gateway, [head.as_bytes(), &body].concat()).await;
    assert!(answer.complete && answer.body == body, "{} bytes", answer.body.len());
}

#[tokio::test]
async fn a_connection_is_kept_and_a_dead_one_replaced_without_harm() {
    let folder = Folder::new("tls-kept");
    let authority = Authority::new("the company");
    let ca = folder.put("ca.pem", &authority.pem());
    let acceptor = authority.certify(&["127.0.0.1"]).acceptor(&[&TLS13], None);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    let opened = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&opened);
    tokio::spawn(async move {
        // Two answers to a connection, whose end says nothing: no TLS goodbye, just the end of TCP.
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            let mut stream = acceptor.accept(stream).await.expect("a client");
            for _ in 0..2 {
                let mut head = Vec::new();
                while find(&head, b"\r\n\r\n").is_none() {
                    let mut chunk = [0; 4096];
                    let count = stream.read(&mut chunk).await.expect("a request");
                    head.extend_from_slice(&chunk[..count]);
                }
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.expect("an answer");
                stream.flush().await.expect("an answer");
            }
        }
    });
    let stage = stage(route("app", "/", &url, &format!("upstream_tls = {{ ca = \"{ca}\" }}"))).await;
    for _ in 0..6 {
        let answer = get(&stage, "/").await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
    }
    assert_eq!(opened.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_comes_early_is_told_as_it_is() {
    let folder = Folder::new("tls-ends");
    let authority = Authority::new("the company");
    let ca = folder.put("ca.pem", &authority.pem());
    let tls = format!("upstream_tls = {{ ca = \"{ca}\" }}");
    let acceptor = || authority.certify(&["127.0.0.1"]).acceptor(&[&TLS13], None);
    // Without a length, only TLS itself can say that this was all; it does not, so it was not.
    for answer in [
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 100\r\n\r\nonly this",
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nonly this",
    ] {
        let upstream = Upstream::start_tls(acceptor(), |_| answer.as_bytes().to_vec()).await;
        let stage = stage(route("app", "/", &format!("https://{}", upstream.address), &tls)).await;
        let answer = get(&stage, "/").await;
        assert_eq!((answer.status, answer.complete), (200, false), "{answer:?}");
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    let stage = stage(route("app", "/", &url, &tls)).await;
    let early = async {
        let (stream, _) = listener.accept().await.expect("a connection");
        let mut stream = acceptor().accept(stream).await.expect("a client");
        let mut chunk = [0; 1024];
        assert!(stream.read(&mut chunk).await.expect("a request") > 0);
        let answer = b"HTTP/1.1 413 Content Too Large\r\nconnection: close\r\ncontent-length: 4\r\n\r\nstop";
        stream.write_all(answer).await.expect("an answer");
        stream.shutdown().await.expect("an end");
        stream
    };
    let body = vec![b'x'; 8 << 20];
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        stage.gateway,
        body.len()
    );
    let request = [head.as_bytes(), &body].concat();
    let (answer, _open) = tokio::join!(exchange(stage.gateway, request), early);
    assert_eq!((answer.status, answer.text().as_str()), (413, "stop"));
}

#[tokio::test]
async fn a_websocket_is_tunnelled_through_tls() {
    let folder = Folder::new("tls-websocket");
    let authority = Authority::new("the company");
    let ca = folder.put("ca.pem", &authority.pem());
    let acceptor = authority.certify(&["127.0.0.1"]).acceptor(&[&TLS13], None);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    let stage = stage(route("app", "/", &url, &format!("upstream_tls = {{ ca = \"{ca}\" }}"))).await;
    let upstream = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        let mut stream = acceptor.accept(stream).await.expect("a client");
        let mut head = Vec::new();
        while find(&head, b"\r\n\r\n").is_none() {
            let mut chunk = [0; 4096];
            let count = stream.read(&mut chunk).await.expect("a request");
            head.extend_from_slice(&chunk[..count]);
        }
        let answer =
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\nhello";
        stream.write_all(answer).await.expect("an answer");
        stream.flush().await.expect("an answer");
        let mut bytes = [0; 4];
        loop {
            match stream.read_exact(&mut bytes).await {
                Ok(_) => {
                    stream.write_all(&bytes).await.expect("an echo");
                    stream.flush().await.expect("an echo");
                }
                Err(error) => return error.kind(),
            }
        }
    });
    let mut client = TcpStream::connect(stage.gateway).await.expect("a connection");
    let head = format!(
        "GET /socket HTTP/1.1\r\nhost: {}\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n",
        stage.gateway
    );
    client.write_all(head.as_bytes()).await.expect("a handshake");
    assert_eq!(read(&mut client, true).await.status, 101);
    for _ in 0..3 {
        client.write_all(b"ping").await.expect("bytes");
        let mut bytes = [0; 4];
        client.read_exact(&mut bytes).await.expect("bytes");
    }
    client.shutdown().await.expect("the end");
    assert_eq!(upstream.await.expect("the upstream"), std::io::ErrorKind::UnexpectedEof);
}
