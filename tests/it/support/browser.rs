//! A browser as far as a gateway can tell: a cookie jar for each host, Fetch Metadata, redirects, forms.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use url::Url;

use super::message::{Answer, exchange};

/// A browser. Cookies are kept by host and ignore ports, as in real ones.
#[derive(Clone)]
pub(crate) struct Browser {
    gateway: SocketAddr,
    providers: Vec<SocketAddr>,
    jar: BTreeMap<(String, String), String>,
    blocked: Option<String>,
    /// Where it is.
    pub(crate) url: Url,
}

/// How many redirects it follows.
const MAX_REDIRECTS: usize = 20;

impl Browser {
    /// A browser with an empty jar.
    pub(crate) fn new(gateway: SocketAddr, provider: SocketAddr) -> Self {
        let url = Url::parse(&format!("http://{gateway}/")).expect("a url");
        Self { gateway, providers: vec![provider], jar: BTreeMap::new(), blocked: None, url }
    }

    /// The same browser, which knows another provider too.
    pub(crate) fn also(mut self, provider: Option<SocketAddr>) -> Self {
        self.providers.extend(provider);
        self
    }

    /// Loads a page of the gateway without following redirects.
    pub(crate) async fn load(&mut self, path: &str) -> Answer {
        let url = Url::parse(&format!("http://{}", self.gateway)).expect("a url").join(path).expect("a path");
        self.navigate(&url).await
    }

    /// Loads a page and follows redirects until there is none.
    pub(crate) async fn open(&mut self, path: &str) -> Answer {
        let answer = self.load(path).await;
        self.follow(answer).await
    }

    /// Follows one redirect.
    pub(crate) async fn follow_once(&mut self, answer: &Answer) -> Answer {
        let to = self.url.join(answer.location()).expect("a location");
        self.navigate(&to).await
    }

    /// Forgets every attempt to sign in, and the count of them.
    pub(crate) fn drop_pending(&mut self) {
        self.jar.retain(|(_, name), _| !name.contains("-login-"));
    }

    /// Follows the redirects of an answer.
    pub(crate) async fn follow(&mut self, mut answer: Answer) -> Answer {
        for _ in 0..MAX_REDIRECTS {
            if !(300..400).contains(&answer.status) {
                return answer;
            }
            let to = self.url.join(answer.location()).expect("a location");
            answer = self.navigate(&to).await;
        }
        panic!("a redirect loop at {}", self.url);
    }

    /// Opens a page, signs in as `user` at the provider, allows, and follows the way back.
    pub(crate) async fn sign_in(&mut self, path: &str, user: &str) -> Answer {
        let page = self.open(path).await;
        self.choose(page, user).await
    }

    /// From the provider's sign-in page: chooses a user, allows, follows the way back.
    pub(crate) async fn choose(&mut self, page: Answer, user: &str) -> Answer {
        let page = self.press(&page, &[("user", user), ("factor", "first")]).await;
        if page.text().contains("value=\"allow\"") {
            self.press(&page, &[("answer", "allow")]).await
        } else {
            page
        }
    }

    /// Sends the first form of a page with these fields beside its hidden ones, and follows redirects.
    pub(crate) async fn press(&mut self, page: &Answer, fields: &[(&str, &str)]) -> Answer {
        let answer = self.press_once(page, fields).await;
        self.follow(answer).await
    }

    /// Sends the first form of a page, without following a redirect.
    pub(crate) async fn press_once(&mut self, page: &Answer, fields: &[(&str, &str)]) -> Answer {
        let text = page.text();
        let form = text.split("<form").nth(1).unwrap_or_else(|| panic!("no form at {}:\n{text}", self.url));
        let form = form.split("</form>").next().unwrap_or_default();
        let action = attribute(form, "action").unwrap_or_else(|| self.url.to_string());
        let mut all: Vec<(String, String)> = Vec::new();
        for input in form.split("<input").skip(1) {
            let input = input.split('>').next().unwrap_or_default();
            if input.contains("hidden") {
                all.extend(
                    attribute(input, "name")
                        .map(|name| (name, attribute(input, "value").unwrap_or_default())),
                );
            }
        }
        all.retain(|(name, _)| fields.iter().all(|(own, _)| own != name));
        all.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(all).finish();
        let to = self.url.join(&action).expect("an action");
        let origin = self.url.origin().ascii_serialization();
        let more = format!(
            "origin: {origin}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\
             sec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\nsec-fetch-site: same-origin\r\naccept: text/html\r\n",
            body.len()
        );
        let answer = self.send("POST", &to, &more, body.as_bytes()).await;
        self.url = to;
        answer
    }

    /// What a script on a page of the gateway gets.
    pub(crate) async fn fetch(&mut self, path: &str) -> Answer {
        let url = Url::parse(&format!("http://{}", self.gateway)).expect("a url").join(path).expect("a path");
        let more =
            "sec-fetch-mode: cors\r\nsec-fetch-dest: empty\r\nsec-fetch-site: same-origin\r\naccept: */*\r\n";
        self.send("GET", &url, more, b"").await
    }

    /// A request with these further field lines (each with its line end) and this body.
    pub(crate) async fn request(&mut self, method: &str, path: &str, more: &str, body: &[u8]) -> Answer {
        let url = Url::parse(&format!("http://{}", self.gateway)).expect("a url").join(path).expect("a path");
        self.send(method, &url, more, body).await
    }

    /// The cookies that it sends to the gateway, as a Cookie value.
    pub(crate) fn cookies(&self) -> String {
        self.cookies_of(&self.gateway.ip().to_string())
    }

    /// The value of a cookie of the gateway.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        self.jar.get(&(self.gateway.ip().to_string(), name.to_owned())).cloned()
    }

    /// Puts a cookie for the gateway into the jar.
    pub(crate) fn put(&mut self, name: &str, value: &str) {
        self.jar.insert((self.gateway.ip().to_string(), name.to_owned()), value.to_owned());
    }

    /// Never keeps a cookie of that name, as a browser does that blocks it.
    pub(crate) fn block(&mut self, name: &str) {
        self.blocked = Some(name.to_owned());
        self.drop_cookie(name);
    }

    /// Takes a cookie of the gateway out of the jar.
    pub(crate) fn drop_cookie(&mut self, name: &str) {
        self.jar.remove(&(self.gateway.ip().to_string(), name.to_owned()));
    }

    /// The names of the cookies of the gateway.
    pub(crate) fn cookie_names(&self) -> Vec<String> {
        let host = self.gateway.ip().to_string();
        self.jar.keys().filter(|(own, _)| *own == host).map(|(_, name)| name.clone()).collect()
    }

    /// Loads any page as a person who typed its address or followed a link.
    pub(crate) async fn navigate(&mut self, url: &Url) -> Answer {
        let more = "sec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\nsec-fetch-site: none\r\naccept: text/html\r\n";
        let answer = self.send("GET", url, more, b"").await;
        self.url = url.clone();
        answer
    }

    async fn send(&mut self, method: &str, url: &Url, more: &str, body: &[u8]) -> Answer {
        let host = url.host_str().expect("a host").to_owned();
        let port = url.port().expect("a port");
        // A provider is reached as localhost, whatever that resolves to here.
        let provider = self.providers.iter().find(|provider| host == "localhost" && provider.port() == port);
        let address = provider.copied().unwrap_or(self.gateway);
        assert_eq!(port, address.port(), "{url} is no server of this stage");
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let cookies = self.cookies_of(&host);
        let cookies = if cookies.is_empty() { String::new() } else { format!("cookie: {cookies}\r\n") };
        let head = format!(
            "{method} {target} HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: close\r\n{cookies}{more}\r\n"
        );
        let answer = exchange(address, [head.as_bytes(), body].concat()).await;
        for line in answer.all("set-cookie") {
            self.keep(&host, line);
        }
        answer
    }

    fn keep(&mut self, host: &str, line: &str) {
        let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
        let (name, value) = pair.split_once('=').expect("a cookie");
        let key = (host.to_owned(), name.to_owned());
        if attributes.to_ascii_lowercase().contains("max-age=0") {
            self.jar.remove(&key);
        } else if self.blocked.as_deref() != Some(name) {
            self.jar.insert(key, value.to_owned());
        }
    }

    fn cookies_of(&self, host: &str) -> String {
        let own = self.jar.iter().filter(|((own, _), _)| own == host);
        own.map(|((_, name), value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let after = tag.split_once(&format!("{name}=\""))?.1;
    let value = after.split('"').next()?;
    Some(
        value
            .replace("&amp;", "&")
            .replace("&#38;", "&")
            .replace("&#x2F;", "/")
            .replace("&#47;", "/")
            .replace("&quot;", "\""),
    )
}
