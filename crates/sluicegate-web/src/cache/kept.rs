//! Content ready to be sent by one worker: its forms, each with its heads, and where its bytes are.
use super::loader::{Forms, Large};
use super::page::{Meta, Page};
use super::variant::Job;
use crate::rules::Effect;
use crate::streamed::Source;
use crate::volume::{self, Key, Object, Piece};
use bytes::Bytes;
use sluicegate_files::Told;
use sluicegate_http::Coding;
use sluicegate_http::coding::Accepted;
use std::cell::Cell;
use std::sync::Arc;

/// Content ready to be sent by this worker.
#[derive(Debug)]
pub struct Kept {
    origin: Origin,
    /// The content as it is.
    pub plain: Form,
    /// Its coded forms, best first.
    pub coded: Vec<Form>,
    /// A bit for each coding in which there is no variant, nor one asked for, as far as is known.
    lacking: Cell<u8>,
}

/// Where it comes from, and who decides how long it is kept.
#[derive(Debug)]
enum Origin {
    /// A file of a directory, in the store.
    Page(Arc<Page>),
    /// An object of a volume.
    Object(Arc<Object>),
    /// An open file: for those who wait for it, and nobody else.
    File,
}

/// One form of it.
#[derive(Debug)]
pub struct Form {
    /// Its coding; nothing for the content as it is.
    pub coding: Option<Coding>,
    /// What a client is told about it.
    pub meta: Meta,
    /// The bytes.
    pub payload: Payload,
    /// The head of 200.
    pub head: Bytes,
    /// The head of 304.
    pub unchanged: Bytes,
}

/// Where the bytes of a form are.
#[derive(Debug)]
pub enum Payload {
    /// In memory. All reference counts that a reply touches are the worker's own.
    Bytes(Bytes),
    /// In pages that all workers share.
    Piece(Arc<Piece>),
    /// Not here: to be fetched before it is sent.
    Elsewhere,
    /// Sent in pieces, each of them fetched when its turn comes.
    Stream(Source),
}

/// A form of an object that has to be fetched before a reply can be made.
#[derive(Debug)]
pub struct Lack {
    /// The object.
    pub object: Arc<Object>,
    /// The number of its form.
    pub form: usize,
}

impl Kept {
    /// Makes a page ready, with the fields that hold for its path and with the variants it has by
    /// now. It is made ready anew when it is asked for again: then it has those that were made
    /// meanwhile.
    pub fn page(page: Arc<Page>, effect: &Effect<'_>) -> Kept {
        let mut coded = Vec::new();
        let mut lacking = 0;
        for coding in page.meta.codings.iter() {
            if let Some(variant) = page.variant(coding) {
                let payload = Payload::Bytes(variant.bytes());
                coded.push(Form::new(&variant.meta, Some(coding), payload, effect));
            } else if page.is_untried(coding) {
                lacking |= bit(coding);
            }
        }
        let plain = Form::new(&page.meta, None, Payload::Bytes(page.bytes()), effect);
        Kept { origin: Origin::Page(page), plain, coded, lacking: Cell::new(lacking) }
    }

    /// The same of an object that is a file. No form that is sent whole is here yet: see
    /// [`add`](Self::add).
    ///
    /// # Panics
    /// If it is a directory.
    pub fn object(object: &Arc<Object>, effect: &Effect<'_>) -> Kept {
        let mut forms = object.forms().iter().enumerate();
        let form = |(number, form): (usize, &volume::Form)| {
            let payload = match form.packed.pieces() {
                0 => Payload::Bytes(Bytes::new()),
                1 => Payload::Elsewhere,
                _ => Payload::Stream(Source::Object(Arc::clone(object), number)),
            };
            Form::packed(form, payload, effect)
        };
        let plain = form(forms.next().expect("a file has a form as it is"));
        let coded = forms.map(form).collect();
        let origin = Origin::Object(Arc::clone(object));
        Kept { origin, plain, coded, lacking: Cell::new(0) }
    }

    /// The same of files that are too large to be kept.
    pub fn files(Forms { plain, coded }: &Forms, effect: &Effect<'_>) -> Kept {
        let form = |coding: Option<Coding>, large: &Arc<Large>| {
            let payload = Payload::Stream(Source::File(Arc::clone(large)));
            Form::new(&large.meta, coding, payload, effect)
        };
        let coded = coded.iter().map(|(coding, large)| form(Some(*coding), large)).collect();
        let (origin, plain) = (Origin::File, form(None, plain));
        Kept { origin, plain, coded, lacking: Cell::new(0) }
    }

    /// Notes that it is sent.
    pub fn warm(&self) {
        match &self.origin {
            Origin::Page(page) => page.life.warm(),
            Origin::Object(object) => object.life.warm(),
            Origin::File => {}
        }
    }

    /// Whether it was sent before, since it was read or as its forerunner.
    pub fn is_warm(&self) -> bool {
        matches!(&self.origin, Origin::Page(page) if page.life.heat() > 0)
    }

    /// Whether it may be kept: nobody has let go of it on the way here.
    pub fn may_stay(&self) -> bool {
        match &self.origin {
            Origin::Page(page) => !page.life.is_gone(),
            Origin::Object(object) => !object.life.is_gone() && !object.edition().is_over(),
            Origin::File => false,
        }
    }

    /// Whether it is of this page.
    pub fn is_of_page(&self, page: &Arc<Page>) -> bool {
        matches!(&self.origin, Origin::Page(own) if Arc::ptr_eq(own, page))
    }

    /// Whether it is this object.
    pub fn is_object(&self, object: &Arc<Object>) -> bool {
        matches!(&self.origin, Origin::Object(own) if Arc::ptr_eq(own, object))
    }

    /// Whether it is the object that lies there, whenever that was read.
    pub fn lies_at(&self, key: Key) -> bool {
        matches!(&self.origin, Origin::Object(own) if own.key() == key)
    }

    /// Adds the bytes of a form that is sent whole.
    pub fn add(&mut self, piece: &Arc<Piece>) {
        if let Some(form) = self.form_of(piece) {
            form.payload = Payload::Piece(Arc::clone(piece));
        }
    }

    /// Lets go of the bytes of a form, if these are they.
    pub fn release(&mut self, piece: &Arc<Piece>) {
        if let Some(form) = self.form_of(piece)
            && matches!(&form.payload, Payload::Piece(own) if Arc::ptr_eq(own, piece))
        {
            form.payload = Payload::Elsewhere;
        }
    }

    fn form_of(&mut self, piece: &Piece) -> Option<&mut Form> {
        if !self.lies_at(piece.object()) {
            return None;
        }
        match piece.form() {
            0 => Some(&mut self.plain),
            coded => self.coded.get_mut(coded - 1),
        }
    }

    /// What is to be fetched before a form can be sent that is elsewhere.
    pub fn lack_of(&self, form: &Form) -> Option<Lack> {
        let Origin::Object(object) = &self.origin else { return None };
        let coded = self.coded.iter().position(|own| std::ptr::eq(own, form));
        Some(Lack { object: Arc::clone(object), form: coded.map_or(0, |place| place + 1) })
    }

    /// Whether a variant may be lacking: to be asked first.
    pub fn lacks(&self) -> bool {
        self.lacking.get() != 0
    }

    /// The right to make the variant that a client would like best, where it is lacking. Nobody
    /// is asked twice before the page is looked at anew.
    pub fn lack(&self, accepted: &Accepted) -> Option<Job> {
        let Origin::Page(page) = &self.origin else { return None };
        let lacking = self.lacking.get();
        let possible = page.meta.codings.iter().filter(|coding| page.is_possible(*coding));
        let coding = accepted.choose(possible).filter(|coding| lacking & bit(*coding) != 0)?;
        self.lacking.set(lacking & !bit(coding));
        Job::claim(page, coding)
    }
}

fn bit(coding: Coding) -> u8 {
    1 << coding as u8
}

impl Form {
    fn new(meta: &Meta, coding: Option<Coding>, payload: Payload, effect: &Effect<'_>) -> Form {
        let told = Told {
            media: &meta.media,
            tag: &meta.tag,
            modified: meta.modified,
            len: meta.len,
            coding,
            varies: !meta.codings.is_empty(),
        };
        let (head, unchanged) = told.heads(effect.fields(200), effect.fields(304));
        Form { coding, meta: meta.clone(), payload, head, unchanged }
    }

    /// A form of an object, whose heads were made when it was packed, unless more is to be in them.
    fn packed(form: &volume::Form, payload: Payload, effect: &Effect<'_>) -> Form {
        let (packed, meta) = (&form.packed, &form.meta);
        if !effect.is_empty() {
            return Form::new(meta, packed.coding, payload, effect);
        }
        let (head, unchanged) = (packed.head.clone(), packed.unchanged.clone());
        Form { coding: packed.coding, meta: meta.clone(), payload, head, unchanged }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Name;
    use sluicegate_files::Order;

    #[test]
    fn the_heads_of_a_page_are_made_ahead() {
        let (media, tag) = ("text/plain".into(), "\"x\"".to_owned());
        let meta = Meta { media, tag, modified: None, len: 2, codings: Order::NONE };
        let page = Page::bundled(Name::new(b"/a").expect("plain"), meta, b"ab");
        let kept = Kept::page(page, &Effect::default()).plain;
        assert_eq!(
            kept.head,
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nAccept-Ranges: bytes\r\n\
             ETag: \"x\"\r\nContent-Length: 2\r\n"
        );
        assert_eq!(kept.unchanged, "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n");
    }
}
