//! Adds an HTTP server to a net in one call.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sluicegate::{Domain, Entering, Inlet, Net, Outlet, Time, bounded, stage};
use sluicegate_io::{Listeners, Options, serve};

use crate::date::WallClock;
use crate::deadline::Deadlines;
use crate::exchange::Exchange;
use crate::id::{IdSettings, Ids};
use crate::in_pieces::InPieces;
use crate::journal::Journal;
use crate::limits::Limits;
use crate::log::{Block, LogSettings};
use crate::machine::Extras;
use crate::pages::Pages;
use crate::refusals::Refusals;
use crate::stage::{EMITS, HttpIn, HttpStage};
use crate::traceparent::TraceParents;

/// Numbers of an HTTP server. Change the fields that matter and keep the other defaults.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What one connection may cost.
    pub limits: Limits,
    /// Requests of one worker that may be in the net at once; more are answered 503. 16,384.
    pub flows: usize,
    /// Events that may wait for the stage on one worker. 1024.
    pub queue: usize,
    /// When the answer to a request is worth nothing any more, from its first byte. Never.
    pub answer_time: Option<Duration>,
    /// Which fields of a request may bring that nearer. None.
    pub deadlines: Deadlines,
    /// How requests say of which trace they are part.
    pub traces: TraceParents,
    /// Where the wall clock is read, for Date. The system's.
    pub clock: WallClock,
    /// Names and bounds of the stages that move bytes. A prefix goes before `http` too.
    pub io: Options,
    /// Where refusals are counted, for all workers.
    pub refusals: Arc<Refusals>,
    /// What is answered where nobody else does. The reason phrase of the status.
    pub pages: Option<Arc<dyn Pages>>,
    /// Which requests are handed on before their body is complete. None.
    pub in_pieces: Option<InPieces>,
    /// Whether who has finished sending is still answered; else it is taken to have left. Of TCP
    /// both look the same. Yes.
    pub half_close: bool,
    /// What is recorded of requests: wire [`HttpNodes::log`] then. Nothing.
    pub log: Option<LogSettings>,
    /// How requests are named. Not at all.
    pub request_id: Option<IdSettings>,
    /// Replies tell in Server-Timing how long they took. No.
    pub server_timing: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            flows: 16 * 1024,
            queue: 1024,
            answer_time: None,
            deadlines: Deadlines::default(),
            traces: TraceParents::default(),
            clock: |_| SystemTime::now(),
            io: Options::default(),
            refusals: Arc::default(),
            pages: None,
            in_pieces: None,
            half_close: true,
            log: None,
            request_id: None,
            server_timing: false,
        }
    }
}

impl Settings {
    pub(crate) fn entering(&self, born: Time) -> Entering {
        let deadline = self.answer_time.map(|time| born + time);
        Entering { born: Some(born), deadline, ..Entering::default() }
    }

    /// What connections share beyond the protocol, where any of it is asked for.
    pub(crate) fn extras(&self) -> Option<Box<Extras>> {
        let journal = self.log.clone().map(|log| Journal::new(log, self.clock));
        let ids = self.request_id.as_ref().map(|ids| Ids::new(ids, self.clock));
        let timing = self.server_timing;
        let any = journal.is_some() || ids.is_some() || timing;
        any.then(|| Box::new(Extras { journal, ids, timing, lines: Vec::new() }))
    }
}

/// An HTTP server in a net.
#[derive(Clone, Copy, Debug)]
pub struct HttpServer;

/// Where handlers are attached.
#[derive(Clone, Copy, Debug)]
pub struct HttpNodes {
    /// Requests that are complete.
    pub request: Outlet<Exchange>,
    /// Exchanges whose streamed reply wants its next pieces; wire it to the stage that gives them.
    pub pull: Outlet<Exchange>,
    /// Where exchanges go back, by wires that [`returns`](sluicegate::Wire::returns) to `request`
    /// or `pull`.
    pub replies: Inlet<HttpIn>,
    /// Records of requests, where [`Settings::log`] asks for them. Without it nothing is sent here,
    /// and no wire is needed.
    pub log: Outlet<Block>,
}

impl HttpServer {
    /// Adds the stages `accept`, `read`, `http` and `write` to a pinned domain whose machine is
    /// an [`Io`](sluicegate_io::Io), wired with each other.
    pub fn add(
        net: &mut Net,
        domain: Domain,
        listeners: Listeners,
        settings: Settings,
    ) -> HttpNodes {
        let served = serve(net, domain, listeners, &settings.io);
        let name = format!("{}http", settings.io.prefix);
        let logs = settings.log.is_some();
        let (queue, flows, batch) = (settings.queue, settings.flows, settings.io.batch);
        let spec = stage(&name, move || HttpStage::new(settings.clone()))
            .on(domain)
            .queue(bounded(queue))
            .batch(batch)
            .emits(EMITS)
            .flows(flows);
        let http = net.add(spec);
        net.wire(served.opened, http.inlet).fused();
        net.wire(served.incoming, http.inlet).fused();
        net.wire(http.out.write, served.write).fused();
        if !logs {
            net.seal(http.out.log);
        }
        let out = http.out;
        HttpNodes { request: out.request, pull: out.pull, replies: http.inlet, log: out.log }
    }
}
