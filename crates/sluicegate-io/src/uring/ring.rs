//! The ring itself: set up with what the kernel has, filled with operations, entered.

use std::io;
use std::time::Duration;

use io_uring::types::{SubmitArgs, Timespec};
use io_uring::{Builder, EnterFlags, IoUring, Probe, cqueue, opcode, squeue};
use sluicegate::Wait;

use crate::uring::unfit::Unfit;

/// Operations that may be queued between two polls; more are submitted early.
const SUBMISSIONS: u32 = 1024;
/// Completions for which there is room; the kernel keeps what is more until there is again.
const COMPLETIONS: u32 = 4096;
/// Threads that the kernel may start for a ring: for syncs, and for reads and writes of files whose
/// file system cannot begin without waiting, as one in user space or one that has to find room for
/// a file that grows; and for all else. Sockets need none, and neither do direct reads from local
/// disks; without a bound, an operation that should not be there could
/// bring a pool that no controller sees.
const KERNEL_THREADS: [u32; 2] = [8, 1];

/// A completion: the number of its operation, its result and its flags.
pub(super) type Done = (u64, i32, u32);

/// A ring of one thread, on which it was made.
pub(super) struct Ring {
    ring: IoUring,
}

/// What is asked for beyond a plain ring, the newest first; all save work and none is needed.
pub(super) const EXTRAS: [fn(&mut Builder); 4] = [
    // Linux 6.6: no table of indices between the queue and its entries.
    |builder| _ = builder.setup_no_sqarray(),
    // Linux 6.1: completions are worked on when asked for, by the one thread that submits.
    |builder| _ = builder.setup_single_issuer().setup_defer_taskrun(),
    // Linux 5.19: no interrupt for a completion, but a flag.
    |builder| _ = builder.setup_coop_taskrun().setup_taskrun_flag(),
    // Linux 5.18: an operation that cannot begin does not hold up those behind it.
    |builder| _ = builder.setup_submit_all(),
];

impl Ring {
    /// A ring with as many extras as the kernel has.
    pub fn new() -> Result<Self, Unfit> {
        let mut without = 0;
        loop {
            match Self::made(SUBMISSIONS, COMPLETIONS, without) {
                Err(Unfit::Refused(error))
                    if error.kind() == io::ErrorKind::InvalidInput && without < EXTRAS.len() =>
                {
                    without += 1;
                }
                made => return made,
            }
        }
    }

    /// A ring of this size, without the first so many extras.
    pub fn made(submissions: u32, completions: u32, without: usize) -> Result<Self, Unfit> {
        let mut builder = IoUring::builder();
        builder.dontfork().setup_clamp().setup_cqsize(completions);
        for extra in &EXTRAS[without..] {
            extra(&mut builder);
        }
        let ring = Self { ring: builder.build(submissions).map_err(Unfit::Refused)? };
        ring.require()?;
        Ok(ring)
    }

    /// What the backend cannot do without.
    fn require(&self) -> Result<(), Unfit> {
        let params = self.ring.params();
        let features = [
            (params.is_feature_nodrop(), "room for every completion"),
            (params.is_feature_submit_stable(), "stable submission"),
            (params.is_feature_fast_poll(), "polling of sockets"),
            (params.is_feature_ext_arg(), "waiting with a timeout"),
        ];
        let mut probe = Probe::new();
        self.ring.submitter().register_probe(&mut probe).map_err(Unfit::Refused)?;
        let operations = [
            (opcode::AcceptMulti::CODE, "accept"),
            (opcode::RecvMulti::CODE, "receive"),
            (opcode::Send::CODE, "send"),
            (opcode::SendMsg::CODE, "sending of pieces"),
            (opcode::PollAdd::CODE, "poll"),
            (opcode::AsyncCancel::CODE, "cancelling"),
            (opcode::Read::CODE, "reading of files"),
            (opcode::Readv::CODE, "reading of files into pages"),
            (opcode::Write::CODE, "writing of files"),
            (opcode::Writev::CODE, "writing of files from pages"),
            (opcode::Fsync::CODE, "syncing of files"),
        ];
        let operations = operations.map(|(code, what)| (probe.is_supported(code), what));
        match features.into_iter().chain(operations).find(|(has, _)| !has) {
            Some((_, what)) => Err(Unfit::Lacks(what)),
            None => {
                let mut most = KERNEL_THREADS;
                self.ring
                    .submitter()
                    .register_iowq_max_workers(&mut most)
                    .map_err(|_| Unfit::Lacks("bound on its threads"))
            }
        }
    }

    /// Whether the kernel sends without a copy.
    pub fn has_zero_copy(&self) -> bool {
        let mut probe = Probe::new();
        self.ring.submitter().register_probe(&mut probe).is_ok()
            && probe.is_supported(opcode::SendMsgZc::CODE)
    }

    /// Whether the kernel takes lists of places in registered memory (Linux 6.15).
    pub fn has_lists_of_registered(&self) -> bool {
        let mut probe = Probe::new();
        self.ring.submitter().register_probe(&mut probe).is_ok()
            && probe.is_supported(opcode::ReadvFixed::CODE)
            && probe.is_supported(opcode::WritevFixed::CODE)
    }

    /// Registers memory, which the kernel keeps where it is until the ring is gone.
    ///
    /// # Safety
    /// It has to be mapped until the ring is gone.
    pub unsafe fn register_pages(&self, parts: &[libc::iovec]) -> io::Result<()> {
        // SAFETY: the caller promises what the kernel needs.
        unsafe { self.ring.submitter().register_buffers(parts) }
    }

    /// Registers `entries` entries at `at` as the ring of receive buffers of `group`.
    ///
    /// # Safety
    /// The entries have to be there, and be reached by nobody but through atomics and those
    /// entries that the kernel does not own, until the ring is gone.
    pub unsafe fn register_buffers(&self, at: u64, entries: u16, group: u16) -> io::Result<()> {
        // SAFETY: the caller promises what the kernel needs.
        unsafe { self.ring.submitter().register_buf_ring_with_flags(at, entries, group, 0) }
    }

    /// Makes a table of so many direct descriptors, all of them free.
    pub fn register_places(&self, places: u32) -> io::Result<()> {
        self.ring.submitter().register_files_sparse(places)
    }

    /// Queues an operation, to be submitted by the next `enter`.
    ///
    /// # Safety
    /// What the operation names (its descriptor, and the memory it points to) has to stay until
    /// its last completion.
    pub unsafe fn push(&mut self, entry: &squeue::Entry) {
        // SAFETY: the caller promises what the kernel needs.
        while unsafe { self.ring.submission().push(entry) }.is_err() {
            // Submitting empties the queue. Where the kernel is out of memory it is tried again,
            // as there is no other way to keep the order and lose nothing.
            let _ = self.ring.submit();
        }
    }

    /// Submits what is queued and lets the kernel complete what it can, waiting as `wait` says
    /// for at least one completion. Costs no call when there is nothing to do.
    ///
    /// # Errors
    /// The ring cannot be used any more, or not by this thread.
    pub fn enter(&mut self, wait: Wait) -> io::Result<()> {
        let result = match wait {
            Wait::Not => {
                let queue = self.ring.submission();
                let (queued, work) = (queue.len(), queue.taskrun() || queue.cq_overflow());
                drop(queue);
                if queued == 0 && !work {
                    return Ok(());
                }
                let (flags, none) = (EnterFlags::GETEVENTS.bits(), None::<&libc::sigset_t>);
                // SAFETY: no argument is passed, and as many entries as there are submitted.
                unsafe { self.ring.submitter().enter(queued as u32, 0, flags, none) }
            }
            Wait::AtMost(time) => {
                let time = timespec(time);
                let args = SubmitArgs::new().timespec(&time);
                self.ring.submitter().submit_with_args(1, &args)
            }
            Wait::Forever => self.ring.submit_and_wait(1),
        };
        match result {
            Ok(_) => Ok(()),
            // A signal; or the time is over; or the kernel wants completions taken first, which
            // the caller does next.
            Err(error) => match error.raw_os_error() {
                Some(libc::EINTR | libc::ETIME | libc::EBUSY | libc::EAGAIN) => Ok(()),
                _ => Err(error),
            },
        }
    }

    /// Operations that are not submitted.
    pub fn queued(&mut self) -> usize {
        self.ring.submission().len()
    }

    /// Submits what is queued. Costs no call when that is nothing.
    pub fn submit(&mut self) -> io::Result<()> {
        let idle = self.ring.submission().is_empty();
        if idle { Ok(()) } else { self.ring.submit().map(drop) }
    }

    /// Whether the kernel keeps completions for which there was no room.
    pub fn overflowed(&mut self) -> bool {
        self.ring.submission().cq_overflow()
    }

    /// Moves the completions to `done`.
    pub fn take(&mut self, done: &mut Vec<Done>) {
        let read = |entry: cqueue::Entry| (entry.user_data(), entry.result(), entry.flags());
        done.extend(self.ring.completion().map(read));
    }
}

fn timespec(time: Duration) -> Timespec {
    Timespec::new().sec(time.as_secs()).nsec(time.subsec_nanos())
}
