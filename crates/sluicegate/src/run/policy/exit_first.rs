//! The exit first.

use super::{Next, Policy, Ready, Stages};

/// The stages that free resources first: what is nearest to the exit. With it a batch is carried
/// through the net while its buffers are warm, and few of them are in use at once. The default.
///
/// It is what SEDA's authors asked for and did not build (Welsh, thesis 2002, section 8.2.3); in
/// routers and event loops it is known as draining first.
///
/// A stage starves as long as stages nearer to the exit have something to do. In a net whose only
/// work comes through its sources they do not for long, since they work off what is there; where
/// they have inputs of their own that bring more than the worker can do, take [`Fifo`] or
/// [`Shares`].
///
/// [`Fifo`]: crate::Fifo
/// [`Shares`]: crate::Shares
///
/// ```
/// use sluicegate::{ExitFirst, Net};
///
/// let mut net = Net::new("net");
/// let cpu = net.domain("cpu").policy(|| ExitFirst).pinned(1);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ExitFirst;

impl Policy for ExitFirst {
    fn next(&mut self, ready: Ready, _: &Stages<'_>) -> Next {
        ready.nearest_exit().into()
    }
}
