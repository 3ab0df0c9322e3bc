//! From symptoms to causes, along backpressure.

use super::look::{BUSY, FULL, Look};
use super::symptoms::Symptom;

/// A worker that is busy beside others that have little to do.
const ALONE: f64 = 0.6;

/// What holds stages up.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// The stage that is the cause; of a window, the one that asks.
    pub stage: usize,
    pub why: Why,
    /// How bad all that is that leads to it.
    pub weight: f64,
    /// The wires that were followed, from the one that suffers to the cause.
    pub way: Vec<usize>,
    /// The stages that suffer by it.
    pub suffers: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    Stalled,
    Paused,
    Broken,
    /// Its threads are in handlers all the time, mostly in its own.
    Threads,
    /// One of its workers is.
    Uneven,
    /// The questions of this wire are all out.
    Window(usize),
    Gate,
    /// What it has in hand waits.
    InHand,
    Unclear,
}

/// The causes of symptoms, each once.
pub fn causes(look: &Look<'_>, symptoms: &[Symptom]) -> Vec<Cause> {
    let mut causes: Vec<Cause> = Vec::new();
    for symptom in symptoms {
        let mut walk = Walk { look, seen: vec![false; look.now.stages.len()], way: Vec::new() };
        let (stage, why) = walk.from(symptom.stage).unwrap_or((symptom.stage, Why::Unclear));
        let known = causes.iter_mut().find(|cause| (cause.stage, cause.why) == (stage, why));
        let cause = match known {
            Some(cause) => cause,
            None => {
                let (way, suffers) = (Vec::new(), Vec::new());
                causes.push(Cause { stage, why, weight: 0.0, way, suffers });
                causes.last_mut().expect("it was pushed")
            }
        };
        // What is clear is told before what is not.
        cause.weight += symptom.weight * if why == Why::Unclear { 0.1 } else { 1.0 };
        cause.suffers.push(symptom.stage);
        if walk.way.len() > cause.way.len() {
            cause.way = walk.way;
        }
    }
    causes
}

struct Walk<'a> {
    look: &'a Look<'a>,
    seen: Vec<bool>,
    way: Vec<usize>,
}

impl Walk<'_> {
    /// What holds a stage up; `None` where that is not told.
    fn from(&mut self, n: usize) -> Option<(usize, Why)> {
        if std::mem::replace(&mut self.seen[n], true) {
            return None;
        }
        self.own_fault(n).or_else(|| self.below(n)).or_else(|| self.own(n))
    }

    /// What holds it up whatever those do to which it sends.
    fn own_fault(&self, n: usize) -> Option<(usize, Why)> {
        let stage = self.look.stage(n);
        let why = match () {
            () if self.look.is_stalled(n) => Why::Stalled,
            () if stage.paused => Why::Paused,
            () if stage.broken_now > 0 => Why::Broken,
            () => return None,
        };
        Some((n, why))
    }

    /// What holds up those to which it sends, where they hold it up.
    fn below(&mut self, n: usize) -> Option<(usize, Why)> {
        let look = self.look;
        let parked = look.is_parked(n);
        let stage = look.stage(n);
        if !parked && look.rates(n).utilisation >= BUSY {
            return None;
        }
        let mut ways: Vec<(usize, f64)> = Vec::new();
        for (number, wire) in look.wires(n) {
            let Some(to) = look.target(wire) else { continue };
            let on = stage.parked_on.contains(&wire.port) || wire.held > 0;
            let full = look.rates(to).filled >= FULL;
            // What parked it a moment ago need not do so now.
            let strength = match () {
                () if parked && on && (full || look.is_out(wire)) => 4.0,
                () if parked && on => 3.0,
                () if look.is_out(wire) || full => 2.0,
                () if parked => look.rates(to).saturation,
                () => continue,
            };
            ways.push((number, strength));
        }
        ways.sort_by(|one, other| other.1.total_cmp(&one.1));
        ways.into_iter().find_map(|(wire, _)| self.over(n, wire))
    }

    /// What holds up whoever is to take, or to answer, what is sent over a wire.
    fn over(&mut self, n: usize, number: usize) -> Option<(usize, Why)> {
        let wire = &self.look.now.wires[number];
        let to = self.look.target(wire)?;
        self.way.push(number);
        let found = match wire.window {
            Some(_) => self.answers(n, to).or_else(|| {
                let on = self.look.stage(n).parked_on.contains(&wire.port);
                (on || self.look.is_out(wire)).then_some((n, Why::Window(number)))
            }),
            None => self.from(to),
        };
        if found.is_none() {
            self.way.pop();
        }
        found
    }

    /// What holds up those who are to answer `asker`, who is not among them.
    fn answers(&mut self, asker: usize, first: usize) -> Option<(usize, Why)> {
        let look = self.look;
        let mut reached = vec![first];
        let mut at = 0;
        while let Some(&n) = reached.get(at) {
            at += 1;
            let is_clear = |why| !matches!(why, Why::Unclear | Why::InHand);
            if n != asker
                && !self.seen[n]
                && let Some((stage, why)) = self.from(n)
                && is_clear(why)
            {
                return Some((stage, why));
            }
            let next = look.wires(n).filter(|(_, wire)| wire.copies.is_none());
            for to in next.filter_map(|(_, wire)| look.target(wire)) {
                if to != asker && !reached.contains(&to) {
                    reached.push(to);
                }
            }
        }
        None
    }

    /// What it is itself, where nobody else holds it up.
    fn own(&self, n: usize) -> Option<(usize, Why)> {
        let look = self.look;
        let rates = look.rates(n);
        if rates.utilisation >= BUSY || look.is_at_something(n) {
            return Some((n, Why::Threads));
        }
        if let Some(domain) = look.domain(n) {
            if domain.utilisation >= BUSY {
                return Some((look.busiest(n), Why::Threads));
            }
            let busiest = domain.busiest.unwrap_or_default();
            if busiest >= FULL && domain.utilisation < ALONE && look.stage(n).queued > 0 {
                return Some((look.busiest(n), Why::Uneven));
            }
        }
        if rates.gate_refused_s > 0.0 {
            return Some((n, Why::Gate));
        }
        let waits = look.stage(n).queued > 0;
        (waits && look.in_hand() > look.stage(n).threads()).then_some((n, Why::InHand))
    }
}
