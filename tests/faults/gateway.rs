//! The gateway as a process, and what the system says of it.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use vestibule::clock::Clock;
use vestibule::demo::provider::{Algorithm, Client, Provider, Settings, User};
use vestibule::random::Random;
use vestibule::secret::Secret;

use crate::support::Browser;
use crate::support::place::Place;
use crate::support::stage::{CLIENT_SECRET, SESSION_KEY};

/// A running gateway with somebody signed in.
pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    /// The Cookie value of alice.
    pub(crate) cookie: String,
    place: Place,
    child: Child,
    config: String,
    // The provider lives as long as the gateway does.
    _provider: Provider,
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
}

impl Gateway {
    /// Starts it before an upstream, with these lines in `[listen]` and these in the route.
    pub(crate) async fn start(name: &str, upstream: SocketAddr, listen: &str, route: &str) -> Self {
        let place = Place::new(&format!("faults-{name}"));
        let settings = Settings { clients: Vec::new(), users: User::demo() };
        let provider =
            Provider::start(settings, 0, Clock::system(), Random::system()).await.expect("a provider");
        let (port, admin_port) = (free_port(), free_port());
        let public = format!("http://127.0.0.1:{port}");
        provider.register(Client {
            id: "wiki".to_owned(),
            title: "The wiki".to_owned(),
            secret: Some(Secret::new(CLIENT_SECRET.to_owned())),
            redirect_uris: vec![format!("{public}/oauth2/callback")],
            post_logout_redirect_uris: vec![format!("{public}/oauth2/signed_out")],
            id_token_alg: Algorithm::Rs256,
        });
        let config = format!(
            "public_url = \"{public}\"\n[listen]\nhttp = [\"127.0.0.1:{port}\"]\nadmin = \"127.0.0.1:{admin_port}\"\n{listen}\n\
             [session]\nkey = {{ env = \"KEY\" }}\n[log]\nformat = \"json\"\n\
             [providers.main]\nissuer = \"{}\"\nclient_id = \"wiki\"\nclient_secret = {{ env = \"SECRET\" }}\n\
             [routes.home]\nupstream = \"http://{upstream}\"\nallow = [\"signed-in\"]\n{route}\n",
            provider.issuer()
        );
        place.put("vestibule.toml", &config, 0o644);
        let mut child = program(&place)
            .args(["serve", "--config", "vestibule.toml"])
            .envs([("KEY", SESSION_KEY), ("SECRET", CLIENT_SECRET)])
            .current_dir(place.path(""))
            .stdin(Stdio::null())
            .stdout(fs::File::create(place.path("lines")).expect("a file"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program");
        follow(&mut child, &place);
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut browser = Browser::new(address, provider.addr());
        let answer = browser.sign_in("/bytes/1", "alice").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let admin = SocketAddr::from(([127, 0, 0, 1], admin_port));
        Self { address, admin, cookie: browser.cookies(), place, child, config, _provider: provider }
    }

    /// Replaces the configuration by another, by a rename, as editors and orchestrators do.
    pub(crate) fn rewrite(&self, change: impl FnOnce(&str) -> String) {
        self.place.put("next.toml", &change(&self.config), 0o644);
        fs::rename(self.place.path("next.toml"), self.place.path("vestibule.toml")).expect("a rename");
    }

    /// Sends it a signal: `TERM`, `HUP`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> Ended {
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return Ended { code: status.code() };
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Memory that is its own, in KiB.
    pub(crate) fn memory(&self) -> u64 {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id())).expect("smaps");
        number(&rollup, "Pss:")
    }

    /// The most memory that it ever had, in KiB.
    pub(crate) fn peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("status");
        number(&status, "VmHWM:")
    }

    /// How many descriptors it has open.
    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("descriptors").count()
    }

    /// Access and audit lines so far.
    pub(crate) fn lines(&self) -> Vec<serde_json::Value> {
        let text = fs::read_to_string(self.place.path("lines")).expect("the lines");
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// What it wrote to standard error so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.place.path("log")).expect("the log")
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program(place: &Place) -> Command {
    match std::env::var_os("VESTIBULE_BIN") {
        Some(path) => Command::new(path),
        None => place.command(""),
    }
}

/// Waits until it listens, and keeps what it says from then on in the file `log`.
fn follow(child: &mut Child, place: &Place) {
    let mut reader = BufReader::new(child.stderr.take().expect("stderr"));
    let mut line = String::new();
    while !line.starts_with("vestibule: admin on ") {
        line.clear();
        assert!(reader.read_line(&mut line).expect("text") > 0, "it ended before it listened");
    }
    let mut log = fs::File::create(place.path("log")).expect("a file");
    std::thread::spawn(move || std::io::copy(&mut reader, &mut log));
}

fn number(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("the line");
    line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

fn free_port() -> u16 {
    let probe = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    probe.local_addr().expect("an address").port()
}
