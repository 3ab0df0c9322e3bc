//! A front that is being made: what is known of an object before it has a place.
use crate::fields::put_counted;
use crate::front::{DIRECTORY, FILE};
use crate::layout::{PIECE, blocks};
use bytes::Bytes;
use sluicegate_http::Coding;

/// An object that is being made.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    pub(crate) names: &'a [String],
    /// What it is told to be, where it is a file.
    pub(crate) file: Option<FileDraft<'a>>,
}

#[derive(Debug)]
pub(crate) struct FileDraft<'a> {
    pub(crate) media: &'a str,
    pub(crate) varies: bool,
    /// First as it is.
    pub(crate) forms: Vec<FormDraft>,
}

#[derive(Debug)]
pub(crate) struct FormDraft {
    pub(crate) coding: Option<Coding>,
    pub(crate) len: u64,
    /// Seconds of Unix time.
    pub(crate) modified: u64,
    pub(crate) tag: String,
    pub(crate) head: Bytes,
    pub(crate) unchanged: Bytes,
    /// The checksum of each piece.
    pub(crate) sums: Vec<u32>,
}

/// The extent of an object, the same wherever it lies.
#[derive(Debug)]
pub(crate) struct Laid {
    pub(crate) front: Vec<u8>,
    /// Blocks of the front and, where that is one piece, of the body as it is.
    pub(crate) near: u64,
    /// All blocks.
    pub(crate) blocks: u64,
}

impl Draft<'_> {
    /// Lays the front and the bodies out, one behind the other.
    pub(crate) fn lay(&self) -> Laid {
        // Numbers have fixed lengths: the front is as long wherever its bodies lie.
        let first = blocks(self.write(0).0.len() as u64);
        let (front, blocks) = self.write(first);
        let plain = self.forms().first().map_or(0, |form| form.len);
        let near = if plain <= PIECE { first + crate::layout::blocks(plain) } else { first };
        Laid { front, near, blocks }
    }

    fn forms(&self) -> &[FormDraft] {
        self.file.as_ref().map_or(&[], |file| &file.forms)
    }

    /// The front with bodies from the block `next` of the extent on, and the block behind them.
    fn write(&self, mut next: u64) -> (Vec<u8>, u64) {
        let mut out = vec![if self.file.is_some() { FILE } else { DIRECTORY }];
        out.push(u8::try_from(self.names.len()).expect("a file stands for few directories"));
        for name in self.names {
            put_counted(&mut out, name.as_bytes());
        }
        if let Some(file) = &self.file {
            put_counted(&mut out, file.media.as_bytes());
            out.push(file.varies.into());
            // One for each coding at most.
            out.push(file.forms.len() as u8);
        }
        for form in self.forms() {
            form.write(&mut out, next);
            next += blocks(form.len);
        }
        (out, next)
    }
}

impl FormDraft {
    fn write(&self, out: &mut Vec<u8>, block: u64) {
        let block = u32::try_from(block).expect("the bodies of an object are bounded");
        out.push(self.coding.map_or(0, |coding| coding as u8 + 1));
        out.extend(block.to_le_bytes());
        out.extend(self.len.to_le_bytes());
        out.extend(self.modified.to_le_bytes());
        put_counted(out, self.tag.as_bytes());
        put_counted(out, &self.head);
        put_counted(out, &self.unchanged);
        out.extend(self.sums.iter().flat_map(|sum| sum.to_le_bytes()));
    }
}
