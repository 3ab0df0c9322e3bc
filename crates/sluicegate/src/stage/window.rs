//! The window of a wire: a bounded table of the flows whose questions are unanswered.

use crate::event::{StageId, Tag, WorkerId};
use crate::observe::WireStats;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const SLOT_BITS: u32 = 32;
const GENERATION_BITS: u32 = 24;

/// Keeps the tag of each flow that asked while its question, a tag of its own, is on the way.
/// Kept by the asking replica alone, so a place can neither be lost nor be freed twice.
#[derive(Clone)]
pub(crate) struct Window {
    port: u8,
    asker: StageId,
    home: WorkerId,
    /// Shared by all that hold the window, as its slots are.
    places: Rc<Cell<usize>>,
    slots: Rc<RefCell<Slots>>,
    promises: Promises,
    /// Where the wire's questions are counted.
    stats: Arc<WireStats>,
}

/// How many places of a window permits keep. Unlike the window they may be anywhere when they give
/// them back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Promises(Arc<AtomicUsize>);

impl Promises {
    pub fn keep(&self, n: usize) {
        self.0.fetch_add(n, Relaxed);
    }

    pub fn take_back(&self, n: usize) {
        self.0.fetch_sub(n, Relaxed);
    }
}

#[derive(Default)]
struct Slots {
    asked: Vec<(u32, Option<Tag>)>,
    free: Vec<u32>,
    taken: usize,
}

impl Window {
    pub fn new(port: usize, places: usize, asker: StageId, home: WorkerId) -> Self {
        let port = u8::try_from(port).expect("check() bounds the number of ports");
        let places = Rc::new(Cell::new(places));
        let (slots, promises, stats) = (Rc::default(), Promises::default(), Arc::default());
        Self { port, asker, home, places, slots, promises, stats }
    }

    /// The same, which counts its questions there.
    pub fn counted(self, stats: Arc<WireStats>) -> Self {
        Self { stats, ..self }
    }

    pub fn room(&self) -> usize {
        self.places().saturating_sub(self.taken()).saturating_sub(self.promises.0.load(Relaxed))
    }

    pub fn places(&self) -> usize {
        self.places.get()
    }

    /// Sets how many may be unanswered; where more are, no more are asked until they are not.
    pub fn set_places(&self, places: usize) {
        self.places.set(places);
    }

    /// Keeps `n` places for a permit. There must be room.
    pub fn promise(&self, n: usize) -> Promises {
        self.promises.keep(n);
        self.promises.clone()
    }

    /// Whether these are promises of this window.
    pub fn made(&self, promises: &Promises) -> bool {
        Arc::ptr_eq(&self.promises.0, &promises.0)
    }

    pub fn taken(&self) -> usize {
        self.slots.borrow().taken
    }

    /// Keeps `tag` and makes the tag of its question. There must be room.
    pub fn ask(&self, tag: Tag) -> Tag {
        let mut slots = self.slots.borrow_mut();
        debug_assert!(slots.taken < self.places.get());
        let slot = slots.free.pop().unwrap_or_else(|| {
            slots.asked.push((0, None));
            u32::try_from(slots.asked.len() - 1).expect("windows are smaller than 2^32")
        });
        slots.taken += 1;
        self.stats.unanswered.set(slots.taken as u64);
        let place = &mut slots.asked[slot as usize];
        let key = u64::from(self.port) << (SLOT_BITS + GENERATION_BITS)
            | u64::from(place.0) << SLOT_BITS
            | u64::from(slot);
        let question = tag.question(key, self.asker, self.home);
        place.1 = Some(tag);
        question
    }

    /// Takes back the tag of the flow whose question has `key`; `None` when it is not waited for.
    pub fn redeem(windows: &[Option<Self>], key: u64) -> Option<Tag> {
        let port = (key >> (SLOT_BITS + GENERATION_BITS)) as usize;
        windows.get(port)?.as_ref()?.take(key)
    }

    fn take(&self, key: u64) -> Option<Tag> {
        let (slot, generation) = (key as u32, (key >> SLOT_BITS) as u32 & mask());
        let mut slots = self.slots.borrow_mut();
        let place = slots.asked.get_mut(slot as usize)?;
        if place.0 != generation {
            return None;
        }
        let tag = place.1.take()?;
        place.0 = (generation + 1) & mask();
        slots.free.push(slot);
        slots.taken -= 1;
        self.stats.unanswered.set(slots.taken as u64);
        Some(tag)
    }

    /// Takes all tags out: the replica that asked is gone.
    pub fn clear(&self) -> Vec<Tag> {
        let mut slots = self.slots.borrow_mut();
        let mut tags = Vec::with_capacity(slots.taken);
        for slot in 0..slots.asked.len() {
            let place = &mut slots.asked[slot];
            if let Some(tag) = place.1.take() {
                place.0 = (place.0 + 1) & mask();
                tags.push(tag);
                slots.free.push(slot as u32);
            }
        }
        slots.taken = 0;
        self.stats.unanswered.set(0);
        tags
    }
}

const fn mask() -> u32 {
    (1 << GENERATION_BITS) - 1
}
