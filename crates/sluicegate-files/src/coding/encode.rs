//! The encoders: each makes a whole form of content at once, up to a length.
use super::Effort;
use sluicegate_http::Coding;
use std::io::{self, Write};

/// A coded form is kept when it saves one part in this many of the content.
const GAIN: u64 = 20;

/// The longest coded form that is worth being kept for content of `len` bytes.
pub fn worth(len: u64) -> u64 {
    len - len.div_ceil(GAIN)
}

/// Codes `content`, unless that would be more than `limit` bytes.
pub fn encode(coding: Coding, effort: Effort, content: &[u8], limit: usize) -> Option<Vec<u8>> {
    let out = Bounded { bytes: Vec::with_capacity(limit.min(content.len())), limit };
    // Nothing but the limit makes these encoders fail.
    let coded = match coding {
        Coding::Br => brotli(effort, content, out),
        Coding::Zstd => zstd(effort, content, out),
        Coding::Gzip => gzip(effort, content, out),
    };
    let mut bytes = coded.ok()?.bytes;
    bytes.shrink_to_fit();
    Some(bytes)
}

fn brotli(effort: Effort, mut content: &[u8], mut out: Bounded) -> io::Result<Bounded> {
    let quality = match effort {
        Effort::Low => 5,
        Effort::Medium => 9,
        Effort::High => 11,
    };
    let size_hint = content.len();
    let settings = brotli::enc::BrotliEncoderParams { quality, size_hint, ..Default::default() };
    brotli::BrotliCompress(&mut content, &mut out, &settings)?;
    Ok(out)
}

fn zstd(effort: Effort, content: &[u8], out: Bounded) -> io::Result<Bounded> {
    let level = match effort {
        Effort::Low => 5,
        Effort::Medium => 15,
        Effort::High => 19,
    };
    let mut encoder = zstd::Encoder::new(out, level)?;
    // The window is then no larger than the content, which is what clients have room for.
    encoder.set_pledged_src_size(Some(content.len() as u64))?;
    encoder.write_all(content)?;
    encoder.finish()
}

fn gzip(effort: Effort, content: &[u8], out: Bounded) -> io::Result<Bounded> {
    let level = match effort {
        Effort::Low => 5,
        Effort::Medium | Effort::High => 9,
    };
    let mut encoder = flate2::write::GzEncoder::new(out, flate2::Compression::new(level));
    encoder.write_all(content)?;
    encoder.finish()
}

/// Takes bytes up to a limit, then fails: an encoder that gains nothing stops early.
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.limit - self.bytes.len() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coding::decode::decode;
    use crate::scratch::Random;
    use proptest::prelude::*;

    const EFFORTS: [Effort; 3] = [Effort::Low, Effort::Medium, Effort::High];

    #[test]
    fn text_becomes_smaller_and_comes_back() {
        let text = include_bytes!("../../../sluicegate-web/demo/app.js");
        for coding in Coding::ALL {
            for effort in EFFORTS {
                let coded = encode(coding, effort, text, text.len()).expect("it is text");
                assert!(coded.len() < text.len() / 2, "{coding:?} {effort:?}: {}", coded.len());
                assert_eq!(decode(coding, &coded), text);
                let again = encode(coding, effort, text, coded.len());
                assert_eq!(again.as_ref(), Some(&coded), "the same, and it just fits");
                assert_eq!(encode(coding, effort, text, coded.len() - 1), None);
            }
        }
    }

    #[test]
    fn noise_is_given_up() {
        let mut random = Random::new(1);
        let noise: Vec<u8> = (0..100_000).map(|_| random.below(256) as u8).collect();
        for coding in Coding::ALL {
            let limit = worth(noise.len() as u64) as usize;
            assert_eq!(encode(coding, Effort::Medium, &noise, limit), None, "{coding:?}");
        }
        assert_eq!((worth(1000), worth(1), worth(0)), (950, 0, 0));
    }

    proptest! {
        #[test]
        fn whatever_fits_comes_back(
            content in prop::collection::vec(0u8..4, 0..3000),
            coding in prop::sample::select(Coding::ALL.to_vec()),
            limit in 0usize..3000,
        ) {
            if let Some(coded) = encode(coding, Effort::Low, &content, limit) {
                prop_assert!(coded.len() <= limit);
                prop_assert_eq!(decode(coding, &coded), content);
            }
        }
    }
}
