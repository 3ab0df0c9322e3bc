//! What code says of a request before it comes to the gate.

use http::request::Parts;
use sluicegate::Tag;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::time::Duration;

/// What is known of a request, if anybody says it.
type Says<T> = Option<Arc<dyn Fn(&Parts) -> T + Send + Sync>>;

#[derive(Clone, Default)]
pub(super) struct Describe {
    class: Says<u8>,
    client: Says<u16>,
    deadline: Says<Option<Duration>>,
}

impl Describe {
    pub fn class(&mut self, class: impl Fn(&Parts) -> u8 + Send + Sync + 'static) {
        self.class = Some(Arc::new(class));
    }

    pub fn client<K: Hash>(
        &mut self,
        client: impl Fn(&Parts) -> Option<K> + Send + Sync + 'static,
    ) {
        let seeded = RandomState::new();
        // 0 is nobody.
        let hash = move |name: K| 1 + (seeded.hash_one(name) % u64::from(u16::MAX)) as u16;
        self.client = Some(Arc::new(move |parts| client(parts).map_or(0, &hash)));
    }

    pub fn deadline(
        &mut self,
        deadline: impl Fn(&Parts) -> Option<Duration> + Send + Sync + 'static,
    ) {
        self.deadline = Some(Arc::new(deadline));
    }

    /// Whether nobody says anything.
    pub fn is_empty(&self) -> bool {
        self.class.is_none() && self.client.is_none() && self.deadline.is_none()
    }

    /// What says something that only a gate hears.
    pub fn wants_target(&self) -> Option<&'static str> {
        match (&self.class, &self.client) {
            (Some(_), _) => Some("class"),
            (_, Some(_)) => Some("client"),
            _ => None,
        }
    }

    /// Says it.
    pub fn tell(&self, tag: &mut Tag, parts: &Parts) {
        if let Some(class) = &self.class {
            tag.set_class(class(parts));
        }
        if let Some(client) = &self.client {
            tag.set_client(client(parts));
        }
        if let Some(time) = self.deadline.as_ref().and_then(|deadline| deadline(parts)) {
            tag.limit_deadline(tag.born() + time);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate::WorkerId;

    fn told(describe: &Describe, key: Option<&str>) -> Tag {
        let request = http::Request::get("/");
        let request = key.into_iter().fold(request, |request, key| request.header("x-key", key));
        let mut tag = Tag::none(WorkerId::default());
        describe.tell(&mut tag, &request.body(()).expect("a request").into_parts().0);
        tag
    }

    #[test]
    fn a_tag_is_told_what_is_said_of_its_request() {
        let mut describe = Describe::default();
        assert!(describe.is_empty() && describe.wants_target().is_none());
        describe.deadline(|_| Some(Duration::from_millis(3)));
        assert!(!describe.is_empty() && describe.wants_target().is_none());
        describe.client(|parts| parts.headers.get("x-key").cloned());
        assert_eq!(describe.wants_target(), Some("client"));
        describe.class(|parts| 1 + u8::from(parts.headers.contains_key("x-key")));
        assert_eq!(describe.wants_target(), Some("class"));
        let (one, same, other) =
            (told(&describe, Some("a")), told(&describe, Some("a")), told(&describe, Some("b")));
        assert_eq!((one.class(), one.client()), (2, same.client()));
        assert!(one.client() != 0 && one.client() != other.client());
        assert_eq!(one.deadline(), Some(one.born() + Duration::from_millis(3)));
        let nobody = told(&describe, None);
        assert_eq!((nobody.class(), nobody.client()), (1, 0));
    }
}
