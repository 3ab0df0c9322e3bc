//! A line of several clients in any order, beside a model that counts events: all cost the same,
//! but have weights.

use super::*;
use crate::time::Time;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// What each event costs: what is computed of it is without error, also parts of it by weight and
/// by how many share.
const MEAN: f64 = FULL as f64;
/// The first is nobody.
const CLIENTS: u16 = 6;
/// What an event of weight 1 counts; one of weight 4 counts a quarter, and half of what seven get
/// who share that is a whole number too.
const FULL: i64 = 4 * 2 * 420;

/// What is done to a line.
#[derive(Clone, Debug)]
enum Step {
    Push(New),
    /// One is taken, and put back or not.
    Take(bool),
    /// A new one comes and finds no room.
    MakeRoom(New),
    PushOut,
    PopFront,
    /// A line of arrivals is turned round, or back.
    Turn(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let new = || (0..CLIENTS, 0_u64..20, prop_oneof![Just(1_u8), Just(2), Just(4)]);
    let new = || new().prop_map(|(client, deadline, weight)| New { client, deadline, weight });
    prop_oneof![
        6 => new().prop_map(Step::Push),
        4 => any::<bool>().prop_map(Step::Take),
        2 => new().prop_map(Step::MakeRoom),
        1 => Just(Step::PushOut),
        1 => Just(Step::PopFront),
        1 => any::<bool>().prop_map(Step::Turn),
    ]
}

fn rules() -> impl Strategy<Value = Rule> {
    prop_oneof![Just(Rule::Fifo), Just(Rule::Lifo), Just(Rule::ByDeadline)]
}

/// An event that comes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct New {
    client: u16,
    deadline: u64,
    weight: u8,
}

impl New {
    fn asking(self) -> Asking {
        let Self { client, weight, .. } = self;
        Asking { class: 3, client, weight, deadline: Some(Time(self.deadline)), flow: true }
    }
}

/// An event that waits: its number says when it came.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Known {
    new: New,
    number: u64,
}

impl Item for Known {
    fn asking(&self) -> Asking {
        self.new.asking()
    }

    fn born(&self) -> Time {
        Time(self.number)
    }
}

impl Known {
    fn held(self) -> Held<Self> {
        Held { event: self, came: self.born() }
    }

    fn client(&self) -> u16 {
        self.new.client
    }

    /// What it counts.
    fn part(&self) -> i64 {
        FULL / i64::from(self.new.weight)
    }

    /// What makes one go before another of its client: a lower key.
    fn key(&self, rule: Rule) -> (i64, i64) {
        let (came, deadline) = (self.number as i64, self.new.deadline as i64);
        match rule {
            Rule::Fifo => (came, 0),
            Rule::Lifo => (-came, 0),
            Rule::ByDeadline => (deadline, came),
        }
    }
}

/// All events in a list, and what was served to each client.
#[derive(Default)]
struct Model {
    list: Vec<Known>,
    got: [i64; CLIENTS as usize],
    /// Where who comes starts.
    at: i64,
    /// Whether anybody was ever named: else there is nothing to count.
    named: bool,
}

impl Model {
    fn waits(&self, client: u16) -> i64 {
        let own = self.list.iter().filter(|known| known.client() == client);
        own.map(Known::part).sum()
    }

    fn active(&self) -> Vec<u16> {
        (0..CLIENTS).filter(|&client| self.waits(client) > 0).collect()
    }

    fn enter(&mut self, known: Known) {
        let client = usize::from(known.client());
        self.named |= client > 0;
        if self.waits(known.client()) == 0 {
            self.got[client] = self.got[client].max(self.at);
        }
        self.list.push(known);
    }

    /// The first of a client, or its last.
    fn first(&self, client: u16, rule: Rule) -> Option<Known> {
        let own = self.list.iter().filter(|known| known.client() == client);
        own.min_by_key(|known| known.key(rule)).copied()
    }

    fn last(&self, client: u16, rule: Rule) -> Option<Known> {
        let own = self.list.iter().filter(|known| known.client() == client);
        own.max_by_key(|known| known.key(rule)).copied()
    }

    /// When it is a client's turn: the least is next.
    fn turn(&self, client: u16, rule: Rule) -> (u8, i64) {
        let (got, own) = (self.got[usize::from(client)], self.waits(client));
        let all: i64 = self.list.iter().map(Known::part).sum();
        let others = self.active().len().max(2) as i64 - 1;
        let quiet = own <= 2 * FULL || own * others <= 2 * (all - own);
        match self.first(client, rule) {
            Some(first) if got + first.part() <= self.at => (0, got),
            Some(first) if quiet && got <= self.at + first.part() => (1, first.key(rule).0),
            _ => (2, got),
        }
    }

    /// The clients any of which may be next.
    fn next(&self, rule: Rule) -> Vec<u16> {
        let turns = self.active().into_iter().map(|client| (self.turn(client, rule), client));
        let least = turns.clone().map(|(turn, _)| turn).min();
        turns.filter(|(turn, _)| Some(*turn) == least).map(|(_, client)| client).collect()
    }

    /// How many go before a new one, each client in turn by what its events count.
    fn ahead(&self, new: New) -> usize {
        let with_new = self.waits(new.client) + FULL / i64::from(new.weight);
        let before = |client| {
            let len = self.list.iter().filter(|known| known.client() == client).count();
            let meanwhile = (with_new as usize * len).div_ceil(self.waits(client) as usize);
            if client == new.client { len } else { len.min(meanwhile) }
        };
        self.active().into_iter().map(before).sum()
    }

    /// The clients with the most work.
    fn most(&self) -> Vec<u16> {
        let most = self.active().into_iter().map(|client| self.waits(client)).max();
        self.active().into_iter().filter(|&client| Some(self.waits(client)) == most).collect()
    }

    /// What may go for a new event.
    fn make_room(&self, new: Known, rule: Rule) -> Vec<Known> {
        let room = self.most().into_iter();
        let with_new = self.waits(new.client()) + new.part();
        let room = room.filter(|&client| self.waits(client) > 2 * with_new);
        let room: Vec<_> = room.filter_map(|client| self.last(client, rule)).collect();
        if !room.is_empty() {
            return room;
        }
        let own = self.last(new.client(), rule);
        own.filter(|own| new.key(rule).0 < own.key(rule).0).into_iter().collect()
    }

    fn remove(&mut self, known: Known) -> bool {
        let before = self.list.len();
        self.list.retain(|other| *other != known);
        self.list.len() < before
    }
}

proptest! {
    #![proptest_config(crate::seeded())]

    #[test]
    fn clients_go_by_what_they_got_and_their_events_by_the_order(
        declared in rules(),
        steps in prop::collection::vec(step(), 1..150),
    ) {
        let (mut line, mut model, mut rule) = (Line::new(3), Model::default(), declared);
        for (number, step) in (0_u64..).zip(steps) {
            match step {
                Step::Push(new) => {
                    let known = Known { new, number };
                    prop_assert_eq!(line.ahead(&new.asking()), model.ahead(new));
                    line.push(rule, known.held());
                    model.enter(known);
                }
                Step::Take(back) => {
                    let next = model.next(rule);
                    let Some((held, ticket)) = line.pop(rule, MEAN) else {
                        prop_assert!(next.is_empty());
                        continue;
                    };
                    let (known, client) = (held.event, usize::from(held.client()));
                    prop_assert!(next.contains(&known.client()), "{} of {:?}", client, next);
                    prop_assert_eq!(model.first(known.client(), rule), Some(known));
                    prop_assert!(model.remove(known));
                    prop_assert_eq!(ticket.is_some(), model.named);
                    if model.named {
                        let share = known.part() / (model.active().len() as i64 + 1);
                        model.at = (model.at + share / 2).max(model.got[client]);
                        model.got[client] += known.part();
                    }
                    if back {
                        model.got[client] -= known.part() * i64::from(model.named);
                        model.enter(known);
                        line.put_back(rule, held, ticket);
                        continue;
                    }
                    ticket.into_iter().for_each(|ticket| line.settle(ticket, MEAN));
                }
                Step::MakeRoom(new) => {
                    let expected = model.make_room(Known { new, number }, rule);
                    match line.make_room(rule, &new.asking(), MEAN) {
                        Ok((Held { event: known, .. }, _)) => {
                            prop_assert!(expected.contains(&known), "{known:?}: {expected:?}");
                            prop_assert!(model.remove(known));
                        }
                        Err(_) => prop_assert_eq!(expected, []),
                    }
                }
                Step::PushOut => {
                    let last = |client| model.last(client, rule);
                    let expected: Vec<_> = model.most().into_iter().filter_map(last).collect();
                    let out = line.push_out(rule, MEAN).map(|(held, _)| held.event);
                    prop_assert!(out.map_or(expected.is_empty(), |out| expected.contains(&out)));
                    out.into_iter().for_each(|out| _ = model.remove(out));
                }
                Step::PopFront => {
                    // Who has waited longest, whichever way arrivals are served.
                    let by = if rule == Rule::Lifo { Rule::Fifo } else { rule };
                    let first = |client| model.first(client, by);
                    let expected: Vec<_> = model.most().into_iter().filter_map(first).collect();
                    let out = line.pop_front(MEAN).map(|held| held.event);
                    prop_assert!(out.map_or(expected.is_empty(), |out| expected.contains(&out)));
                    out.into_iter().for_each(|out| _ = model.remove(out));
                }
                Step::Turn(newest) if declared == Rule::Fifo => {
                    rule = if newest { Rule::Lifo } else { Rule::Fifo };
                }
                Step::Turn(_) => {}
            }
            prop_assert_eq!(line.len(), model.list.len());
        }
        while let Some((held, _)) = line.pop(rule, MEAN) {
            prop_assert!(model.remove(held.event));
        }
        prop_assert!(model.list.is_empty());
    }
}

#[test]
fn clients_of_the_model_have_sub_queues_of_their_own() {
    let first: BTreeSet<u8> = (1..CLIENTS).map(|client| hand(client)[0]).collect();
    assert_eq!(first.len(), usize::from(CLIENTS) - 1);
}
