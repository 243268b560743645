//! Host fields: ours, unknown, or no host at all.

use proptest::prelude::*;
use url::Url;

use super::{get, spliced, text};
use crate::support::Stage;
use crate::support::vectors::rows;

#[tokio::test]
async fn a_host_field_is_ours_or_unknown_or_no_host() {
    let stage = Stage::usual().await;
    let rows = rows("hosts.txt");
    assert!(rows.len() >= 60, "{}", rows.len());
    for row in &rows {
        let (status, host) = (text(&row[0]), row[1].clone());
        let host = if host == b"GATEWAY" { stage.gateway.to_string().into_bytes() } else { host };
        let fields = [&b"host: "[..], &host, b"\r\naccept: text/html\r\n"].concat();
        for path in [&b"/public"[..], b"/", b"/oauth2/start?rd=/x", b"/oauth2/"] {
            let answer = get(&stage, path, &fields).await;
            let context = format!("{} of {}", text(&host), text(path));
            if status == "200" {
                assert!(matches!(answer.status, 200 | 302), "{context}: {}", answer.status);
            } else {
                assert_eq!(answer.status.to_string(), status, "{context}");
                assert_eq!(answer.all("location").count() + answer.all("set-cookie").count(), 0, "{context}");
            }
            let shown = String::from_utf8_lossy(&host).into_owned();
            assert!(
                status != "400" || shown.len() < 4 || !answer.text().contains(&shown),
                "{context}: {}",
                answer.text()
            );
        }
    }
    for received in stage.upstream.received() {
        assert_eq!(received.all("x-forwarded-host"), received.all("host"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// What is taken for a host is one to a URL parser too, and the same one.
    #[test]
    fn a_host_that_is_taken_is_one_to_everybody(host in spliced(
        rows("hosts.txt").iter().map(|row| text(&row[1])).collect(),
        &["@", ":", "[", "]", ".", "/", "\\", "evil.example", "%2e", "80", ",", "-", "_"],
    )) {
        if let Ok((name, port)) = vestibule::web::HostName::parse(&host) {
            let again = vestibule::web::HostName::parse(name.as_str());
            prop_assert_eq!(again, Ok((name.clone(), None)));
            prop_assert!(name.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.[]:".contains(&b)));
            if let Ok(url) = Url::parse(&format!("http://{host}/")) {
                prop_assert!(url.username().is_empty() && url.path() == "/");
                prop_assert_eq!(url.port_or_known_default(), port.or(Some(80)));
            }
        }
    }
}
