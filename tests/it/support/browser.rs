//! A browser as far as a gateway can tell: a cookie jar for each host, Fetch Metadata, redirects, forms.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tokio::net::UnixStream;
use url::Url;

use super::message::{Answer, exchange, exchange_over};

/// A browser. Cookies are kept by host and ignore ports, as in real ones.
#[derive(Clone)]
pub(crate) struct Browser {
    gateway: SocketAddr,
    providers: Vec<SocketAddr>,
    /// Where the gateway is reached instead.
    socket: Option<String>,
    /// By where they belong and name: a host, or a dot and a domain.
    jar: BTreeMap<(String, String), Kept>,
    /// The page that began the load which is under way; none for an address that was typed.
    initiator: Option<Url>,
    /// Whether that load has been on a foreign site already.
    strayed: bool,
    blocked: Option<String>,
    /// Where it is.
    pub(crate) url: Url,
}

/// A cookie.
#[derive(Clone)]
struct Kept {
    value: String,
    /// `SameSite=Strict`.
    strict: bool,
}

/// How many redirects it follows.
const MAX_REDIRECTS: usize = 20;

impl Browser {
    /// A browser with an empty jar.
    pub(crate) fn new(gateway: SocketAddr, provider: SocketAddr) -> Self {
        let url = Url::parse(&format!("http://{gateway}/")).expect("a url");
        Self {
            gateway,
            providers: vec![provider],
            socket: None,
            jar: BTreeMap::new(),
            initiator: None,
            strayed: false,
            blocked: None,
            url,
        }
    }

    /// The same browser, which reaches the gateway over the socket of this path.
    pub(crate) fn through(mut self, path: &str) -> Self {
        self.socket = Some(path.to_owned());
        self
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
        let to = self.next(answer).expect("a redirect");
        self.go(&to).await
    }

    /// Follows a link from the page at `from`.
    pub(crate) async fn follow_link(&mut self, from: &str, to: &Url) -> Answer {
        (self.initiator, self.strayed) = (Some(Url::parse(from).expect("a url")), false);
        self.go(to).await
    }

    /// Where an answer leads by itself: a redirect goes on with the load, a page that loads another begins one.
    fn next(&mut self, answer: &Answer) -> Option<Url> {
        if (300..400).contains(&answer.status) {
            return Some(self.url.join(answer.location()).expect("a location"));
        }
        let text = answer.text();
        let to = text.split("http-equiv=\"refresh\" content=\"0;url=").nth(1)?.split('"').next()?;
        (self.initiator, self.strayed) = (Some(self.url.clone()), false);
        Some(self.url.join(&unescaped(to)).expect("a target"))
    }

    /// Forgets every attempt to sign in, and the count of them.
    pub(crate) fn drop_pending(&mut self) {
        self.jar.retain(|(_, name), _| !name.contains("-login-"));
    }

    /// Follows the redirects of an answer.
    pub(crate) async fn follow(&mut self, mut answer: Answer) -> Answer {
        for _ in 0..MAX_REDIRECTS {
            let Some(to) = self.next(&answer) else { return answer };
            answer = self.go(&to).await;
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
        (self.initiator, self.strayed) = (Some(self.url.clone()), false);
        let answer = self.send("POST", &to, &more, body.as_bytes()).await;
        self.url = to;
        answer
    }

    /// What a script on a page of the gateway gets.
    pub(crate) async fn fetch(&mut self, path: &str) -> Answer {
        let url = Url::parse(&format!("http://{}", self.gateway)).expect("a url").join(path).expect("a path");
        self.initiator = None;
        let more =
            "sec-fetch-mode: cors\r\nsec-fetch-dest: empty\r\nsec-fetch-site: same-origin\r\naccept: */*\r\n";
        self.send("GET", &url, more, b"").await
    }

    /// A request with these further field lines (each with its line end) and this body.
    pub(crate) async fn request(&mut self, method: &str, path: &str, more: &str, body: &[u8]) -> Answer {
        let url = Url::parse(&format!("http://{}", self.gateway)).expect("a url").join(path).expect("a path");
        self.initiator = None;
        self.send(method, &url, more, body).await
    }

    /// The cookies that it sends to the gateway, as a Cookie value.
    pub(crate) fn cookies(&self) -> String {
        self.cookies_of(&self.gateway.ip().to_string(), "none")
    }

    /// The value of a cookie of the gateway.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        self.jar.get(&(self.gateway.ip().to_string(), name.to_owned())).map(|kept| kept.value.clone())
    }

    /// Puts a cookie for the gateway into the jar.
    pub(crate) fn put(&mut self, name: &str, value: &str) {
        self.jar.insert(
            (self.gateway.ip().to_string(), name.to_owned()),
            Kept { value: value.to_owned(), strict: false },
        );
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
        (self.initiator, self.strayed) = (None, false);
        self.go(url).await
    }

    /// One step of a page load.
    async fn go(&mut self, url: &Url) -> Answer {
        let mut more = format!(
            "sec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\nsec-fetch-site: {}\r\naccept: text/html\r\n",
            self.site(url)
        );
        if let Some(initiator) = self.initiator.as_ref().filter(|from| from.origin() == url.origin()) {
            more.push_str(&format!("referer: {initiator}\r\n"));
        }
        let answer = self.send("GET", url, &more, b"").await;
        self.url = url.clone();
        answer
    }

    /// How the load of `url` stands to the page that began it.
    fn site(&mut self, url: &Url) -> &'static str {
        let Some(from) = &self.initiator else { return "none" };
        self.strayed |= site_of(from) != site_of(url);
        match self.strayed {
            true => "cross-site",
            false if from.origin() == url.origin() => "same-origin",
            false => "same-site",
        }
    }

    async fn send(&mut self, method: &str, url: &Url, more: &str, body: &[u8]) -> Answer {
        let host = url.host_str().expect("a host").to_owned();
        let port = url.port().expect("a port");
        // A provider is reached as localhost, whatever that resolves to here.
        let provider = self.providers.iter().find(|provider| host == "localhost" && provider.port() == port);
        let address = provider.copied().unwrap_or(self.gateway);
        assert_eq!(port, address.port(), "{url} is no server of this stage");
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let site = if more.contains("sec-fetch-site: cross-site") { "cross-site" } else { "same-site" };
        let cookies = self.cookies_of(&host, site);
        let cookies = if cookies.is_empty() { String::new() } else { format!("cookie: {cookies}\r\n") };
        let head = format!(
            "{method} {target} HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: close\r\n{cookies}{more}\r\n"
        );
        let request = [head.as_bytes(), body].concat();
        let answer = match &self.socket {
            Some(path) if provider.is_none() => {
                exchange_over(&mut UnixStream::connect(path).await.expect("a connection"), request).await
            }
            _ => exchange(address, request).await,
        };
        for line in answer.all("set-cookie") {
            self.keep(&host, line);
        }
        answer
    }

    fn keep(&mut self, host: &str, line: &str) {
        let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
        let (name, value) = pair.split_once('=').expect("a cookie");
        let attributes = attributes.to_ascii_lowercase();
        let domain = attributes.split("; ").find_map(|attribute| attribute.trim().strip_prefix("domain="));
        let place = domain.map_or_else(|| host.to_owned(), |domain| format!(".{domain}"));
        assert!(domain.is_none_or(|domain| is_below(host, domain)), "{host} must not set {line}");
        let key = (place, name.to_owned());
        if attributes.contains("max-age=0") {
            self.jar.remove(&key);
        } else if self.blocked.as_deref() != Some(name) {
            let strict = attributes.contains("samesite=strict");
            self.jar.insert(key, Kept { value: value.to_owned(), strict });
        }
    }

    fn cookies_of(&self, host: &str, site: &str) -> String {
        let own = self.jar.iter().filter(|((place, _), kept)| {
            let goes = place.strip_prefix('.').map_or(place == host, |domain| is_below(host, domain));
            goes && !(kept.strict && site == "cross-site")
        });
        own.map(|((_, name), kept)| format!("{name}={}", kept.value)).collect::<Vec<_>>().join("; ")
    }

    /// The value of the cookie of that name, wherever it belongs.
    pub(crate) fn anywhere(&self, name: &str) -> Option<String> {
        self.jar.iter().find(|((_, own), _)| own == name).map(|(_, kept)| kept.value.clone())
    }

    /// Where the cookie of that name belongs: a host, or a dot and a domain.
    pub(crate) fn places(&self, name: &str) -> Vec<&str> {
        self.jar.keys().filter(|(_, own)| own == name).map(|(place, _)| place.as_str()).collect()
    }
}

fn is_below(host: &str, domain: &str) -> bool {
    host == domain || host.ends_with(&format!(".{domain}"))
}

/// The last two labels of a name, as if every top-level domain were one under which people register. Ports play no part.
fn site_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let labels: Vec<&str> = host.split('.').collect();
    match labels[..] {
        [.., second, top] if top.parse::<u8>().is_err() => format!("{second}.{top}"),
        _ => host.to_owned(),
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let after = tag.split_once(&format!("{name}=\""))?.1;
    after.split('"').next().map(unescaped)
}

fn unescaped(value: &str) -> String {
    let named = value.replace("&amp;", "&").replace("&#38;", "&").replace("&quot;", "\"");
    named.replace("&#x2F;", "/").replace("&#47;", "/")
}
