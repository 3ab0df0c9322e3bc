//! When the events of a queue came, one mark for each delivery.

use crate::time::Time;
use std::collections::VecDeque;

/// Run-length list of arrival times, oldest first.
#[derive(Default)]
pub(crate) struct Marks(VecDeque<(Time, usize)>);

impl Marks {
    pub fn push(&mut self, now: Time, n: usize) {
        match self.0.back_mut() {
            Some((time, count)) if *time == now => *count += n,
            _ if n > 0 => self.0.push_back((now, n)),
            _ => {}
        }
    }

    /// Takes the marks of the `n` oldest events off; returns when the oldest came.
    pub fn pop(&mut self, mut n: usize) -> Option<Time> {
        let oldest = self.oldest();
        while n > 0 {
            let Some((_, count)) = self.0.front_mut() else { break };
            if *count > n {
                *count -= n;
                break;
            }
            n -= *count;
            self.0.pop_front();
        }
        oldest
    }

    /// Puts `n` events that came at `time` back to the front.
    pub fn put_back(&mut self, time: Time, n: usize) {
        if n > 0 {
            self.0.push_front((time, n));
        }
    }

    pub fn oldest(&self) -> Option<Time> {
        self.0.front().map(|&(time, _)| time)
    }
}
