//! The laws, as experiments name them.

use sluicegate::{
    Capacity, Codel, Gradient2, Limit, Off, Overload, Seda, SedaMulticlass, Vegas, bounded,
};

use super::service::Service;

/// Events that may wait whatever the law says, as in the server.
const QUEUE: usize = 4096;

/// A law of admission, with the numbers that its authors published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// None: the queue is full, or it is not.
    Off,
    /// A number of requests at once, tuned by hand for the very service.
    Limit,
    /// SEDA's response-time controller.
    Seda,
    /// The same for classes.
    SedaMulticlass,
    /// CoDel with adaptive LIFO, at 5 ms and 100 ms.
    Codel,
    /// Gradient2, with a limit of 20 to 200.
    Gradient2,
    /// Vegas, with a limit of 1 to 1000.
    Vegas,
    /// The default.
    Overload,
}

impl Law {
    /// All there are, the default last.
    pub const ALL: [Self; 8] = [
        Self::Off,
        Self::Limit,
        Self::Seda,
        Self::SedaMulticlass,
        Self::Codel,
        Self::Gradient2,
        Self::Vegas,
        Self::Overload,
    ];

    /// As reports call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Limit => "limit",
            Self::Seda => "seda",
            Self::SedaMulticlass => "seda-multiclass",
            Self::Codel => "codel",
            Self::Gradient2 => "gradient2",
            Self::Vegas => "vegas",
            Self::Overload => "overload",
        }
    }

    /// The queue of a service under it.
    pub(super) fn queue(self, service: &Service) -> Capacity {
        let (queue, target) = (bounded(QUEUE), service.target);
        match self {
            Self::Off => queue.admit(Off),
            Self::Limit => queue.admit(Limit::of(service.tuned_limit())),
            Self::Seda => queue.admit(Seda::p90(target)),
            Self::SedaMulticlass => queue.admit(SedaMulticlass::p90(target)),
            Self::Codel => queue.admit(Codel::default()),
            Self::Gradient2 => queue.admit(Gradient2::default()),
            Self::Vegas => queue.admit(Vegas::default()),
            Self::Overload => queue.admit(Overload::p99(target)),
        }
    }
}
