//! Paths: the route whose rule was judged guards every reading that a lenient upstream may have.

use std::collections::BTreeMap;

use super::{decode, get, samples, spliced, text};
use crate::support::Stage;
use crate::support::stage::Plan;
use crate::support::vectors::lines;

/// `/` for whoever signs in, `/admin` for ops, a hole in it and a public part for everyone.
const PATHS: &str = r#"
[routes.home]
upstream = "UPSTREAM"
allow = ["signed-in"]

[routes.admin]
upstream = "UPSTREAM"
path = "/admin"
allow = ["group:ops"]

[routes.open]
upstream = "UPSTREAM"
path = "/admin/open"
allow = ["everyone"]

[routes.public]
upstream = "UPSTREAM"
path = "/public"
allow = ["everyone"]
"#;

/// The route that guards a path, by the longest prefix on segment borders.
fn guard(path: &str) -> &'static str {
    let under =
        |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if under("/admin/open") {
        "open"
    } else if under("/admin") {
        "admin"
    } else if under("/public") {
        "public"
    } else {
        "home"
    }
}

/// What lenient upstreams make of a target: cut at `?`, decoded none to three times, `\` taken for `/`, `;params` cut before
/// or after decoding, cut at a decoded `?`, `#` or NUL or not, slashes merged, dots resolved, compared in
/// their case or in any.
fn lenient(target: &[u8]) -> Vec<String> {
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    let mut all = Vec::new();
    for decodings in 0..=3 {
        for cuts_first in [false, true] {
            for ends in [&b""[..], b"?#", b"?#\0"] {
                let mut bytes = if cuts_first { cut_params(path) } else { path.to_vec() };
                for _ in 0..decodings {
                    bytes = decode(&bytes);
                }
                let end = bytes.iter().position(|byte| ends.contains(byte)).unwrap_or(bytes.len());
                bytes.truncate(end);
                let slashes: Vec<u8> =
                    bytes.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect();
                let mut parts: Vec<String> = Vec::new();
                for part in text(&cut_params(&slashes)).split('/') {
                    match part {
                        "" | "." => {}
                        ".." => drop(parts.pop()),
                        part => parts.push(part.to_owned()),
                    }
                }
                let path = format!("/{}", parts.join("/"));
                all.push(path.to_lowercase());
                all.push(path);
            }
        }
    }
    all
}

fn cut_params(path: &[u8]) -> Vec<u8> {
    let segments: Vec<&[u8]> = path
        .split(|byte| *byte == b'/')
        .map(|segment| segment.split(|byte| *byte == b';').next().unwrap_or_default())
        .collect();
    segments.join(&b'/')
}

const PATH_FRAGMENTS: &[&str] = &[
    "/",
    "..",
    ".",
    "%2e",
    "%252e",
    "%2f",
    "%5c",
    "\\",
    ";",
    "%3b",
    "/admin",
    "/open",
    "/public",
    "%61dmin",
    "ADMIN",
    "/Public",
    "%41",
    "%2561dmin",
    "%",
    "%25",
    "?",
    "%3f",
    "%23",
    "//",
    "x",
    "%00",
    "%zz",
];

#[tokio::test]
async fn no_path_reaches_an_upstream_that_reads_it_as_another_routes() {
    let stage = Stage::with(Plan { routes: PATHS.to_owned(), ..Plan::default() }).await;
    let bob = stage.signed_in("bob").await;
    let mut attempts = lines("paths-bypass.txt");
    attempts.extend(lines("paths-refused.txt"));
    assert!(attempts.len() >= 250, "{}", attempts.len());
    let made = samples(400, &spliced(attempts.clone(), PATH_FRAGMENTS));
    attempts.extend(made.into_iter().filter(|path| path.starts_with('/')));
    let host = format!("host: {}\r\n", stage.gateway);
    let (mut passed, mut seen) = (0, stage.upstream.received().len());
    for path in &attempts {
        for (who, fields) in
            [("nobody", host.clone()), ("bob", format!("{host}cookie: {}\r\n", bob.cookies()))]
        {
            let answer = get(&stage, path.as_bytes(), fields.as_bytes()).await;
            let mut received = stage.upstream.received();
            assert!(received.len() <= seen + 1, "{path:?}");
            if received.len() == seen {
                assert!(
                    matches!(answer.status, 400 | 401 | 403 | 404 | 421),
                    "{path:?} as {who}: {}",
                    answer.status
                );
                continue;
            }
            seen += 1;
            passed += 1;
            let line = received.pop().expect("a request").line().to_owned();
            let target =
                line.strip_prefix("GET ").and_then(|line| line.strip_suffix(" HTTP/1.1")).expect("a target");
            let guards: BTreeMap<&str, String> =
                lenient(target.as_bytes()).into_iter().map(|reading| (guard(&reading), reading)).collect();
            assert_eq!(
                guards.len(),
                1,
                "{path:?} as {who} was sent as {target:?} and may be read as {guards:?}"
            );
            let may = if who == "bob" { &["home", "open", "public"][..] } else { &["open", "public"] };
            assert!(guards.keys().all(|route| may.contains(route)), "{path:?} as {who}: {guards:?}");
        }
    }
    assert!(passed > 100, "some of them are harmless and pass: {passed}");
}
