//! What is a target, and what becomes the start page.

use super::Link;

#[test]
fn a_link_is_a_path_of_this_host_or_a_web_address() {
    for good in ["/", "/a?b=c&d=%2F#e", "/oauth2/start?rd=%2Fwiki%2F%C3%A9"] {
        assert_eq!(Link::here(good).to_string(), good);
    }
    let bad = [
        "",
        "a",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "javascript:alert(1)",
        "https://evil.example/",
        "\\\\evil.example",
        " /x",
        "/a b",
        "data:text/html,x",
    ];
    for bad in bad {
        assert_eq!(Link::here(bad), Link::START, "{bad:?}");
    }
    assert_eq!(Link::site("http://127.0.0.1:4180/").to_string(), "http://127.0.0.1:4180/");
    for bad in ["/x", "javascript:alert(1)", "https:evil", "https://a\t.example", "ftp://a"] {
        assert_eq!(Link::site(bad), Link::START, "{bad:?}");
    }
}
