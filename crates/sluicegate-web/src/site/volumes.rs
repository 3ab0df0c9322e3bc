//! The stages around the volumes that are served: between the caches and the devices.
use super::{WINDOW, park};
use crate::rules::Plan;
use crate::stages::{Cache, Feed, FeedIn, Measured, Next, PAGES_BATCH, Pages, READS, Renew, Warm};
use crate::volume::{Fetch, Memory, Warm as Wanted};
use sluicegate::{Domain, Inlet, Net, Node, OnFull, bounded, stage};
use sluicegate_http::HttpNodes;
use sluicegate_io::resources::Samples;
use sluicegate_io::{DiskBy, DiskLedger, DiskOptions, disk};
use std::sync::Arc;

/// Pieces that one worker's replies may wait for; further ones wait for a place.
const FEEDS: usize = 256;

/// What they stand on.
pub(super) struct Volumes<'a> {
    pub plan: &'a Plan,
    pub memory: Arc<Memory>,
    pub cpu: Domain,
    pub workers: usize,
    pub by: DiskBy,
    /// Where reads are counted.
    pub ledger: Arc<DiskLedger>,
    /// Where reads, and looks for what is kept, are measured.
    pub disk_times: Arc<Samples>,
    pub lookups: Arc<Samples>,
}

impl Volumes<'_> {
    /// Adds the stages, where there are volumes: where replies go that are sent in pieces of them.
    pub fn add(self, net: &mut Net, http: HttpNodes, cache: Node<Cache>) -> Option<Inlet<FeedIn>> {
        let Volumes { plan, memory, cpu, workers, by, ledger, disk_times, lookups } = self;
        let sources: Vec<_> = plan.volumes().map(Arc::clone).collect();
        if sources.is_empty() {
            net.seal(cache.out.fetch);
            return None;
        }
        let kept = Arc::clone(&memory);
        let pages = stage("pages", move || {
            let (took, lookups) = (disk_times.sampler(), lookups.sampler());
            Pages::new(Arc::clone(&kept), Measured { took, lookups })
        });
        let pages = pages.on(cpu);
        // Room for the windows of all who ask, whatever they ask for.
        let queue = bounded((WINDOW + FEEDS) * workers);
        let pages = net.add(pages.queue(queue).batch(PAGES_BATCH));
        let feed = net.add(stage("feed", Feed::default).on(cpu));
        let options = DiskOptions { queue: READS * workers, ledger, ..DiskOptions::default() };
        let disk = disk(net, by, &options);
        // All that is asked of an object is kept by one worker, and waited for there.
        let asks = net.wire(cache.out.fetch, pages.inlet).keyed(Fetch::object_key);
        asks.window(WINDOW).on_full(OnFull::ShedNewest);
        let asks = net.wire(feed.out.fetch, pages.inlet).keyed(|next: &Next| next.0.object_key());
        asks.window(FEEDS).on_full(OnFull::ShedNewest);
        net.wire(pages.out.answer, cache.inlet).returns(cache.out.fetch);
        net.wire(pages.out.piece, feed.inlet).returns(feed.out.fetch);
        net.wire(pages.out.gone, cache.inlet);
        net.wire(pages.out.read, disk.inlet).window(READS).on_full(OnFull::ShedNewest);
        net.wire(disk.read, pages.inlet).returns(pages.out.read);
        // A server writes to no volume.
        net.seal(disk.written);
        net.seal(disk.synced);
        net.wire(feed.out.reply, http.replies).returns(http.pull);

        let own = net.domain("volumes").machine(park).pinned(1);
        let (all, held) = (sources.clone(), Arc::clone(&memory));
        let renew = move || Renew::new(all.clone(), Arc::clone(&held));
        net.add(stage("renew", renew).on(own));
        if memory.list().is_some() {
            let warm = move || Warm::new(Arc::clone(&memory), sources.clone());
            let warm = net.add(stage("warm", warm).on(own));
            let keyed = net.wire(warm.out, pages.inlet).keyed(|w: &Wanted| w.fetch.object_key());
            keyed.on_full(OnFull::ShedNewest);
        }
        Some(feed.inlet)
    }
}
