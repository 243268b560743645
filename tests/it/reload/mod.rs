//! Reload: another configuration comes into force while requests, streams and tunnels go on.

mod files;
mod process;

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use vestibule::app::Reload;
use vestibule::demo::provider::Fault;

use crate::support::log::Log;
use crate::support::message::{Answer, exchange_over, find, read};
use crate::support::stage::Plan;
use crate::support::{Stage, Upstream};

/// The public route of the usual stage, and the same with a rule that lets nobody in.
const OPEN: &str = "path = \"/public\"\nallow = [\"everyone\"]";
const SHUT: &str = "path = \"/public\"\nallow = [\"user:nobody\"]";

fn get(stage: &Stage, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", stage.gateway)
}

/// An upstream whose every step the test takes, and the routes that lead to it.
async fn by_hand(allow: &str) -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let routes = format!("[routes.public]\nupstream = \"http://{address}\"\nallow = [\"{allow}\"]\n");
    (listener, routes)
}

/// Reads up to the end of a head.
async fn head(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while find(&bytes, b"\r\n\r\n").is_none() {
        // Byte by byte: what follows is for others to read.
        bytes.push(stream.read_u8().await.expect("a byte"));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn a_new_rule_counts_from_the_next_request_of_the_same_connection_on() {
    let mut stage = Stage::usual().await;
    let mut client = TcpStream::connect(stage.gateway).await.expect("a connection");
    let request = get(&stage, "/public");
    assert_eq!(exchange_over(&mut client, &request).await.status, 200);
    assert_eq!(stage.reload(|config| config.replace(OPEN, SHUT)), Reload::Taken);
    assert_eq!(exchange_over(&mut client, &request).await.status, 401);
    assert_eq!(stage.reload(|config| config.replace(SHUT, OPEN)), Reload::Taken);
    assert_eq!(exchange_over(&mut client, &request).await.status, 200);
}

#[tokio::test]
async fn a_request_ends_with_the_configuration_that_it_began_with() {
    let (listener, routes) = by_hand("everyone").await;
    let mut stage = Stage::with(Plan { routes, ..Plan::default() }).await;
    let mut client = TcpStream::connect(stage.gateway).await.expect("a connection");
    let upload = format!("POST /up HTTP/1.1\r\nhost: {}\r\ncontent-length: 10\r\n\r\n12345", stage.gateway);
    client.write_all(upload.as_bytes()).await.expect("half a request");
    let (mut upstream, _) = listener.accept().await.expect("a connection");
    assert!(head(&mut upstream).await.starts_with("POST /up "));
    // Its route is gone, its upstream is nobody's any more.
    let gone = "[routes.other]\nupstream = \"http://127.0.0.1:9\"\nallow = [\"user:nobody\"]\n";
    assert_eq!(
        stage.reload(|config| format!(
            "{}{gone}",
            config.split("[routes.public]").next().expect("a beginning")
        )),
        Reload::Taken
    );
    client.write_all(b"67890").await.expect("the other half");
    let mut body = [0; 10];
    upstream.read_exact(&mut body).await.expect("the whole body");
    assert_eq!(&body, b"1234567890");
    upstream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.expect("an answer");
    let answer = read(&mut client, false).await;
    assert_eq!((answer.status, answer.text().as_str(), answer.complete), (200, "ok", true));
    // The upstream that nobody names any more is let go.
    let mut rest = Vec::new();
    assert_eq!(upstream.read_to_end(&mut rest).await.expect("an end"), 0);
    let request = get(&stage, "/up");
    assert_eq!(
        exchange_over(&mut client, request).await.status,
        401,
        "the next one is judged by the new rules"
    );
}

#[tokio::test]
async fn a_tunnel_and_a_stream_go_on() {
    let (listener, routes) = by_hand("everyone").await;
    let mut stage = Stage::with(Plan { routes, ..Plan::default() }).await;
    let mut tunnel = TcpStream::connect(stage.gateway).await.expect("a connection");
    let handshake = format!(
        "GET /ws HTTP/1.1\r\nhost: {0}\r\norigin: http://{0}\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n",
        stage.gateway
    );
    tunnel.write_all(handshake.as_bytes()).await.expect("a handshake");
    let (mut far, _) = listener.accept().await.expect("a connection");
    head(&mut far).await;
    let switch = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n";
    far.write_all(switch).await.expect("an answer");
    assert!(head(&mut tunnel).await.starts_with("HTTP/1.1 101"));

    let mut stream = TcpStream::connect(stage.gateway).await.expect("a connection");
    stream.write_all(get(&stage, "/events").as_bytes()).await.expect("a request");
    let (mut source, _) = listener.accept().await.expect("a connection");
    head(&mut source).await;
    source
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n")
        .await
        .expect("an answer");
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 200"));

    assert_eq!(stage.reload(|config| config.replace("\"everyone\"", "\"user:nobody\"")), Reload::Taken);
    far.write_all(b"\x81\x02hi").await.expect("a frame");
    let mut frame = [0; 4];
    tunnel.read_exact(&mut frame).await.expect("a frame");
    assert_eq!(&frame, b"\x81\x02hi");
    source.write_all(b"data: after\n\n").await.expect("an event");
    let mut seen = Vec::new();
    while find(&seen, b"data: after").is_none() {
        let mut chunk = [0; 1024];
        let count = stream.read(&mut chunk).await.expect("bytes");
        assert!(count > 0, "the stream was cut");
        seen.extend_from_slice(&chunk[..count]);
    }
}

#[tokio::test]
async fn a_faulty_configuration_is_refused_whole_and_told() {
    let mut stage = Stage::usual().await;
    let before = stage.app().config_status().get();
    let _ = stage.events();
    let broken = stage.reload(|config| config.replace(OPEN, &format!("{SHUT}\nmethodes = [\"GET\"]")));
    assert_eq!(broken, Reload::Refused);
    let request = get(&stage, "/public");
    let mut client = TcpStream::connect(stage.gateway).await.expect("a connection");
    assert_eq!(exchange_over(&mut client, &request).await.status, 200, "nothing of it holds");
    stage.flush();
    let events = stage.events();
    let event = events.iter().find(|event| event["event"] == "config.refused").expect("an event");
    assert_eq!((&event["reason"], &event["outcome"]), (&"config/unknown-key".into(), &"failure".into()));
    assert!(event["detail"].as_str().is_some_and(|text| text.contains("methodes")), "{event}");
    let status = stage.app().config_status().get();
    let refused = status.refused.as_ref().expect("a refusal");
    assert_eq!(refused.errors, 1);
    assert!(refused.text.contains("error[config/unknown-key]"), "{}", refused.text);
    assert_eq!((&status.hash, status.loaded_at), (&before.hash, before.loaded_at));

    stage.app().confirm_config();
    assert_eq!(stage.app().config_status().get().refused, None, "the old text is back");
    assert_eq!(stage.reload(|config| config.replace(OPEN, SHUT)), Reload::Taken);
    let status = stage.app().config_status().get();
    assert_eq!(status.refused, None);
    assert_ne!(status.hash, before.hash);
    assert!(status.effective.to_string().contains("user:nobody"), "{:?}", status.effective);
}

#[tokio::test]
async fn what_a_refusal_tells_is_an_error_and_no_warning_before_it() {
    let mut stage = Stage::usual().await;
    let log = Log::catch();
    let _ = stage.events();
    // The warning stands in a line before the error.
    let broken = stage.reload(|config| {
        let config = config.replace("[session]\n", "[session]\nmax_age = \"1h\"\nidle = \"2h\"\n");
        assert!(config.contains("max_age"), "{config}");
        config.replace(OPEN, &format!("{OPEN}\nmethodes = [\"GET\"]"))
    });
    assert_eq!(broken, Reload::Refused);
    stage.flush();
    let events = stage.events();
    let event = events.iter().find(|event| event["event"] == "config.refused").expect("an event");
    assert_eq!(event["reason"], "config/unknown-key");
    let detail = event["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("error[config/unknown-key]"), "{event}");
    let said = log.take();
    assert!(said.contains("error[config/unknown-key]") && !said.contains("warning["), "{said}");
}

#[tokio::test]
async fn what_needs_a_restart_is_named_and_the_rest_is_in_force() {
    let mut stage = Stage::usual().await;
    let changed = stage.reload(|config| {
        let config = config.replace(OPEN, SHUT).replace("admin = \"127.0.0.1:0\"", "admin = \"off\"");
        format!("threads = 3\n{config}")
    });
    assert_eq!(changed, Reload::Taken);
    let mut needs = stage.app().config_status().get().needs_restart.clone();
    needs.sort();
    assert_eq!(needs, ["listen.admin", "threads"]);
    let request = get(&stage, "/public");
    let mut client = TcpStream::connect(stage.gateway).await.expect("a connection");
    assert_eq!(exchange_over(&mut client, &request).await.status, 401);
    stage.flush();
    let events = stage.events();
    let event = events.iter().find(|event| event["event"] == "config.reloaded").expect("an event");
    let detail = event["detail"].as_str().expect("a detail");
    for word in ["3 routes", "threads", "routes.public.allow"] {
        assert!(detail.contains(word), "{detail}");
    }
    // Back to what the process was started with: nothing is left to say.
    let back = stage.reload(|config| {
        config.replace("admin = \"off\"", "admin = \"127.0.0.1:0\"").replace("threads = 3\n", "")
    });
    assert_eq!(back, Reload::Taken);
    assert_eq!(stage.app().config_status().get().needs_restart, Vec::<String>::new());
}

#[tokio::test]
async fn a_new_key_signs_nobody_out_and_a_dropped_one_does() {
    const BEFORE: &str = "key = { env = \"KEY\" }";
    const AFTER: &str = "key = { env = \"OTHER_KEY\" }\nold_keys = [{ env = \"KEY\" }]";
    let mut stage = Stage::usual().await;
    let mut alice = stage.signed_in("alice").await;
    let mut copy = alice.clone();
    let _ = stage.events();
    assert_eq!(stage.reload(|config| config.replace(BEFORE, AFTER)), Reload::Taken);
    let events = stage.events();
    assert!(events.iter().any(|event| event["event"] == "key.rotated"), "{events:?}");
    let answer = alice.fetch("/").await;
    assert_eq!((answer.status, answer.all("set-cookie").count()), (200, 1), "sealed anew");
    assert_eq!(stage.reload(|config| config.replace(AFTER, "key = { env = \"OTHER_KEY\" }")), Reload::Taken);
    assert!(!stage.events().iter().any(|event| event["event"] == "key.rotated"));
    assert_eq!(alice.fetch("/").await.status, 200);
    assert_eq!(copy.fetch("/").await.status, 401, "the opened sessions of before are forgotten");
}

#[tokio::test]
async fn who_signed_out_stays_signed_out_and_a_sign_in_under_way_ends_well() {
    let mut stage = Stage::usual().await;
    let mut alice = stage.signed_in("alice").await;
    let mut copy = alice.clone();
    let page = alice.load("/oauth2/sign_out").await;
    alice.press_once(&page, &[]).await;
    let mut bob = stage.browser();
    let page = bob.open("/page").await;
    assert_eq!(stage.reload(|config| config.replace(OPEN, SHUT)), Reload::Taken);
    assert_eq!(copy.fetch("/").await.status, 401);
    let answer = bob.choose(page, "bob").await;
    assert_eq!((answer.status, bob.url.path()), (200, "/page"));
}

#[tokio::test]
async fn a_provider_that_stays_is_not_asked_for_its_keys_again() {
    let mut stage = Stage::usual().await;
    stage.signed_in("alice").await;
    // From here on it could not answer: neither its metadata nor its keys.
    stage.provider.faults().add(Fault::DiscoveryDown);
    stage.provider.faults().add(Fault::JwksDown);
    let renamed =
        stage.reload(|config| config.replace("title = \"Company account\"", "title = \"New name\""));
    assert_eq!(renamed, Reload::Taken);
    stage.signed_in("bob").await;
}

#[tokio::test]
async fn nothing_is_lost_while_it_is_reloaded_again_and_again() {
    let mut stage = Stage::before(Upstream::echo().await, Plan::default()).await;
    let (gateway, request) = (stage.gateway, get(&stage, "/public/x"));
    let answers = Arc::new(Mutex::new(Vec::<Answer>::new()));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (answers, request) = (Arc::clone(&answers), request.clone());
        clients.spawn(async move {
            let mut client = TcpStream::connect(gateway).await.expect("a connection");
            for _ in 0..50 {
                let answer = exchange_over(&mut client, &request).await;
                answers.lock().expect("no panic").push(answer);
            }
        });
    }
    let mut reloads = 0;
    let (one, other) = ("path = \"/public\"\n", "path = [\"/public\", \"/more\"]\n");
    while !clients.is_empty() {
        let (from, to) = if reloads % 2 == 0 { (one, other) } else { (other, one) };
        assert_eq!(stage.reload(|config| config.replace(from, to)), Reload::Taken);
        reloads += 1;
        tokio::task::yield_now().await;
        while let Some(ended) = clients.try_join_next() {
            ended.expect("no panic");
        }
    }
    let answers = answers.lock().expect("no panic");
    assert_eq!(answers.len(), 200);
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.complete), "{reloads} reloads");
    assert!(reloads > 3, "{reloads}");
}
