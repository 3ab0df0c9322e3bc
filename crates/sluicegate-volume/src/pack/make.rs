//! Makes one object: reads its file, codes it, and writes its front.
use crate::draft::{Draft, FileDraft, FormDraft, Laid};
use crate::pack::content::{Content, Source};
use crate::pack::plan::{Found, Object};
use crate::pack::{Options, PackError};
use sluicegate_files::{Root, Stamp, Told, coded_tag, encode, extension, media_type, worth};
use sluicegate_http::Coding;
use std::iter;
use std::time::SystemTime;

/// What all threads that make objects share.
#[derive(Debug)]
pub(super) struct Maker<'a> {
    pub(super) root: &'a Root,
    pub(super) files: &'a Found,
    pub(super) options: &'a Options,
}

/// An object that is ready to be written.
#[derive(Debug)]
pub(super) struct Made<'a> {
    pub(super) object: &'a Object,
    pub(super) laid: Laid,
    /// In the order of the forms.
    pub(super) bodies: Vec<Content>,
    /// Coded forms that were made here.
    pub(super) coded: u64,
}

impl Maker<'_> {
    pub(super) fn make<'a>(&self, object: &'a Object) -> Result<Made<'a>, PackError> {
        let Some(stamp) = &object.stamp else {
            let laid = Draft { names: &object.names, file: None }.lay();
            return Ok(Made { object, laid, bodies: Vec::new(), coded: 0 });
        };
        let name = &object.names[0];
        let media = media_type(name);
        let order = self.options.compression.order_for(media, stamp.len);
        let plain = Content::read(self.root, name, stamp)?;
        let modified = stamp.modified().min(self.options.now);
        let form = |content: &Content, coding, modified| {
            form(media, !order.is_empty(), content, coding, modified)
        };
        let (mut forms, mut made) = (vec![form(&plain, None, modified)], 0);
        let mut bodies = vec![plain];
        for coding in order.iter() {
            let ahead = self.ahead(name, stamp, coding)?;
            // A file coded ahead is never older than the one beside it.
            let content = match ahead {
                Some((content, modified)) => {
                    forms.push(form(&content, Some(coding), modified));
                    content
                }
                None => {
                    let Some(content) = self.code(&bodies[0], coding) else { continue };
                    forms.push(form(&content, Some(coding), modified));
                    made += 1;
                    content
                }
            };
            bodies.push(content);
        }
        let file = FileDraft { media, varies: !order.is_empty(), forms };
        let laid = Draft { names: &object.names, file: Some(file) }.lay();
        Ok(Made { object, laid, bodies, coded: made })
    }

    /// The file beside this one that is it coded ahead, and when that was last modified.
    fn ahead(
        &self,
        name: &str,
        stamp: &Stamp,
        coding: Coding,
    ) -> Result<Option<(Content, SystemTime)>, PackError> {
        let name = format!("{name}{}", extension(coding));
        let Some(Some(ahead)) = self.files.get(&name) else { return Ok(None) };
        if !ahead.is_coded_from(stamp) {
            return Ok(None);
        }
        let content = Content::read(self.root, &name, ahead)?;
        Ok(Some((content, ahead.modified().min(self.options.now))))
    }

    /// Codes content that is held in memory, if that is worth it.
    fn code(&self, plain: &Content, coding: Coding) -> Option<Content> {
        let Source::Held(bytes) = &plain.source else { return None };
        // It is held, so that its length fits a `usize`.
        let limit = worth(plain.len) as usize;
        let coded = encode(coding, self.options.compression.effort, bytes, limit)?;
        Some(Content::held(&plain.name, coded))
    }
}

fn form(
    media: &str,
    varies: bool,
    content: &Content,
    coding: Option<Coding>,
    modified: SystemTime,
) -> FormDraft {
    let own = &content.tag;
    let tag = coding.map_or_else(|| own.clone(), |coding| coded_tag(own, coding));
    let len = content.len;
    let told = Told { media, tag: &tag, modified: Some(modified), len, coding, varies };
    let (head, unchanged) = told.heads(iter::empty(), iter::empty());
    let age = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let modified = age.as_secs();
    FormDraft { coding, len, modified, tag, head, unchanged, sums: content.sums.clone() }
}
