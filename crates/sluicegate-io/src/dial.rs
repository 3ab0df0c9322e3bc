//! Outgoing connections of the operating system: begun at once, decided later.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};
use socket2::SockRef;

use crate::addr::Addr;
use crate::backend::Decision;
use crate::settings::Settings;

/// A new socket that is connecting, or connected already; from an address of this machine if one
/// is given.
pub(crate) fn dial(to: &Addr, from: Option<IpAddr>, settings: &Settings) -> io::Result<OwnedFd> {
    let family = match to {
        Addr::Tcp(SocketAddr::V4(_)) => AddressFamily::INET,
        Addr::Tcp(SocketAddr::V6(_)) => AddressFamily::INET6,
        Addr::Unix(_) => AddressFamily::UNIX,
    };
    let fd = stream_socket(family)?;
    tune(&fd, to, settings)?;
    if let Some(from) = from {
        set_source(&fd, to, from)?;
    }
    let result = match to {
        Addr::Tcp(addr) => net::connect(&fd, addr),
        Addr::Unix(path) => net::connect(&fd, &SocketAddrUnix::new(path)?),
    };
    match result {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(fd),
        Err(error) => Err(error.into()),
    }
}

/// Binds a socket to an address of this machine, with a port of the kernel's choice.
fn set_source(fd: &OwnedFd, to: &Addr, from: IpAddr) -> io::Result<()> {
    if matches!(to, Addr::Unix(_)) {
        let why = "a connection to a Unix socket has no source address; leave `from` out";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    // Else ports in TIME_WAIT, of which short connections leave many, could not be had again.
    sockopt::set_socket_reuseaddr(fd, true)?;
    Ok(net::bind(fd, &SocketAddr::new(from, 0))?)
}

/// What became of a socket that was connecting when it was told to be writable.
pub(crate) fn outcome(fd: BorrowedFd<'_>) -> Decision {
    match sockopt::socket_error(fd) {
        Ok(Err(error)) | Err(error) => return Decision::Failed(error.into()),
        Ok(Ok(())) => {}
    }
    match net::getpeername(fd) {
        Ok(_) => Decision::Done,
        Err(Errno::NOTCONN) => Decision::Later,
        Err(error) => Decision::Failed(error.into()),
    }
}

/// A stream socket that never blocks and is not inherited.
pub(crate) fn stream_socket(family: AddressFamily) -> io::Result<OwnedFd> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    Ok(net::socket_with(family, SocketType::STREAM, flags, None)?)
}

/// Sets what accepted sockets inherit from their listener, so that it costs nothing per
/// connection: no delay of small writes, little that is taken and cannot be sent yet, and the size
/// of the send buffer if one was asked for.
pub(crate) fn tune(fd: &OwnedFd, addr: &Addr, settings: &Settings) -> io::Result<()> {
    if matches!(addr, Addr::Tcp(_)) {
        sockopt::set_tcp_nodelay(fd, true)?;
        SockRef::from(fd).set_tcp_notsent_lowat(settings.kernel_unsent)?;
    }
    if let Some(bytes) = settings.send_buffer {
        sockopt::set_socket_send_buffer_size(fd, bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn accepted_sockets_inherit_how_little_waits_in_the_kernel() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let fd = OwnedFd::from(listener);
        tune(&fd, &Addr::Tcp(addr), &Settings::default()).unwrap();
        let listener = TcpListener::from(fd);
        let _client = TcpStream::connect(addr).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let unsent = SockRef::from(&accepted).tcp_notsent_lowat().unwrap();
        assert_eq!(unsent, Settings::default().kernel_unsent);
    }
}
