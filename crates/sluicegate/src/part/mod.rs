//! Parts: nets that are attached to a slot of a net that runs, and taken away again.

mod attached;
mod door;
mod list;
mod slot;
mod way;

pub use attached::Part;
pub use door::{Door, DoorStage};
pub use list::PartView;
pub(crate) use list::Parts;
pub use slot::{Slot, SlotOut, SlotOutlets, SlotStage, slot};

use crate::net::{Fault, Faults, Net};
use crate::run::{Plan, StartError};
use std::sync::Arc;

/// Where a part is joined to its slot, its types erased.
pub(crate) trait Joined: Send + Sync {
    /// Has flows pass in.
    fn open(&self);
    /// Has no more flows pass in.
    fn shut(&self);
    /// Flows that passed in, and of which the slot has not heard yet.
    fn inside(&self) -> usize;
}

impl<T: Send + 'static, R: Send + 'static> Joined for Door<T, R> {
    fn open(&self) {
        self.slot.board.open(Arc::clone(&self.joint));
    }

    fn shut(&self) {
        self.slot.board.shut(&self.joint);
    }

    fn inside(&self) -> usize {
        self.joint.inside()
    }
}

impl<T: Send + 'static, R: Send + 'static> Door<T, R> {
    /// The plan of a part that is to be attached to the net of `host`, by the clock of that, and
    /// the name of the slot.
    pub(crate) fn plan(&self, part: Net, host: &Plan) -> Result<(Arc<Plan>, String), StartError> {
        let mut faults = part.check().map_or_else(|faults| faults.0, |()| Vec::new());
        if !part.stages.iter().any(|stage| stage.is_made_by(&self.make)) {
            faults.push(Fault::NoDoor { part: part.name.clone() });
        }
        let slot = host.stages.iter().find(|stage| stage.is_made_by(&self.slot.make));
        if slot.is_none() {
            faults.push(Fault::NoSlot { part: part.name.clone(), net: host.name.clone() });
        }
        if host.parts.has(&part.name) {
            faults.push(Fault::SamePartName { name: part.name.clone() });
        }
        match slot.filter(|_| faults.is_empty()) {
            Some(slot) => {
                let slot = slot.spec.name.clone();
                let plan = Plan::new(part, host.clock.clone(), host.traced);
                self.joint.lead_to(&plan);
                Ok((plan, slot))
            }
            None => Err(StartError::Faults(Faults(faults))),
        }
    }
}
