//! The ports of the stage. Written out, because one of them is mostly not there.

use sluicegate::{AnyOut, Binder, Out, Outlet, Ports, StageId};
use sluicegate_io::Write;

use crate::exchange::Exchange;
use crate::log::Block;

/// Where the stage sends.
pub struct HttpOut {
    /// Requests that are complete, each with the tag of its flow.
    pub request: Out<Exchange>,
    /// Exchanges whose stream wants its next pieces.
    pub pull: Out<Exchange>,
    /// Output.
    pub write: Out<Write>,
    /// Records of requests, where they are asked for.
    pub log: Out<Block>,
}

/// The ports of [`HttpOut`] seen from outside.
#[derive(Clone, Copy, Debug)]
pub struct HttpOutlets {
    /// The port `request`.
    pub request: Outlet<Exchange>,
    /// The port `pull`.
    pub pull: Outlet<Exchange>,
    /// The port `write`.
    pub write: Outlet<Write>,
    /// The port `log`.
    pub log: Outlet<Block>,
}

impl Ports for HttpOut {
    type Outlets = HttpOutlets;
    const NAMES: &'static [&'static str] = &["request", "pull", "write", "log"];

    fn outlets(of: StageId) -> HttpOutlets {
        HttpOutlets {
            request: Outlet::new(of, 0),
            pull: Outlet::new(of, 1),
            write: Outlet::new(of, 2),
            log: Outlet::new(of, 3),
        }
    }

    fn bind(binder: &mut Binder<'_>) -> Self {
        Self {
            request: binder.out(0),
            pull: binder.out(1),
            write: binder.out(2),
            log: binder.out(3),
        }
    }

    fn each(&mut self, f: &mut dyn FnMut(&mut dyn AnyOut)) {
        f(&mut self.request);
        f(&mut self.pull);
        f(&mut self.write);
        // Without a log nothing is ever sent there, and a run asks its ports many things.
        if self.log.is_wired() {
            f(&mut self.log);
        }
    }
}
