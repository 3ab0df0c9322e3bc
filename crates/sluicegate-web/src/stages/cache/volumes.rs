//! What a cache knows of volumes: asked of `pages`, kept until that is told to be gone.
use super::{Cache, Came};
use crate::cache::{Kept, Known, Lack};
use crate::files::{Name, SiteId};
use crate::rules::Plan;
use crate::volume::{Edition, Evicted, Fault, Fetch, Fetched, Got, OpenVolume};
use sluicegate::{Event, Tag, Time};
use sluicegate_http::{Exchange, Reply};
use std::sync::Arc;

/// When who was refused by a volume may come again, in seconds.
const RETRY_AFTER: &str = "1";

/// A volume as it is served.
#[derive(Debug)]
pub(super) struct Current {
    source: Arc<OpenVolume>,
    edition: Arc<Edition>,
}

impl Current {
    /// That of a site, if it serves one.
    pub fn of(plan: &Plan, id: SiteId) -> Option<Current> {
        let source = Arc::clone(plan.of(id).content().source()?);
        Some(Current { edition: source.edition(), source })
    }
}

impl Cache {
    /// Forgets what is of editions in whose place others are by now.
    pub(super) fn renew(&mut self) {
        for (index, volume) in self.indexes.iter_mut().zip(&mut self.volumes) {
            if let Some(served) = volume
                && served.edition.is_over()
            {
                served.edition = served.source.edition();
                index.clear();
            }
        }
    }

    /// Has a request wait for what lies at a name of which nothing is known.
    pub(super) fn find(&mut self, event: Event<Exchange>, name: Name, now: Time) {
        let Some(Current { edition, .. }) = &self.volumes[name.site().number()] else {
            return self.waiting.join(name, event);
        };
        match edition.look(&name) {
            Some(fetch) => self.fetching.join(fetch, event),
            None => self.settle(event, &name, &Came::Known(Known::Missing), now),
        }
    }

    /// Has a request wait for a form of an object that it is to get.
    pub(super) fn lacks(
        &mut self,
        event: Event<Exchange>,
        name: Name,
        Lack { object, form }: Lack,
    ) {
        let (number, ahead, name) = (0, 0, Some(name));
        self.fetching.join(Fetch::Piece { object, form, number, ahead, name }, event);
    }

    /// Takes what a volume holds, for all who waited for it.
    pub(super) fn fetched(&mut self, tag: Tag, Fetched { fetch, got }: Fetched, now: Time) {
        let Some((waited, asked)) = self.fetching.answered(&fetch, tag) else { return };
        let Some(name) = fetch.name().cloned() else { return };
        let piece = match &got {
            Ok(Got::Object(_, piece)) => piece.clone(),
            Ok(Got::Piece(piece)) => Some(Arc::clone(piece)),
            Ok(Got::Nothing) | Err(_) => None,
        };
        let object = match (&got, &fetch) {
            (Ok(Got::Object(object, _)), _) => Some(object),
            (Ok(Got::Piece(_)), Fetch::Piece { object, .. }) => Some(object),
            _ => None,
        };
        let number = name.site().number();
        let mut came = match (object, &got) {
            (Some(object), _) => match self.indexes[number].take(&name, object.key()) {
                Some(kept) => Came::Known(Known::Page(kept)),
                None if object.forms().is_empty() => Came::Known(Known::Directory),
                None => self.made(&name, |effect| Kept::object(object, effect)),
            },
            (None, Err(fault)) => Came::Fault(*fault),
            (None, Ok(_)) => Came::Known(Known::Missing),
        };
        if let (Came::Known(Known::Page(kept)), Some(piece)) = (&mut came, &piece) {
            kept.add(piece);
        }
        for mut event in waited {
            event.set_missed();
            self.settle(event, &name, &came, now);
        }
        if let (Came::Known(Known::Page(kept)), Some(piece)) = (&mut came, &piece)
            && piece.life.is_gone()
        {
            kept.release(piece);
        }
        let served = self.volumes[number].as_ref();
        if let Came::Known(known) = came
            && served.is_some_and(|served| Arc::ptr_eq(&served.edition, fetch.edition()))
        {
            self.indexes[number].put(name, known, asked);
        }
    }

    /// Lets go of what had to go.
    pub(super) fn evicted(&mut self, Evicted { objects, pieces, all }: &Evicted) {
        for (index, volume) in self.indexes.iter_mut().zip(&self.volumes) {
            let Some(Current { edition, .. }) = volume else { continue };
            if *all {
                index.clear();
            }
            let own = |of: &Arc<Edition>| Arc::ptr_eq(of, edition);
            for piece in pieces.iter().filter(|piece| own(piece.edition())) {
                index.release_piece(piece);
            }
            for object in objects.iter().filter(|object| own(object.edition())) {
                index.release_object(object);
            }
        }
    }
}

/// What is replied where a volume has no answer.
pub(super) fn refused(fault: Fault) -> Reply {
    let reply = Reply::plain(fault.status());
    match fault {
        Fault::Busy | Fault::Late => reply.header("Retry-After", RETRY_AFTER),
        // Coming again does not help.
        Fault::TooLarge | Fault::Device | Fault::Damaged => reply,
    }
}
