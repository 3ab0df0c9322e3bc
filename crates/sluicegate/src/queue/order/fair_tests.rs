//! A line of many clients, beside a plain list.

use super::*;
use crate::event::{Event, StageId, Tag, WorkerId};
use crate::time::Time;
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};

/// What an event is taken to cost before its client is known.
const MEAN: f64 = 1000.0;

type Held = super::Held<Event<u64>>;

fn held(number: u64, client: u16) -> Held {
    let mut tag = Tag::new(number, Time(0), WorkerId(0), StageId(0));
    tag.set_client(client);
    Held { event: tag.with(number), came: Time(number) }
}

/// Makes room for a new event of this client.
fn make_room(line: &mut Line<Event<u64>>, client: u16) -> Result<(Held, Why), Why> {
    let held = held(u64::MAX, client);
    let room = line.make_room(Rule::Fifo, &held.event.asking(), MEAN);
    let _ = end(held);
    room
}

fn end(held: Held) -> (u16, u64) {
    let client = held.client();
    let (tag, number) = held.event.split();
    std::mem::forget(tag);
    (client, number)
}

/// What is done to a line.
#[derive(Clone, Debug)]
enum Step {
    /// An event of this client comes.
    Push(u16),
    /// One is taken, and costs so much; or is put back.
    Take(u16, bool),
    /// A new one of this client comes and finds no room.
    MakeRoom(u16),
    PopFront,
    /// So many events ago one came that nobody waits for any more.
    Remove(u64),
    /// What came before this many events is late.
    Expire(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let client = 0_u16..6;
    prop_oneof![
        6 => client.clone().prop_map(Step::Push),
        4 => (1_u16..5000, any::<bool>()).prop_map(|(cost, back)| Step::Take(cost, back)),
        2 => client.prop_map(Step::MakeRoom),
        1 => Just(Step::PopFront),
        1 => (1_u64..8).prop_map(Step::Remove),
        1 => (0_u64..60).prop_map(Step::Expire),
    ]
}

/// The numbers of the events of each client, in order of arrival.
type Model = HashMap<u16, VecDeque<u64>>;

fn oldest(model: &Model, client: u16) -> Option<u64> {
    model.get(&client)?.front().copied()
}

/// Takes an event out of the model, wherever it is.
fn remove(model: &mut Model, (client, number): (u16, u64)) -> bool {
    let Some(numbers) = model.get_mut(&client) else { return false };
    let place = numbers.iter().position(|known| *known == number);
    place.is_some_and(|place| numbers.remove(place).is_some())
}

proptest! {
    #![proptest_config(crate::seeded())]

    #[test]
    fn nothing_is_lost_and_each_client_is_first_come_first_served(
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut line = Line::new(3);
        let mut model = Model::new();
        for (number, step) in (0_u64..).zip(steps) {
            match step {
                Step::Push(client) => {
                    line.push(Rule::Fifo, held(number, client));
                    model.entry(client).or_default().push_back(number);
                }
                Step::Take(cost, back) => {
                    let Some((taken, ticket)) = line.pop(Rule::Fifo, MEAN) else {
                        prop_assert!(model.values().all(VecDeque::is_empty));
                        continue;
                    };
                    let next = oldest(&model, taken.client());
                    prop_assert_eq!(next, Some(taken.came.0), "the client's oldest");
                    if back {
                        line.put_back(Rule::Fifo, taken, ticket);
                        continue;
                    }
                    if let Some(ticket) = ticket {
                        line.settle(ticket, f64::from(cost));
                    }
                    prop_assert!(remove(&mut model, end(taken)));
                }
                Step::MakeRoom(client) => {
                    match make_room(&mut line, client) {
                        Ok((gone, _)) => {
                            prop_assert_ne!(gone.client(), client, "its own go first");
                            let last = model[&gone.client()].back().copied();
                            prop_assert_eq!(last, Some(gone.came.0), "its newest");
                            prop_assert!(remove(&mut model, end(gone)));
                        }
                        Err(why) => prop_assert!(matches!(why, Why::Greedy | Why::Shed)),
                    }
                }
                Step::PopFront => {
                    if let Some(gone) = line.pop_front(MEAN) {
                        prop_assert_eq!(oldest(&model, gone.client()), Some(gone.came.0));
                        prop_assert!(remove(&mut model, end(gone)));
                    }
                }
                Step::Remove(ago) => {
                    let of = |(client, all): (&u16, &VecDeque<u64>)| {
                        all.contains(&number.wrapping_sub(ago)).then_some(*client)
                    };
                    let client = model.iter().find_map(of);
                    let is = |event: &Event<u64>| **event == number.wrapping_sub(ago);
                    let gone = line.remove(client.unwrap_or(1), is).map(end);
                    prop_assert_eq!(gone.map(|known| known.0), client);
                    prop_assert!(gone.is_none_or(|known| remove(&mut model, known)));
                }
                Step::Expire(before) => {
                    let mut gone = Vec::new();
                    let late = |held: &Held| (held.came.0 < before).then_some(Why::Expired);
                    line.expire(MEAN, late, |held, _| gone.push(end(held)));
                    for known in gone {
                        prop_assert!(known.1 < before && remove(&mut model, known));
                    }
                    let left = model.values().flatten().filter(|number| **number < before);
                    prop_assert_eq!(left.count(), 0);
                }
            }
            prop_assert_eq!(line.len(), model.values().map(VecDeque::len).sum::<usize>());
            prop_assert_eq!(line.iter().count(), line.len());
            let named = model.iter().filter(|(client, all)| **client != 0 && !all.is_empty());
            prop_assert_eq!(line.homes.len(), named.count(), "who left is forgotten");
        }
        while let Some((taken, _)) = line.pop(Rule::Fifo, MEAN) {
            prop_assert!(remove(&mut model, end(taken)));
        }
        prop_assert!(model.values().all(VecDeque::is_empty));
    }

    #[test]
    fn who_always_has_something_waiting_gets_time_by_its_weight(
        clients in prop::collection::vec((1_u16..20_000, 0_u32..4), 2..10),
        in_hand in 1_usize..5,
    ) {
        // Clients whose events cost from 1 ns to 20 us, and several threads that serve them: the
        // cost of what is in their hands is not known yet.
        let (costs, weights): (Vec<u16>, Vec<u8>) =
            clients.into_iter().map(|(cost, log)| (cost, 1_u8 << log)).unzip();
        let mut line = Line::new(0);
        let mut served = vec![0.0; costs.len()];
        let clients: Vec<u16> = (1..=costs.len() as u16).collect();
        let weighted = |number, client: u16| {
            let held = held(number, client);
            let (mut tag, body) = held.event.split();
            tag.set_weight(weights[usize::from(client - 1)]);
            Held { event: tag.with(body), came: held.came }
        };
        for number in 0..8 {
            clients.iter().for_each(|&client| line.push(Rule::Fifo, weighted(number, client)));
        }
        // Of those that lie in one sub-queue, one is enough here.
        let homes: HashSet<u8> = clients.iter().map(|client| line.homes[client].0).collect();
        prop_assume!(homes.len() == costs.len());
        let mut hands = VecDeque::new();
        for number in 8..2000 {
            let (taken, ticket) = line.pop(Rule::Fifo, MEAN).expect("all have something waiting");
            hands.push_back((end(taken).0, ticket.expect("clients share")));
            if hands.len() < in_hand {
                continue;
            }
            let (client, ticket) = hands.pop_front().expect("it was put there");
            let cost = f64::from(costs[usize::from(client - 1)]);
            line.settle(ticket, cost);
            served[usize::from(client - 1)] += cost;
            // What is in the hands may be all that a client had.
            let waits = line.homes.contains_key(&client);
            (0..if waits { 1 } else { 8 })
                .for_each(|_| line.push(Rule::Fifo, weighted(number, client)));
        }
        let shares = served.iter().zip(&weights).map(|(time, weight)| time / f64::from(*weight));
        let served: Vec<f64> = shares.collect();
        // What was in the hands before its cost was known, and one event more.
        let dearest = f64::from(*costs.iter().max().expect("some"));
        let off = (dearest + MEAN) * (in_hand + 1) as f64;
        let most = served.iter().copied().fold(f64::MIN, f64::max);
        let least = served.iter().copied().fold(f64::MAX, f64::min);
        prop_assert!(most - least <= off, "{served:?} of {costs:?} by {weights:?}");
    }
}

#[test]
fn the_greedy_make_room_and_are_told_so_and_equals_are_not() {
    let mut line = Line::new(0);
    (0..10).for_each(|number| line.push(Rule::Fifo, held(number, 1)));
    let alone = make_room(&mut line, 1);
    assert_eq!(alone.err(), Some(Why::Shed), "nobody else has less");
    let (gone, why) = make_room(&mut line, 2).expect("a quiet one");
    assert_eq!((end(gone), why), ((1, 9), Why::Greedy));
    line.push(Rule::Fifo, held(10, 2));
    let (gone, why) = make_room(&mut line, 3).expect("another");
    assert_eq!((end(gone), why), ((1, 8), Why::Greedy));
    let refused = make_room(&mut line, 1);
    assert_eq!(refused.err(), Some(Why::Greedy));
    let mut equals = Line::new(0);
    (0..40).for_each(|number| equals.push(Rule::Fifo, held(number, 1 + number as u16 % 20)));
    let refused = make_room(&mut equals, 1);
    assert_eq!(refused.err(), Some(Why::Shed), "one more than the others is not greedy");
    for mut line in [line, equals] {
        while let Some((held, _)) = line.pop(Rule::Fifo, MEAN) {
            end(held);
        }
    }
}

#[test]
fn a_quiet_client_goes_next_and_a_dear_one_pays_though_it_was_gone() {
    let mut line = Line::new(0);
    (0..10).for_each(|number| line.push(Rule::Fifo, held(number, 1)));
    let serve = |line: &mut Line<Event<u64>>, cost: f64| {
        let (taken, ticket) = line.pop(Rule::Fifo, MEAN).expect("something waits");
        line.settle(ticket.expect("clients share"), cost);
        end(taken).0
    };
    assert_eq!([0; 3].map(|_| serve(&mut line, MEAN)), [1; 3]);
    line.push(Rule::Fifo, held(10, 2));
    assert_eq!(serve(&mut line, 4.0 * MEAN), 2, "before all that waited");
    line.push(Rule::Fifo, held(11, 2));
    let next = [0; 6].map(|_| serve(&mut line, MEAN));
    let turn = next.iter().position(|client| *client == 2);
    assert!(matches!(turn, Some(4 | 5)), "it owes four, give or take one: {next:?}");
    while let Some((held, _)) = line.pop(Rule::Fifo, MEAN) {
        end(held);
    }
}

#[test]
fn who_asked_several_times_does_not_wait_until_all_others_have() {
    let mut line = Line::new(0);
    let mut numbers = 0..;
    let mut come = |line: &mut Line<Event<u64>>, client| {
        line.push(Rule::Fifo, held(numbers.next().expect("there are more"), client));
    };
    [1, 1].into_iter().chain(2..12).for_each(|client| come(&mut line, client));
    let mut turns = Vec::new();
    for turn in 0..80 {
        let (taken, ticket) = line.pop(Rule::Fifo, MEAN).expect("somebody waits");
        line.settle(ticket.expect("clients share"), MEAN);
        if end(taken).0 == 1 {
            turns.push(turn);
        }
        // Beside ever other ones that were not served yet it comes for the third time.
        come(&mut line, 12 + turn);
        if turn == 2 {
            come(&mut line, 1);
        }
    }
    assert!(matches!(turns[..], [0, 1, third] if third < 40), "{turns:?}");
    while let Some((held, _)) = line.pop(Rule::Fifo, MEAN) {
        end(held);
    }
}

#[test]
fn beside_sixteen_greedy_clients_a_quiet_one_finds_a_sub_queue_of_its_own() {
    let taken: HashSet<u8> = (1..=16).map(|client| hand(client)[0]).collect();
    let squashed = |client: &u16| hand(*client).iter().all(|sub| taken.contains(sub));
    let squashed = (17..=u16::MAX).filter(squashed).count();
    // (16 / 128)^4 of 65,519, about.
    assert!((1..40).contains(&squashed), "{squashed}");
    assert!((1..=u16::MAX).flat_map(hand).all(|sub| (1..=SUBS).contains(&usize::from(sub))));
}
