//! A static web server as a net of stages: files, cache, handlers, configuration and admin pages.
#![forbid(unsafe_code)]

mod admittance;
mod app;
mod cache;
mod coding;
mod config;
mod demo;
mod direct;
mod files;
mod listing;
mod log;
pub mod memory;
mod pick;
mod rules;
#[cfg(test)]
mod scratch;
mod serve;
mod service;
mod site;
mod stages;
mod watch;

pub use app::{App, Brought, Mounted};
pub use coding::{Compression, Effort, Order};
pub use config::{
    ANY_PORT, Access, AppRoute, Complaint, Complaints, Config, FILE, Group, Handler, Key, Kind,
    Limits, Log, Machine, Place, Preset, RequestId, Route, RuleConfig, Settings, SiteConfig,
    describe, each, explain, schema, show_bytes,
};
pub use direct::Direct;
pub use log::{Format, Target};
pub use rules::{PASSWORD_MAX, hash_password};
pub use service::{Former, NotStarted, Served, Service, check, plan};
pub use sluicegate_io::Addr;
