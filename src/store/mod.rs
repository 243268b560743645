//! Where sessions rest. So far: sealed in the browser's cookie, and opened ones in a bounded cache.

mod opened;

pub use opened::{Opened, OpenedCache};
