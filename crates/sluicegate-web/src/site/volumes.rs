//! The stages around the volumes that are served: between the caches and the devices.
use super::{WINDOW, park};
use crate::rules::Plan;
use crate::stages::{Cache, Feed, FeedIn, Next, Pages, READS, Renew};
use crate::volume::{Fetch, Memory};
use sluicegate::{Domain, Inlet, Net, Node, OnFull, bounded, stage};
use sluicegate_http::HttpNodes;
use sluicegate_io::{DiskOptions, Readers, disk};
use std::sync::Arc;

/// Pieces that one worker's replies may wait for; further ones wait for a place.
const FEEDS: usize = 256;

/// What they stand on.
pub(super) struct Volumes<'a> {
    pub plan: &'a Plan,
    pub memory: Arc<Memory>,
    pub cpu: Domain,
    pub workers: usize,
    pub readers: Readers,
}

impl Volumes<'_> {
    /// Adds the stages, where there are volumes: where replies go that are sent in pieces of them.
    pub fn add(self, net: &mut Net, http: HttpNodes, cache: Node<Cache>) -> Option<Inlet<FeedIn>> {
        let Volumes { plan, memory, cpu, workers, readers } = self;
        let sources: Vec<_> = plan.volumes().map(Arc::clone).collect();
        if sources.is_empty() {
            net.seal(cache.out.fetch);
            return None;
        }
        let pages = stage("pages", move || Pages::new(Arc::clone(&memory))).on(cpu);
        // Room for the windows of all who ask, whatever they ask for.
        let pages = net.add(pages.queue(bounded((WINDOW + FEEDS) * workers)));
        let feed = net.add(stage("feed", Feed::default).on(cpu));
        let disk =
            disk(net, readers, &DiskOptions { queue: READS * workers, ..DiskOptions::default() });
        // All that is asked of an object is kept by one worker, and waited for there.
        let asks = net.wire(cache.out.fetch, pages.inlet).keyed(Fetch::object_key);
        asks.window(WINDOW).on_full(OnFull::ShedNewest);
        let asks = net.wire(feed.out.fetch, pages.inlet).keyed(|next: &Next| next.0.object_key());
        asks.window(FEEDS).on_full(OnFull::ShedNewest);
        net.wire(pages.out.answer, cache.inlet).returns(cache.out.fetch);
        net.wire(pages.out.piece, feed.inlet).returns(feed.out.fetch);
        net.wire(pages.out.gone, cache.inlet);
        net.wire(pages.out.read, disk.read).window(READS).on_full(OnFull::ShedNewest);
        net.wire(disk.done, pages.inlet).returns(pages.out.read);
        net.wire(feed.out.reply, http.replies).returns(http.pull);

        let own = net.domain("volumes").machine(park).pinned(1);
        net.add(stage("renew", move || Renew::new(sources.clone())).on(own));
        Some(feed.inlet)
    }
}
