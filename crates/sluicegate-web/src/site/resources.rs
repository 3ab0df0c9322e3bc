//! The stages that read what may run short.
use super::park;
use crate::config::Config;
use crate::log::Target;
use crate::stages::ReadResources;
use crate::watch::Watch;
use sluicegate::{Net, stage};
use sluicegate_io::resources::{Budget, Reader, Resource, Sources, Threads};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Time between two readings where gates heed them: less than the kernel takes to kill a process
/// whose memory grows ...
const OFTEN: Duration = Duration::from_millis(100);
/// ... and where none does.
const SELDOM: Duration = Duration::from_secs(1);

/// Has the gauges be set that gates heed and stages hear of. The files of the kernel are read on a
/// thread of its own, which holds up nobody, and which nothing else holds up; directories, which
/// may be of a network, on another one, which may block.
pub(super) fn read_resources(
    net: &mut Net,
    config: &Config,
    watch: &Watch,
    root: PathBuf,
    threads: Arc<Threads>,
) {
    let sources = Sources {
        threads,
        site: config.sites().filter_map(|site| site.root.clone()).collect(),
        log: log_dir(config),
        disk: watch.disk_times(),
        lookups: watch.lookups(),
    };
    let is_space = |one: &Resource| matches!(one.budget(), Budget::SiteSpace | Budget::LogSpace);
    let (space, rest): (Vec<_>, Vec<_>) = watch.resources().iter().cloned().partition(is_space);
    let every = if config.resources.is_empty() { SELDOM } else { OFTEN };
    let (own, at, from) = (net.domain("resources").machine(park).pinned(1), root.clone(), sources);
    let sources = from.clone();
    let read = move || ReadResources::new(Reader::new(&at, &rest, &from), every);
    net.add(stage("resources", read).on(own));
    if !space.is_empty() {
        let own = net.domain("space").machine(park).pool(1);
        let read = move || ReadResources::new(Reader::new(&root, &space, &sources), SELDOM);
        net.add(stage("space", read).on(own));
    }
}

/// Where the access log lies, if it is a file.
fn log_dir(config: &Config) -> Option<PathBuf> {
    let Target::File(path) = &config.log.as_ref()?.target else { return None };
    let dir = path.parent()?;
    Some(if dir.as_os_str().is_empty() { Path::new(".").to_owned() } else { dir.to_owned() })
}
