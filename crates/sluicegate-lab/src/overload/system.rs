//! What is put to the test: whose server it is, with which handler, and what it is started with.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sluicegate_io::{Addr, Asked};

use super::handler::{Handler, Rule};
use super::nginx;
use super::peer::Peer;
use super::program::Program;

/// What is put to the test.
#[derive(Clone, Copy, Debug)]
pub struct System {
    /// What it does for a request.
    pub handler: Handler,
    /// Whose server it is.
    pub make: Make,
}

/// Whose server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Make {
    /// This program's own.
    Ours {
        /// What moves its bytes.
        io: Asked,
        /// Whether the route has a target, which gives it a gate.
        gated: bool,
    },
    /// One that users know.
    Peer(Peer),
}

/// How much a server takes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intake {
    /// All, so that it shows what it can do.
    All,
    /// What the rule under test lets in, with the number that the rule has been given, if any.
    Ruled(Option<usize>),
    /// Nothing: all is refused.
    Nothing,
}

impl System {
    /// Its name, also of files.
    pub fn name(&self) -> String {
        let handler = self.handler.name();
        match self.make {
            Make::Ours { io, gated } => {
                let gate = if gated { "" } else { "-ungated" };
                format!("{handler}-{}{gate}", io.name())
            }
            Make::Peer(peer) => format!("{}-{handler}", peer.name()),
        }
    }

    /// How many numbers it is tuned by.
    pub(super) fn tunings(&self) -> usize {
        match self.make {
            Make::Ours { .. } => 0,
            Make::Peer(peer) => peer.tunings(),
        }
    }

    /// Whether there is a way to make it take on so much.
    pub(super) fn can(&self, intake: Intake) -> bool {
        match (intake, self.make) {
            (Intake::Nothing, Make::Peer(peer)) => peer.can_refuse_all(),
            _ => true,
        }
    }

    /// What it needs and is not there, with how to get it.
    ///
    /// # Errors
    /// One sentence.
    pub(super) fn check(&self, peers: &Path) -> Result<(), String> {
        match self.make {
            Make::Ours { .. } => Ok(()),
            Make::Peer(peer) => peer.check(peers),
        }
    }

    /// What is started: what handles requests.
    pub(super) fn back(&self, place: &Place<'_>, intake: Intake) -> Program {
        match self.make {
            Make::Peer(peer) => peer.back(place, self.handler, intake),
            Make::Ours { io, gated } => {
                let settings = place.out.join(format!("{}{}.toml", self.name(), intake.ending()));
                let shown = settings.display().to_string();
                let mut arguments = vec!["serve", "--listen", "127.0.0.1:0"];
                arguments.extend(["--admin", "127.0.0.1:0", "--workers", "1"]);
                arguments.extend(["--io", io.name(), "--config", &shown]);
                let text = self.settings(place, gated, intake);
                Program::new(place.command.to_owned(), &arguments).with_file(settings, text)
            }
        }
    }

    /// And what stands before that, if anything does, on `listen`.
    pub(super) fn front(
        &self,
        place: &Place<'_>,
        intake: Intake,
        listen: &Addr,
        back: &Addr,
    ) -> Option<Program> {
        let Make::Peer(peer) = self.make else { return None };
        let limit = peer.nginx_limit(self.handler, place.target, intake)?;
        let home = place.out.join(format!("{}{}", self.name(), intake.ending()));
        Some(nginx::program(&home, listen, back, &limit))
    }

    fn settings(&self, place: &Place<'_>, gated: bool, intake: Intake) -> String {
        let rule = match intake {
            Intake::Nothing => Rule::Refuse,
            Intake::Ruled(_) if gated => Rule::Target(place.target),
            Intake::All | Intake::Ruled(_) => Rule::None,
        };
        self.handler.routes(rule)
    }
}

/// Where programs are found and files are put, and what rules keep to.
pub(super) struct Place<'a> {
    pub command: &'a Path,
    pub peers: &'a Path,
    /// From the root.
    pub out: PathBuf,
    pub target: Duration,
}

impl Intake {
    /// The end of the names of files for it.
    fn ending(self) -> &'static str {
        match self {
            Self::All => "-capacity",
            Self::Ruled(_) => "",
            Self::Nothing => "-refuse",
        }
    }
}
