//! `vestibule explain` as an operator reads it.

use crate::support::place::{Place, ten_lines};

#[test]
fn explain_tells_the_decision_term_by_term_and_what_the_upstream_would_get() {
    let place = Place::new("explain");
    place.put("vestibule.toml", &ten_lines(), 0o644);
    let refused = place.run("explain https://wiki.example.com/edit --user bob --group guests");
    assert_eq!((refused.code, refused.err.as_str()), (Some(4), ""));
    assert_eq!(
        refused.out,
        "GET https://wiki.example.com/edit\n\
         route     wiki              host wiki.example.com, path /\n\
         request   navigation        from 127.0.0.1\n\
         session   as given          user bob, groups guests, provider main\n\
         deny      -\n\
         require   -\n\
         allow     group:staff       miss  bob has: guests\n\
         decision  REFUSE 403        You are signed in, but not allowed to enter here.  [not_allowed]\n"
    );
    let allowed =
        place.run("explain /edit?x=1 --user bob --group staff --email bob@example.com --from 192.0.2.7");
    assert_eq!((allowed.code, allowed.err.as_str()), (Some(0), ""));
    for line in [
        "GET https://wiki.example.com/edit?x=1\n",
        "\nallow     group:staff       hit   bob has: staff\n",
        "\ndecision  ALLOW             by group:staff\n",
        "\nupstream  GET /edit?x=1 HTTP/1.1\n",
        "\n          x-forwarded-for: 192.0.2.7\n",
        "\n          x-forwarded-email: bob@example.com\n",
        "\n          x-forwarded-groups: staff\n",
    ] {
        assert!(allowed.out.contains(line), "{line:?} in {}", allowed.out);
    }
    let nobody = place.run("explain https://wiki.example.com/edit");
    assert_eq!(nobody.code, Some(5));
    assert!(nobody.out.contains("\nallow     group:staff       open  nobody is signed in\n"), "{nobody:?}");
    assert!(
        nobody.out.ends_with("\ndecision  SIGN IN           at main, then back to /edit\n"),
        "{nobody:?}"
    );
    let program = place.run("explain https://wiki.example.com/edit --header accept:application/json");
    assert_eq!(program.code, Some(5));
    assert!(program.out.contains("\ndecision  REFUSE 401 "), "{program:?}");
    let spoof = place.run("explain /a --user bob --group staff --header X_Forwarded_User:root");
    assert!(spoof.out.contains("\nnot sent  x_forwarded_user\n"), "{spoof:?}");
    assert!(spoof.out.contains("\n          x-forwarded-user: bob\n"), "{spoof:?}");
    let elsewhere = place.run("explain https://other.example.com/ --json");
    assert_eq!(elsewhere.code, Some(4));
    let json: serde_json::Value = serde_json::from_str(&elsewhere.out).expect("json");
    assert_eq!((&json["outcome"]["decision"], &json["outcome"]["status"]), (&"refuse".into(), &421.into()));
}

#[test]
fn explain_tells_a_session_that_does_not_count_from_none() {
    let place = Place::new("explain-providers");
    let other = "[providers.other]\nissuer = \"https://other.example.com\"\nclient_id = \"wiki\"\n[routes.wiki]\n\
        providers = [\"main\"]\ndeny = [\"network:192.0.2.0/24\"]";
    place.put("vestibule.toml", &ten_lines().replace("[routes.wiki]", other), 0o644);
    let said = place.run("explain /a --user bob --group staff --provider other");
    assert_eq!(said.code, Some(4), "{said:?}");
    for line in [
        "\ndeny      network:192.0.2.0/24  miss  client is 127.0.0.1\n",
        "\nallow     group:staff           open  bob signed in with other, which the route does not take\n",
    ] {
        assert!(said.out.contains(line), "{line:?} in {}", said.out);
    }
}

#[test]
fn explain_knows_ping_as_our_own_where_it_is_switched_on() {
    let place = Place::new("explain-ping");
    place.put("vestibule.toml", &ten_lines(), 0o644);
    assert_eq!(place.run("explain /ping").code, Some(5), "a path like any other");
    place.put("vestibule.toml", &format!("{}\n[listen]\nping = true\n", ten_lines()), 0o644);
    // On every host, and for whom nothing else would be answered.
    for asked in ["/ping", "/ping?x=1 --method POST", "https://elsewhere.example/ping", "http://-/ping"] {
        let said = place.run(&format!("explain {asked}"));
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{asked}: {said:?}");
        assert!(
            said.out.contains("\nroute     -\n") && said.out.contains("\ndecision  OWN "),
            "{}",
            said.out
        );
    }
    assert_eq!(place.run("explain /ping/").code, Some(5));
}

#[test]
fn explain_says_what_it_cannot_explain() {
    let place = Place::new("explain-usage");
    place.put("vestibule.toml", &ten_lines(), 0o644);
    for (line, text) in [
        ("explain ftp://wiki.example.com/", "is neither http(s)://HOST/PATH nor /PATH"),
        ("explain /a --user bob --provider other", "there is no provider other; the configuration has: main"),
        ("explain /a --group staff", "--user"),
        ("explain /a --user bob --claim acr", "NAME=VALUE"),
        ("explain /a --header nonsense", "NAME: VALUE"),
        ("explain /a --header Host:other", "the host is that of the URL"),
    ] {
        let said = place.run(line);
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{line}: {said:?}");
        assert!(said.err.contains(text), "{line}: {said:?}");
    }
    let secret = "[headers.mine]\nX-Proof = { file = \"client.secret\" }\n[routes.wiki]\nheaders = \"mine\"";
    place.put("vestibule.toml", &ten_lines().replace("[routes.wiki]", secret), 0o644);
    let said = place.run("explain /a --user bob --group staff");
    assert!(said.out.contains("x-proof: (a secret of the configuration)"), "{said:?}");
    assert!(!said.out.contains("not-a-real-secret"), "{said:?}");
}

#[test]
fn an_upstream_of_http_2_is_told_the_host_in_the_target_and_gets_no_websocket() {
    let place = Place::new("explain-h2c");
    place.put("vestibule.toml", &ten_lines().replace("upstream = \"http:", "upstream = \"h2c:"), 0o644);
    let routes = place.run("routes");
    assert!(routes.out.contains("h2c://"), "{routes:?}");
    let asked = place.run("explain /edit?x=1 --user bob --group staff");
    assert_eq!((asked.code, asked.err.as_str()), (Some(0), ""));
    assert!(asked.out.contains("\nupstream  GET http://wiki.example.com/edit?x=1 HTTP/2\n"), "{}", asked.out);
    assert!(!asked.out.contains(" host: "), "{}", asked.out);
    let socket = place.run(
        "explain /socket --user bob --group staff -H upgrade:websocket -H connection:upgrade -H sec-websocket-version:13 \
         -H sec-websocket-key:dGhlIHNhbXBsZSBub25jZQ== -H origin:https://wiki.example.com",
    );
    assert!(
        socket.out.contains("REFUSE 501") && socket.out.contains("[upstream/no-websocket]"),
        "{}",
        socket.out
    );
}
