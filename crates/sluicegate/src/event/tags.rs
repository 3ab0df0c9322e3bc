//! Tags in the hands of a stage, each named by a small number that may lie anywhere.

use crate::event::Tag;

/// Tags that a stage keeps while their flows wait in it, for instance for a timer or for output.
///
/// A flow is counted where its tag is held, and ends when that is dropped: so the tags belong in
/// the stage, while what else is known of the flow, and the number of its tag, may lie with the
/// worker's machine and outlive the stage. At most as many as the flows that the stage holds.
///
/// ```
/// use sluicegate::{Batch, Cx, Rig, Tags, from_fn};
///
/// let mut kept = Tags::default();
/// let waits = from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
///     for event in batch {
///         let (tag, _) = event.split();
///         let name = kept.insert(tag);
///         // When what it waits for has come:
///         kept.take(name).expect("it is kept").finish();
///     }
/// });
/// let mut rig = Rig::of(waits);
/// rig.feed([1_u64, 2]).batch(64);
/// assert_eq!(rig.ledger().finished, 2);
/// ```
#[derive(Default)]
pub struct Tags {
    places: Vec<Option<Tag>>,
    free: Vec<u32>,
}

impl Tags {
    /// Keeps a tag and names it.
    pub fn insert(&mut self, tag: Tag) -> u32 {
        match self.free.pop() {
            Some(place) => {
                self.places[place as usize] = Some(tag);
                place
            }
            None => {
                self.places.push(Some(tag));
                (self.places.len() - 1) as u32
            }
        }
    }

    /// Takes the tag of that name out.
    pub fn take(&mut self, place: u32) -> Option<Tag> {
        let tag = self.places.get_mut(place as usize)?.take()?;
        self.free.push(place);
        Some(tag)
    }

    /// Takes the tag of that name out if its flow's number is `right`: a name that was given by a
    /// replica before this one, which panicked, may be somebody else's now.
    pub fn take_if(&mut self, place: u32, right: impl FnOnce(u64) -> bool) -> Option<Tag> {
        let there = self.places.get_mut(place as usize)?;
        let tag = there.take_if(|tag| right(tag.flow()))?;
        self.free.push(place);
        Some(tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{StageId, WorkerId};
    use crate::time::Time;

    #[test]
    fn a_name_finds_its_tag_once() {
        let tag = |flow| Tag::new(flow, Time(0), WorkerId(0), StageId(0));
        let mut tags = Tags::default();
        let (one, two) = (tags.insert(tag(1)), tags.insert(tag(2)));
        assert!(tags.take_if(one, |flow| flow == 2).is_none(), "it is another flow's");
        let found = tags.take_if(one, |flow| flow == 1).expect("it is there");
        assert_eq!((found.flow(), tags.take(one).is_none()), (1, true));
        assert_eq!(tags.insert(found), one, "places are used again");
        for place in [one, two] {
            assert!(tags.take(place).is_some());
        }
        assert!(tags.take(7).is_none());
    }
}
