//! The gate: which route a request is for, and whether it may pass.
//!
//! Both steps are pure. What may go on is a [`Pass`]: it has no other maker than [`decide`], and the proxy takes
//! nothing else.

mod decide;
mod methods;
mod routes;

pub use decide::{Decision, Denial, Freshness, Pass, Visitor, decide};
pub use methods::Methods;
pub use routes::{
    CrossSite, EncodedSlashes, Found, Options, Route, RouteId, RouteTable, RuleNaming, SignedOut,
};
