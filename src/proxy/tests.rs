//! Forwarding over real sockets: a raw client, our listener around [`Proxy::forward`], a raw upstream. What a client
//! library would hide (where a body ends, what was closed) is what these look at.

mod body;
mod ends;
mod support;
mod upgrade;
