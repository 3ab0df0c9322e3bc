//! The generator in virtual time: what it measures is what there is, to the tick.

mod common;

use std::time::Duration;

use common::{Manner, TURN, simulated, simulated_over};
use sluicegate::Time;
use sluicegate_lab::{Ask, Load, Pick, Piece, Plan, Population, Rate, Retry};

const OK: Manner = Manner::Answer(200, Duration::ZERO);
/// Timers have ticks of a millisecond.
const TICK: Duration = Duration::from_millis(1);
/// The longest way of the simulated network.
const WAY: Duration = Duration::from_micros(200);
const SECOND: Time = Time(1_000_000_000);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn open(rate: f64, seconds: u64, change: impl FnOnce(&mut Population)) -> Plan {
    let time = Duration::from_secs(seconds);
    let load = Load::Open(Rate { poisson: false, ..Rate::steady(rate, time) });
    of(load, seconds, change)
}

fn closed(users: usize, think: Duration, change: impl FnOnce(&mut Population)) -> Plan {
    of(Load::Closed { users, think }, 2, change)
}

fn of(load: Load, seconds: u64, change: impl FnOnce(&mut Population)) -> Plan {
    let mut population = Population::new("all", load, "/", 100, ms(100));
    change(&mut population);
    Plan::new("unix:/unused".parse().unwrap(), population, Duration::from_secs(seconds))
}

#[test]
fn a_known_delay_is_measured_to_the_tick() {
    let (report, seen) = simulated(open(200.0, 3, |_| ()), |_, _| Manner::Answer(200, ms(20)));
    let total = report.total();
    assert_eq!((total.first, total.good, seen.requests), (599, 599, 599));
    // Opening is there and back, so is asking; a tick is lost by the plan and one by the server.
    let most = ms(20) + 4 * WAY + 2 * TICK + 10 * TURN;
    let (least, longest) = (total.latency.at(0.0), total.latency.longest());
    assert!(least >= ms(20), "{least:?}");
    assert!(longest <= most.mul_f64(1.01), "{longest:?}, at most {most:?}");
    assert!(total.lag.longest() <= TICK + 2 * TURN, "{:?}", total.lag.longest());
    assert!(report.void.is_empty());
}

/// Answers nothing during the third second.
fn stalls(_: u64, now: Time) -> Manner {
    let second = Time(3 * SECOND.0);
    let stalled = (2 * SECOND.0..second.0).contains(&now.0);
    if stalled { Manner::Answer(200, second - now) } else { OK }
}

#[test]
fn a_stall_costs_all_that_were_meant_to_be_sent_in_it() {
    let (report, _) = simulated(open(100.0, 5, |p| p.timeout = ms(5000)), stalls);
    let rows = &report.populations[0].rows;
    assert_eq!(rows.iter().map(|row| row.first).collect::<Vec<_>>(), [99, 100, 100, 100, 100, 0]);
    // The one that was meant for 2.000 s may come a tick before the stall or into it.
    let stalled = &rows[2];
    assert!((89..=91).contains(&stalled.late), "{}", stalled.late);
    let mean = stalled.latency.mean();
    assert!(mean > ms(490) && mean < ms(520), "each waits for what is left: {mean:?}");
    assert!(rows.iter().enumerate().all(|(n, row)| n == 2 || row.late == 0));
}

#[test]
fn a_closed_loop_hides_the_same_stall() {
    let plan = of(Load::Closed { users: 1, think: ms(10) }, 5, |p| p.timeout = ms(5000));
    let (report, _) = simulated(plan, stalls);
    assert_eq!(report.total().late, 1, "one user waits once");
}

#[test]
fn a_busy_connection_is_waited_for_and_the_wait_counts() {
    // Two at once take 20 ms each: 100 a second, of 200 that come.
    let plan = open(200.0, 2, |p| {
        p.connections.most = 2;
        p.timeout = ms(10_000);
        p.target = ms(10_000);
    });
    let (report, seen) = simulated(plan, |_, _| Manner::Answer(200, ms(20)));
    let total = report.total();
    assert_eq!(total.first, total.good);
    assert_eq!(seen.under_way.iter().max(), Some(&2));
    assert!(total.latency.longest() > ms(1900), "{:?}", total.latency.longest());
    assert!(report.void.is_empty(), "the server is slow, not the generator");
}

#[test]
fn paths_change_when_it_is_time_and_a_retry_asks_for_the_same() {
    fn refuses_every_other(number: u64, _: Time) -> Manner {
        Manner::Answer(if number.is_multiple_of(2) { 503 } else { 200 }, Duration::ZERO)
    }
    let ask = |path: &str, share, from, cost| {
        let (from, cost) = (ms(from), ms(cost));
        Ask { path: path.to_owned(), share, from, cost }
    };
    let plan = open(100.0, 4, |p| {
        p.retry = Retry::AtOnce(1);
        p.asks = vec![ask("/cheap", 3, 0, 1), ask("/dear", 1, 0, 5), ask("/then", 1, 2000, 2)];
    });
    let (report, seen) = simulated(plan, refuses_every_other);
    assert_eq!(report.total().good, 399);
    assert!(seen.paths.chunks(2).all(|tries| tries[0] == tries[1]), "{:?}", seen.paths);
    let count = |path: &str| seen.paths.iter().filter(|seen| *seen == path).count() / 2;
    assert_eq!((count("/cheap") + count("/dear"), count("/then")), (199, 200));
    // Three standard errors of 199 draws of a quarter are 18.
    assert!(count("/dear").abs_diff(50) <= 18, "{}", count("/dear"));
    let work = ms((count("/cheap") + 5 * count("/dear") + 2 * count("/then")) as u64);
    let total = report.total();
    assert_eq!([total.asked_work, total.good_work, total.ok_work], [work; 3], "once a request");
}

#[test]
fn retries_and_budgets_count_exactly() {
    fn refuses(_: u64, _: Time) -> Manner {
        Manner::Answer(503, Duration::ZERO)
    }
    let backoff = Retry::Backoff { times: 2, base: ms(10), most: ms(100) };
    for (retry, budget, attempts, unpaid) in [
        (Retry::Never, None, 199, 0),
        (Retry::AtOnce(3), None, 4 * 199, 0),
        (backoff, None, 3 * 199, 0),
        (Retry::AtOnce(3), Some(10), 199 + 19, 199),
        (Retry::AtOnce(1), Some(50), 199 + 99, 199 - 99),
    ] {
        let plan = open(100.0, 2, |p| (p.retry, p.budget) = (retry, budget));
        let (report, seen) = simulated(plan, refuses);
        let total = report.total();
        let counted = (total.first, total.attempts, total.refused, total.failed, total.unpaid);
        assert_eq!(counted, (199, attempts, attempts, 199, unpaid), "{retry:?} {budget:?}");
        assert_eq!((seen.requests, total.refusal.count()), (attempts, attempts));
        assert_eq!(total.retries(), attempts - 199);
    }
}

#[test]
fn a_retry_that_is_answered_makes_its_request_good() {
    let plan = open(100.0, 2, |p| p.retry = Retry::AtOnce(3));
    let odd = |n: u64, _: Time| {
        if n.is_multiple_of(2) { Manner::Answer(429, Duration::ZERO) } else { OK }
    };
    let (report, _) = simulated(plan, odd);
    let total = report.total();
    assert_eq!(total.good + total.failed, 199);
    assert_eq!(total.failed, 0);
    assert_eq!((total.attempts, total.refused, total.ok), (2 * 199, 199, 199));
}

#[test]
fn who_gets_no_answer_gives_up_in_time_and_opens_anew() {
    let plan = open(50.0, 2, |p| {
        p.timeout = ms(200);
        p.connections.most = 1;
    });
    let (report, seen) = simulated(plan, |_, _| Manner::Silent);
    let total = report.total();
    assert_eq!((total.first, total.timeouts, total.failed), (99, 99, 99));
    // The next in line has what is left of its own time, and a connection of its own.
    assert_eq!((seen.requests, report.populations[0].opened), (99, 99));
    // 200 ms of 50 a second.
    let most = report.populations[0].most_under_way;
    assert!((10..=11).contains(&most), "{most}");
}

#[test]
fn what_is_no_answer_is_an_error_and_told_apart() {
    let (report, _) = simulated(open(50.0, 2, |_| ()), |_, _| Manner::Cut);
    assert_eq!((report.total().errors, report.total().failed), (99, 99));
    let errors = report.populations[0].errors.clone();
    assert_eq!(errors.into_iter().collect::<Vec<_>>(), [("cut off in the middle".to_owned(), 99)]);
    let (report, _) = simulated(open(50.0, 2, |_| ()), |_, _| Manner::Answer(404, TICK));
    assert_eq!((report.total().odd, report.total().failed), (99, 99));
}

#[test]
fn a_closed_loop_keeps_exactly_its_users_under_way() {
    let (report, seen) =
        simulated(closed(7, Duration::ZERO, |_| ()), |_, _| Manner::Answer(200, ms(5)));
    assert_eq!(seen.under_way.iter().max(), Some(&7));
    assert_eq!(report.populations[0].most_under_way, 7);
    assert_eq!(report.populations[0].opened, 7);
    let total = report.total();
    assert_eq!((total.first, total.good), (seen.requests, seen.requests));
    // Each round takes the delay, both ways, and the server's tick.
    let rounds = 2000 / 7;
    assert!(total.first >= 7 * rounds && total.first <= 7 * 400, "{}", total.first);
}

#[test]
fn users_think_between_what_they_ask() {
    let (report, seen) = simulated(closed(10, ms(100), |_| ()), |_, _| OK);
    let total = report.total();
    // 2 s of rounds of 100 ms and at most two ticks.
    assert!((190..=200).contains(&total.first), "{}", total.first);
    assert!(seen.under_way.iter().max().unwrap() < &10, "they do not ask in step");
}

#[test]
fn connections_are_kept_rotated_reused_or_closed_as_planned() {
    let opened = |most, keep, pick| {
        let plan = open(100.0, 2, |p| {
            (p.connections.most, p.connections.keep, p.connections.pick) = (most, keep, pick);
        });
        let (report, _) = simulated(plan, |_, _| OK);
        assert_eq!(report.total().good, 199);
        report.populations[0].opened
    };
    assert_eq!(opened(50, true, Pick::Rotate), 50);
    assert_eq!(opened(50, true, Pick::Reuse), 1);
    assert_eq!(opened(50, false, Pick::Rotate), 199);
    let (report, _) = simulated(open(100.0, 2, |_| ()), |_, _| Manner::Last(200));
    assert_eq!((report.total().good, report.populations[0].opened), (199, 199));
}

#[test]
fn populations_have_their_rates_fields_and_addresses() {
    let mut plan = open(400.0, 2, |p| {
        p.name = "elephant".to_owned();
        p.fields = vec![("Class".to_owned(), "big".to_owned())];
        p.addresses = Some(([127, 1, 0, 1].into(), 1));
    });
    let mut mice = plan.populations[0].clone();
    mice.load = Load::Open(Rate::steady(100.0, Duration::from_secs(2)));
    mice.name = "mice".to_owned();
    mice.fields[0].1 = "small".to_owned();
    mice.addresses = Some(([127, 2, 0, 1].into(), 100));
    plan.populations.push(mice);
    let (report, seen) = simulated(plan, |_, _| OK);
    let [elephant, mice] = &report.populations[..] else { panic!("two populations") };
    let (big, small) = (elephant.total().first, mice.total().first);
    assert_eq!(big, 799);
    assert_eq!(
        seen.by_class.into_iter().collect::<Vec<_>>(),
        [("big".to_owned(), big), ("small".to_owned(), small)]
    );
    assert_eq!(seen.by_address.len(), 101);
    assert_eq!(seen.by_address[&"127.1.0.1".parse::<std::net::IpAddr>().unwrap()], big);
    assert_eq!((elephant.per_client.len(), mice.per_client.len()), (1, 100));
    assert!(mice.fairness() > 0.9 && mice.fairness() < 1.0, "{}", mice.fairness());
}

#[test]
fn a_seed_makes_one_run() {
    let csv = |seed| {
        let high = Piece { rate: 1000.0, time: ms(300) };
        let rate = Rate::on_off(Piece { rate: 50.0, ..high }, high, ms(2000));
        let mut plan = of(Load::Open(rate), 2, |p| {
            p.retry = Retry::Backoff { times: 3, base: ms(5), most: ms(50) };
        });
        plan.seed = seed;
        simulated(plan, |n, _| if n.is_multiple_of(5) { Manner::Answer(503, TICK) } else { OK })
            .0
            .csv()
    };
    assert_eq!(csv(3), csv(3));
    assert_ne!(csv(3), csv(4));
}

#[test]
fn no_connection_is_lost_while_the_client_has_its_hands_full() {
    // Connections stand a millisecond after they are asked for: when the next requests are due.
    let (way, rate) = (Duration::from_micros(500), 1e6);
    let rate = Rate { poisson: false, ..Rate::steady(rate, ms(4)) };
    let plan = of(Load::Open(rate), 1, |p| p.connections.most = 4000);
    let (report, _) = simulated_over((way, way), plan, |_, _| OK);
    let (total, opened) = (report.total(), report.populations[0].opened);
    assert_eq!((total.first, opened, total.ok, total.timeouts), (3999, 3999, 3999, 0));
}
