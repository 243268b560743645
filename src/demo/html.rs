//! HTML: the shell of every page of the demo, its stylesheet, and the policy under which a browser shows it.

use askama::Template;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A page ready to send, with the content security policy that fits it.
pub(super) struct Document {
    pub(super) text: String,
    pub(super) policy: String,
}

/// Whose page it is: the two servers are told apart by their colour.
#[derive(Clone, Copy, Debug)]
pub(super) enum Look {
    Provider,
    Upstream,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{{ title }}</title>
<link rel="icon" href="data:,">
<style>{{ style|safe }}</style>
</head>
<body class="{{ class }}">
{{ body|safe }}
{% if !script.is_empty() %}<script>{{ script|safe }}</script>
{% endif %}</body>
</html>
"#
)]
struct Shell<'a> {
    title: &'a str,
    class: &'a str,
    style: &'a str,
    body: &'a str,
    script: &'a str,
}

/// A page around `body`, which is markup made by a template.
pub(super) fn document(look: Look, title: &str, body: &str) -> Document {
    with_script(look, title, body, "")
}

/// A page that runs `script` (a constant of ours) and may talk to its own origin.
pub(super) fn with_script(look: Look, title: &str, body: &str, script: &str) -> Document {
    let shell = Shell {
        title,
        class: match look {
            Look::Provider => "provider",
            Look::Upstream => "upstream",
        },
        style: STYLE,
        body,
        script,
    };
    // No `form-action`: Chromium applies it to the redirects that follow a form, and ours end at the client.
    let mut policy = format!(
        "default-src 'none'; style-src '{}'; img-src data:; connect-src 'self'; base-uri 'none'; \
         frame-ancestors 'none'",
        hash(STYLE)
    );
    if !script.is_empty() {
        policy.push_str(&format!("; script-src '{}'", hash(script)));
    }
    Document { text: render(&shell), policy }
}

/// Renders a template. Writing to a string cannot fail, so a failure is an empty page.
pub(super) fn render(template: &impl Template) -> String {
    template.render().unwrap_or_default()
}

/// A source expression for an inline element (CSP level 3, section 2.3.1).
fn hash(content: &str) -> String {
    format!("sha256-{}", STANDARD.encode(digest(&SHA256, content.as_bytes())))
}

const STYLE: &str = "
:root { color-scheme: light dark; --back: #f4f5f7; --card: #fff; --text: #1b1f24; --quiet: #535c67;
  --line: #d5dae0; --edge: #7b8592; --mark: #eef1f5; --bad: #a3161f; --warn-back: #fff4d6; --warn-line: #b98900; }
.provider { --accent: #4527a8; --on-accent: #fff; }
.upstream { --accent: #0b6150; --on-accent: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --back: #13161a; --card: #1c2127; --text: #e7eaee; --quiet: #aab3be; --line: #343b44; --edge: #79838f;
    --mark: #262c34; --bad: #ffa4a4; --warn-back: #33290f; --warn-line: #b98900; }
  .provider { --accent: #b9a6ff; --on-accent: #17102f; }
  .upstream { --accent: #6fd6bf; --on-accent: #06231c; }
}
* { box-sizing: border-box; }
html { scroll-padding-bottom: 4rem; font: 100%/1.55 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif; }
body { margin: 0; min-height: 100vh; display: flex; flex-direction: column; background: var(--back); color: var(--text);
  overflow-wrap: anywhere; }
header { border-top: 4px solid var(--accent); padding: .75rem 1.25rem 0; color: var(--quiet); font-size: .9rem; }
header strong { color: var(--accent); }
main { flex: 1; width: 100%; margin: 0 auto; padding: 1.25rem; }
.provider main { max-width: 30rem; }
.upstream main { max-width: 62rem; }
footer { padding: 1rem 1.25rem; color: var(--quiet); font-size: .9rem; text-align: center; }
.provider footer { border-top: 1px solid var(--line); background: var(--warn-back); color: var(--text); }
footer.bar { border-top: 1px solid var(--line); background: var(--card); display: flex; flex-wrap: wrap;
  gap: .25rem 1.25rem; justify-content: center; position: sticky; bottom: 0; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: .75rem 0 .5rem; }
h2 { font-size: 1.1rem; line-height: 1.3; margin: 0 0 .5rem; }
p { margin: .5rem 0; }
a { color: var(--accent); }
code, kbd, td, .code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .9em; }
.quiet { color: var(--quiet); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem; margin: 1rem 0; }
.note { border-left: 4px solid var(--warn-line); background: var(--warn-back); padding: .6rem .9rem; border-radius: .3rem; }
.bad { color: var(--bad); font-weight: 600; }
.person { display: flex; align-items: center; gap: .75rem; margin-bottom: .75rem; }
.person h2, .person p { margin: 0; }
.face { flex: none; width: 2.6rem; height: 2.6rem; border-radius: 50%; background: var(--accent); color: var(--on-accent);
  display: grid; place-items: center; font-weight: 700; text-transform: uppercase; }
.actions { display: flex; flex-wrap: wrap; gap: .6rem; margin-top: .75rem; }
button, .button, input[type=file] { font: inherit; padding: .55rem 1rem; min-height: 2.75rem; border-radius: .45rem;
  border: 1px solid var(--edge); background: var(--card); color: var(--text); cursor: pointer; }
button.main { background: var(--accent); border-color: var(--accent); color: var(--on-accent); font-weight: 600; }
button:hover { text-decoration: underline; }
.actions button { flex: 1 1 10rem; }
.card > :first-child { margin-top: 0; }
.card > :last-child { margin-bottom: 0; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
label { display: block; font-weight: 600; margin: .75rem 0 .25rem; }
input[type=text] { font: inherit; width: 100%; padding: .55rem .75rem; min-height: 2.75rem; border-radius: .45rem;
  border: 1px solid var(--edge); background: var(--back); color: var(--text); }
input[type=file] { width: 100%; }
.code { font-size: 1.6rem; letter-spacing: .2em; font-weight: 700; }
ul.plain { list-style: none; margin: .5rem 0; padding: 0; }
ul.plain li { padding: .45rem 0; border-top: 1px solid var(--line); }
ul.plain li:first-child { border-top: 0; }
ul.links { display: flex; flex-wrap: wrap; gap: .35rem 1.1rem; list-style: none; padding: 0; margin: .75rem 0; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .4rem .5rem; border-top: 1px solid var(--line); }
thead th { border-top: 0; font-size: .85rem; color: var(--quiet); }
tbody th { font-weight: 600; width: 40%; }
pre, .log { margin: .5rem 0; padding: .75rem; background: var(--mark); border-radius: .4rem; white-space: pre-wrap;
  font: .9rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.log { min-height: 3rem; max-height: 20rem; overflow: auto; }
summary { cursor: pointer; font-weight: 600; min-height: 1.75rem; }
@media (max-width: 30rem) { tbody th { width: 55%; } h1 { font-size: 1.45rem; } main { padding: 1rem; } }
";
