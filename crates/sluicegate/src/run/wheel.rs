//! Timers: a hierarchical wheel of 1 ms ticks, so that setting and cancelling cost the same
//! however many there are.

use crate::time::Time;

const TICK_NANOS: u64 = 1_000_000;
const SLOTS: usize = 64;
const SLOT_BITS: u32 = 6;
const LEVELS: usize = 6;
/// What is later than two years waits at this distance, and is looked at again there.
const HORIZON: u64 = (SLOTS as u64 - 1) << (SLOT_BITS * (LEVELS as u32 - 1));
const NONE: u32 = u32::MAX;
/// The most timers that a replica may have set at once, unless declared otherwise: a defect, not a
/// load, sets more.
pub(crate) const TIMERS: u32 = 1 << 24;

/// A timer that was set, to cancel it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimerKey {
    slot: u32,
    generation: u32,
}

/// The timers of one worker.
pub(crate) struct Wheel {
    timers: Vec<Timer>,
    free: u32,
    /// Heads of the lists, by level and slot.
    heads: Vec<[u32; SLOTS]>,
    /// A bit for each slot that is not empty, by level.
    used: [u64; LEVELS],
    /// All timers of ticks before this one have run out.
    tick: u64,
    live: usize,
    /// By replica: how many are set, and how many may be.
    bounds: Vec<(u32, u32)>,
}

struct Timer {
    at: u64,
    token: u64,
    next: u32,
    prev: u32,
    generation: u32,
    cell: u16,
    place: Option<(u8, u8)>,
}

impl Wheel {
    pub fn new() -> Self {
        Self {
            timers: Vec::new(),
            free: NONE,
            heads: vec![[NONE; SLOTS]; LEVELS],
            used: [0; LEVELS],
            tick: 0,
            live: 0,
            bounds: Vec::new(),
        }
    }

    /// Lets the replica `cell` have at most so many timers.
    pub fn bound(&mut self, cell: u16, most: u32) {
        self.bound_of(cell).1 = most;
    }

    fn bound_of(&mut self, cell: u16) -> &mut (u32, u32) {
        let cell = usize::from(cell);
        if self.bounds.len() <= cell {
            self.bounds.resize(cell + 1, (0, TIMERS));
        }
        &mut self.bounds[cell]
    }

    /// Sets a timer that runs out at `at`, or up to a tick later.
    pub fn insert(&mut self, at: Time, cell: u16, token: u64) -> TimerKey {
        let (set, most) = self.bound_of(cell);
        assert!(
            *set < *most,
            "this replica has {set} timers, the most it may: cancel those that nobody needs, or \
             declare more with `.timers(n)`"
        );
        *set += 1;
        self.live += 1;
        let slot = self.allocate();
        let timer = &mut self.timers[slot as usize];
        (timer.at, timer.cell, timer.token) = (at.0.div_ceil(TICK_NANOS), cell, token);
        let generation = timer.generation;
        self.link(slot);
        TimerKey { slot, generation }
    }

    pub fn cancel(&mut self, key: TimerKey) -> bool {
        let live = self
            .timers
            .get(key.slot as usize)
            .is_some_and(|timer| timer.generation == key.generation && timer.place.is_some());
        if live {
            self.unlink(key.slot);
            self.release(key.slot);
        }
        live
    }

    /// The next timer that has run out at `now`: its replica and its token.
    pub fn expired(&mut self, now: Time) -> Option<(u16, u64)> {
        let until = now.0 / TICK_NANOS;
        loop {
            let slot = self.tick as usize % SLOTS;
            let head = self.heads[0][slot];
            if head != NONE && self.tick <= until {
                self.unlink(head);
                let timer = &self.timers[head as usize];
                let out = (timer.cell, timer.token);
                self.release(head);
                return Some(out);
            }
            if self.tick >= until {
                return None;
            }
            self.advance(until);
        }
    }

    /// No timer runs out before this time.
    pub fn next(&self) -> Option<Time> {
        if self.live == 0 {
            return None;
        }
        let mut soonest = u64::MAX;
        for level in 0..LEVELS {
            let shift = SLOT_BITS * level as u32;
            let here = self.tick >> shift;
            let turned = self.used[level].rotate_right(here as u32 % SLOTS as u32);
            if turned != 0 {
                let slot = here + u64::from(turned.trailing_zeros());
                soonest = soonest.min((slot << shift).max(self.tick));
            }
        }
        Some(Time(soonest.saturating_mul(TICK_NANOS)))
    }

    /// Moves to the next tick at which anything can happen, at most to `until`.
    fn advance(&mut self, until: u64) {
        let next = self.next().map_or(until, |time| time.0 / TICK_NANOS);
        self.tick = next.clamp(self.tick + 1, until);
        // Entering a slot of a higher level spreads its timers over the levels below.
        for level in (1..LEVELS).rev() {
            let shift = SLOT_BITS * level as u32;
            let slot = (self.tick >> shift) as usize % SLOTS;
            let mut timer = self.heads[level][slot];
            self.heads[level][slot] = NONE;
            self.used[level] &= !(1 << slot);
            while timer != NONE {
                let next = self.timers[timer as usize].next;
                self.link(timer);
                timer = next;
            }
        }
    }

    /// Puts a timer into the slot where it belongs, seen from the current tick.
    fn link(&mut self, slot: u32) {
        let at = self.timers[slot as usize].at.clamp(self.tick, self.tick + HORIZON);
        let apart = (at ^ self.tick) | 1;
        let level = ((63 - apart.leading_zeros()) / SLOT_BITS).min(LEVELS as u32 - 1) as usize;
        let place = (at >> (SLOT_BITS * level as u32)) as usize % SLOTS;
        let head = self.heads[level][place];
        let timer = &mut self.timers[slot as usize];
        (timer.prev, timer.next) = (NONE, head);
        timer.place = Some((level as u8, place as u8));
        if head != NONE {
            self.timers[head as usize].prev = slot;
        }
        self.heads[level][place] = slot;
        self.used[level] |= 1 << place;
    }

    fn unlink(&mut self, slot: u32) {
        let timer = &mut self.timers[slot as usize];
        let (prev, next) = (timer.prev, timer.next);
        let Some((level, place)) = timer.place.take() else { return };
        if next != NONE {
            self.timers[next as usize].prev = prev;
        }
        if prev != NONE {
            self.timers[prev as usize].next = next;
        } else {
            self.heads[level as usize][place as usize] = next;
            if next == NONE {
                self.used[level as usize] &= !(1 << place);
            }
        }
    }

    fn allocate(&mut self) -> u32 {
        if self.free == NONE {
            let timer = Timer {
                at: 0,
                token: 0,
                next: NONE,
                prev: NONE,
                generation: 0,
                cell: 0,
                place: None,
            };
            self.timers.push(timer);
            return self.timers.len() as u32 - 1;
        }
        let slot = self.free;
        self.free = self.timers[slot as usize].next;
        slot
    }

    fn release(&mut self, slot: u32) {
        let timer = &mut self.timers[slot as usize];
        timer.generation = timer.generation.wrapping_add(1);
        timer.next = self.free;
        let cell = timer.cell;
        self.free = slot;
        self.live -= 1;
        self.bound_of(cell).0 -= 1;
    }
}
