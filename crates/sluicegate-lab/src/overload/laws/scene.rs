//! What befalls services: steps of load, the profiles that real servers are put under, a million
//! clients, and the experiments of 2001 to 2003.

use std::net::Ipv4Addr;
use std::ops::Range;
use std::time::Duration;

use super::crowd::{Asks, Kind};
use super::service::Service;
use crate::overload::profile::{CROWD, Phase, Point, Profile, Times};
use crate::plan::Rate;
use crate::retry::Retry;

/// Clients are patient for so many targets, as in the experiment with real servers.
const PATIENCE: u32 = 4;
/// Clients of the largest crowd.
const MILLION: usize = 1_000_000;
const MILLION_QUICK: usize = 20_000;
/// The multiples of the capacity that it asks for.
const MILLION_LOADS: [f64; 4] = [0.8, 2.0, 5.0, 10.0];
/// Numbers that users can have; more share them.
const NUMBERS: usize = 50_000;
/// Before the step up, between it and the step down, and after that.
const STEP: [f64; 3] = [0.5, 2.0, 0.5];
/// What profiles can be played without a machine that is stopped, taken or short of descriptors.
const PROFILES: [Profile; 7] = [
    Profile::Steps,
    Profile::Spike,
    Profile::Retry,
    Profile::Greedy,
    Profile::Classes,
    Profile::Storm,
    Profile::Cold,
];

/// Scenes of one service.
pub(super) struct Group {
    pub name: &'static str,
    pub about: &'static str,
    pub service: Service,
    pub scenes: Vec<Scene>,
}

/// Who asks, and what is told apart of it.
pub(super) struct Scene {
    pub name: String,
    pub kinds: Vec<Kind>,
    pub seconds: usize,
    pub phases: Vec<Phase>,
    /// Whether its seconds are drawn.
    pub drawn: bool,
}

pub(super) fn groups(quick: bool) -> Vec<Group> {
    let fast = Service {
        cost: Duration::from_millis(1),
        threads: 8,
        inline: false,
        entering: Duration::from_micros(1),
        target: Duration::from_millis(50),
        degrades: false,
    };
    let page = Service {
        cost: Duration::from_millis(40),
        threads: 4,
        entering: Duration::from_micros(10),
        target: Duration::from_secs(1),
        ..fast
    };
    let inline = Service {
        cost: Duration::from_millis(2),
        threads: 1,
        inline: true,
        // What a refusal costs the real server.
        entering: Duration::from_micros(5),
        ..fast
    };
    let shed = Service { target: Duration::from_secs(5), ..page };
    let group =
        |name, about, service: Service, scenes: Vec<Scene>| Group { name, about, service, scenes };
    vec![
        group("fast", "a step of load and back", fast, vec![step(&fast, quick)]),
        group(
            "page",
            "a step of load and back, where SEDA is at home",
            page,
            vec![step(&page, quick)],
        ),
        group("profiles", "what real servers are put under", inline, profiles(&inline, quick)),
        group("million", "a million clients, most of whom think", fast, million(&fast, quick)),
        group(
            "shedding",
            "users who ask again at once (SOSP 2001, figure 13)",
            shed,
            vec![shedding(quick)],
        ),
        group(
            "users",
            "a sudden crowd, two classes (USITS 2003, figures 10 and 12)",
            page,
            vec![crowd(quick), classes(quick)],
        ),
        group(
            "degrading",
            "the same crowd, and pages made with less care under pressure",
            Service { degrades: true, ..page },
            vec![crowd(quick)],
        ),
    ]
}

/// Seconds of a scene.
fn length(seconds: usize, quick: bool) -> usize {
    if quick { seconds.div_ceil(20) } else { seconds }
}

fn step(service: &Service, quick: bool) -> Scene {
    let seconds = length(20, quick);
    let rates = STEP.map(|load| load * service.capacity());
    let rate = Rate::steps(&rates, Duration::from_secs(seconds as u64));
    let phase = |n: usize, name| Phase::new(name, 0, n * seconds..(n + 1) * seconds);
    let phases = vec![
        phase(0, format!("before: {}x", STEP[0])),
        phase(1, format!("step: {}x", STEP[1])),
        Phase { heals: true, ..phase(2, format!("after: {}x", STEP[2])) },
    ];
    let kinds = vec![open("clients", rate, service)];
    Scene { name: "step".to_owned(), kinds, seconds: 3 * seconds, phases, drawn: true }
}

fn open(name: &str, rate: Rate, service: &Service) -> Kind {
    Kind {
        name: name.to_owned(),
        asks: Asks::Open(rate),
        retry: Retry::Never,
        class: 0,
        clients: numbers(CROWD),
        patience: Some(service.target * PATIENCE),
    }
}

fn profiles(service: &Service, quick: bool) -> Vec<Scene> {
    let times = if quick { Times::QUICK } else { Times::FULL };
    let points = PROFILES.into_iter().flat_map(|profile| profile.points(&times));
    points.map(|point| of_point(&point, service)).collect()
}

fn of_point(point: &Point, service: &Service) -> Scene {
    let seconds = point.seconds();
    let kind = |clients: &crate::overload::Clients| {
        let pieces = clients.pieces(seconds, &[service.capacity()]);
        let kind = open(&clients.name, Rate { pieces, poisson: true }, service);
        Kind {
            retry: clients.retry,
            class: clients.class,
            clients: numbers(clients.addresses),
            ..kind
        }
    };
    let kinds = point.clients.iter().map(kind).collect();
    let phases = point.phases.clone();
    Scene { name: point.name.clone(), kinds, seconds, phases, drawn: false }
}

/// The numbers of the clients at so many addresses from this one on: those of the experiment
/// differ in their second octet or in the last.
fn numbers((first, count): (Ipv4Addr, u32)) -> Range<u16> {
    let [_, net, _, host] = first.octets();
    let first = u16::from_be_bytes([net, host]);
    first..first + count as u16
}

fn million(service: &Service, quick: bool) -> Vec<Scene> {
    let seconds = length(20, quick);
    let users = if quick { MILLION_QUICK } else { MILLION };
    let scene = |load: f64| {
        let think = Duration::from_secs_f64(users as f64 / (load * service.capacity()));
        let patience = Some(service.target * PATIENCE);
        let kind = Kind { patience, ..closed("clients", users, [think; 2], 0..seconds) };
        let phases = vec![Phase::new(format!("{load}x"), 0, 0..seconds)];
        Scene { name: format!("{load}x"), kinds: vec![kind], seconds, phases, drawn: false }
    };
    MILLION_LOADS.map(scene).into()
}

fn closed(name: &str, users: usize, think: [Duration; 2], there: Range<usize>) -> Kind {
    let second = |n: usize| Duration::from_secs(n as u64);
    Kind {
        name: name.to_owned(),
        asks: Asks::Closed { users, think, there: second(there.start)..second(there.end) },
        retry: Retry::Never,
        class: 0,
        clients: 1..1 + users.min(NUMBERS) as u16,
        patience: None,
    }
}

/// 1,024 users who think for 20 ms, also after a refusal.
fn shedding(quick: bool) -> Scene {
    let seconds = length(60, quick);
    let think = Duration::from_millis(20);
    let kinds = vec![closed("users", 1024, [think; 2], 0..seconds)];
    let phases = vec![Phase::new("1,024 users".to_owned(), 0, 0..seconds)];
    Scene { name: "shedding".to_owned(), kinds, seconds, phases, drawn: false }
}

/// How long users of the paper wait when they are refused, and how long they think else.
const REFUSED: Duration = Duration::from_secs(5);
const THINK: Duration = Duration::from_millis(100);

/// 3 users, 1,000 of them for a while, and 3 again.
fn crowd(quick: bool) -> Scene {
    let part = length(30, quick);
    let kinds = vec![
        closed("three", 3, [THINK, REFUSED], 0..3 * part),
        Kind { clients: 4..1001, ..closed("crowd", 997, [THINK, REFUSED], part..2 * part) },
    ];
    let phase = |name: &str, clients, n: usize| {
        Phase::new(name.to_owned(), clients, n * part..(n + 1) * part)
    };
    let phases = vec![
        phase("three before", 0, 0),
        phase("three in the crowd", 0, 1),
        phase("the crowd", 1, 1),
        Phase { heals: true, ..phase("three after", 0, 2) },
    ];
    Scene { name: "crowd".to_owned(), kinds, seconds: 3 * part, phases, drawn: false }
}

/// 128 users of each of two classes.
fn classes(quick: bool) -> Scene {
    let seconds = length(60, quick);
    let users = |name, class| Kind { class, ..closed(name, 128, [THINK, REFUSED], 0..seconds) };
    let kinds = vec![users("high", 1), users("low", 0)];
    let phase = |name: &str, clients| Phase::new(name.to_owned(), clients, 0..seconds);
    let phases = vec![phase("high", 0), phase("low", 1)];
    Scene { name: "classes".to_owned(), kinds, seconds, phases, drawn: false }
}
