//! What code says of a request to an app, told to its tag.

use crate::describe::Describe;
use http::request::Parts;
use sluicegate::Tag;

impl Describe<Parts> {
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
    use std::time::Duration;

    fn told(describe: &Describe<Parts>, key: Option<&str>) -> Tag {
        let request = http::Request::get("/");
        let request = key.into_iter().fold(request, |request, key| request.header("x-key", key));
        let mut tag = Tag::none(WorkerId::default());
        describe.tell(&mut tag, &request.body(()).expect("a request").into_parts().0);
        tag
    }

    #[test]
    fn a_tag_is_told_what_is_said_of_its_request() {
        let mut describe = Describe::<Parts>::default();
        assert!(describe.is_empty() && describe.wants_target().is_none());
        describe.set_deadline(|_| Some(Duration::from_millis(3)));
        assert!(!describe.is_empty() && describe.wants_target().is_none());
        describe.set_client(|parts| parts.headers.get("x-key").cloned());
        assert_eq!(describe.wants_target(), Some("client"));
        describe.set_class(|parts| 1 + u8::from(parts.headers.contains_key("x-key")));
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
