//! What the files of a site are to its clients: which names there are, what lies at them, their
//! types and tags, their coded forms, and the heads of answers about them. A server of a directory
//! and a packer of one have to agree in all of it.
#![forbid(unsafe_code)]

mod coding;
mod held;
mod media;
mod name;
mod root;
#[cfg(test)]
mod scratch;
mod stamp;
mod told;

pub use coding::{
    Compression, Effort, MIN, Order, coded_tag, encode, extension, is_pattern, worth,
};
pub use held::{Held, LeftOut, What, held};
pub use media::media_type;
pub use name::{NAME_MAX, plain_name};
pub use root::Root;
pub use stamp::{Stamp, Tagger, content_tag};
pub use told::{Told, VARY, http_date};
