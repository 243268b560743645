//! Forms, pages and texts of the demo.

use super::form::{FormError, Params, Repeated};
use super::html::{Look, document, with_script};
use super::{Ports, config_text};

#[test]
fn a_form_is_decoded_and_an_empty_value_counts_as_left_out() {
    let params = Params::parse(b"a=1+2%263&b=&c").expect("few parameters");
    assert_eq!(params.one("a"), Ok(Some("1 2&3")));
    assert_eq!(params.one("b"), Ok(None));
    assert_eq!(params.one("c"), Ok(None));
    assert_eq!(params.one("d"), Ok(None));
}

#[test]
fn a_repeated_parameter_is_refused_even_if_empty() {
    let params = Params::parse(b"a=1&a=").expect("few parameters");
    assert_eq!(params.one("a"), Err(Repeated));
    assert_eq!(params.lax("a"), None);
}

#[test]
fn a_form_has_at_most_64_parameters() {
    assert!(Params::parse("a=1&".repeat(64).as_bytes()).is_ok());
    assert_eq!(Params::parse("a=1&".repeat(65).as_bytes()).err(), Some(FormError::TooMany));
}

#[test]
fn four_ports_in_a_row_end_at_the_last_one() {
    assert_eq!(Ports::starting_at(4180), Some(Ports::default()));
    assert!(Ports::starting_at(65532).is_some());
    assert_eq!(Ports::starting_at(65533), None);
}

#[test]
fn the_configuration_is_toml_for_the_given_ports() {
    let ports = Ports::starting_at(5000).expect("a low port");
    let table: toml::Table = config_text(ports).parse().expect("TOML");
    let get = |path: &[&str]| {
        let (last, tables) = path.split_last().expect("a path");
        let mut at = &table;
        for name in tables {
            at = at[*name].as_table().expect("a table");
        }
        at[*last].clone()
    };
    assert_eq!(get(&["public_url"]).as_str(), Some("http://127.0.0.1:5000"));
    assert_eq!(get(&["providers", "demo", "issuer"]).as_str(), Some("http://localhost:5003"));
    assert_eq!(get(&["session", "key", "env"]).as_str(), Some(super::config::SESSION_KEY));
    for route in ["home", "admin", "public", "sensitive"] {
        assert_eq!(get(&["routes", route, "upstream"]).as_str(), Some("http://127.0.0.1:5002"));
    }
}

#[test]
fn a_title_from_outside_is_text_and_never_markup() {
    let page = document(Look::Provider, "<script>alert(1)</script>", "<p>ours</p>");
    assert!(!page.text.contains("<script>"));
    assert!(page.text.contains("<p>ours</p>"));
    assert!(!page.policy.contains("script-src"));
}

#[test]
fn the_policy_names_the_hash_of_what_stands_in_the_page() {
    let page = with_script(Look::Upstream, "t", "", "let a = 1 < 2;");
    assert!(page.text.contains("<script>let a = 1 < 2;</script>"));
    // printf 'let a = 1 < 2;' | openssl dgst -sha256 -binary | base64
    assert!(page.policy.contains("script-src 'sha256-Xd/xFl+DmsVqHczJvGQWMh7nLH7H7r5iGmQKRm0JimU='"));
}
