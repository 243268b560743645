//! Parting: tunnels end when the process does, and are told so.

use tokio::sync::watch;

/// When tunnels part. Clones part together.
#[derive(Clone, Debug)]
pub(super) struct Parting(watch::Sender<bool>);

impl Default for Parting {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Parting {
    /// Now.
    pub(super) fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Waits until then.
    pub(super) async fn begun(&self) {
        // The sender is ours, so it is there for as long as somebody waits.
        let _ = self.0.subscribe().wait_for(|begun| *begun).await;
    }
}
