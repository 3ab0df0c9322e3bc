//! The decoders, for tests. Other crates have them by the path of this file.
use sluicegate_http::Coding;
use std::io::Read;

/// What a client makes of coded content.
pub(crate) fn decode(coding: Coding, mut coded: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    match coding {
        Coding::Br => brotli::BrotliDecompress(&mut coded, &mut content).map(drop),
        Coding::Zstd => zstd::stream::copy_decode(coded, &mut content),
        Coding::Gzip => flate2::read::GzDecoder::new(coded).read_to_end(&mut content).map(drop),
    }
    .expect("well coded");
    content
}
