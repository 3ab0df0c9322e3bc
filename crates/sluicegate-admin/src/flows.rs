//! `/api/flows`: single flows that were kept, as JSON or for a viewer of traces.

use crate::answer::{Answer, Asked, JSON, Seen, is_read};
use crate::chrome::chrome;
use crate::model::Flows;
use crate::query::pairs;
use sluicegate::Kept;
use std::collections::HashSet;

const ACCEPTED: &str = "accepted: class=0 to 255, why=slow, failed, sampled or slowest, limit=N, \
                        since=N and format=json or chrome, each once, joined by &\n";

/// Whether a path is one of these.
pub(crate) fn is_one(path: &str) -> bool {
    matches!(path, "/api/flows" | "/api/flows.json")
}

/// Shows the flows that were kept.
pub(crate) fn answer(asked: Asked<'_>, seen: &impl Seen) -> Answer {
    if !is_read(asked.method) {
        return Answer::not_allowed("GET, HEAD");
    }
    let Some(wanted) = Wanted::of(asked.query.unwrap_or_default()) else {
        return Answer::text(400, ACCEPTED);
    };
    let Some(mut flows) = seen.flows() else {
        return Answer::text(404, "no net whose flows could be traced runs here\n");
    };
    wanted.pick(&mut flows);
    let body = match wanted.chrome {
        true => chrome(&flows).to_string(),
        false => serde_json::json!(flows).to_string(),
    };
    Answer::new(200, JSON, body)
}

/// Which flows are asked for.
#[derive(Debug, Default, PartialEq)]
struct Wanted {
    class: Option<u8>,
    why: Option<Kept>,
    /// The newest so many.
    limit: Option<usize>,
    /// Those after this number.
    since: u64,
    chrome: bool,
}

impl Wanted {
    fn of(query: &str) -> Option<Self> {
        let mut wanted = Self::default();
        let whole = query.split('&').filter(|part| !part.is_empty());
        let names: HashSet<_> = pairs(query).map(|pair| pair.0).collect();
        if whole.count() != names.len() {
            return None;
        }
        for (name, value) in pairs(query) {
            match name {
                "class" => wanted.class = Some(value.parse().ok()?),
                "why" => {
                    let mut kinds = Kept::ALL.into_iter();
                    wanted.why = Some(kinds.find(|kept| kept.name() == value)?);
                }
                "limit" => wanted.limit = Some(value.parse().ok()?),
                "since" => wanted.since = value.parse().ok()?,
                "format" if value == "chrome" => wanted.chrome = true,
                "format" if value == "json" => wanted.chrome = false,
                _ => return None,
            }
        }
        Some(wanted)
    }

    fn pick(&self, flows: &mut Flows) {
        // A number that is not reached yet is of a net before this one, which counts anew.
        let newest = flows.flows.last().map_or(0, |flow| flow.number);
        let since = if self.since > newest { 0 } else { self.since };
        flows.flows.retain(|flow| {
            self.class.is_none_or(|class| flow.class == class)
                && self.why.is_none_or(|why| flow.why == why.name())
                && flow.number > since
        });
        let beyond = self.limit.map_or(0, |limit| flows.flows.len().saturating_sub(limit));
        flows.flows.drain(..beyond);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Flow;

    #[test]
    fn what_is_asked_for_is_shown_and_nonsense_is_refused() {
        let flow = |number, class, why: &str| Flow {
            number,
            class,
            why: why.to_owned(),
            ..Flow::default()
        };
        let all = [flow(1, 0, "slow"), flow(2, 1, "slowest"), flow(3, 1, "slow")];
        let asked = |query: &str| {
            let mut flows = Flows { flows: all.to_vec(), missed: 0 };
            Wanted::of(query)?.pick(&mut flows);
            Some(flows.flows.iter().map(|flow| flow.number).collect::<Vec<_>>())
        };
        for (query, numbers) in [
            ("", &[1, 2, 3][..]),
            ("class=1", &[2, 3]),
            ("why=slow", &[1, 3]),
            ("why=slowest", &[2]),
            ("why=failed", &[]),
            ("why=slow&class=1", &[3]),
            ("limit=2", &[2, 3]),
            ("limit=0", &[]),
            ("since=2&format=chrome", &[3]),
            ("since=3", &[]),
            ("since=9&class=0", &[1]),
        ] {
            assert_eq!(asked(query).as_deref(), Some(numbers), "{query}");
        }
        for query in [
            "class=1&class=2",
            "class=256",
            "why=odd",
            "limit",
            "limit=-1",
            "x=1",
            "format=xml",
            "why=",
        ] {
            assert_eq!(asked(query), None, "{query}");
        }
    }
}
