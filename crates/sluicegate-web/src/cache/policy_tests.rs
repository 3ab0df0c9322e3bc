//! The policy beside a model that is too simple to be wrong.
use super::*;
use crate::scratch::Random;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Heat and bytes of what is kept.
#[derive(Default)]
struct Kept(RefCell<BTreeMap<u32, u8>>);

impl Heat<u32> for Kept {
    fn heat(&self, key: &u32) -> Option<u8> {
        self.0.borrow().get(key).copied()
    }
    fn set_heat(&self, key: &u32, heat: u8) {
        self.0.borrow_mut().insert(*key, heat);
    }
}

/// The paper's pseudo code over plain vectors, oldest first; sums are made anew each time.
#[derive(Default)]
struct Model {
    small: Vec<(u32, u64)>,
    main: Vec<(u32, u64)>,
    ghost: Vec<u32>,
}

impl Model {
    fn admit(&mut self, key: u32, bytes: u64) {
        let known = self.ghost.contains(&key);
        self.ghost.retain(|other| *other != key);
        if known { &mut self.main } else { &mut self.small }.push((key, bytes));
    }

    fn evict(&mut self, kept: &Kept) -> Option<u32> {
        let sum = |line: &[(u32, u64)]| line.iter().map(|(_, bytes)| bytes).sum::<u64>();
        while !self.small.is_empty() || !self.main.is_empty() {
            let too_long = sum(&self.small) * 10 > sum(&self.small) + sum(&self.main);
            if !self.small.is_empty() && (self.main.is_empty() || too_long) {
                let (key, bytes) = self.small.remove(0);
                match kept.heat(&key) {
                    Some(2..) => {
                        kept.set_heat(&key, 0);
                        self.main.push((key, bytes));
                    }
                    Some(_) => {
                        self.ghost.push(key);
                        let room = (self.small.len() + self.main.len()).max(64);
                        while self.ghost.len() > room {
                            self.ghost.remove(0);
                        }
                        return Some(key);
                    }
                    None => {}
                }
            } else {
                let (key, bytes) = self.main.remove(0);
                match kept.heat(&key) {
                    Some(0) => return Some(key),
                    Some(heat) => {
                        kept.set_heat(&key, heat - 1);
                        self.main.push((key, bytes));
                    }
                    None => {}
                }
            }
        }
        None
    }
}

#[test]
fn it_evicts_what_the_model_evicts() {
    for seed in 1..=200 {
        let mut random = Random::new(seed);
        let (mut policy, mut model) = (Policy::new(), Model::default());
        let (ours, theirs) = (Kept::default(), Kept::default());
        for step in 0..600 {
            let key = random.below(40 + seed as u32);
            let known = ours.heat(&key);
            match (random.below(10), known) {
                (0..=5, None) => {
                    let bytes = u64::from(random.below(100));
                    ours.set_heat(&key, 0);
                    theirs.set_heat(&key, 0);
                    policy.admit(key, bytes);
                    model.admit(key, bytes);
                }
                (0..=5, Some(heat)) => {
                    ours.set_heat(&key, (heat + 1).min(HEAT_MAX));
                    theirs.set_heat(&key, (heat + 1).min(HEAT_MAX));
                }
                (6, Some(_)) => {
                    ours.0.borrow_mut().remove(&key);
                    theirs.0.borrow_mut().remove(&key);
                    policy.sweep(&ours);
                    model.small.retain(|(other, _)| *other != key);
                    model.main.retain(|(other, _)| *other != key);
                }
                _ => {
                    let gone = policy.evict(&ours);
                    assert_eq!(gone, model.evict(&theirs), "seed {seed}, step {step}");
                    if let Some(key) = gone {
                        ours.0.borrow_mut().remove(&key);
                        theirs.0.borrow_mut().remove(&key);
                    }
                }
            }
            assert_eq!(*ours.0.borrow(), *theirs.0.borrow(), "seed {seed}, step {step}");
        }
    }
}

#[test]
fn a_scan_does_not_wash_out_what_is_asked_for() {
    let (mut policy, kept) = (Policy::new(), Kept::default());
    for key in 0..10 {
        kept.set_heat(&key, HEAT_MAX);
        policy.admit(key, 1);
    }
    for key in 1000..2000 {
        kept.set_heat(&key, 0);
        policy.admit(key, 1);
        while policy.len() > 20 {
            let gone = policy.evict(&kept).expect("something is kept");
            kept.0.borrow_mut().remove(&gone);
        }
    }
    assert!((0..10).all(|key| kept.heat(&key).is_some()));
}
