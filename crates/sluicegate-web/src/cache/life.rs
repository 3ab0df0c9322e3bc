//! What is known of anything that is kept: how often it was asked for lately, and whether it had to
//! go. Workers share it in peace: what is hot already is not written to.
use super::policy::HEAT_MAX;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

/// Heat, and the end.
#[derive(Debug, Default)]
pub struct Life {
    heat: AtomicU8,
    gone: AtomicBool,
}

impl Life {
    /// Notes a hit.
    pub fn warm(&self) {
        let heat = self.heat();
        if heat < HEAT_MAX {
            self.set_heat(heat + 1);
        }
    }

    /// Whether whoever decides has let go of it: who holds it may still answer with it, not keep it.
    pub fn is_gone(&self) -> bool {
        self.gone.load(Relaxed)
    }

    pub fn set_gone(&self) {
        self.gone.store(true, Relaxed);
    }

    /// How often it was asked for, up to a bound.
    pub fn heat(&self) -> u8 {
        self.heat.load(Relaxed)
    }

    pub fn set_heat(&self, heat: u8) {
        self.heat.store(heat, Relaxed);
    }
}
