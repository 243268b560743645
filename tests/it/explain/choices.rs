//! Pairs of a configuration and a request, by chance that is the same at each run.

use http::{Method, Request};
use vestibule::app::{Persona, Question};
use vestibule::web::PeerAddr;

use super::USERS;
use crate::support::{Browser, Stage};

/// A source of choices that gives the same ones at each run (xorshift, Marsaglia 2003).
pub(super) struct Choices(pub(super) u64);

/// One generated request.
#[derive(Debug)]
pub(super) struct Asked {
    method: Method,
    host: String,
    target: String,
    fields: Vec<(&'static str, String)>,
    user: Option<usize>,
}

const METHODS: &[Method] = &[
    Method::GET,
    Method::GET,
    Method::GET,
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::DELETE,
    Method::OPTIONS,
    Method::TRACE,
];

const TARGETS: &[&str] = &[
    "/",
    "/",
    "/",
    "/a",
    "/a/b",
    "/admin",
    "/a",
    "/a/",
    "/a/b",
    "/a/b/c?x=1&y=%2e%2e",
    "/ab",
    "/admin",
    "/admin/x",
    "/admin/../a/b",
    "/a/./b",
    "//a//b",
    "/a/%2e%2e/admin",
    "/%61dmin",
    "/%2561dmin",
    "/a%2Fb",
    "/a/x%2fadmin",
    "/a;v=1/b",
    "/a/..;/admin",
    "/A",
    "/api/v1",
    "/api/v1?rd=https://evil.example/",
    "/nothing/here",
    "/oauth2",
    "/oauth2x",
    "/oauth2/userinfo",
    "/oauth2/none",
    "/ping",
    "/ping?x=1",
    "/ping/",
    "/%70ing",
];

const ALLOW: &[&str] = &[
    "user:alice",
    "user:bob",
    "email:bob@example.com",
    "email:bob@EXAMPLE.com",
    "domain:example.com",
    "domain:example.org",
    "group:staff",
    "group:ops",
    "group:nobody",
    "provider:main",
    "claim:acr=pwd",
    "claim:amr=mfa",
];

const REQUIRE: &[&str] = &[
    "network:127.0.0.0/8",
    "network:10.0.0.0/8",
    "group:staff",
    "domain:example.com",
    "claim:amr=pwd",
    "signed-in",
];

const DENY: &[&str] =
    &["user:eve", "group:ops", "network:192.0.2.0/24", "network:127.0.0.1", "claim:acr=mfa"];

const PRESETS: &[&str] = &[
    "forwarded",
    "auth-request",
    "webauth",
    "grafana",
    "remote",
    "kubernetes",
    "authelia",
    "jenkins",
    "netbox",
    "opensearch",
    "none",
    "legacy",
];

const FIELDS: &[(&str, &str)] = &[
    ("x-remote-user", "root"),
    ("X_Forwarded_User", "root"),
    ("remote-groups", "ops"),
    ("x-forwarded-for", "203.0.113.9"),
    ("x-forwarded-prefix", "/evil"),
    ("x-legacy-proof", "guessed"),
    ("authorization", "Bearer abc"),
    ("x-own", "kept"),
    ("x_kept", "with-underscore"),
    ("origin", "https://evil.example"),
    ("sec-fetch-site", "cross-site"),
    ("connection", "x-own"),
    ("accept-language", "en"),
];

/// What browsers and programs say about themselves.
const SPEAKERS: &[&[(&str, &str)]] = &[
    &[("accept", "text/html"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")],
    &[("accept", "text/html"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")],
    &[("accept", "*/*"), ("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")],
    &[("accept", "application/json")],
    &[("accept", "text/html,*/*")],
    &[],
];

impl Choices {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % below
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.next(of.len())]
    }

    pub(super) fn chance(&mut self, one_in: usize) -> bool {
        self.next(one_in) == 0
    }

    /// A list of up to `most` different ones, as TOML.
    fn list(&mut self, of: &[&str], most: usize) -> String {
        let mut chosen: Vec<&str> = (0..=self.next(most)).map(|_| *self.one(of)).collect();
        chosen.sort_unstable();
        chosen.dedup();
        format!("{chosen:?}")
    }

    /// Routes, and a header set of our own.
    pub(super) fn routes(&mut self) -> String {
        let mut paths = vec!["/a", "/a/b", "/admin", "/api"];
        let mut out =
            "[headers.legacy]\nX-Legacy-User = \"{user} <{email}>\"\nX-Legacy-Proof = { env = \"SECRET\" }\n"
                .to_owned();
        for at in 0..=self.next(4) {
            let path = if at == 0 { "/" } else { paths.remove(self.next(paths.len())) };
            let allow = match self.next(6) {
                0 | 1 => "[\"everyone\"]".to_owned(),
                2 | 3 => "[\"signed-in\"]".to_owned(),
                _ => self.list(ALLOW, 3),
            };
            out += &format!("[routes.r{at}]\nupstream = \"UPSTREAM\"\npath = \"{path}\"\nallow = {allow}\n");
            out += &format!("headers = \"{}\"\n", self.one(PRESETS));
            let more: &[(usize, &str, String)] = &[
                (6, "methods", self.list(&["GET", "POST", "PUT", "OPTIONS"], 3)),
                (5, "require", self.list(REQUIRE, 1)),
                (5, "deny", self.list(DENY, 1)),
                (3, "signed_out", format!("{:?}", self.one(&["auto", "redirect", "401"]))),
                (3, "cross_site", format!("{:?}", self.one(&["allow", "refuse"]))),
                (3, "encoded_slash", format!("{:?}", self.one(&["refuse", "pass"]))),
                (
                    3,
                    "host_header",
                    format!("{:?}", self.one(&["preserve", "upstream", "inner.example:8080"])),
                ),
                (3, "underscore_headers", "[\"x_kept\"]".to_owned()),
                (3, "origins", "[\"https://evil.example\"]".to_owned()),
            ];
            for (one_in, key, value) in more {
                if self.chance(*one_in) {
                    out += &format!("{key} = {value}\n");
                }
            }
            if path != "/" && self.chance(3) {
                out += "strip_path = true\n";
            }
            if self.chance(6) {
                out += "host = [\"127.0.0.1\", \"wiki.localhost\"]\n";
            }
        }
        out
    }

    pub(super) fn request(&mut self, stage: &Stage) -> Asked {
        let mut fields: Vec<(&'static str, String)> =
            self.one(SPEAKERS).iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        for _ in 0..self.next(4) {
            let (name, value) = self.one(FIELDS);
            if fields.iter().all(|(own, _)| own != name) {
                fields.push((name, (*value).to_owned()));
            }
        }
        let host = match self.next(12) {
            0 => "wiki.localhost".to_owned(),
            1 => "elsewhere.example".to_owned(),
            _ => stage.gateway.to_string(),
        };
        let user = Some(self.next(2 * USERS.len())).filter(|user| *user < USERS.len());
        // A session belongs to the host that it was made on.
        let user = user.filter(|_| host == stage.gateway.to_string());
        Asked {
            method: self.one(METHODS).clone(),
            host,
            target: (*self.one(TARGETS)).to_owned(),
            fields,
            user,
        }
    }
}

impl Asked {
    pub(super) fn head(&self, browsers: &[Browser]) -> String {
        let mut head = format!("{} {} HTTP/1.1\r\nhost: {}\r\n", self.method, self.target, self.host);
        for (name, value) in &self.fields {
            head += &format!("{name}: {value}\r\n");
        }
        if let Some(user) = self.user {
            head += &format!("cookie: {}\r\n", browsers[user].cookies());
        }
        head + "\r\n"
    }

    pub(super) fn question(&self, stage: &Stage) -> Question {
        let mut request =
            Request::builder().method(self.method.clone()).uri(&self.target).header("host", &self.host);
        for (name, value) in &self.fields {
            request = request.header(*name, value);
        }
        let users = vestibule::demo::provider::User::demo();
        let persona = self.user.map(|user| Persona {
            provider: None,
            user: users[user].name.clone(),
            subject: Some(users[user].sub.clone()),
            email: Some(users[user].email.clone()),
            name: Some(users[user].full_name.clone()),
            groups: users[user].groups.clone(),
            claims: vec![("acr".to_owned(), "pwd".to_owned()), ("amr".to_owned(), "pwd".to_owned())],
        });
        let peer = PeerAddr::new((stage.gateway.ip(), 0).into());
        Question { request: request.body(()).expect("a request"), peer, persona }
    }
}
