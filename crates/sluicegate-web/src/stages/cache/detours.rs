//! Pages in the place of what was asked for: of errors, of what is missing, of what is too much.
use super::volumes::refused;
use super::{Cache, Came};
use crate::cache::{Kept, Known, Lack};
use crate::files::{Name, SiteId};
use crate::serve;
use crate::stages::instead;
use sluicegate::{Event, Time, Why};
use sluicegate_http::{Exchange, Reply};

/// What a request waits for instead of what it asked for; left in its exchange.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Detour {
    /// The page that stands in the place of what is missing.
    Fallback,
    /// The page for its reply, which is an error.
    Error,
    /// The page that it gets because there is too much to do.
    Cheaper,
}

impl Detour {
    /// Replies with the page.
    fn reply(&self, event: &mut Exchange, kept: &Kept) -> Result<(), Lack> {
        match self {
            Detour::Fallback => serve::page(event, kept),
            Detour::Error => serve::instead(event, kept),
            Detour::Cheaper => {
                // Not to be kept as what a handler replies.
                event.reply(Reply::new(200).header("Cache-Control", "no-store"));
                serve::instead(event, kept)
            }
        }
    }
}

impl Cache {
    /// The file that a request asks for came too late. Who waited for the page of an error has a
    /// reply.
    pub(super) fn too_late(&mut self, mut event: Event<Exchange>) {
        match event.take_kept::<Detour>() {
            Some(Detour::Error) => self.dress(event),
            _ => event.split().0.refuse(Why::Expired),
        }
    }

    /// The question died for what a request asks for. Who waited for the page of an error has a
    /// reply; and where something is wrong with the disk no other page is waited for.
    pub(super) fn lost(&mut self, mut event: Event<Exchange>, status: u16) {
        match event.take_kept::<Detour>() {
            Some(Detour::Error) => {}
            Some(Detour::Cheaper) => return instead::refuse(event),
            _ => event.reply(Reply::plain(status)),
        }
        self.dress(event);
    }

    /// Replies with a page in the place of what was asked for; where there is none the request is
    /// refused, as it would have been without.
    pub(super) fn cheaper(&mut self, event: Event<Exchange>, page: &str, now: Time) {
        let id = self.plan.site(&event).id();
        let Some(name) = Name::of_site(id, page.as_bytes()) else {
            return instead::refuse(event);
        };
        if let Some(event) = self.stand_in(event, name, Detour::Cheaper, now) {
            instead::refuse(event);
        }
    }

    /// Replies to one who waited for what lies at `name`; or has it wait for what still lacks.
    pub(super) fn settle(
        &mut self,
        mut event: Event<Exchange>,
        name: &Name,
        came: &Came,
        now: Time,
    ) {
        let id = name.site();
        let detour = event.take_kept::<Detour>();
        let replied = match (&detour, came) {
            (Some(detour), Came::Known(Known::Page(kept))) => detour.reply(&mut event, kept),
            // There is no such page: the reply stays as it was.
            (Some(Detour::Error), _) | (Some(Detour::Fallback), Came::Known(_)) => Ok(()),
            (Some(Detour::Cheaper), _) => return instead::refuse(event),
            (None, Came::Known(Known::Listable)) if self.plan.of(id).lists(event.path()) => {
                return self.lists.push_back(event);
            }
            (_, Came::Known(known)) => serve::known(&mut event, known),
            (_, Came::Fault(fault)) => {
                event.reply(refused(*fault));
                Ok(())
            }
            (_, Came::Failed) => {
                event.reply(Reply::plain(503));
                Ok(())
            }
        };
        match (replied, detour) {
            (Err(lack), detour) => {
                if let Some(detour) = detour {
                    event.keep(detour);
                }
                self.lacks(event, name.clone(), lack);
            }
            (Ok(()), Some(Detour::Error | Detour::Cheaper)) => self.dress(event),
            (Ok(()), detour) => self.finish(event, id, detour, now),
        }
    }

    /// Sends a reply, unless the site has a page to stand in its place. `detour` is the one that
    /// the request has made: none is made twice.
    pub(super) fn finish(
        &mut self,
        mut event: Event<Exchange>,
        id: SiteId,
        detour: Option<Detour>,
        now: Time,
    ) {
        let status = event.replied().map_or(0, Reply::status);
        if status == 404
            && detour.is_none()
            && event.method.is_read()
            && let Some(name) = self.plan.of(id).fallback(&event).cloned()
        {
            match self.stand_in(event, name, Detour::Fallback, now) {
                Some(without) => event = without,
                None => return,
            }
        }
        if let Some(name) = self.plan.of(id).error(status).cloned() {
            match self.stand_in(event, name, Detour::Error, now) {
                Some(without) => event = without,
                None => return,
            }
        }
        self.dress(event);
    }

    /// Sends a request on a detour: the page at `name` is its reply, at once or when it has come.
    /// Gives the request back where there is no such page.
    fn stand_in(
        &mut self,
        mut event: Event<Exchange>,
        name: Name,
        detour: Detour,
        now: Time,
    ) -> Option<Event<Exchange>> {
        match self.indexes[name.site().number()].at(&name, now) {
            Some(Known::Page(kept)) => match detour.reply(&mut event, kept) {
                Ok(()) => self.dress(event),
                Err(lack) => {
                    event.keep(detour);
                    self.lacks(event, name, lack);
                }
            },
            Some(_) => return Some(event),
            None => {
                event.keep(detour);
                self.find(event, name, now);
            }
        }
        None
    }
}
