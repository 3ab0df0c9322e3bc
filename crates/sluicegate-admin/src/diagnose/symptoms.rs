//! What shows that something is wrong, and how much: mostly not where the cause is.

use super::look::{BUSY, Look};

/// From this share of its places on a queue fills.
const FILLS: f64 = 0.5;
/// A smaller share of what is offered is refused by chance, or for what clients do.
const REFUSES: f64 = 0.01;
/// A window that is out at both looks mostly is; alone it may be well.
const OUT: f64 = 0.3;
/// So many events a thread wait for one that is busy, at least, where work piles up.
const WAITING: u64 = 2;

/// Something that is wrong at a stage.
#[derive(Clone, Debug)]
pub struct Symptom {
    pub stage: usize,
    /// How bad it is: about 1 where the stage is held up altogether.
    pub weight: f64,
}

/// All that is wrong.
pub fn of(look: &Look<'_>) -> Vec<Symptom> {
    let all =
        (0..look.now.stages.len()).map(|stage| Symptom { stage, weight: weight(look, stage) });
    all.filter(|symptom| symptom.weight > 0.0).collect()
}

fn weight(look: &Look<'_>, n: usize) -> f64 {
    let (stage, rates) = (look.stage(n), look.rates(n));
    let mut weight = 0.0;
    if look.is_parked(n) {
        weight += rates.parked.max(0.5);
    }
    if rates.filled >= FILLS {
        weight += rates.filled;
    }
    let refused = refused(look, n);
    let share = refused / (refused + rates.served_s).max(f64::MIN_POSITIVE);
    if share >= REFUSES {
        weight += 0.5 + share;
    }
    let piles = stage.queued >= WAITING * stage.threads();
    // With few clients there are never many that wait, but those do for as long as they are served.
    let lasts = rates.wait_us.zip(rates.service_us).is_some_and(|(wait, service)| wait >= service);
    if (piles || lasts) && (rates.utilisation >= BUSY || look.is_at_something(n)) {
        weight += 0.75;
    }
    if stage.queued > 0 && rates.served_s == 0.0 && look.rates.seconds > 0.0 {
        weight += 0.75;
    }
    if look.wires(n).any(|(number, wire)| look.was_out(number) && look.is_out(wire)) {
        weight += OUT;
    }
    if look.is_stalled(n) || stage.broken_now > 0 {
        weight += 1.0;
    }
    if stage.paused {
        weight += if stage.queued > 0 { 1.0 } else { 0.25 };
    }
    weight
}

/// What the stage's own queue refuses, and what ends while it runs for no fault of the client.
fn refused(look: &Look<'_>, n: usize) -> f64 {
    let rates = look.rates(n);
    let ends = ["failed", "broken", "dropped", "expired"];
    let ended: f64 = ends.iter().filter_map(|why| rates.refused_by.get(*why)).sum();
    let lost = look.rates.wires.iter().filter(|wire| wire.to == rates.name);
    rates.gate_refused_s + ended + lost.map(|wire| wire.lost_s).sum::<f64>()
}
