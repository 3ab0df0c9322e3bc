//! A static web server as a net of stages: files, cache, handlers, configuration and admin pages.
#![forbid(unsafe_code)]

mod admittance;
mod app;
mod cache;
mod config;
#[cfg(test)]
#[path = "../../sluicegate-files/src/coding/decode.rs"]
mod decode;
mod demo;
mod direct;
mod files;
mod listing;
mod log;
pub mod memory;
#[cfg(test)]
mod parts;
mod pick;
mod rules;
#[cfg(test)]
#[path = "../../sluicegate-files/src/scratch.rs"]
mod scratch;
mod serve;
mod service;
mod site;
mod stages;
mod streamed;
mod volume;
mod watch;

pub use app::{App, Brought, Mounted};
pub use config::{
    ANY_PORT, Access, AppRoute, Complaint, Complaints, Config, FILE, Group, Handler, Key, Kind,
    Limits, Log, Machine, Place, Preset, RequestId, Route, RuleConfig, Settings, SiteConfig,
    describe, each, explain, schema, show_bytes,
};
pub use direct::Direct;
pub use log::{Format, Target};
pub use rules::{PASSWORD_MAX, hash_password};
pub use service::{Former, NotStarted, Served, Service, check, plan};
pub use sluicegate_files::{Compression, Effort, Order};
pub use sluicegate_io::Addr;
