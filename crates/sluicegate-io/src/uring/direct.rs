//! Direct descriptors: sockets in a table of the ring, which take no descriptor of the process.
//!
//! Operations that go on tell of no address, and nobody can ask a direct descriptor for one; so
//! several single accepts are in flight, each with room for the address of who comes. None is
//! begun without a free place for its socket, as the kernel would close what finds none.

use std::os::fd::AsRawFd;

use io_uring::{opcode, types};
use rustix::io::Errno;
use socket2::{SockAddr, SockAddrStorage};

use crate::addr::Peer;
use crate::backend::Ready;
use crate::conn::ConnId;
use crate::uring::handle::Handle;
use crate::uring::op::Op;
use crate::uring::sock::{Accepted, Asking};
use crate::uring::{NOBODY, Unfit, Uring, trial};

/// Accepts of one listener in flight at once: connections that one turn can take.
const CALLS: usize = 32;
/// Places that a trial has.
const FEW: usize = 2 * CALLS;

/// Places of the table that have no socket and are promised to none.
pub(super) struct Places {
    all: usize,
    free: usize,
    /// A listener waits for one.
    wanted: bool,
}

/// One accept of a listener, in flight or not, with room for an address.
pub(super) struct Call {
    ear: ConnId,
    room: Box<Room>,
    in_flight: bool,
}

/// Where the kernel writes who came. Boxed, as it has to stay where it is.
struct Room {
    address: SockAddrStorage,
    len: libc::socklen_t,
}

impl Uring {
    /// Whether a backend with direct descriptors would work here.
    ///
    /// # Errors
    /// What is refused, or missing.
    pub fn try_out_direct() -> Result<(), Unfit> {
        let mut uring = Self::new()?;
        uring.make_places(FEW)?;
        trial::run(uring)
    }

    /// Has accepted sockets become direct descriptors, of which there are so many at most.
    pub(super) fn make_places(&mut self, places: usize) -> Result<(), Unfit> {
        let count = u32::try_from(places).unwrap_or(u32::MAX);
        self.ring.register_places(count).map_err(|error| match error.raw_os_error() {
            Some(libc::EMFILE) => Unfit::Places(places),
            _ => Unfit::Lacks("table of direct descriptors"),
        })?;
        self.places = Some(Places { all: places, free: places, wanted: false });
        Ok(())
    }

    /// Places of the table that have or will have a socket.
    pub(super) fn places_taken(&self) -> usize {
        self.places.as_ref().map_or(0, |places| places.all - places.free)
    }

    /// Begins as many accepts as there are rooms and places for; none is lost that cannot be.
    pub(super) fn call(&mut self, id: ConnId) {
        let Some(ear) = self.ears.get_mut(id).filter(|ear| !ear.stopping) else { return };
        for _ in ear.calls.len()..CALLS {
            let room = Box::new(Room { address: SockAddrStorage::zeroed(), len: 0 });
            let Ok(call) = self.calls.insert(Call { ear: id, room, in_flight: false }) else {
                break;
            };
            ear.calls.push(call);
        }
        for at in 0..ear.calls.len() {
            let Some(call) = self.calls.get_mut(ear.calls[at]) else { continue };
            if call.in_flight {
                continue;
            }
            let Some(places) = &mut self.places else { return };
            if places.free == 0 {
                (ear.wants_place, places.wanted) = (true, true);
                return;
            }
            places.free -= 1;
            call.in_flight = true;
            ear.calling += 1;
            ear.asking = Asking::Accept;
            let room = &mut *call.room;
            room.len = room.address.size_of();
            let (address, len) = (&raw mut room.address, &raw mut room.len);
            let to = types::DestinationSlot::auto_target();
            let fd = types::Fd(ear.fd.as_raw_fd());
            let accept = opcode::Accept::new(fd, address.cast(), len).file_index(Some(to));
            // SAFETY: the listener and the boxed room stay until the operation has completed:
            // the one is closed, and the other dropped, when none is in flight.
            unsafe { self.ring.push(&accept.build().user_data(Op::Call.of(ear.calls[at]))) };
        }
    }

    /// Cancels all accepts of a listener.
    pub(super) fn stop_calling(&mut self, id: ConnId) {
        let Some(ear) = self.ears.get(id) else { return };
        for call in ear.calls.clone() {
            if self.calls.get(call).is_some_and(|call| call.in_flight) {
                self.cancel(Op::Call, call);
            }
        }
    }

    /// Forgets the rooms of a listener, none of which the kernel has.
    pub(super) fn drop_calls(&mut self, calls: &[ConnId]) {
        for call in calls {
            self.calls.remove(*call);
        }
    }

    /// An accept completed.
    pub(super) fn called(
        &mut self,
        id: ConnId,
        result: Result<usize, Errno>,
        ready: &mut Vec<Ready>,
    ) {
        let Some(call) = self.calls.get_mut(id) else { return };
        call.in_flight = false;
        let ear = call.ear;
        let accepted = result.map(|place| {
            let peer = call.room.peer();
            Accepted { handle: Handle::Direct(place as u32), peer: Some(peer) }
        });
        if accepted.is_err() {
            self.place_is_free(ready);
        }
        let Some(listening) = self.ears.get_mut(ear) else { return };
        listening.calling -= 1;
        let more = listening.calling > 0;
        self.accepted(ear, accepted, more, ready);
    }

    /// Gives the place of a socket back; what waits in the kernel of it ends.
    pub(super) fn close_handle(&mut self, handle: Handle) {
        if let Handle::Direct(at) = handle {
            let entry = opcode::Close::new(types::Fixed(at)).build();
            // SAFETY: nothing but the place is named, which nobody uses any more.
            unsafe { self.ring.push(&entry.user_data(Op::Close.of(NOBODY))) };
        }
    }

    /// A place has no socket any more: who wanted one asks again.
    pub(super) fn place_is_free(&mut self, ready: &mut Vec<Ready>) {
        let Some(places) = &mut self.places else { return };
        places.free += 1;
        if !std::mem::take(&mut places.wanted) {
            return;
        }
        for id in self.ears.ids().collect::<Vec<_>>() {
            let Some(ear) = self.ears.get_mut(id) else { continue };
            if std::mem::take(&mut ear.wants_place) {
                ready.push(Ready { key: ear.key, read: true, ..Ready::default() });
            }
        }
    }

    /// Finishes sending on a direct descriptor, for which there is no call but an operation.
    pub(super) fn shut_down_direct(&mut self, id: ConnId) {
        let Some(sock) = self.conns.get_mut(id).filter(|sock| !sock.shutting) else { return };
        sock.shutting = true;
        let entry = sock.handle.entry(|fd| opcode::Shutdown::new(fd, libc::SHUT_WR).build());
        // SAFETY: the place of a socket stays until the operation has completed; no memory is
        // named.
        unsafe { self.ring.push(&entry.user_data(Op::Shutdown.of(id))) };
    }

    /// Dissolves the connection of a direct descriptor, so that the peer sees a reset.
    pub(super) fn dissolve(&mut self, handle: &Handle) {
        /// Who connects to nobody dissolves what stands: connect(2).
        static NOBODY_AT_ALL: libc::sockaddr =
            libc::sockaddr { sa_family: libc::AF_UNSPEC as u16, sa_data: [0; 14] };
        let len = size_of::<libc::sockaddr>() as u32;
        let entry =
            handle.entry(|fd| opcode::Connect::new(fd, &raw const NOBODY_AT_ALL, len).build());
        // SAFETY: the address is there for ever; the operation has the socket from the time it
        // begins, which is before the close that is queued behind it.
        unsafe { self.ring.push(&entry.user_data(Op::Cancel.of(NOBODY))) };
    }
}

impl Room {
    fn peer(&self) -> Peer {
        // SAFETY: the storage is plain bytes that the kernel has finished writing, and a copy of
        // them is as good.
        let address = unsafe { std::ptr::read(&raw const self.address) };
        // SAFETY: the kernel wrote an address of this length there, and what it did not is zero
        // or of an earlier address.
        let address = unsafe { SockAddr::new(address, self.len) };
        address.as_socket().map_or(Peer::UNIX, Peer::tcp)
    }
}
