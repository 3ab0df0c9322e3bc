//! Six classes of requests, of which only some fit: the higher the class, the surer the answer.

use super::{Clients, Phase, Point, Span, Times};
use crate::overload::handler::CLASSES;

/// What is asked for in all.
const LOAD: f64 = 3.0;
/// Hundredths of it by class, from 0 on: few requests matter most or least, so that the two
/// highest classes fit.
const SHARES: [f64; CLASSES as usize] = [5.0, 15.0, 30.0, 30.0, 15.0, 5.0];

pub(super) fn point(times: &Times) -> Point {
    let (mut clients, mut phases) = (Vec::new(), Vec::new());
    // What the higher classes leave.
    let mut room = 1.0;
    for (class, share) in (0..CLASSES).zip(SHARES).rev() {
        let load = LOAD * share / 100.0;
        let name = format!("class {class}");
        let spans = vec![Span { load, seconds: times.step }];
        let phase = Phase::new(format!("{name}: {load}x"), clients.len(), 0..times.step as usize);
        phases.push(Phase { room, ..phase });
        clients.push(Clients { class, ..Clients::new(&name, spans) });
        room = f64::max(0.0, room - load);
    }
    Point::new("classes", clients, phases)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_highest_classes_fit_and_the_lower_ones_get_what_is_left() {
        let point = point(&Times::FULL);
        assert_eq!(
            point.clients.iter().map(|one| one.class).collect::<Vec<_>>(),
            [5, 4, 3, 2, 1, 0]
        );
        let loads: Vec<f64> = point.clients.iter().map(|one| one.load(0)).collect();
        assert!((loads.iter().sum::<f64>() - LOAD).abs() < 1e-9);
        for (n, phase) in point.phases.iter().enumerate() {
            assert_eq!(phase.clients, n);
            let above: f64 = loads[..n].iter().sum();
            assert!((phase.room - (1.0 - above).max(0.0)).abs() < 1e-9, "{}", phase.name);
            assert_eq!(loads[n] <= phase.room, n < 2, "{}", phase.name);
        }
    }
}
