//! Which backend a process uses: io_uring where it works, epoll elsewhere.

use std::io;
use std::sync::Arc;

use crate::backend::Backend;
use crate::epoll::Epoll;
use crate::io::Io;
use crate::ledger::ConnLedger;
use crate::settings::Settings;
use crate::system::make_room;
use crate::uring::{Unfit, Uring};

/// Whether io_uring is taken where nothing is asked for and both would do.
const URING_FIRST: bool = true;

/// Which backend is asked for.
///
/// ```
/// use sluicegate_io::Asked;
///
/// assert_eq!(Asked::default(), Asked::Auto);
/// assert_eq!(Asked::NAMES, Asked::ALL.map(Asked::name));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asked {
    /// The better one of those that work here.
    #[default]
    Auto,
    /// io_uring and no other.
    Uring,
    /// epoll, which works everywhere.
    Epoll,
}

impl Asked {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Uring, Self::Epoll];
    /// Their names.
    pub const NAMES: [&'static str; 3] =
        [Self::Auto.name(), Self::Uring.name(), Self::Epoll.name()];

    /// As it is typed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Uring => "uring",
            Self::Epoll => "epoll",
        }
    }

    /// What it is, for who chooses.
    pub fn about(self) -> &'static str {
        match self {
            Self::Auto => "io_uring where it works, epoll elsewhere",
            Self::Uring => "io_uring",
            Self::Epoll => "epoll",
        }
    }
}

/// The backend of all workers of a process, known to work.
///
/// ```
/// use sluicegate_io::{Asked, Choice};
///
/// let choice = Choice::new(Asked::Auto)?;
/// if let Some(why) = choice.why() {
///     println!("{}, as {why}", choice.name());
/// }
/// # Ok::<(), sluicegate_io::Unfit>(())
/// ```
#[derive(Clone, Debug)]
pub struct Choice {
    uring: bool,
    why: Option<Arc<str>>,
}

impl Choice {
    /// Tries out what is asked for.
    ///
    /// # Errors
    /// io_uring is asked for and does not work here.
    pub fn new(asked: Asked) -> Result<Self, Unfit> {
        let tried = match asked {
            Asked::Epoll => return Ok(Self { uring: false, why: None }),
            Asked::Auto if !URING_FIRST => {
                return Ok(Self { uring: false, why: None });
            }
            Asked::Auto | Asked::Uring => Uring::try_out(),
        };
        match tried {
            Ok(()) => Ok(Self { uring: true, why: None }),
            Err(unfit) if asked == Asked::Uring => Err(unfit),
            Err(unfit) => Ok(Self { uring: false, why: Some(unfit.to_string().into()) }),
        }
    }

    /// Tries out whether accepted connections can be direct descriptors, as
    /// [`Settings::direct`] asks for.
    ///
    /// # Errors
    /// It is not io_uring, or the kernel's io_uring cannot.
    pub fn try_direct(&self) -> Result<(), Unfit> {
        if self.uring { Uring::try_out_direct() } else { Err(Unfit::Epoll(self.why.clone())) }
    }

    /// The name of the backend, as shown to the user.
    pub fn name(&self) -> &'static str {
        if self.uring { "io_uring" } else { "epoll" }
    }

    /// Why it is not the other one, which would have been taken.
    pub fn why(&self) -> Option<&str> {
        self.why.as_deref()
    }

    /// Whether the workers' machines read, write and sync disks; else threads of a pool have to.
    pub fn has_disks(&self) -> bool {
        self.uring
    }

    /// The backend for the thread that makes it.
    ///
    /// # Errors
    /// What the system refuses, as when descriptors have run out.
    pub fn backend(&self) -> io::Result<Box<dyn Backend>> {
        if self.uring {
            Ok(Box::new(Uring::new().map_err(io::Error::other)?))
        } else {
            Ok(Box::new(Epoll::new()?))
        }
    }

    /// A machine on this backend, for the thread that makes it.
    ///
    /// # Errors
    /// The same.
    pub fn machine(&self, settings: Settings, ledger: Arc<ConnLedger>) -> io::Result<Io> {
        let backend = if self.uring && settings.direct {
            Box::new(Uring::direct(settings.connections).map_err(io::Error::other)?)
        } else {
            make_room();
            self.backend()?
        };
        let mut io = Io::on(backend, settings, ledger);
        if cfg!(debug_assertions) {
            io.look_at_sleep();
        }
        Ok(io)
    }
}
