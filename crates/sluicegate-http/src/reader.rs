//! The bytes of a body on their way from its connection to who reads them, in whatever thread: in
//! a pipe with a bound, so that a slow reader makes its client wait.

use std::collections::BTreeSet;
use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use sluicegate::Flag;

use crate::limits::UNREAD_MAX;
use crate::machine::Share;
use crate::status::Problem;

/// Reads the body of a request that was handed on before it was complete, or what comes through a
/// tunnel. Whoever drops it reads no more.
pub struct BodyReader {
    pipe: Arc<Mutex<Pipe>>,
    left: Option<u64>,
}

/// Why a body comes to no good end. It is told once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// The client is gone, or was answered already.
    Gone,
    /// The body is not as it has to be: 400 is due to its framing, 408 to its pace, 413 to its
    /// size. The connection is closed behind the reply.
    Refused(Problem),
}

impl BodyReader {
    /// The next bytes of the body, all that wait; `None` when it is complete. Wakes the task when
    /// more is known.
    pub fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        let mut pipe = lock(&self.pipe);
        if !pipe.bytes.is_empty() {
            // With all of its memory: a tunnel that rests is to keep none.
            let (piece, waits) = (mem::take(&mut pipe.bytes).freeze(), pipe.waits.take());
            drop(pipe);
            tell(waits);
            self.left = self.left.map(|left| left.saturating_sub(piece.len() as u64));
            return Poll::Ready(Some(Ok(piece)));
        }
        match pipe.end {
            Some(Ok(())) => Poll::Ready(None),
            Some(Err(error)) => {
                pipe.end = Some(Ok(()));
                Poll::Ready(Some(Err(error)))
            }
            None => {
                match &mut pipe.waker {
                    Some(waker) => waker.clone_from(cx.waker()),
                    none => *none = Some(cx.waker().clone()),
                }
                Poll::Pending
            }
        }
    }

    /// Bytes that are still to be read, where the client has said how many there are.
    pub fn left(&self) -> Option<u64> {
        self.left
    }
}

impl Drop for BodyReader {
    fn drop(&mut self) {
        let mut pipe = lock(&self.pipe);
        pipe.bytes = BytesMut::new();
        (pipe.closed, pipe.waker) = (true, None);
        let waits = pipe.waits.take();
        drop(pipe);
        tell(waits);
    }
}

impl fmt::Debug for BodyReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyReader").field("left", &self.left).finish_non_exhaustive()
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("the client is gone, or was answered already"),
            Self::Refused(problem) => f.write_str(problem.why),
        }
    }
}

impl std::error::Error for BodyError {}

#[derive(Default)]
struct Pipe {
    bytes: BytesMut,
    end: Option<Result<(), BodyError>>,
    waker: Option<Waker>,
    /// Nobody reads.
    closed: bool,
    /// The connection that has more, once there is room.
    waits: Option<(Arc<Room>, u64)>,
    /// What the bytes take of those that all bodies may have.
    share: Option<Share>,
}

/// The end of a pipe at which bytes are put in. Dropped, it tells the reader that the client is
/// gone.
pub(crate) struct Feed(Arc<Mutex<Pipe>>);

/// Whether a pipe takes bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// As many as came at once.
    Some,
    /// None, until the reader has taken what is there.
    Nothing,
    /// None ever: nobody reads.
    Never,
}

/// A pipe for a body of which the client has said that so many bytes are to come.
pub(crate) fn pipe(left: Option<u64>) -> (Feed, BodyReader) {
    let pipe = Arc::<Mutex<Pipe>>::default();
    (Feed(Arc::clone(&pipe)), BodyReader { pipe, left })
}

impl Feed {
    /// Has the pipe keep its share of what bodies may have together, as long as there is one.
    pub fn charge(&self, share: Option<Share>) {
        lock(&self.0).share = share;
    }

    /// Whether it takes bytes. Where it takes none now, `conn` is among those of `room` when it
    /// does.
    pub fn takes(&self, room: &Arc<Room>, conn: u64) -> Takes {
        let mut pipe = lock(&self.0);
        if pipe.closed {
            Takes::Never
        } else if pipe.bytes.len() < UNREAD_MAX {
            Takes::Some
        } else {
            pipe.waits = Some((Arc::clone(room), conn));
            Takes::Nothing
        }
    }

    /// Appends bytes.
    pub fn push(&self, bytes: &[u8]) {
        let mut pipe = lock(&self.0);
        if bytes.is_empty() || pipe.closed {
            return;
        }
        pipe.bytes.extend_from_slice(bytes);
        let waker = pipe.waker.take();
        drop(pipe);
        wake(waker);
    }

    /// Says how it ended.
    pub fn end(self, end: Result<(), BodyError>) {
        self.finish(end);
    }

    fn finish(&self, end: Result<(), BodyError>) {
        let mut pipe = lock(&self.0);
        pipe.end.get_or_insert(end);
        let waker = pipe.waker.take();
        drop(pipe);
        wake(waker);
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.finish(Err(BodyError::Gone));
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Feed")
    }
}

/// The connections of one worker whose readers have made room, each once: so there are never more
/// of them than connections.
#[derive(Debug, Default)]
pub(crate) struct Room {
    conns: Mutex<BTreeSet<u64>>,
    any: AtomicBool,
    flag: OnceLock<Flag>,
}

impl Room {
    /// Has this flag raised when there are connections.
    pub fn raises(&self, flag: Flag) {
        // It is the only one, for a replica starts once.
        let _ = self.flag.set(flag);
    }

    /// The next one; without a lock where there is none.
    pub fn next(&self) -> Option<u64> {
        if !self.any.load(SeqCst) {
            return None;
        }
        let mut conns = lock(&self.conns);
        let next = conns.pop_first();
        self.any.store(!conns.is_empty(), SeqCst);
        next
    }

    fn add(&self, conn: u64) {
        let mut conns = lock(&self.conns);
        conns.insert(conn);
        self.any.store(true, SeqCst);
        drop(conns);
        if let Some(flag) = self.flag.get() {
            flag.raise();
        }
    }
}

fn tell(waits: Option<(Arc<Room>, u64)>) {
    if let Some((room, conn)) = waits {
        room.add(conn);
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Nothing panics while it holds one of these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    struct Task(Arc<Woken>);

    impl Task {
        fn new() -> Self {
            Self(Arc::default())
        }

        fn poll(&self, reader: &mut BodyReader) -> Poll<Option<Result<Bytes, BodyError>>> {
            reader.poll_piece(&mut Context::from_waker(&Waker::from(Arc::clone(&self.0))))
        }

        fn woken(&self) -> usize {
            self.0.0.swap(0, SeqCst)
        }
    }

    fn ready(text: &'static str) -> Poll<Option<Result<Bytes, BodyError>>> {
        Poll::Ready(Some(Ok(Bytes::from_static(text.as_bytes()))))
    }

    #[test]
    fn who_waits_is_woken_once() {
        let (task, (feed, mut reader)) = (Task::new(), pipe(Some(5)));
        assert_eq!((task.poll(&mut reader), reader.left()), (Poll::Pending, Some(5)));
        feed.push(b"ab");
        feed.push(b"cd");
        assert_eq!(task.woken(), 1);
        assert_eq!((task.poll(&mut reader), reader.left()), (ready("abcd"), Some(1)));
        feed.push(b"e");
        assert_eq!(task.woken(), 0);
        feed.end(Ok(()));
        assert_eq!(task.poll(&mut reader), ready("e"));
        assert_eq!(task.poll(&mut reader), Poll::Ready(None));
    }

    #[test]
    fn what_came_is_read_before_the_error() {
        let bad = BodyError::Refused(Problem::bad("a bare CR"));
        for (end, error) in [(Some(Err(bad)), bad), (None, BodyError::Gone)] {
            let (task, (feed, mut reader)) = (Task::new(), pipe(None));
            feed.push(b"ab");
            match end {
                Some(end) => feed.end(end),
                None => drop(feed),
            }
            assert_eq!(task.poll(&mut reader), ready("ab"));
            assert_eq!(task.poll(&mut reader), Poll::Ready(Some(Err(error))));
            assert_eq!(task.poll(&mut reader), Poll::Ready(None));
        }
    }

    #[test]
    fn a_full_pipe_tells_when_there_is_room() {
        let (room, (feed, mut reader)) = (Arc::<Room>::default(), pipe(None));
        feed.push(&[0; UNREAD_MAX - 1]);
        assert_eq!((feed.takes(&room, 7), room.next()), (Takes::Some, None));
        feed.push(b"xyz");
        assert_eq!((feed.takes(&room, 7), room.next()), (Takes::Nothing, None));
        assert!(Task::new().poll(&mut reader).is_ready());
        assert_eq!((room.next(), room.next()), (Some(7), None));
        assert_eq!(feed.takes(&room, 7), Takes::Some);
        // One who has read, with nobody waiting, tells nothing.
        feed.push(b"x");
        assert!(Task::new().poll(&mut reader).is_ready());
        assert_eq!(room.next(), None);
    }

    #[test]
    fn nobody_reads_once_the_reader_is_gone() {
        let (room, (feed, reader)) = (Arc::<Room>::default(), pipe(None));
        feed.push(&[0; UNREAD_MAX]);
        assert_eq!(feed.takes(&room, 7), Takes::Nothing);
        drop(reader);
        assert_eq!((room.next(), feed.takes(&room, 7)), (Some(7), Takes::Never));
        feed.push(b"x");
        assert!(lock(&feed.0).bytes.is_empty());
    }
}
