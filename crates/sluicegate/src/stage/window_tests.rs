//! The window beside a plain table.

use super::Window;
use crate::desk::Desk;
use crate::event::{StageId, Tag, WorkerId};
use crate::gone::Gone;
use crate::time::Time;
use proptest::prelude::*;
use std::sync::Arc;

const PLACES: usize = 5;

fn tag(flow: u64) -> Tag {
    Tag::new(flow, Time(0), WorkerId(0), StageId(0))
}

proptest! {
    #![proptest_config(crate::seeded())]

    #[test]
    fn each_question_is_redeemed_once(
        steps in prop::collection::vec((0_u8..8, 0_usize..40), 1..200),
    ) {
        let desk = Desk::new(WorkerId(0), 1, Arc::new(Gone::new(1)), Arc::default());
        let _open = desk.open();
        let windows =
            [None, Some(Window::new(1, PLACES, StageId(0), WorkerId(0))), None];
        let window = windows[1].as_ref().unwrap();
        let (mut out, mut old) = (Vec::new(), Vec::new());
        for (flow, (what, n)) in (0..).zip(steps) {
            match what {
                0..4 if window.room() > 0 => {
                    let question = window.ask(tag(flow));
                    prop_assert!(question.is_question());
                    out.push((question.flow(), flow));
                    question.join();
                }
                0..4 => {}
                4..6 if !out.is_empty() => {
                    let (key, flow) = out.swap_remove(n % out.len());
                    let asked = Window::redeem(&windows, key);
                    prop_assert_eq!(asked.as_ref().map(Tag::flow), Some(flow));
                    asked.into_iter().for_each(Tag::join);
                    old.push(key);
                }
                6 if !old.is_empty() => {
                    prop_assert!(Window::redeem(&windows, old[n % old.len()]).is_none());
                }
                7 if n == 0 => {
                    let mut flows = Vec::new();
                    for tag in window.clear() {
                        flows.push(tag.flow());
                        tag.join();
                    }
                    flows.sort_unstable();
                    let mut expected: Vec<u64> = out.iter().map(|o| o.1).collect();
                    expected.sort_unstable();
                    prop_assert_eq!(flows, expected);
                    old.extend(out.drain(..).map(|o| o.0));
                }
                _ => prop_assert!(Window::redeem(&windows, n as u64 | 7 << 60).is_none()),
            }
            prop_assert_eq!(window.taken(), out.len());
            prop_assert_eq!(window.room(), PLACES - out.len());
        }
    }
}

#[test]
fn a_key_of_another_port_is_no_key() {
    let desk = Desk::new(WorkerId(0), 1, Arc::new(Gone::new(1)), Arc::default());
    let _open = desk.open();
    let windows = [0, 1].map(|port| Some(Window::new(port, 1, StageId(0), WorkerId(0))));
    let keys = [0, 1].map(|n: usize| {
        let question = windows[n].as_ref().unwrap().ask(tag(n as u64));
        let key = question.flow();
        question.join();
        key
    });
    assert_ne!(keys[0], keys[1]);
    for (flow, key) in (0..).zip(keys) {
        let asked = Window::redeem(&windows, key).expect("each by its own key");
        assert_eq!(asked.flow(), flow);
        asked.join();
    }
}
