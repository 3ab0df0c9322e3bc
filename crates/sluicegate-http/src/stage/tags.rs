//! Tags in the hands of the stage, named by small numbers in the sessions they belong to.

use sluicegate::Tag;

/// Tags of bodies, streams, and replies that are kept back: at most as many as the stage has
/// flows.
#[derive(Default)]
pub(crate) struct Tags {
    places: Vec<Option<Tag>>,
    free: Vec<u32>,
}

impl Tags {
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

    /// The tag of `flow` at `place`; none when it was a replica before this one that put it there.
    pub fn take(&mut self, place: u32, flow: u64) -> Option<Tag> {
        let there = self.places.get_mut(place as usize)?;
        let tag = there.take_if(|tag| tag.flow() == flow)?;
        self.free.push(place);
        Some(tag)
    }
}
