//! Where sessions rest on this side: opened ones, in a bounded cache. Sealed ones rest in the browser's cookie.

mod opened;

pub use opened::{Opened, OpenedCache};
