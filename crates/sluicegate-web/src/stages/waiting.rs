//! Who waits for which name: one question for all, sent when the window has a place for it.
use super::load::Ask;
use crate::files::Name;
use sluicegate::{Event, Full, Out, Tag, Time};
use sluicegate_http::Exchange;
use std::collections::{HashMap, VecDeque};

/// Requests that wait for an answer. They are bounded by the flows of the net's source.
#[derive(Debug, Default)]
pub struct Waiting {
    names: HashMap<Name, Wait>,
    /// Names not asked for yet, in order.
    line: VecDeque<Name>,
    /// Names asked for.
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

impl Waiting {
    /// Has a request wait for what lies at `name`.
    pub fn join(&mut self, name: Name, event: Event<Exchange>) {
        let wait = self.names.entry(name.clone()).or_default();
        if wait.question.is_none() && wait.events.is_empty() {
            self.line.push_back(name);
        }
        wait.events.push(event);
    }

    /// Sends the questions for which there is room. The others stay here: the stage goes on
    /// answering what it knows.
    pub fn ask(&mut self, out: &mut Out<Ask>, now: Time) {
        while let Some(name) = self.line.pop_front() {
            let Some(wait) = self.names.get_mut(&name) else { continue };
            if wait.events.is_empty() {
                continue;
            }
            let (tag, exchange) = wait.events.swap_remove(0).split();
            let flow = tag.flow();
            let question = tag.with(Ask { name: name.clone() });
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
                    return self.line.push_front(name);
                }
            }
        }
    }

    /// All who waited for `name`, and when it was asked for; `tag` came back with the answer.
    pub fn answered(&mut self, name: &Name, tag: Tag) -> Option<(Vec<Event<Exchange>>, Time)> {
        let Wait { question, mut events } = self.names.remove(name)?;
        let Question { exchange, at, .. } = question?;
        self.open -= 1;
        events.push(tag.with(exchange));
        Some((events, at))
    }

    /// Who asked the question that came too late, whose flow came back as `tag`. The others wait
    /// for the next one.
    pub fn expired(&mut self, tag: Tag) -> Option<Event<Exchange>> {
        let (name, wait) = self.names.iter_mut().find(|(_, wait)| wait.is_asked_by(&tag))?;
        let Question { exchange, .. } = wait.question.take()?;
        self.open -= 1;
        let name = name.clone();
        match wait.events.is_empty() {
            true => drop(self.names.remove(&name)),
            false => self.line.push_front(name),
        }
        Some(tag.with(exchange))
    }

    /// All who waited for the question that died, whose flow came back as `tag`.
    pub fn died(&mut self, tag: Tag) -> Vec<Event<Exchange>> {
        let asked = self.names.iter().find(|(_, wait)| wait.is_asked_by(&tag));
        let name = asked.map(|(name, _)| name.clone());
        match name {
            Some(name) => self.answered(&name, tag).map_or_else(Vec::new, |(events, _)| events),
            None => Vec::new(),
        }
    }
}
