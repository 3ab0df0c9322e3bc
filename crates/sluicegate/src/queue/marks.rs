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

    /// Takes the marks of the `n` oldest events off, and tells when how many of them came.
    pub fn pop(&mut self, mut n: usize, mut tell: impl FnMut(Time, usize)) {
        while n > 0 {
            let Some((time, count)) = self.0.front_mut() else { break };
            let these = n.min(*count);
            tell(*time, these);
            n -= these;
            *count -= these;
            if *count == 0 {
                self.0.pop_front();
            }
        }
    }

    /// Puts `n` events that came at `time` or a little earlier back to the front. Time and again
    /// the last of a batch are put back: to count them as old as its first would never end.
    pub fn put_back(&mut self, time: Time, n: usize) {
        if n > 0 {
            self.0.push_front((time, n));
        }
    }

    pub fn oldest(&self) -> Option<Time> {
        self.0.front().map(|&(time, _)| time)
    }
}
