//! Numbers and texts one behind the other: how superblocks and fronts are written and read.
use bytes::Bytes;

/// Takes fields off the front of bytes; `None` where they end too early.
#[derive(Debug)]
pub(crate) struct Fields(pub(crate) Bytes);

impl Fields {
    pub(crate) fn bytes(&mut self, len: u64) -> Option<Bytes> {
        let len = usize::try_from(len).ok().filter(|len| *len <= self.0.len())?;
        Some(self.0.split_to(len))
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        Some(self.bytes(1)?[0])
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.bytes(2)?[..].try_into().ok()?))
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.bytes(4)?[..].try_into().ok()?))
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.bytes(8)?[..].try_into().ok()?))
    }

    /// Bytes with their number before them.
    pub(crate) fn counted(&mut self) -> Option<Bytes> {
        let len = self.u16()?;
        self.bytes(len.into())
    }
}

/// Appends bytes with their number before them.
///
/// # Panics
/// If there are more than 65,535: names, types, tags and heads are shorter.
pub(crate) fn put_counted(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = u16::try_from(bytes.len()).expect("no text of a front is that long");
    out.extend(len.to_le_bytes());
    out.extend(bytes);
}
