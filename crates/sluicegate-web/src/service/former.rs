//! How a service ends: it leaves its listeners to another, answers what it has begun, and counts.
use super::{Doors, Service};
use crate::log::{Format, Formatter, LogFile, say};
use crate::watch::Watch;
use sluicegate::Running;
use sluicegate_admin::otlp::Exporter;
use sluicegate_io::Succession;
use std::sync::Arc;
use std::time::Duration;

/// How long a service that was succeeded may take to leave its listeners; after that it may accept
/// some more connections, for a moment.
const PASSING_ON: Duration = Duration::from_secs(1);

/// What became of a service.
#[derive(Clone, Debug)]
pub struct Served {
    /// Requests that were answered.
    pub answered: u64,
    /// Connections that were opened.
    pub connections: u64,
    /// Whether all that was begun was answered in time.
    pub complete: bool,
    /// Requests that were cut off.
    pub cut_off: u64,
    /// Whether no request vanished.
    pub flows_even: bool,
    /// Whether no connection vanished.
    pub connections_even: bool,
    /// Both ledgers in full.
    pub detail: String,
}

impl Served {
    /// Tells of the end.
    fn tell(&self) {
        let Served { answered, connections, cut_off, .. } = self;
        if self.flows_even && self.connections_even {
            tracing::info!(
                target: "sluicegate::service",
                answered, connections, cut_off, "ended; both ledgers are even",
            );
        } else {
            let ledgers = &self.detail;
            tracing::error!(
                target: "sluicegate::service",
                answered, connections, cut_off, ledgers, "ended; a ledger is uneven",
            );
        }
    }

    /// This and what another service of the same process did.
    pub fn with(self, other: Served) -> Served {
        let both = |one: String, two: String| match (one.is_empty(), two.is_empty()) {
            (true, _) => two,
            (_, true) => one,
            _ => format!("{one}; {two}"),
        };
        let uneven = |served: &Served| !(served.flows_even && served.connections_even);
        let told = |served: &Served| match uneven(served) {
            true => served.detail.clone(),
            false => String::new(),
        };
        Served {
            detail: both(told(&self), told(&other)),
            answered: self.answered + other.answered,
            connections: self.connections + other.connections,
            complete: self.complete && other.complete,
            cut_off: self.cut_off + other.cut_off,
            flows_even: self.flows_even && other.flows_even,
            connections_even: self.connections_even && other.connections_even,
        }
    }
}

/// A service that another one took over from: it answers what it has begun, and no more.
pub struct Former {
    pub(super) running: Running,
    pub(super) watch: Arc<Watch>,
    pub(super) exporter: Option<Exporter>,
    pub(super) log: Option<(Arc<LogFile>, Format)>,
}

impl Former {
    /// Has a service leave its listeners to the one that took over.
    pub(super) fn of(service: Service) -> Former {
        let Doors { site, admin, succession } = service.doors;
        succession.iter().for_each(Succession::pass_on);
        // Those are held for a successor of its own, which it has.
        drop((site, admin));
        service.running.begin_drain();
        for listeners in succession {
            listeners.wait_until_over(PASSING_ON);
        }
        let Service { running, watch, exporter, log, .. } = service;
        Former { running, watch, exporter, log }
    }

    /// Answers what was begun until it is `enough`, which is asked every few milliseconds, and
    /// ends.
    pub fn drain_until(self, enough: impl FnMut() -> bool) -> Served {
        let drained = self.running.drain_until(enough);
        self.exporter.into_iter().for_each(Exporter::stop);
        if let Some((log, format)) = &self.log {
            say::last(log, Formatter::new(*format), &self.watch.log());
        }
        self.watch.save_hot();
        let connections = self.watch.connections();
        let flows = drained.ledger;
        let cut_off = flows.ended[sluicegate::Why::Draining];
        let served = Served {
            answered: flows.finished,
            connections: connections.opened,
            complete: drained.complete,
            cut_off,
            flows_even: flows.balanced() && flows.in_flight == 0,
            connections_even: connections.balanced(),
            detail: format!("{flows:?}, {connections:?}"),
        };
        served.tell();
        served
    }
}
