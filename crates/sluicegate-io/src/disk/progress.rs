//! How far a call to a device came, whoever makes it: what is short goes on.

use std::io;

use rustix::io::Errno;

use crate::disk::{Device, DiskOp};

/// How far what is asked of a device came.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Bytes that were moved.
    pub done: usize,
}

impl Progress {
    /// Takes the outcome of one call for what is left of `all` bytes. The outcome of them all, or
    /// nothing where the rest is to be asked for.
    pub fn went(
        &mut self,
        op: DiskOp,
        device: &Device,
        all: usize,
        step: Result<usize, Errno>,
    ) -> Option<io::Result<()>> {
        match step {
            Ok(n) => match op {
                DiskOp::Read => self.has_read(device, all, n).then_some(Ok(())),
                DiskOp::Write => self.has_written(device, all, n),
                DiskOp::Sync => Some(Ok(())),
            },
            Err(Errno::INTR) => None,
            Err(error) => Some(Err(error.into())),
        }
    }

    /// Whether that was all there is.
    fn has_read(&mut self, device: &Device, all: usize, n: usize) -> bool {
        self.done += n;
        // From within a block a direct read cannot go on, and it ends there for no other reason
        // than that the device does.
        let ends = !self.done.is_multiple_of(device.alignment() as usize);
        n == 0 || ends || self.done >= all
    }

    fn has_written(&mut self, device: &Device, all: usize, n: usize) -> Option<io::Result<()>> {
        let before = self.done;
        self.done += n;
        if self.done >= all {
            return Some(Ok(()));
        }
        // From within a block a direct write cannot go on: the block is written again.
        self.done -= self.done % device.alignment() as usize;
        // It would be asked for ever.
        (self.done == before).then(|| Err(io::ErrorKind::WriteZero.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{SECTOR, SimDisk, SimDiskOptions};

    const ALL: usize = 8 * SECTOR as usize;

    fn went(op: DiskOp, steps: &[Result<usize, Errno>]) -> (usize, Option<io::ErrorKind>) {
        let device = SimDisk::new(1, Vec::new(), SimDiskOptions::default()).device();
        let (mut progress, mut steps) = (Progress::default(), steps.iter());
        loop {
            let step = steps.next().expect("it goes on after the last step");
            if let Some(result) = progress.went(op, &device, ALL, *step) {
                assert!(steps.next().is_none(), "it ends before the last step");
                return (progress.done, result.err().map(|error| error.kind()));
            }
        }
    }

    #[test]
    fn a_write_goes_on_until_all_is_written_or_nothing_is() {
        use io::ErrorKind::{StorageFull, WriteZero};
        let part = SECTOR as usize;
        let written = |steps: &[_]| went(DiskOp::Write, steps);
        assert_eq!(written(&[Ok(ALL)]), (ALL, None));
        assert_eq!(written(&[Ok(part), Err(Errno::INTR), Ok(ALL - part)]), (ALL, None));
        // What is not a whole block does not count, and is written again.
        assert_eq!(written(&[Ok(part + 5), Ok(ALL - part)]), (ALL, None));
        assert_eq!(written(&[Ok(2 * part + 5), Ok(7)]), (2 * part, Some(WriteZero)));
        assert_eq!(written(&[Ok(0)]), (0, Some(WriteZero)));
        assert_eq!(written(&[Ok(part), Err(Errno::NOSPC)]), (part, Some(StorageFull)));
    }

    #[test]
    fn a_read_ends_with_its_device_and_a_sync_at_once() {
        let part = SECTOR as usize;
        let read = |steps: &[_]| went(DiskOp::Read, steps);
        assert_eq!(read(&[Ok(part), Err(Errno::INTR), Ok(0)]), (part, None));
        assert_eq!(read(&[Ok(part + 5)]), (part + 5, None));
        assert_eq!(read(&[Ok(part), Ok(ALL - part)]), (ALL, None));
        assert_eq!(went(DiskOp::Sync, &[Err(Errno::INTR), Ok(0)]), (0, None));
        let error = went(DiskOp::Sync, &[Err(Errno::IO)]);
        assert!(error.1.is_some());
    }
}
