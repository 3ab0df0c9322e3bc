//! What each request costs, as in Sluicegate's `burn`.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde::Deserialize;

/// The query `?us=N`.
#[derive(Deserialize)]
pub struct Cost {
    us: u64,
}

/// Spins until the thread has used so much CPU, and says so.
pub fn burn(cost: &Cost) -> String {
    let end = used() + Duration::from_micros(cost.us);
    while used() < end {
        std::hint::spin_loop();
    }
    format!("burnt {} us\n", cost.us)
}

/// CPU time of this thread.
fn used() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}
