//! Why a service was not started.
use crate::rules::Unusable;
use sluicegate_io::{ListenError, Unfit};
use std::{fmt, io};

/// Why a service was not started: a sentence a line.
#[derive(Debug)]
pub struct NotStarted(pub(crate) String);

impl From<ListenError> for NotStarted {
    fn from(error: ListenError) -> NotStarted {
        NotStarted(error.to_string())
    }
}

impl From<Unfit> for NotStarted {
    fn from(unfit: Unfit) -> NotStarted {
        NotStarted(format!("`io` is \"uring\", but {unfit}; accepted here: auto, epoll"))
    }
}

impl From<io::Error> for NotStarted {
    fn from(error: io::Error) -> NotStarted {
        NotStarted(format!("the listeners cannot be kept for a successor: {error}"))
    }
}

impl From<Unusable> for NotStarted {
    fn from(error: Unusable) -> NotStarted {
        NotStarted(error.to_string())
    }
}

impl fmt::Display for NotStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotStarted {}
