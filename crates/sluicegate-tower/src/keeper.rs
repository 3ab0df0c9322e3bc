//! The task that ticks a gate's laws while anything waits or is served.
//!
//! Calls that come and go tick them too; but where all that are served are merely pending, nobody
//! else would tell those who have waited too long.

use crate::shared::Shared;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::runtime::Handle;

/// How often: as often as the laws look.
const TICK: Duration = Duration::from_millis(10);

/// Held by the task: when that ends, by itself or with its runtime, another may begin.
struct Keeper(Weak<Shared>);

/// Starts the task, of which there is one a gate. Without a runtime of tokio there is none.
pub(crate) fn start(shared: &Arc<Shared>) {
    let keeper = Keeper(Arc::downgrade(shared));
    match Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn(keeper.keep())),
        Err(_) => drop(keeper),
    }
}

impl Keeper {
    async fn keep(mut self) {
        loop {
            tokio::time::sleep(TICK).await;
            let Some(shared) = self.0.upgrade() else { return };
            if !shared.look() {
                // It has said so under its lock.
                self.0 = Weak::new();
                return;
            }
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade() {
            shared.unkeep();
        }
    }
}
