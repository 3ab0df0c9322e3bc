//! A static web server as a net of stages: files, cache, handlers, configuration and admin pages.
#![forbid(unsafe_code)]

mod cache;
mod coding;
mod config;
mod demo;
mod direct;
mod files;
mod log;
pub mod memory;
mod pick;
#[cfg(test)]
mod scratch;
mod serve;
mod service;
mod site;
mod stages;
mod watch;

pub use coding::{Compression, Effort, Order};
pub use config::{
    ANY_PORT, Complaint, Config, Handler, KEYS, Key, Kind, Limits, Log, Machine, Place, Preset,
    ROUTE_KEYS, RequestId, Route, Settings, describe, show_bytes,
};
pub use direct::Direct;
pub use log::{Format, Target};
pub use service::{NotStarted, Served, Service, check, plan};
pub use sluicegate_io::Addr;
pub use watch::net as net_json;
