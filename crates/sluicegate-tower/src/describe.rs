//! What code says of a request before it comes to a gate.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::time::Duration;

/// What is known of a request, if anybody says it.
pub(crate) type Says<R, T> = Option<Arc<dyn Fn(&R) -> T + Send + Sync>>;

/// How important it is, for whom, and until when.
pub(crate) struct Describe<R> {
    pub class: Says<R, u8>,
    /// A hash of its client; 0 is nobody.
    pub client: Says<R, u16>,
    pub deadline: Says<R, Option<Duration>>,
}

impl<R> Describe<R> {
    pub fn set_class(&mut self, class: impl Fn(&R) -> u8 + Send + Sync + 'static) {
        self.class = Some(Arc::new(class));
    }

    pub fn set_client<K: Hash>(
        &mut self,
        client: impl Fn(&R) -> Option<K> + Send + Sync + 'static,
    ) {
        let seeded = RandomState::new();
        let hash = move |name: K| 1 + (seeded.hash_one(name) % u64::from(u16::MAX)) as u16;
        self.client = Some(Arc::new(move |request| client(request).map_or(0, &hash)));
    }

    pub fn set_deadline(
        &mut self,
        deadline: impl Fn(&R) -> Option<Duration> + Send + Sync + 'static,
    ) {
        self.deadline = Some(Arc::new(deadline));
    }
}

impl<R> Default for Describe<R> {
    fn default() -> Self {
        Self { class: None, client: None, deadline: None }
    }
}

impl<R> Clone for Describe<R> {
    fn clone(&self) -> Self {
        let Self { class, client, deadline } = self;
        Self { class: class.clone(), client: client.clone(), deadline: deadline.clone() }
    }
}
