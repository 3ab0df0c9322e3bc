//! Sluicegate for axum and other tower services: a gate before them, or the server under them.
//!
//! [`serve`] takes the place of `axum::serve`. Services that stay on tower, hyper and tokio may
//! have a gate alone:
//!
//! A [`Gate`] is a [`Layer`](tower_layer::Layer): what is asked of the service behind it waits in
//! one bounded queue, whose work is held against a target; the more important goes first, clients
//! share, and what would come too late is refused at once.
//!
//! ```
//! use axum::Router;
//! use axum::routing::get;
//! use sluicegate_tower::Gate;
//! use std::time::Duration;
//!
//! let gate = Gate::target(Duration::from_millis(50));
//! let app: Router = Router::new().route("/", get(|| async { "Hello" })).layer(gate.clone());
//! println!("{:?}", gate.snapshot());
//! ```
//!
//! [`Admin`] shows gates as JSON; [`Gate::drain`] ends one; [`Gate::refuse_as_grpc`] fits it to a
//! tonic server.
//!
//! A gate is a layer over the kernel's [`AdmissionQueue`](sluicegate::AdmissionQueue), and has no
//! laws of its own. From tower's limits to a gate, and from
//! `axum::serve` to [`serve`]: `docs/axum.md`.
//!
//! Features: `serve` brings the server, `axum` what extractors look for. Both are on; without them
//! there is the gate alone.
#![forbid(unsafe_code)]

mod admin;
mod describe;
mod future;
mod gate;
mod grpc;
mod keeper;
mod refusal;
#[cfg(feature = "serve")]
mod serve;
mod service;
mod shared;
mod turn;

pub use admin::Admin;
pub use future::GateFuture;
pub use gate::Gate;
pub use grpc::{Grpc, grpc_timeout};
pub use refusal::{AsError, Custom, Refusal, Refused, Status};
#[cfg(feature = "serve")]
pub use serve::{Body, Listen, Serve, Serving, serve};
pub use service::GateService;
#[cfg(feature = "serve")]
pub use sluicegate::TraceParent;
#[cfg(feature = "serve")]
pub use sluicegate_io::{Asked, Peer};
#[cfg(feature = "serve")]
pub use sluicegate_web::{Addr, Served};

/// Any error that a service behind a gate may have.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The page's examples, compiled and run.
#[doc = include_str!("../../../docs/axum.md")]
#[cfg(doctest)]
struct Page;
