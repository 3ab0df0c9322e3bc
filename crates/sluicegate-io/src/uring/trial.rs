//! A trial of what cannot be asked for: operations that go on after their first completion.

use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::net::{self, AddressFamily, SocketAddrUnix};
use sluicegate::{Time, Wait};

use crate::backend::{Accept, Backend, Ready, Recv, Socket};
use crate::buf::Pool;
use crate::dial::stream_socket;
use crate::uring::sock::{Asking, Ear, Receiving};
use crate::uring::unfit::Unfit;
use crate::uring::{Uring, set_blocking};

/// How often the trial looks for what has happened already, and how long it waits each time.
const LOOKS: usize = 10;
const LOOK: Duration = Duration::from_millis(100);
/// The numbers of the trial's sockets.
const EAR: u64 = 1;
const CONN: u64 = 2;

/// Accepts one connection and receives one byte from it.
pub(super) fn run(mut uring: Uring) -> Result<(), Unfit> {
    let refused = |error: std::io::Error| Unfit::Refused(error);
    let pool = Pool::new(2, 16);
    let (listener, mut client) = listener().map_err(refused)?;
    let Ok(ear) = uring.ears.insert(Ear::new(listener, EAR)) else { return Ok(()) };

    let listener = Socket::Place(ear);
    let lacks = Unfit::Lacks("accepting that goes on");
    let accepted = uring.until(&pool, |uring| match uring.accept(&listener) {
        Accept::Conn(socket, _) => Some(socket),
        _ => None,
    });
    let Some(socket) = accepted else { return Err(lacks) };
    let goes_on = uring.ears.get(ear).is_some_and(|ear| ear.asking == Asking::Accept);
    if !goes_on && uring.places.is_none() {
        return Err(lacks);
    }

    let lacks = Unfit::Lacks("receiving that goes on");
    client.write_all(b"!").map_err(refused)?;
    uring.attach(CONN, &socket).map_err(refused)?;
    let received = uring.until(&pool, |uring| match uring.recv(&socket, &pool) {
        Recv::Bytes(buf, _) => Some(buf),
        _ => None,
    });
    let goes_on = uring.conns.get(super::place(&socket)).map(|sock| sock.receiving);
    match (received, goes_on) {
        (Some(buf), Some(Receiving::Yes)) if *buf == *b"!" => Ok(()),
        _ => Err(lacks),
    }
}

impl Uring {
    fn until<T>(
        &mut self,
        pool: &Pool,
        mut found: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let mut ready: Vec<Ready> = Vec::new();
        for _ in 0..LOOKS {
            if let Some(found) = found(self) {
                return Some(found);
            }
            self.poll(Time(0), Wait::AtMost(LOOK), pool, &mut ready);
            ready.clear();
        }
        None
    }
}

/// A listener that no other process knows, with a client in its backlog.
fn listener() -> std::io::Result<(std::os::fd::OwnedFd, UnixStream)> {
    let listener = stream_socket(AddressFamily::UNIX)?;
    // The kernel chooses a name outside of the file system.
    net::bind(&listener, &SocketAddrUnix::new_unnamed())?;
    net::listen(&listener, 1)?;
    let client = stream_socket(AddressFamily::UNIX)?;
    net::connect(&client, &SocketAddrUnix::try_from(net::getsockname(&listener)?)?)?;
    set_blocking(listener.as_fd(), true)?;
    Ok((listener, UnixStream::from(client)))
}
