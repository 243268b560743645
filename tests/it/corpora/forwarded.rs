//! Forwarding fields: the client is whom the trusted chain names, whatever stands to the left of it.

use super::get;
use crate::support::Stage;
use crate::support::stage::Plan;
use crate::support::vectors::heads;

#[tokio::test]
async fn the_client_is_whom_the_trusted_chain_names() {
    let cases = heads("forwarded.txt");
    assert!(cases.len() >= 60, "{}", cases.len());
    for (convention, trust) in [
        ("x-forwarded", "trusted"),
        ("x-forwarded", "untrusted"),
        ("forwarded", "trusted"),
        ("forwarded", "untrusted"),
    ] {
        let proxies = if trust == "trusted" {
            "\"127.0.0.0/8\", \"10.0.0.0/8\", \"fd00::/8\""
        } else {
            "\"10.0.0.0/8\""
        };
        let listen = format!("trusted_proxies = [{proxies}]\nclient_address_from = \"{convention}\"");
        let stage = Stage::with(Plan { listen, ..Plan::default() }).await;
        for case in cases.iter().filter(|case| case.method == convention && case.target == trust) {
            let lines: String =
                case.fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let answer =
                get(&stage, b"/public", format!("host: {}\r\n{lines}", stage.gateway).as_bytes()).await;
            assert_eq!(answer.status, 200, "{}", case.name);
            let received = stage.upstream.received().pop().expect("a request");
            let real = received.all("x-real-ip");
            let said = [
                if real.is_empty() { vec!["unknown".to_owned()] } else { real },
                received.all("x-forwarded-proto"),
                received.all("x-forwarded-for").iter().map(|chain| chain.replace(", ", ",")).collect(),
            ];
            assert_eq!(said.concat(), case.expected, "{}", case.name);
            assert_eq!(received.all("x-forwarded-host"), [stage.gateway.to_string()], "{}", case.name);
            assert_eq!(received.all("x-forwarded-port").len(), 1, "{}", case.name);
            assert!(
                received.all("forwarded").is_empty() && !received.head.contains('_'),
                "{}: {}",
                case.name,
                received.head
            );
            let client = stage
                .events()
                .iter()
                .find(|event| event["kind"] == "access")
                .map(|event| event["client"].clone());
            assert_eq!(
                client,
                Some(case.expected[0].as_str().into()),
                "{}: the log names the same client",
                case.name
            );
        }
    }
}
