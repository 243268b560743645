//! The demo's texts: its configuration and its banner.

use super::Ports;

/// The client id that the gateway uses at the demo's provider.
pub(super) const CLIENT_ID: &str = "vestibule-demo";
/// The variable that holds the session key.
pub(super) const SESSION_KEY: &str = "DEMO_SESSION_KEY";
/// The variable that holds the client secret.
pub(super) const CLIENT_SECRET: &str = "DEMO_CLIENT_SECRET";

/// Where the gateway is reached. By address, while the provider is reached by name: cookies ignore ports, so one
/// shared host would mix the cookies of the two and hide cross-site faults.
pub(super) fn gateway_url(ports: Ports) -> String {
    format!("http://127.0.0.1:{}", ports.gateway)
}

/// The configuration of a demo on these ports, as `vestibule demo --print` shows it.
#[must_use]
pub fn config_text(ports: Ports) -> String {
    let Ports { gateway, admin, upstream, provider } = ports;
    format!(
        r#"# What `vestibule demo` runs with: an ordinary Vestibule configuration.
#
# The demo makes both secrets at each start and hands them over as environment
# variables. For your own gateway make a session key with
#     vestibule keygen session
# and keep it in a file:  key = {{ file = "session.key" }}

# What people type. The provider sends browsers back to this address.
public_url = "http://127.0.0.1:{gateway}"

[listen]
http  = ["127.0.0.1:{gateway}"]
admin = "127.0.0.1:{admin}"

[session]
key = {{ env = "{SESSION_KEY}" }}

# For people who watch; without this, lines are JSON unless standard output is a terminal.
[log]
format = "text"

[providers.demo]
issuer        = "http://localhost:{provider}"
client_id     = "{CLIENT_ID}"
client_secret = {{ env = "{CLIENT_SECRET}" }}
title         = "the demo provider"

# Everything needs a sign-in ...
[routes.home]
upstream = "http://127.0.0.1:{upstream}"
allow    = ["signed-in"]

# ... but this: alice enters, bob and eve are told why not.
[routes.admin]
path     = "/admin"
upstream = "http://127.0.0.1:{upstream}"
allow    = ["group:ops"]

# No sign-in needed; whoever has one is still announced to the upstream.
[routes.public]
path     = "/public"
upstream = "http://127.0.0.1:{upstream}"
allow    = ["everyone"]

# Only for a sign-in with a second factor, as the provider's acr claim says.
[routes.sensitive]
path     = "/sensitive"
upstream = "http://127.0.0.1:{upstream}"
allow    = ["claim:acr=mfa"]
"#
    )
}

/// The text that greets a person in the terminal (surface.md 2.7). It names only what is built.
pub(super) fn banner(ports: Ports) -> String {
    let Ports { admin, upstream, provider, .. } = ports;
    let gateway = gateway_url(ports);
    let moved = match ports.gateway {
        Ports::FIRST => String::new(),
        port => format!(" --port {port}"),
    };
    format!(
        "vestibule demo: nothing is saved, nothing leaves this machine

  1. open       {gateway}
  2. sign in    alice (staff, ops)   bob (staff)   eve (no groups)
  3. look       the page shows what an upstream receives

  provider      http://localhost:{provider}   built in, for demos and tests only
  upstream      http://127.0.0.1:{upstream}   a page that prints its request headers
  admin         http://127.0.0.1:{admin}   health, metrics, configuration

Things to try
  {gateway}/admin      only group ops: alice enters, bob is refused and told why
  {gateway}/public     no sign-in needed
  {gateway}/sensitive  only with a second factor: \"Use another account\", then \"with second factor\"
  curl -i {gateway}/   401, not a redirect: this is not a browser
  curl -i -H 'X_Forwarded_User: root' {gateway}/public    see it stripped

Config in use: vestibule demo{moved} --print      Stop: Ctrl-C
"
    )
}
