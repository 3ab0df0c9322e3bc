//! A fixed order of stages.

use super::{Next, Policy, Ready, Stages, names};

/// Stages in a fixed order: of those that are ready the first one runs, a batch at a time. Who is
/// not named goes after all that are, nearest to the exit first.
///
/// A stage **starves** as long as one before it has something to do: name only what is cheap or
/// rare, or what must not wait at any price. [`Shares`](crate::Shares) leave something to all.
///
/// ```
/// use sluicegate::{Net, Priority};
///
/// let mut net = Net::new("service");
/// let cpu = net.domain("cpu").policy(|| Priority::of(["health", "write"])).pinned(1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Priority {
    names: Vec<String>,
    /// Numbers of all stages, in this order.
    order: Vec<usize>,
}

impl Priority {
    /// The stages with these names go first, in this order. A name that no stage of the domain has,
    /// or that is given twice, is a fault of the net.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let names = names.into_iter().map(str::to_owned).collect();
        Self { names, order: Vec::new() }
    }
}

impl Policy for Priority {
    fn start(&mut self, stages: &[&str]) -> Result<(), String> {
        self.order = names::numbers(stages, self.names.iter().map(String::as_str))?;
        let others = (0..stages.len()).filter(|n| !self.order.contains(n));
        let others: Vec<usize> = others.collect();
        self.order.extend(others);
        Ok(())
    }

    fn next(&mut self, ready: Ready, _: &Stages<'_>) -> Next {
        self.order.iter().copied().find(|&n| ready.contains(n)).into()
    }
}
