//! Clients in virtual time: when they ask, how long they wait, what they do when they fail.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::ops::Range;
use std::time::Duration;

use sluicegate::Time;

use crate::arrivals::Arrivals;
use crate::plan::{Rate, TRIES_MAX};
use crate::record::Row;
use crate::report::{Outcome, Report};
use crate::retry::Retry;
use sluicegate::sim::Random;

/// Bits of a flow's number that say which try of its request it is.
const TRY_BITS: u32 = 8;
const _: () = assert!(TRIES_MAX < 1 << TRY_BITS);

/// Clients of one kind.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    pub name: String,
    pub asks: Asks,
    pub retry: Retry,
    /// The higher matters more.
    pub class: u8,
    /// By which numbers queues know them. In an open loop each request is somebody's by chance; in
    /// a closed one each user has a number, as long as there are as many.
    pub clients: Range<u16>,
    /// After so long an attempt is given up, if ever.
    pub patience: Option<Duration>,
}

/// When they ask.
#[derive(Clone, Debug)]
pub(super) enum Asks {
    /// Whatever becomes of former requests.
    Open(Rate),
    /// So many users ask, wait for what becomes of it, and think.
    Closed {
        users: usize,
        /// The mean of an exponential spread, after an answer and after a refusal.
        think: [Duration; 2],
        /// When they are there.
        there: Range<Duration>,
    },
}

/// An attempt that is due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Due {
    pub flow: u64,
    pub at: Time,
    pub class: u8,
    pub client: u16,
}

/// All clients of a run, and what became of what they asked.
pub(super) struct Crowd {
    kinds: Vec<Kind>,
    arrivals: Vec<Option<Arrivals>>,
    outcomes: Vec<Outcome>,
    seconds: usize,
    random: Random,
    /// What happens next, and in which order it was planned: one a user, one or two a request
    /// under way.
    moments: BinaryHeap<Reverse<(Time, u64, Moment)>>,
    planned: u64,
    requests: HashMap<u64, Request>,
    asked: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    /// The next request of an open loop comes.
    Arrival(usize),
    /// A user has thought.
    User(usize, usize),
    /// A request is tried again.
    Again(u64),
    /// A client has waited for long enough for this flow.
    GiveUp(u64),
}

/// A request that is not settled.
#[derive(Clone, Copy, Debug)]
struct Request {
    kind: usize,
    user: Option<usize>,
    client: u16,
    meant: Time,
    /// When this try was.
    tried: Time,
    tries: u32,
}

impl Crowd {
    pub fn new(kinds: &[Kind], seconds: usize, seed: u64) -> Self {
        let mut crowd = Self {
            kinds: kinds.to_vec(),
            arrivals: Vec::new(),
            outcomes: kinds.iter().map(|kind| kind.outcome(seconds)).collect(),
            seconds,
            random: Random::new(seed),
            moments: BinaryHeap::new(),
            planned: 0,
            requests: HashMap::new(),
            asked: 0,
        };
        for n in 0..kinds.len() {
            crowd.begin(n, seed);
        }
        crowd
    }

    /// When anything happens next.
    pub fn next(&self) -> Option<Time> {
        self.moments.peek().map(|Reverse((at, ..))| *at)
    }

    /// The next attempt that is due by `now`.
    pub fn due(&mut self, now: Time) -> Option<Due> {
        while self.next().is_some_and(|at| at <= now) {
            let Reverse((at, _, moment)) = self.moments.pop()?;
            let due = match moment {
                Moment::Arrival(kind) => {
                    self.next_arrival(kind);
                    Some(self.ask(kind, None, at))
                }
                Moment::User(kind, user) => Some(self.ask(kind, Some(user), at)),
                Moment::Again(number) => Some(self.attempt(number, at)),
                Moment::GiveUp(flow) => {
                    if let Some((number, request)) = self.under_way(flow) {
                        self.row(request.kind, request.tried).timeouts += 1;
                        self.failed(number, request, at);
                    }
                    None
                }
            };
            if due.is_some() {
                return due;
            }
        }
        None
    }

    /// A flow was answered.
    pub fn answered(&mut self, flow: u64, at: Time, target: Duration) {
        let Some((number, request)) = self.under_way(flow) else { return };
        let patience = self.kinds[request.kind].patience;
        if patience.is_some_and(|patience| at.since(request.tried) > patience) {
            // Its client gives up before, at a moment that is planned.
            return;
        }
        self.row(request.kind, request.tried).ok += 1;
        let took = at.since(request.meant);
        let row = self.row(request.kind, request.meant);
        row.latency.record(took);
        let good = took <= target;
        *(if good { &mut row.good } else { &mut row.late }) += 1;
        if let Some(user) = request.user.filter(|_| good) {
            self.outcomes[request.kind].per_client[user] += 1;
        }
        self.settled(number, request, at, 0);
    }

    /// A flow was refused.
    pub fn refused(&mut self, flow: u64, at: Time) {
        let Some((number, request)) = self.under_way(flow) else { return };
        let row = self.row(request.kind, request.tried);
        row.refused += 1;
        row.refusal.record(at.since(request.tried));
        self.failed(number, request, at);
    }

    pub fn report(self) -> Report {
        let time = Duration::from_secs(self.seconds as u64);
        Report { populations: self.outcomes, void: Vec::new(), time }
    }

    /// Plans the first that clients of a kind ask for.
    fn begin(&mut self, kind: usize, seed: u64) {
        let (mut arrivals, mut users_there) = (None, 0..0);
        let (mut from, mut spread) = (Duration::ZERO, Duration::ZERO);
        match &self.kinds[kind].asks {
            Asks::Open(rate) => {
                let random = Random::stream(seed, kind as u64);
                arrivals = Some(Arrivals::new(rate.clone(), random));
            }
            Asks::Closed { users, think, there } => {
                (users_there, from, spread) = (0..*users, there.start, think[0]);
            }
        }
        self.arrivals.push(arrivals);
        self.next_arrival(kind);
        for user in users_there {
            // As long as after any other request, so that the crowd asks as much all the time.
            let first = from + spread.mul_f64(self.random.exponential());
            self.plan_user(kind, user, Time(0) + first);
        }
    }

    fn next_arrival(&mut self, kind: usize) {
        if let Some(due) = self.arrivals[kind].as_mut().and_then(Arrivals::next) {
            self.plan(Time(0) + due, Moment::Arrival(kind));
        }
    }

    fn ask(&mut self, kind: usize, user: Option<usize>, at: Time) -> Due {
        let number = self.asked;
        self.asked += 1;
        let draw = || (self.random.unit() * 1e9) as usize;
        let client = self.kinds[kind].client(user.unwrap_or_else(draw));
        let request = Request { kind, user, client, meant: at, tried: at, tries: 0 };
        self.requests.insert(number, request);
        let outcome = &mut self.outcomes[kind];
        outcome.most_under_way = outcome.most_under_way.max(self.requests.len());
        self.row(kind, at).first += 1;
        self.attempt(number, at)
    }

    fn attempt(&mut self, number: u64, at: Time) -> Due {
        let request =
            self.requests.get_mut(&number).expect("a request is tried until it is settled");
        (request.tried, request.tries) = (at, request.tries + 1);
        let Request { kind, client, tries, .. } = *request;
        let flow = number << TRY_BITS | u64::from(tries);
        self.row(kind, at).attempts += 1;
        let Kind { patience, class, .. } = self.kinds[kind];
        if let Some(patience) = patience {
            self.plan(at + patience, Moment::GiveUp(flow));
        }
        Due { flow, at, class, client }
    }

    /// The request of a flow, if that is what its client waits for.
    fn under_way(&self, flow: u64) -> Option<(u64, Request)> {
        let number = flow >> TRY_BITS;
        let request = *self.requests.get(&number)?;
        (u64::from(request.tries) == flow & ((1 << TRY_BITS) - 1)).then_some((number, request))
    }

    fn failed(&mut self, number: u64, request: Request, at: Time) {
        let retry = self.kinds[request.kind].retry;
        match retry.pause(request.tries, &mut self.random) {
            Some(pause) => self.plan(at + pause, Moment::Again(number)),
            None => {
                self.row(request.kind, request.meant).failed += 1;
                self.settled(number, request, at, 1);
            }
        }
    }

    fn settled(&mut self, number: u64, request: Request, at: Time, think: usize) {
        self.requests.remove(&number);
        if let (Some(user), Asks::Closed { think: thinks, .. }) =
            (request.user, &self.kinds[request.kind].asks)
        {
            let think = thinks[think].mul_f64(self.random.exponential());
            self.plan_user(request.kind, user, at + think);
        }
    }

    /// Has a user ask who is still there then.
    fn plan_user(&mut self, kind: usize, user: usize, at: Time) {
        if self.kinds[kind].is_there(at, self.seconds) {
            self.plan(at, Moment::User(kind, user));
        }
    }

    /// The row of a time: the last is of all that comes after the end.
    fn row(&mut self, kind: usize, at: Time) -> &mut Row {
        let second = at.since(Time(0)).as_secs() as usize;
        &mut self.outcomes[kind].rows[second.min(self.seconds)]
    }

    fn plan(&mut self, at: Time, moment: Moment) {
        self.moments.push(Reverse((at, self.planned, moment)));
        self.planned += 1;
    }
}

impl Kind {
    /// The number of the `n`-th client.
    fn client(&self, n: usize) -> u16 {
        self.clients.start + (n % self.clients.len().max(1)) as u16
    }

    fn is_there(&self, at: Time, seconds: usize) -> bool {
        let Asks::Closed { there, .. } = &self.asks else { return false };
        let at = at.since(Time(0));
        there.contains(&at) && at < Duration::from_secs(seconds as u64)
    }

    fn outcome(&self, seconds: usize) -> Outcome {
        let users = match self.asks {
            Asks::Closed { users, .. } => users,
            Asks::Open(_) => 0,
        };
        Outcome {
            name: self.name.clone(),
            rows: vec![Row::default(); seconds + 1],
            per_connection: Vec::new(),
            per_client: vec![0; users],
            errors: BTreeMap::new(),
            opened: 0,
            starved: 0,
            most_under_way: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn users(users: usize, retry: Retry) -> Kind {
        let asks = Asks::Closed { users, think: [S, S * 2], there: Duration::ZERO..S * 100 };
        let name = "users".to_owned();
        Kind { name, asks, retry, class: 3, clients: 7..8, patience: Some(S) }
    }

    fn settled(crowd: Crowd) -> Row {
        let total = crowd.report().total();
        assert!(total.is_settled(), "{total:?}");
        total
    }

    #[test]
    fn a_user_asks_waits_and_thinks() {
        let mut crowd = Crowd::new(&[users(1, Retry::Never)], 10, 1);
        let mut asked = 0;
        while let Some(next) = crowd.next() {
            if let Some(due) = crowd.due(next) {
                assert_eq!((due.at, due.class, due.client), (next, 3, 7));
                assert_eq!(crowd.due(next), None, "one at a time");
                crowd.answered(due.flow, next + S / 10, S / 2);
                asked += 1;
            }
        }
        let row = settled(crowd);
        assert!((3..20).contains(&asked), "{asked}");
        assert_eq!((row.first, row.good), (asked, asked));
        // Histograms are right within 1 %.
        assert!((100..=101).contains(&row.latency.longest().as_millis()), "{row:?}");
    }

    #[test]
    fn who_is_refused_or_not_heard_tries_again_and_gives_up() {
        let mut crowd = Crowd::new(&[users(1, Retry::AtOnce(2))], 1, 1);
        let first = crowd.due(Time(u64::MAX)).expect("a user");
        crowd.refused(first.flow, first.at + S / 10);
        let second = crowd.due(Time(u64::MAX)).expect("at once");
        assert_eq!(second.at, first.at + S / 10);
        crowd.answered(first.flow, second.at, S);
        // The answer to the second comes too late, and its client has gone by then.
        crowd.answered(second.flow, second.at + S * 2, S);
        let third = crowd.due(Time(u64::MAX)).expect("after a second");
        assert_eq!(third.at, second.at + S);
        crowd.refused(third.flow, third.at);
        assert_eq!(crowd.due(Time(u64::MAX)), None, "the run is over");
        let row = settled(crowd);
        assert_eq!((row.first, row.failed, row.attempts), (1, 1, 3));
        assert_eq!((row.refused, row.timeouts, row.ok), (2, 1, 0));
    }
}
