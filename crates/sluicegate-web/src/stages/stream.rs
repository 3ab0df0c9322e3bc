//! Reads the next piece of a large file of a directory: in the pool, where it may wait for the disk.
use crate::streamed::Streamed;
use bytes::Bytes;
use sluicegate::{Batch, Cx, Out, Stage};
use sluicegate_http::Exchange;

/// Bytes of a piece: what one streamed reply holds in memory at a time.
pub const PIECE: u64 = 128 * 1024;

/// Each exchange that comes gets one piece. When the file has shrunk, or the disk fails, the
/// stream fails, and the connection closes: the head has promised more.
#[derive(Debug, Default)]
pub struct Stream;

impl Stage for Stream {
    type In = Exchange;
    type Out = Out<Exchange>;

    fn handle(&mut self, batch: Batch<'_, Exchange>, cx: &mut Cx<'_, Out<Exchange>>) {
        for mut event in batch {
            match piece(&mut event) {
                Some(piece) => event.give(Bytes::from(piece)),
                None => event.fail(),
            }
            cx.out.emit(event);
        }
    }
}

fn piece(exchange: &mut Exchange) -> Option<Vec<u8>> {
    // At most PIECE, so that the length fits a `usize`.
    let (given, len) = (exchange.given(), exchange.left().min(PIECE) as usize);
    let streamed = exchange.kept::<Streamed>()?;
    streamed.read(given, len).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::{Answer, Kept, Known, Loader, Store};
    use crate::files::{Content, Name};
    use crate::rules::Effect;
    use crate::scratch::Scratch;
    use crate::serve;
    use sluicegate::{Rig, WorkerId};
    use sluicegate_files::Root;

    fn streamed(scratch: &Scratch, range: &str) -> Exchange {
        let root = Root::open(scratch.path()).expect("the directory is there");
        let loader = Loader::new(Content::directory(root, Vec::new()), Store::new(0), 0);
        let name = Name::new(b"/big").expect("a plain name");
        let answer = loader.answer(&name, WorkerId::default(), &mut Vec::new());
        let Answer::Stream(forms) = answer else { panic!("not streamed: {answer:?}") };
        let text = format!("GET /big HTTP/1.1\r\nHost: a\r\n{range}\r\n");
        let mut exchange = Exchange::read(text.as_bytes()).expect("a plain request");
        let kept = Kept::files(&forms, &Effect::default());
        assert!(serve::known(&mut exchange, &Known::Page(kept)).is_ok());
        exchange
    }

    fn pull(rig: &mut Rig<Stream>, exchange: Exchange) -> Exchange {
        rig.feed([exchange]).batch(1);
        let (tag, exchange) = rig.out.take().remove(0).split();
        tag.finish();
        exchange
    }

    #[test]
    fn pieces_come_until_the_part_is_complete() {
        let scratch = Scratch::new();
        scratch.write("big", vec![b'x'; 3 * PIECE as usize]);
        for (range, total) in [("", 3 * PIECE), ("Range: bytes=10-200009\r\n", 200_000)] {
            let mut rig = Rig::of(Stream);
            let mut exchange = streamed(&scratch, range);
            let mut given = 0;
            while exchange.left() > 0 {
                exchange = pull(&mut rig, exchange);
                assert_eq!(exchange.given() - given, PIECE.min(total - given));
                given = exchange.given();
            }
            assert_eq!(given, total);
        }
    }

    #[test]
    fn several_parts_are_streamed_as_one_body() {
        let scratch = Scratch::new();
        let content: Vec<u8> = (0..3 * PIECE).map(|n| b'a' + (n % 23) as u8).collect();
        scratch.write("big", &content);
        let mut exchange = streamed(&scratch, "Range: bytes=7-9,200000-380000,0-3\r\n");
        let len = exchange.left();
        let state = exchange.kept::<Streamed>().expect("it is streamed");
        let whole = state.read(0, len as usize).expect("it is there");
        let mark = whole[2..18].to_vec();
        let kind = format!("multipart/byteranges; boundary={}", String::from_utf8_lossy(&mark));
        let parts = crate::parts::parts(&kind, &whole);
        let bodies: Vec<_> = parts.into_iter().map(|(_, body)| body).collect();
        let expected = [7..=9, 200_000..=380_000, 0..=3].map(|range| content[range].to_vec());
        assert!(bodies == expected);
        // In pieces it is the same.
        let mut rig = Rig::of(Stream);
        while exchange.left() > 0 {
            let given = exchange.given();
            exchange = pull(&mut rig, exchange);
            assert_eq!(exchange.given() - given, PIECE.min(len - given));
        }
        let state = exchange.kept::<Streamed>().expect("it is streamed");
        let mut joined = Vec::new();
        while (joined.len() as u64) < len {
            let next = (len - joined.len() as u64).min(1000) as usize;
            joined.extend(state.read(joined.len() as u64, next).expect("it is there"));
        }
        assert!(joined == whole);
    }

    #[test]
    fn a_file_that_has_shrunk_gives_nothing_more() {
        let scratch = Scratch::new();
        scratch.write("big", vec![b'x'; 2 * PIECE as usize]);
        let mut rig = Rig::of(Stream);
        let exchange = streamed(&scratch, "");
        let file = std::fs::File::options().write(true).open(scratch.path().join("big"));
        file.and_then(|file| file.set_len(PIECE + 1)).expect("it can be cut");
        let exchange = pull(&mut rig, exchange);
        assert_eq!(exchange.given(), PIECE);
        assert_eq!(pull(&mut rig, exchange).given(), PIECE);
    }
}
