//! The sample upstream's pages.

use askama::Template;
use http::StatusCode;

use super::echo::Total;
use super::received::{Received, shown};
use crate::demo::answer::{self, Answer};
use crate::demo::html::{Look, document, render, with_script};

/// One row of a table of headers.
struct Row {
    name: String,
    value: String,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<header><strong>Sample upstream</strong> · an application without a sign-in of its own</header>
<main>
<h1>{{ heading }}</h1>
{{ body|safe }}
</main>
<footer class="bar">
{% if signed_in %}<a href="/oauth2/">Your session</a>
<a href="/oauth2/sign_out">Sign out</a>
{% else %}<a href="/oauth2/sign_in?rd=/">Sign in</a>
{% endif %}</footer>"#
)]
struct Frame<'a> {
    heading: &'a str,
    body: &'a str,
    signed_in: bool,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<p class="quiet">This is <code>{{ path }}</code>{% if let Some(place) = place %}: {{ place }}{% endif %}.</p>
<nav aria-label="Things to try"><ul class="links">
{% for (href, text) in LINKS %}<li><a href="{{ href }}">{{ text }}</a></li>
{% endfor %}</ul></nav>
{% if !through %}<p class="note">This request did not come through the gateway of this demo, so nothing here is vouched for.</p>
{% endif %}
<section class="card" aria-labelledby="added">
<h2 id="added">Headers the gateway added</h2>
{% if added.is_empty() %}<p class="quiet">None.</p>
{% else %}<table><thead><tr><th scope="col">Name</th><th scope="col">Value</th></tr></thead><tbody>
{% for row in added %}<tr><th scope="row"><code>{{ row.name }}</code></th><td>{{ row.value }}</td></tr>
{% endfor %}</tbody></table>
{% endif %}</section>
<section class="card" aria-labelledby="removed">
<h2 id="removed">Headers your browser sent and the gateway removed</h2>
{% if removed.is_empty() %}<p class="quiet">None.</p>
{% else %}<table><thead><tr><th scope="col">Name</th><th scope="col">Value</th></tr></thead><tbody>
{% for name in removed %}<tr><th scope="row"><code>{{ name }}</code></th><td class="quiet">did not arrive here</td></tr>
{% endfor %}</tbody></table>
{% endif %}</section>
<details class="card"><summary>Everything that arrived</summary>
<table><thead><tr><th scope="col">Name</th><th scope="col">Value</th></tr></thead><tbody>
{% for row in all %}<tr><th scope="row"><code>{{ row.name }}</code></th><td>{{ row.value }}</td></tr>
{% endfor %}</tbody></table>
</details>"#
)]
struct Home<'a> {
    path: &'a str,
    place: Option<&'static str>,
    through: bool,
    added: Vec<Row>,
    removed: Vec<&'a str>,
    all: Vec<Row>,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<p>Whatever you send comes back, through the gateway both ways.</p>
<form id="form" class="card" action="/websocket">
<label for="message">Message</label>
<input type="text" id="message" autocomplete="off" value="hello">
<div class="actions"><button type="submit" class="main">Send</button></div>
</form>
<p id="status" role="status">Needs a script to run.</p>
<div id="log" class="log" role="log" aria-label="Messages" tabindex="0"></div>
<p><a href="/">Back</a></p>"#
)]
struct WebSocketPage;

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<p>The server's time, sent once a second as it passes. Also at <a href="/events/stream">/events/stream</a>.</p>
<p id="status" role="status">Needs a script to run.</p>
<div id="log" class="log" role="log" aria-live="off" aria-label="Events" tabindex="0"></div>
<p><a href="/">Back</a></p>"#
)]
struct EventsPage;

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<p>The file is counted and hashed as it comes, and not kept.</p>
<form class="card" method="post" action="/upload" enctype="multipart/form-data">
<label for="file">File</label>
<input type="file" id="file" name="file" required>
<div class="actions"><button type="submit" class="main">Upload</button></div>
</form>
<p><a href="/">Back</a></p>"#
)]
struct UploadPage;

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<table class="card"><tbody>
<tr><th scope="row">Bytes</th><td id="bytes">{{ total.bytes }}</td></tr>
<tr><th scope="row">SHA-256</th><td id="sha256">{{ total.sha256 }}</td></tr>
</tbody></table>
<p><a href="/upload">Another one</a> · <a href="/">Back</a></p>"#
)]
struct Uploaded<'a> {
    total: &'a Total,
}

const LINKS: [(&str, &str); 7] = [
    ("/", "Start"),
    ("/admin", "/admin (group ops)"),
    ("/public", "/public (everyone)"),
    ("/sensitive", "/sensitive (second factor)"),
    ("/websocket", "WebSocket echo"),
    ("/events", "Event stream"),
    ("/upload", "Upload"),
];

const WEBSOCKET_SCRIPT: &str = "
const log = document.getElementById('log'), status = document.getElementById('status');
const line = text => { const p = document.createElement('div'); p.textContent = text; log.append(p);
  while (log.childElementCount > 100) log.firstChild.remove(); log.scrollTop = log.scrollHeight; };
const url = new URL('/websocket/echo', location); url.protocol = url.protocol.replace('http', 'ws');
status.textContent = 'Connecting';
const socket = new WebSocket(url);
socket.onopen = () => { status.textContent = 'Connected'; };
socket.onclose = event => { status.textContent = 'Closed (' + event.code + ')'; };
socket.onmessage = event => line('echo: ' + event.data);
document.getElementById('form').onsubmit = event => {
  event.preventDefault();
  if (socket.readyState === WebSocket.OPEN) socket.send(document.getElementById('message').value);
};
";

const EVENTS_SCRIPT: &str = "
const log = document.getElementById('log'), status = document.getElementById('status');
const source = new EventSource('/events/stream');
status.textContent = 'Connecting';
source.onopen = () => { status.textContent = 'Connected'; };
source.onerror = () => { status.textContent = 'Disconnected, trying again'; };
source.addEventListener('clock', event => {
  const p = document.createElement('div'); p.textContent = event.lastEventId + '  ' + event.data; log.append(p);
  while (log.childElementCount > 100) log.firstChild.remove(); log.scrollTop = log.scrollHeight;
});
";

/// Who you are, and what the gateway did to the head.
pub(super) fn home(received: &Received) -> Answer {
    let user = received.text("x-forwarded-user");
    let heading = match &user {
        Some(user) => format!("You are {user}"),
        None => "You are not signed in".to_owned(),
    };
    let changes = received.changes.clone().unwrap_or_default();
    let added = changes
        .added
        .iter()
        .flat_map(|name| {
            received
                .headers
                .get_all(name)
                .iter()
                .map(move |value| Row { name: name.as_str().to_owned(), value: shown(name, value) })
        })
        .collect();
    let all = received.lines().map(|(name, value)| Row { name: name.to_owned(), value }).collect();
    let body = Home {
        path: &received.path,
        place: place(&received.path),
        through: received.changes.is_some(),
        added,
        removed: changes.removed.iter().map(http::HeaderName::as_str).collect(),
        all,
    };
    let frame = Frame { heading: &heading, body: &render(&body), signed_in: user.is_some() };
    answer::page(StatusCode::OK, &document(Look::Upstream, &heading, &render(&frame)))
}

/// A page that talks to the echo.
pub(super) fn websocket() -> Answer {
    plain("WebSocket echo", &render(&WebSocketPage), WEBSOCKET_SCRIPT)
}

/// A page that shows the event stream.
pub(super) fn events() -> Answer {
    plain("Event stream", &render(&EventsPage), EVENTS_SCRIPT)
}

/// A form for one file.
pub(super) fn upload() -> Answer {
    plain("Upload", &render(&UploadPage), "")
}

/// What was uploaded.
pub(super) fn uploaded(total: &Total) -> Answer {
    plain("Received", &render(&Uploaded { total }), "")
}

fn plain(heading: &str, body: &str, script: &str) -> Answer {
    let frame = Frame { heading, body, signed_in: true };
    answer::page(StatusCode::OK, &with_script(Look::Upstream, heading, &render(&frame), script))
}

/// What the demo's configuration says about a path.
fn place(path: &str) -> Option<&'static str> {
    let is_below =
        |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    [
        ("/admin", "only people of group ops get here"),
        ("/public", "anybody gets here, signed in or not"),
        ("/sensitive", "only a sign-in with a second factor gets here"),
    ]
    .into_iter()
    .find_map(|(prefix, words)| is_below(prefix).then_some(words))
}
