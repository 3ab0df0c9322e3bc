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

    /// Copies the marks of the `n` oldest events.
    #[cold]
    pub fn copy(&self, n: usize, into: &mut Vec<(Time, usize)>) {
        let mut left = n;
        let marks = self.0.iter().take_while(|mark| {
            let before = left;
            left = left.saturating_sub(mark.1);
            before > 0
        });
        into.extend(marks);
    }

    /// Takes the marks of the `n` oldest events off; returns when the first and the last of them
    /// came.
    pub fn pop(&mut self, mut n: usize) -> Option<(Time, Time)> {
        let oldest = self.oldest()?;
        let mut newest = oldest;
        while n > 0 {
            let Some((time, count)) = self.0.front_mut() else { break };
            newest = *time;
            if *count > n {
                *count -= n;
                break;
            }
            n -= *count;
            self.0.pop_front();
        }
        Some((oldest, newest))
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
