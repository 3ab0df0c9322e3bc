//! Tags in the hands of the write stage, named by small numbers in the outputs they end with.

use sluicegate::Tag;

/// Tags of writes that are not sent yet.
///
/// They belong to the stage and not to the machine, because a flow is counted where it is held.
#[derive(Default)]
pub(crate) struct Tags {
    places: Vec<Option<Tag>>,
    free: Vec<u32>,
}

impl Tags {
    pub fn insert(&mut self, tag: Tag) -> u32 {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            (self.places.len() - 1) as u32
        });
        self.places[place as usize] = Some(tag);
        place
    }

    pub fn remove(&mut self, place: u32) -> Option<Tag> {
        let tag = self.places.get_mut(place as usize)?.take();
        if tag.is_some() {
            self.free.push(place);
        }
        tag
    }
}
