//! One end of a simulated connection.

use std::collections::VecDeque;

use sluicegate::Time;

use crate::addr::Peer;
use crate::conn::How;

/// What is known at one end.
#[derive(Debug)]
pub(crate) struct End {
    /// The machine that owns it; `None` for a test's.
    pub host: Option<usize>,
    /// Under what key its machine wants to be told.
    pub key: Option<u64>,
    /// The other end; `None` while nobody answered.
    pub peer: Option<u32>,
    /// Who is at the other end.
    pub who: Peer,
    pub phase: Phase,
    /// Bytes that came and are not received yet.
    pub inbox: VecDeque<u8>,
    /// Bytes on their way here.
    pub coming: usize,
    /// When the last thing on its way here arrives: nothing overtakes it.
    pub latest: Time,
    /// No more bytes will come.
    pub finished_in: bool,
    /// No more bytes may be sent.
    pub finished_out: bool,
    /// The owner was refused room and wants to be told of some.
    pub blocked: bool,
    /// Closed by its owner.
    pub closed: bool,
    /// Hears and says nothing any more.
    pub vanished: bool,
    /// It is already planned to give up waiting for answers.
    pub giving_up: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Connecting,
    Open,
    Refused,
    Dead(How),
}

impl End {
    pub fn new(host: Option<usize>, who: Peer, phase: Phase, now: Time) -> Self {
        Self {
            host,
            key: None,
            peer: None,
            who,
            phase,
            inbox: VecDeque::new(),
            coming: 0,
            latest: now,
            finished_in: false,
            finished_out: false,
            blocked: false,
            closed: false,
            vanished: false,
            giving_up: false,
        }
    }

    /// Whether something sent here is heard.
    pub fn hears(&self) -> bool {
        !self.vanished && !matches!(self.phase, Phase::Dead(_) | Phase::Refused)
    }
}
