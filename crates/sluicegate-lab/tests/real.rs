//! The generator on real sockets, on each backend: what it counts is what the server saw.

mod common;

use std::net::{IpAddr, TcpListener};
use std::time::Duration;

use common::{Manner, backends, real};
use sluicegate_io::Asked;
use sluicegate_lab::{Load, Plan, Population, Rate, Retry, RunError, run};

/// So patient that a slow machine changes no count.
const PATIENT: Duration = Duration::from_secs(60);

fn plan(load: Load, most: usize) -> Plan {
    let mut population = Population::new("all", load, "/", most, PATIENT);
    population.timeout = PATIENT;
    population.addresses = Some(([127, 9, 0, 1].into(), 16));
    let mut plan =
        Plan::new("127.0.0.1:1".parse().unwrap(), population, Duration::from_millis(500));
    // Whether the machine is busy is not what is tested.
    plan.lag_max = PATIENT;
    plan
}

#[test]
fn all_that_an_open_loop_asks_is_answered_and_counted() {
    for backend in backends() {
        let rate = Rate { poisson: false, ..Rate::steady(1000.0, PATIENT) };
        let (report, seen) =
            real(plan(Load::Open(rate), 200), backend, |_, _| Manner::Answer(200, Duration::ZERO));
        let total = report.total();
        assert_eq!((total.first, total.good, total.lag.count()), (499, 499, 499), "{backend:?}");
        assert_eq!((seen.requests, report.populations[0].opened), (499, 200));
        assert_eq!(total.bytes, 2 * 499);
        assert!(report.void.is_empty());
        let expected: Vec<IpAddr> = (1..=16).map(|n| [127, 9, 0, n].into()).collect();
        assert_eq!(seen.by_address.into_keys().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_closed_loop_of_thousands_has_no_more_than_its_users_under_way() {
    for backend in backends() {
        let load = Load::Closed { users: 2000, think: Duration::ZERO };
        // Silence would not end: the last of many are answered after the plan's end.
        let (report, seen) =
            real(plan(load, 1), backend, |_, _| Manner::Answer(200, Duration::from_millis(100)));
        let total = report.total();
        assert_eq!((total.first, total.good), (seen.requests, seen.requests), "{backend:?}");
        assert!(seen.under_way.iter().all(|under_way| *under_way <= 2000));
        assert_eq!(report.populations[0].opened, 2000);
    }
}

#[test]
fn refusals_are_tried_again_as_planned() {
    for backend in backends() {
        let rate = Rate { poisson: false, ..Rate::steady(200.0, PATIENT) };
        let mut plan = plan(Load::Open(rate), 10);
        plan.populations[0].retry = Retry::AtOnce(2);
        plan.populations[0].connections.keep = false;
        let (report, seen) = real(plan, backend, |_, _| Manner::Answer(503, Duration::ZERO));
        let total = report.total();
        assert_eq!((total.first, total.attempts, total.refused), (99, 297, 297), "{backend:?}");
        assert_eq!((seen.requests, report.populations[0].opened), (297, 297));
    }
}

#[test]
fn nobody_there_is_told_as_an_error() {
    for backend in backends() {
        let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let rate = Rate { poisson: false, ..Rate::steady(100.0, PATIENT) };
        let mut plan = plan(Load::Open(rate), 10);
        plan.to = gone.to_string().parse().unwrap();
        let report = run(&plan, backend).unwrap();
        let errors: Vec<_> = report.populations[0].errors.iter().collect();
        let [(why, 49)] = errors[..] else { panic!("{errors:?}") };
        assert!(why.starts_with("no connection: Connection refused"), "{why}");
        assert_eq!(report.usual_error(), Some(why.as_str()));
        assert!(report.void.is_empty(), "that is the server's fault");
    }
}

#[test]
fn a_generator_that_is_late_says_that_its_run_is_void() {
    let rate = Rate { poisson: false, ..Rate::steady(200.0, PATIENT) };
    let mut plan = plan(Load::Open(rate), 10);
    plan.lag_max = Duration::ZERO;
    let (report, _) = real(plan, Asked::Epoll, |_, _| Manner::Answer(200, Duration::ZERO));
    assert!(report.markdown().contains("**void**: the generator itself was"));
}

#[test]
fn a_plan_that_cannot_be_is_not_begun() {
    let mut plan = plan(Load::Open(Rate::steady(-1.0, PATIENT)), 1);
    plan.to = "127.0.0.1:1".parse().unwrap();
    assert!(matches!(run(&plan, Asked::Epoll), Err(RunError::Plan(_))));
}

#[test]
fn who_looks_at_the_clock_all_the_time_still_hears_answers() {
    for backend in backends() {
        let rate = Rate { poisson: false, ..Rate::steady(1000.0, PATIENT) };
        let mut plan = plan(Load::Open(rate), 1000);
        plan.spin = true;
        let (report, _) = real(plan, backend, |_, _| Manner::Answer(200, Duration::ZERO));
        let outcome = &report.populations[0];
        assert_eq!((outcome.total().first, outcome.total().good), (499, 499), "{backend:?}");
        assert!(outcome.most_under_way < 499, "none was answered before the plan was over");
    }
}
