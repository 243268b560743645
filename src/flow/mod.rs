//! The stories: what happens to a request, to a sign-in, to a sign-out. The only place where adapters meet.
//!
//! [`Gateway::handle`] is the door: it reads the facts once, then tells own endpoints from requests for an upstream.
//! Each story has a file of its own; each way in which one can end badly is a refusal, told in `refusal/`.

mod answer;
mod attempts;
mod choice;
mod denial;
mod explain;
mod flights;
mod gateway;
mod grpc;
mod hops;
mod links;
mod login;
mod logout;
mod meters;
mod observe;
mod onward;
mod own;
mod ping;
mod providers;
mod rate;
mod reader;
mod refusal;
mod request;
mod secure;
mod session;
mod settings;
mod told;
mod unread;
mod visit;

pub use answer::Body;
pub use explain::{Explanation, Outcome, Persona, Question, explain};
pub use gateway::{Answering, Gateway, Generation, Logging, Shared};
pub use meters::{Metered, Meters, ProviderMeters, RouteMeters};
pub use ping::Ping;
pub use providers::Providers;
pub use secure::{Https, Plain};
pub use settings::{AfterSignOut, Chooser, ReturnHost, Settings, SignOut};
