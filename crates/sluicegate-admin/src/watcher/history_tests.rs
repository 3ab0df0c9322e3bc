//! The history against one that forgets nothing.

use super::*;
use proptest::prelude::*;

/// Of each tick its time, the row of the net, and that of each stage that was there.
type Ticks = Vec<(i64, u8, [Option<u8>; 3])>;

const NAMES: [&str; 3] = ["a", "b", "c"];

fn row(n: u8) -> Row {
    let n = f32::from(n);
    // Every fourth number is not known.
    let wait_p99_us = if n % 4.0 == 0.0 { f32::NAN } else { n };
    Row {
        served_s: n,
        arrivals_s: n + 1.0,
        refused_s: n / 2.0,
        queued: 2.0 * n,
        saturation: 1.0 / (n + 1.0),
        wait_p99_us,
    }
}

/// A row of the model: the columns in the order of the answer.
type Line = (i64, [f32; 6]);

fn columns(row: Row) -> [f32; 6] {
    let Row { served_s, arrivals_s, refused_s, queued, saturation, wait_p99_us } = row;
    [served_s, arrivals_s, refused_s, queued, saturation, wait_p99_us]
}

/// What should be shown of the rows of one stage: those since it was first there.
fn expected(rows: &[(i64, Row)]) -> Vec<Line> {
    let fine_from = rows.len().saturating_sub(FINE);
    let folded = rows.chunks_exact(FOLDED).map(|ten| {
        let column = |n: usize| -> Vec<f32> {
            let all = ten.iter().map(|(_, row)| columns(*row)[n]);
            all.filter(|number| !number.is_nan()).collect()
        };
        let mean = |all: Vec<f32>| all.iter().sum::<f32>() / all.len() as f32;
        let worst = |all: Vec<f32>| all.into_iter().fold(f32::NAN, f32::max);
        let numbers = std::array::from_fn(|n| match n {
            0..3 => mean(column(n)),
            _ => worst(column(n)),
        });
        (ten[FOLDED - 1].0, numbers)
    });
    let folded: Vec<Line> = folded.collect();
    let kept = folded.len().saturating_sub(COARSE);
    let before = rows.get(fine_from).map_or(i64::MAX, |row| row.0);
    let coarse = folded[kept..].iter().filter(|line| line.0 < before).copied();
    coarse.chain(rows[fine_from..].iter().map(|(at, row)| (*at, columns(*row)))).collect()
}

fn lines(shown: &Shown) -> Vec<Line> {
    let line = |n: usize| {
        let numbers = [
            shown.served_s[n],
            shown.arrivals_s[n],
            shown.refused_s[n],
            shown.queued[n],
            shown.saturation[n],
            shown.wait_p99_us[n],
        ];
        (shown.t[n], numbers)
    };
    (0..shown.t.len()).map(line).collect()
}

/// Numbers that are not known are equal too.
fn same(one: &[Line], two: &[Line]) -> bool {
    let bits = |lines: &[Line]| -> Vec<(i64, [Option<u32>; 6])> {
        let known = |number: f32| (!number.is_nan()).then(|| number.to_bits());
        lines.iter().map(|(at, numbers)| (*at, numbers.map(known))).collect()
    };
    bits(one) == bits(two)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn what_is_shown_is_what_a_memory_without_end_would_show(
        ticks in prop::collection::vec(
            (1..3000_i64, any::<u8>(), prop::array::uniform3(prop::option::of(any::<u8>()))),
            0..4500,
        ),
        // All memory is full only after an hour.
        repeated in 1..3_usize,
    ) {
        let ticks: Ticks = std::iter::repeat_n(ticks, repeated).flatten().collect();
        let mut history = History::default();
        let (mut now, mut net) = (0, Vec::new());
        let mut stages: [Vec<(i64, Row)>; 3] = Default::default();
        for (step, n, there) in &ticks {
            now += step;
            let rows = there.iter().zip(NAMES);
            let rows = rows.filter_map(|(n, name)| Some((name, row((*n)?))));
            history.push(now, row(*n), rows);
            net.push((now, row(*n)));
            for (rows, n) in stages.iter_mut().zip(there) {
                rows.push((now, n.map_or(Row::BLANK, row)));
            }
        }
        let shown = history.show(None).expect("the net is always kept");
        prop_assert!(same(&lines(&shown), &expected(&net)));
        for (name, rows) in NAMES.iter().zip(&stages) {
            let seen = rows.iter().any(|(_, row)| !row.served_s.is_nan());
            match history.show(Some(name)) {
                Some(shown) => prop_assert!(seen && same(&lines(&shown), &expected(rows))),
                None => prop_assert!(!seen),
            }
        }
    }
}

#[test]
fn an_hour_takes_as_much_memory_as_it_says() {
    assert_eq!((FOLDED * COARSE, FINE), (3600, 300));
    assert_eq!(BYTES_PER_STAGE, 15_840);
    let mut history = History::default();
    let names: Vec<_> = (0..STAGES_KEPT + 5).map(|n| format!("s{n}")).collect();
    for at in 0..400 {
        history.push(at, row(1), names.iter().map(|name| (&**name, row(2))));
    }
    assert_eq!(history.stages.len(), STAGES_KEPT);
    let net = history.show(None).expect("it is always kept");
    assert_eq!(net.t.len(), FINE + (400 - FINE) / FOLDED);
    assert!(history.show(Some("s0")).is_some() && history.show(Some("s516")).is_none());
    // Those that are there go before those that were.
    history.push(400, row(1), names[STAGES_KEPT..].iter().map(|name| (&**name, row(2))));
    let kept = history.show(Some("s516")).expect("there is room now");
    assert_eq!((history.stages.len(), kept.t.len()), (5, FINE + 10));
    assert!(kept.served_s[..kept.t.len() - 1].iter().all(|number| number.is_nan()));
}

#[test]
fn what_was_before_another_clock_began_is_negative() {
    let mut history = History::default();
    for at in [1000, 2000, 3000] {
        history.push(at, row(1), std::iter::empty());
    }
    history.shift(4000);
    history.push(700, row(1), std::iter::empty());
    let shown = history.show(None).expect("the net");
    assert_eq!((shown.t, shown.now_ms), (vec![-3000, -2000, -1000, 700], 700));
}

#[test]
fn what_is_not_known_is_null_and_numbers_are_short() {
    let mut history = History::default();
    history.push(1, Row { served_s: 0.1, ..Row::BLANK }, std::iter::empty());
    let text = serde_json::to_string(&history.show(None)).expect("JSON");
    let expected = "\"t\":[1],\"served_s\":[0.1],\"arrivals_s\":[null]";
    assert!(text.contains(expected), "{text}");
}
