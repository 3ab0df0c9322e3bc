//! What a program brings along beside a configuration: an application, listeners.
use sluicegate::{Capacity, Domain, Inlet, Net, Outlet, Tag};
use sluicegate_http::Exchange;
use std::net::TcpListener;
use std::sync::Arc;

/// An application whose stages answer where a route has the handler `app`.
pub trait App: Send + Sync + 'static {
    /// Whether it [describes](Self::describe) requests. Where it does not, and has all paths with
    /// nothing said of them, requests go to it directly.
    fn describes(&self) -> bool {
        false
    }

    /// Says more of a request than its route does, before it comes to the gate: who asks, how
    /// important it is, until when it is to be answered. Runs on the worker for each request.
    fn describe(&self, _tag: &mut Tag, _exchange: &mut Exchange) {}

    /// Adds the stages of the application, on workers of `cpu` or in a domain of its own. The inlet
    /// for requests has to get `queue`, which is the gate of its routes.
    fn mount(&self, net: &mut Net, cpu: Domain, queue: Capacity) -> Mounted;
}

/// The ends of the wires that join an application to the server.
#[derive(Clone, Copy, Debug)]
pub struct Mounted {
    /// Takes requests.
    pub requests: Inlet<Exchange>,
    /// Gives them back with replies.
    pub replies: Outlet<Exchange>,
    /// Takes exchanges whose reply is streamed and wants its next pieces.
    pub pull: Inlet<Exchange>,
    /// Gives them back with pieces.
    pub pieces: Outlet<Exchange>,
}

/// What a program brings along.
#[derive(Default)]
pub struct Brought {
    /// Answers at routes with the handler `app`.
    pub app: Option<Arc<dyn App>>,
    /// Listened on beside the addresses of the configuration.
    pub listeners: Vec<TcpListener>,
}
