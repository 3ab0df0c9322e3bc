//! Who waits for what: one question for all, sent when the window has a place for it.
use sluicegate::{Event, Full, Out, Tag, Time};
use sluicegate_http::Exchange;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Requests that wait for answers to questions `Q`. They are bounded by the flows of the net's
/// source.
#[derive(Debug)]
pub struct Waiting<Q> {
    all: HashMap<Q, Wait>,
    /// What is not asked yet, in order.
    line: VecDeque<Q>,
    /// What is asked.
    open: usize,
}

#[derive(Debug, Default)]
struct Wait {
    question: Option<Question>,
    events: Vec<Event<Exchange>>,
}

/// The first who wanted to know; the tag of the flow is on its way with the question.
#[derive(Debug)]
struct Question {
    exchange: Exchange,
    flow: u64,
    at: Time,
}

impl Wait {
    fn is_asked_by(&self, tag: &Tag) -> bool {
        self.question.as_ref().is_some_and(|question| question.flow == tag.flow())
    }
}

impl<Q> Default for Waiting<Q> {
    fn default() -> Waiting<Q> {
        Waiting { all: HashMap::new(), line: VecDeque::new(), open: 0 }
    }
}

impl<Q: Clone + Eq + Hash> Waiting<Q> {
    /// Has a request wait for the answer to a question.
    pub fn join(&mut self, question: Q, event: Event<Exchange>) {
        let wait = self.all.entry(question.clone()).or_default();
        if wait.question.is_none() && wait.events.is_empty() {
            self.line.push_back(question);
        }
        wait.events.push(event);
    }

    /// Sends the questions for which there is room. The others stay here: the stage goes on
    /// answering what it knows.
    pub fn ask<M: From<Q> + 'static>(&mut self, out: &mut Out<M>, now: Time) {
        while let Some(asked) = self.line.pop_front() {
            let Some(wait) = self.all.get_mut(&asked) else { continue };
            if wait.events.is_empty() {
                continue;
            }
            let (tag, exchange) = wait.events.swap_remove(0).split();
            let flow = tag.flow();
            let question = tag.with(M::from(asked.clone()));
            // While no answer is due nothing would call the stage again: then it waits for room.
            let sent = if self.open == 0 && out.room() > 0 {
                out.emit(question);
                Ok(())
            } else {
                out.try_emit(question)
            };
            match sent {
                Ok(()) => {
                    wait.question = Some(Question { exchange, flow, at: now });
                    self.open += 1;
                }
                Err(Full(question)) => {
                    wait.events.push(question.map(|_| exchange));
                    return self.line.push_front(asked);
                }
            }
        }
    }

    /// All who waited for the answer to `asked`, and when that was asked; `tag` came back with it.
    pub fn answered(&mut self, asked: &Q, tag: Tag) -> Option<(Vec<Event<Exchange>>, Time)> {
        let Wait { question, mut events } = self.all.remove(asked)?;
        let Question { exchange, at, .. } = question?;
        self.open -= 1;
        events.push(tag.with(exchange));
        Some((events, at))
    }

    /// Whether the question is one of these whose flow came back as `tag`.
    pub fn has(&self, tag: &Tag) -> bool {
        self.all.values().any(|wait| wait.is_asked_by(tag))
    }

    /// Who asked the question that came too late, whose flow came back as `tag`. The others wait
    /// for the next one.
    pub fn expired(&mut self, tag: Tag) -> Option<Event<Exchange>> {
        let (asked, wait) = self.all.iter_mut().find(|(_, wait)| wait.is_asked_by(&tag))?;
        let Question { exchange, .. } = wait.question.take()?;
        self.open -= 1;
        let asked = asked.clone();
        match wait.events.is_empty() {
            true => drop(self.all.remove(&asked)),
            false => self.line.push_front(asked),
        }
        Some(tag.with(exchange))
    }

    /// All who waited for the question that died, whose flow came back as `tag`.
    pub fn died(&mut self, tag: Tag) -> Vec<Event<Exchange>> {
        let asked = self.all.iter().find(|(_, wait)| wait.is_asked_by(&tag));
        let asked = asked.map(|(asked, _)| asked.clone());
        match asked {
            Some(asked) => self.answered(&asked, tag).map_or_else(Vec::new, |(events, _)| events),
            None => Vec::new(),
        }
    }
}
