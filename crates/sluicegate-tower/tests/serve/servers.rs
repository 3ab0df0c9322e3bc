//! The servers under which the cases run.

use axum::Router;
use sluicegate_tower::Asked;
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Under {
    /// `axum::serve`.
    Axum,
    /// Ours, over epoll.
    Epoll,
    /// Ours, over io_uring.
    Uring,
}

/// An app that is served until it is told to stop.
pub struct Serving {
    pub addr: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

impl Under {
    /// Serves an app on a free port.
    pub async fn serve(self, app: Router) -> Serving {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("it listens");
        let (stop, stopped) = oneshot::channel();
        let stopped = async move { drop(stopped.await) };
        let task = match self {
            Under::Axum => {
                let app = app.into_make_service_with_connect_info::<SocketAddr>();
                let serve = axum::serve(listener, app).with_graceful_shutdown(stopped);
                tokio::spawn(serve.into_future())
            }
            Under::Epoll | Under::Uring => {
                let io = if self == Under::Epoll { Asked::Epoll } else { Asked::Uring };
                let serve = sluicegate_tower::serve(listener, app).io(io).workers(2);
                let serve = serve.with_connect_info();
                tokio::spawn(serve.with_graceful_shutdown(stopped).into_future())
            }
        };
        Serving { addr, stop, task }
    }

    /// Whether a client hears of a panic, or only sees its connection end.
    pub fn answers_panics(self) -> bool {
        self != Under::Axum
    }
}

impl Serving {
    /// Has it stop; the task ends when all was answered.
    pub fn stop(self) -> JoinHandle<io::Result<()>> {
        let _ = self.stop.send(());
        self.task
    }

    /// Has it stop, and waits for it.
    pub async fn over(self) {
        self.stop().await.expect("no panic").expect("no error");
    }
}
