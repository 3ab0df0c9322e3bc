//! Faults of a net: each with a number that stays, the stages concerned, and the cure.

use std::fmt;

/// Something wrong with a net, found before it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// N0001: two stages share a name.
    SameStageName {
        /// The name.
        name: String,
    },
    /// N0002: two domains share a name.
    SameDomainName {
        /// The name.
        name: String,
    },
    /// N0003: a stage is in no domain.
    Homeless {
        /// The stage.
        stage: String,
    },
    /// N0004: a domain has no thread.
    NoThreads {
        /// The domain.
        domain: String,
    },
    /// N0005: a domain has more stages than a worker can keep ready bits for.
    TooManyStages {
        /// The domain.
        domain: String,
        /// How many stages it has.
        found: usize,
        /// The most it may have: fewer in a pool, under a policy, and where an inlet has an order
        /// or a law.
        limit: usize,
    },
    /// N0006: a bound that must be at least 1 is 0.
    ZeroBound {
        /// The stage, or the wire as `stage.port`.
        at: String,
        /// Which bound.
        bound: &'static str,
    },
    /// N0007: a port has no wire.
    Unwired {
        /// The stage.
        stage: String,
        /// The port.
        port: &'static str,
    },
    /// N0008: a port has several wires.
    WiredTwice {
        /// The stage.
        stage: String,
        /// The port.
        port: &'static str,
    },
    /// N0009: stages wait for each other in a circle.
    CycleOfWaits {
        /// The stages, each waiting for the next and the last for the first.
        through: Vec<String>,
    },
    /// N0010: a wire has a window, but no wire returns to its port.
    WindowWithoutReturn {
        /// The wire's port as `stage.port`.
        wire: String,
    },
    /// N0011: a wire returns to a port that neither has a window nor belongs to a source.
    ReturnWithoutPlace {
        /// The returning wire's port as `stage.port`.
        wire: String,
        /// The port it returns to as `stage.port`.
        asked: String,
    },
    /// N0012: a wire returns to the port of a stage other than the one it leads to.
    ReturnsElsewhere {
        /// The returning wire's port as `stage.port`.
        wire: String,
        /// The stage that it leads to.
        to: String,
        /// The port it returns to as `stage.port`.
        asked: String,
    },
    /// N0013: a stage of a pool is a source, or asks over a window.
    AskerInPool {
        /// The stage.
        stage: String,
    },
    /// N0014: a wire diverts to itself or to another stage's port.
    DivertsNowhere {
        /// The wire's port as `stage.port`.
        wire: String,
    },
    /// N0015: a wire diverts without saying where.
    DivertWithoutPort {
        /// The wire's port as `stage.port`.
        wire: String,
    },
    /// N0016: the net has more stages, workers or ports than its numbers can name.
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How many.
        found: usize,
        /// The most there may be.
        limit: usize,
    },
    /// N0017: what a wire diverts comes back to it.
    DivertsInCircle {
        /// The wire's port as `stage.port`.
        wire: String,
    },
    /// N0018: the policy of a domain does not fit its stages.
    PolicyDoesNotFit {
        /// The domain.
        domain: String,
        /// What the policy says of it.
        why: String,
    },
    /// N0019: a wire is fused that must have a queue.
    CannotFuse {
        /// The wire's port as `stage.port`.
        wire: String,
        /// What keeps it from being fused.
        why: &'static str,
    },
    /// N0020: fused wires make a circle.
    FusedCircle {
        /// The stages, each fused to the next and the last to the first.
        through: Vec<String>,
    },
    /// N0021: a wire for letters waits, diverts, asks, or leads to the stage itself.
    LettersWait {
        /// The wire's port as `stage.port`.
        wire: String,
    },
    /// N0022: a stage diverts while its breaker is open, but has no wire for letters.
    DivertsWithoutLetters {
        /// The stage.
        stage: String,
    },
    /// N0023: a wire that is keyed or balanced cannot be.
    RouteDoesNotFit {
        /// The wire's port as `stage.port`.
        wire: String,
        /// Why not.
        why: String,
    },
    /// N0024: a wire with a tee cannot give to all or to none.
    TeeDoesNotFit {
        /// The wire's port as `stage.port`.
        wire: String,
        /// Why not.
        why: String,
    },
    /// N0025: a part has no stage for the door by which it is to be attached.
    NoDoor {
        /// The part.
        part: String,
    },
    /// N0026: a part is to be attached to a net that does not have its slot.
    NoSlot {
        /// The part.
        part: String,
        /// The net.
        net: String,
    },
    /// N0027: two parts of a net share a name.
    SamePartName {
        /// The name.
        name: String,
    },
}

impl Fault {
    /// The fault's number, which stays the same in all versions.
    pub fn code(&self) -> &'static str {
        match self {
            Self::SameStageName { .. } => "N0001",
            Self::SameDomainName { .. } => "N0002",
            Self::Homeless { .. } => "N0003",
            Self::NoThreads { .. } => "N0004",
            Self::TooManyStages { .. } => "N0005",
            Self::ZeroBound { .. } => "N0006",
            Self::Unwired { .. } => "N0007",
            Self::WiredTwice { .. } => "N0008",
            Self::CycleOfWaits { .. } => "N0009",
            Self::WindowWithoutReturn { .. } => "N0010",
            Self::ReturnWithoutPlace { .. } => "N0011",
            Self::ReturnsElsewhere { .. } => "N0012",
            Self::AskerInPool { .. } => "N0013",
            Self::DivertsNowhere { .. } => "N0014",
            Self::DivertWithoutPort { .. } => "N0015",
            Self::TooLarge { .. } => "N0016",
            Self::DivertsInCircle { .. } => "N0017",
            Self::PolicyDoesNotFit { .. } => "N0018",
            Self::CannotFuse { .. } => "N0019",
            Self::FusedCircle { .. } => "N0020",
            Self::LettersWait { .. } => "N0021",
            Self::DivertsWithoutLetters { .. } => "N0022",
            Self::RouteDoesNotFit { .. } => "N0023",
            Self::TeeDoesNotFit { .. } => "N0024",
            Self::NoDoor { .. } => "N0025",
            Self::NoSlot { .. } => "N0026",
            Self::SamePartName { .. } => "N0027",
        }
    }

    /// The module whose documentation says more about it, with an example.
    pub fn page(&self) -> String {
        format!("sluicegate::faults::{}", self.code().to_lowercase())
    }

    /// What to do about it.
    pub fn cure(&self) -> &'static str {
        match self {
            Self::SameStageName { .. } | Self::SameDomainName { .. } => "rename one of them",
            Self::Homeless { .. } => "place it with `.on(domain)`",
            Self::NoThreads { .. } => {
                "give it at least one thread: `4`, or `1..=4` where it is a pool"
            }
            Self::TooManyStages { .. } => "move some of its stages to another domain",
            Self::ZeroBound { .. } => "give it at least 1",
            Self::Unwired { .. } => {
                "join it to an inlet with `net.wire(..)`, or say with `net.seal(..)` that \
                 nothing is sent"
            }
            Self::WiredTwice { .. } => {
                "keep one wire; to send to two stages give the wire a `.tee(inlet)`, or the stage \
                 two ports"
            }
            Self::CycleOfWaits { .. } => {
                "give the wire that asks a `.window(n)` and mark the one that answers with \
                 `.returns(port)`, or let one wire of the circle shed or divert"
            }
            Self::WindowWithoutReturn { .. } => {
                "mark the wire that brings the answers with `.returns(port)`, or drop the window"
            }
            Self::ReturnWithoutPlace { .. } => {
                "give the wire of the asking port a `.window(n)`, or make the stage that asks a \
                 source with `.flows(n)`"
            }
            Self::ReturnsElsewhere { .. } => "name a port of the stage that the wire leads to",
            Self::AskerInPool { .. } => {
                "move it to a pinned domain: answers must find the replica that asked"
            }
            Self::DivertsNowhere { .. } => "divert to another port of the same stage",
            Self::DivertWithoutPort { .. } => "say where with `.divert(port)`",
            Self::TooLarge { .. } => "split the service into several nets or stages",
            Self::DivertsInCircle { .. } => "let one wire of the circle wait or shed",
            Self::PolicyDoesNotFit { .. } => "correct what the domain's `.policy(..)` makes",
            Self::CannotFuse { .. } => "leave out `.fused()`",
            Self::FusedCircle { .. } => "leave out `.fused()` at one wire of the circle",
            Self::LettersWait { .. } => {
                "have it shed, without `.window(n)` and `.divert(port)`, and lead it to another \
                 stage: one that panicked must neither wait nor get its own letters"
            }
            Self::DivertsWithoutLetters { .. } => {
                "wire its `letters` port, or take `.divert()` out of its supervision"
            }
            Self::RouteDoesNotFit { .. } => "drop its `.keyed(..)` or `.balanced()`",
            Self::TeeDoesNotFit { .. } => {
                "make it a `.tap(inlet)`, which gets what it has room for, or give the stage a \
                 second port and send a fork there"
            }
            Self::NoDoor { .. } => "add the stage that `slot.door(..)` made along with its door",
            Self::NoSlot { .. } => {
                "make its door by `slot.door(..)` of a slot whose stage was added to that net"
            }
            Self::SamePartName { .. } => {
                "name the part otherwise, or take the one that is there away before"
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.code())?;
        match self {
            Self::SameStageName { name } => write!(f, "two stages are called `{name}`"),
            Self::SameDomainName { name } => write!(f, "two domains are called `{name}`"),
            Self::Homeless { stage } => write!(f, "stage `{stage}` is in no domain"),
            Self::NoThreads { domain } => write!(f, "domain `{domain}` has no thread"),
            Self::TooManyStages { domain, found, limit } => {
                write!(f, "domain `{domain}` has {found} stages, {limit} are the most of its kind")
            }
            Self::ZeroBound { at, bound } => write!(f, "the {bound} of `{at}` is 0"),
            Self::Unwired { stage, port } => write!(f, "port `{stage}.{port}` has no wire"),
            Self::WiredTwice { stage, port } => {
                write!(f, "port `{stage}.{port}` has more than one wire")
            }
            Self::CycleOfWaits { through } => {
                circle(f, "stages wait for each other in a circle", through)
            }
            Self::FusedCircle { through } => circle(f, "stages are fused in a circle", through),
            Self::CannotFuse { wire, why } => {
                write!(f, "the wire from `{wire}` cannot be fused: {why}")
            }
            Self::WindowWithoutReturn { wire } => {
                write!(f, "the wire from `{wire}` has a window, but no wire returns to it")
            }
            Self::ReturnWithoutPlace { wire, asked } => write!(
                f,
                "the wire from `{wire}` returns to `{asked}`, which keeps no places for answers"
            ),
            Self::ReturnsElsewhere { wire, to, asked } => {
                write!(f, "the wire from `{wire}` leads to `{to}`, but returns to `{asked}`")
            }
            Self::AskerInPool { stage } => {
                write!(f, "stage `{stage}` of a pool is a source or asks over a window")
            }
            Self::DivertsNowhere { wire } => {
                write!(f, "the wire from `{wire}` does not divert to another port of its stage")
            }
            Self::DivertWithoutPort { wire } => {
                write!(f, "the wire from `{wire}` diverts, but not where to")
            }
            Self::TooLarge { what, found, limit } => {
                write!(f, "the net has {found} {what}, {limit} are the most")
            }
            Self::DivertsInCircle { wire } => {
                write!(f, "what the wire from `{wire}` diverts comes back to it")
            }
            Self::PolicyDoesNotFit { domain, why } => {
                write!(f, "the policy of domain `{domain}` does not fit: {why}")
            }
            Self::LettersWait { wire } => {
                write!(f, "the wire from `{wire}` does not just shed letters for want of room")
            }
            Self::DivertsWithoutLetters { stage } => {
                write!(f, "stage `{stage}` diverts letters, but has no wire for them")
            }
            Self::RouteDoesNotFit { wire, why } | Self::TeeDoesNotFit { wire, why } => {
                write!(f, "the wire from `{wire}` {why}")
            }
            Self::NoDoor { part } => write!(f, "part `{part}` has no stage for its door"),
            Self::NoSlot { part, net } => {
                write!(f, "net `{net}` has no slot for part `{part}`")
            }
            Self::SamePartName { name } => {
                write!(f, "a part called `{name}` is attached already")
            }
        }?;
        write!(f, "; {} (see {})", self.cure(), self.page())
    }
}

fn circle(f: &mut fmt::Formatter<'_>, what: &str, through: &[String]) -> fmt::Result {
    write!(f, "{what}: ")?;
    for stage in through {
        write!(f, "`{stage}` -> ")?;
    }
    write!(f, "`{}`", through[0])
}

/// All faults of a net.
///
/// ```
/// use sluicegate::{Batch, Cx, Net, from_fn, stage};
///
/// let mut net = Net::new("homeless");
/// let end = || {
///     from_fn(|batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
///         batch.for_each(|event| event.split().0.finish());
///     })
/// };
/// net.add(stage("end", end));
/// let faults = net.check().unwrap_err();
/// assert_eq!(faults.0[0].code(), "N0003");
/// assert!(faults.to_string().contains("place it with `.on(domain)`"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, fault) in self.0.iter().enumerate() {
            write!(f, "{}{fault}", if n == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
