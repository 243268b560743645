//! Every page with friendly and with hostile words.

mod filling;

use bytes::Bytes;
use http::{Method, Response, StatusCode, header};

use filling::Filling;

use super::{Choice, Frame, Link, Page, Pages, text};
use crate::clock::Timestamp;

const NOW: Timestamp = Timestamp::from_secs(1_795_510_000);
const FRAME: Frame<'static> = Frame { title: "wiki.example.com", reference: "req-7f3a9c" };

fn pages() -> Pages {
    Pages::new("/oauth2")
}

fn body(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).expect("pages are UTF-8")
}

fn value(response: &Response<Bytes>, name: header::HeaderName) -> Option<&str> {
    response.headers().get(name).map(|value| value.to_str().expect("visible"))
}

/// Tag names and attributes of a page, without what stands between and inside them. Strict about `<`: each one must
/// start a tag, a comment or the doctype.
fn skeleton(html: &str) -> Vec<String> {
    let mut tags = Vec::new();
    for piece in html.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').expect("every tag ends");
        let mut quoted = tag.split('"');
        let mut outline = String::new();
        while let Some(outside) = quoted.next() {
            outline.push_str(outside);
            quoted.next();
        }
        tags.push(outline);
    }
    tags
}

fn count(html: &str, needle: &str) -> usize {
    html.matches(needle).count()
}

#[test]
fn every_page_has_one_main_one_heading_a_language_and_the_service_title() {
    for page in Filling::new("bob", "/oauth2/start?rd=%2F").pages() {
        let response = pages().render(&page, &FRAME);
        let html = body(&response);
        assert_eq!(count(html, "<main>"), 1, "{page:?}");
        assert_eq!(count(html, "<h1>"), 1, "{page:?}");
        assert_eq!(count(html, "<html lang=\"en\">"), 1, "{page:?}");
        assert!(html.contains("<bdi>wiki.example.com</bdi>"), "{page:?}");
        assert!(html.contains(pages().stylesheet()), "{page:?}");
        assert_eq!(response.status(), page.status());
        assert_eq!(html.contains("req-7f3a9c"), !page.status().is_success(), "{page:?}");
    }
}

#[test]
fn no_page_holds_a_script_a_style_or_anything_from_another_host() {
    for page in Filling::new("bob", "/").pages() {
        let response = pages().render(&page, &FRAME);
        let html = body(&response);
        for banned in ["<script", "<style", " style=", " onload", "src=", "javascript:", "<iframe"] {
            assert!(!html.contains(banned), "{banned} in {page:?}");
        }
        let leads_on = usize::from(matches!(page, Page::Onward { .. }));
        assert_eq!(count(html, "http-equiv"), leads_on, "{page:?}");
        assert_eq!(count(html, "<meta http-equiv=\"refresh\" content=\"0;url=/\">"), leads_on, "{page:?}");
        assert!(!html.replace("http://www.w3.org/2000/svg", "").contains("://"), "{page:?}");
    }
}

#[test]
fn every_page_carries_the_headers_that_protect_it() {
    for page in Filling::new("bob", "/").pages() {
        let response = pages().render(&page, &FRAME);
        let csp = value(&response, header::CONTENT_SECURITY_POLICY).expect("a policy");
        for part in ["default-src 'none'", "style-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"] {
            assert!(csp.contains(part), "{part}: {page:?}");
        }
        assert!(!csp.contains("unsafe"));
        assert_eq!(value(&response, header::CONTENT_TYPE), Some("text/html; charset=utf-8"));
        assert_eq!(value(&response, header::CONTENT_LENGTH), Some(&*response.body().len().to_string()));
        assert_eq!(value(&response, header::X_CONTENT_TYPE_OPTIONS), Some("nosniff"));
        assert_eq!(value(&response, header::X_FRAME_OPTIONS), Some("DENY"));
        assert_eq!(value(&response, header::REFERRER_POLICY), Some("same-origin"));
        assert_eq!(value(&response, header::CACHE_CONTROL), Some("no-store"));
        assert_eq!(value(&response, super::ROBOTS), Some("noindex"));
        let unavailable = matches!(page.status().as_u16(), 429 | 503);
        assert_eq!(response.headers().contains_key(header::RETRY_AFTER), unavailable, "{page:?}");
    }
}

/// Decision 16: `form-action` would stop the redirect to the provider that answers these forms.
#[test]
fn forms_are_restricted_to_this_origin_exactly_where_their_answer_stays_on_it() {
    for page in Filling::new("bob", "/").pages() {
        let response = pages().render(&page, &FRAME);
        let restricted = value(&response, header::CONTENT_SECURITY_POLICY)
            .expect("a policy")
            .contains("form-action 'self'");
        assert_eq!(restricted, !body(&response).contains("<form"), "{page:?}");
    }
}

/// security.md 17 and 30.
#[test]
fn hostile_words_never_change_the_structure_of_a_page() {
    let attacks = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "</title></main><h1>gone</h1>",
        "<!-- ",
        "]]>{{ 7*7 }}{% endmatch %}",
        "&lt;script&gt;&#60;",
        "\u{0}\u{1b}[31m\r\n\r\n<b>",
    ];
    let harmless = Filling::new("bob", "/");
    for attack in attacks {
        let hostile = Filling::new(attack, "/");
        let hostile_frame = Frame { title: attack, reference: attack };
        for (page, plain) in hostile.pages().iter().zip(harmless.pages()) {
            let response = pages().render(page, &hostile_frame);
            let reference = pages().render(&plain, &FRAME);
            assert_eq!(skeleton(body(&response)), skeleton(body(&reference)), "{attack:?} in {plain:?}");
        }
    }
}

#[test]
fn characters_that_turn_or_hide_text_are_made_visible() {
    let hostile = "bob\u{202E}nimda\u{2066}\u{200B}\u{FEFF}\u{E0041}\u{7}";
    let filling = Filling::new(hostile, "/");
    for page in filling.pages() {
        let response = pages().render(&page, &Frame { title: hostile, reference: hostile });
        // The hidden field is a value, not text: it has to come back as it went out.
        let shown = body(&response).replace(&format!("value=\"{hostile}\""), "");
        assert!(
            !shown.contains(['\u{202E}', '\u{2066}', '\u{200B}', '\u{FEFF}', '\u{E0041}', '\u{7}']),
            "{page:?}"
        );
    }
    assert_eq!(text::tamed("سارا 👩‍🚀 Ω", 80), "سارا 👩‍🚀 Ω");
}

#[test]
fn ten_kilobytes_in_every_field_give_a_page_of_bounded_size() {
    let long = "é<".repeat(5_000);
    let mut filling = Filling::new(&long, "/");
    filling.list = vec![long.clone(); 500];
    for page in filling.pages() {
        if matches!(page, Page::ConfirmSignOut { .. }) {
            continue; // its hidden field is bounded by whoever made it
        }
        let response = pages().render(&page, &Frame { title: &long, reference: &long });
        assert!(response.body().len() < 200_000, "{} bytes: {page:?}", response.body().len());
    }
}

#[test]
fn templates_never_opt_out_of_escaping() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/pages/templates");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).expect("the folder of the templates") {
        let path = entry.expect("an entry").path();
        let template = std::fs::read_to_string(&path).expect("a template");
        for banned in ["|safe", "| safe", "|escape", "autoescape"] {
            assert!(!template.contains(banned), "{banned} in {}", path.display());
        }
        seen += 1;
    }
    assert!(seen > 5);
}

#[test]
fn the_refusal_says_who_you_are_and_what_is_needed() {
    let needs = ["group ops".to_owned()];
    let mut page = Page::Denied {
        user: "bob",
        provider_title: "Company account",
        needs: &needs,
        try_again: Link::here("/oauth2/start?fresh=1"),
        switch_account: Link::here("/oauth2/start?switch=1&rd=%2Fadmin"),
        sign_out: Link::here("/oauth2/sign_out"),
    };
    let words = |page: &Page<'_>| {
        let html = body(&pages().render(page, &FRAME)).to_owned();
        html.split('<').filter_map(|piece| piece.split_once('>')).map(|(_, text)| text).collect::<String>()
    };
    let said = "You are signed in as bob via Company account. This page is for: group ops.";
    assert!(words(&page).contains(said));
    let Page::Denied { needs, .. } = &mut page else { unreachable!() };
    *needs = &[];
    assert!(words(&page).contains("via Company account. This page is for other people."));
}

#[test]
fn the_stylesheet_is_served_for_ever_at_the_address_that_pages_name() {
    let pages = Pages::new("/gate/");
    let inside = pages.stylesheet().strip_prefix("/gate").expect("below the login path");
    assert!(inside.starts_with("/static/") && inside.ends_with(".css"));
    let response = pages.asset(inside).expect("the stylesheet");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(value(&response, header::CONTENT_TYPE), Some("text/css; charset=utf-8"));
    assert!(value(&response, header::CACHE_CONTROL).expect("a rule").contains("immutable"));
    assert!(pages.asset(inside.trim_start_matches('/')).is_some());
    for other in ["", "/", "/static/", "/static/0000000000000000.css", "/static/../x"] {
        assert!(pages.asset(other).is_none(), "{other}");
    }
    let page = pages.render(&Page::HeadTooLarge, &FRAME);
    assert!(body(&page).contains("<form method=\"post\" action=\"/gate/clear_cookies\">"));
}

#[test]
fn the_stylesheet_names_no_other_resource() {
    assert!(!super::STYLESHEET.contains("url(") && !super::STYLESHEET.contains("@import"));
}

#[test]
fn a_program_gets_the_same_as_json() {
    let at = Some("https://wiki.example.com/oauth2/sign_in");
    let response =
        Pages::json(StatusCode::UNAUTHORIZED, "sign_in_required", "say \"who\" <you> are", at, "req-1");
    let json: serde_json::Value = serde_json::from_slice(response.body()).expect("JSON");
    assert_eq!(json["error"], "sign_in_required");
    assert_eq!(json["message"], "say \"who\" <you> are");
    assert_eq!(json["sign_in"], "https://wiki.example.com/oauth2/sign_in");
    assert_eq!(json["reference"], "req-1");
    assert_eq!(value(&response, header::CACHE_CONTROL), Some("no-store"));
    assert_eq!(value(&response, header::CONTENT_TYPE), Some("application/json"));
    assert_eq!(value(&response, header::X_CONTENT_TYPE_OPTIONS), Some("nosniff"));
    let response = Pages::json(StatusCode::FORBIDDEN, "access_denied", "no", None, "req-1");
    assert!(!body(&response).contains("sign_in"));
}

#[test]
fn the_chooser_lists_each_way_once_and_tells_which_was_used_last() {
    let choice = |title, last_used, start| Choice { title, last_used, start: Link::here(start) };
    let choices = [
        choice("Partner <b>", true, "/oauth2/start?provider=partner&rd=%2Fx"),
        choice("Company account", false, "javascript:alert(1)"),
    ];
    let page = pages().render(&Page::Chooser { return_to: Some("/x"), choices: &choices }, &FRAME);
    let html = body(&page);
    assert!(html.contains("<h1>Sign in to wiki.example.com</h1>"), "{html}");
    assert!(html.contains("You will return to <strong><bdi>/x</bdi></strong>."), "{html}");
    assert_eq!(
        (count(html, "<li>"), count(html, "class=\"button main\""), count(html, "used last")),
        (2, 1, 1)
    );
    assert!(
        html.contains("href=\"/oauth2/start?provider=partner&#38;rd=%2Fx\"") && !html.contains("javascript")
    );
    let page = pages().render(&Page::Chooser { return_to: None, choices: &choices }, &FRAME);
    assert!(!body(&page).contains("return to"));
}

#[test]
fn a_405_names_the_methods() {
    let page = Page::MethodNotAllowed { allow: &[Method::GET, Method::HEAD], home: Link::START };
    assert_eq!(value(&pages().render(&page, &FRAME), header::ALLOW), Some("GET, HEAD"));
}

#[test]
fn a_hostile_path_in_a_link_stays_inside_its_attribute() {
    let filling = Filling::new("bob", "/\"><script>");
    for page in filling.pages() {
        assert!(!body(&pages().render(&page, &FRAME)).contains("<script"));
    }
}

#[test]
fn every_page_has_the_status_of_its_cause() {
    let filling = Filling::new("bob", "/");
    let statuses: Vec<u16> = filling.pages().iter().map(|page| page.status().as_u16()).collect();
    let failed_and_refused = [400, 403, 502, 503, 403, 403, 403];
    let fine = [200; 9];
    let trouble = [502, 503, 504, 413, 413, 431, 414, 429, 400, 403, 403, 404, 405, 421, 421];
    assert_eq!(statuses, [&[200; 4], &failed_and_refused[..], &fine, &trouble].concat());
}
