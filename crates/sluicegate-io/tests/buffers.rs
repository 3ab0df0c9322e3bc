//! The buffer pool against a naive model: bounded, last in first out, contents kept.

use proptest::prelude::*;
use sluicegate_io::{Buf, Pool};

const CAPACITY: usize = 4;
const SIZE: usize = 16;

#[derive(Clone, Debug)]
enum Step {
    Take,
    Drop(usize),
    DropElsewhere(usize),
    Push(usize, Vec<u8>),
    Advance(usize, usize),
    Truncate(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let n = 0..CAPACITY;
    prop_oneof![
        Just(Step::Take),
        n.clone().prop_map(Step::Drop),
        n.clone().prop_map(Step::DropElsewhere),
        (n.clone(), prop::collection::vec(any::<u8>(), 0..SIZE))
            .prop_map(|(n, bytes)| Step::Push(n, bytes)),
        (n.clone(), 0..SIZE + 4).prop_map(|(n, by)| Step::Advance(n, by)),
        (n, 0..SIZE + 4).prop_map(|(n, to)| Step::Truncate(n, to)),
    ]
}

/// A buffer that is out: what is in it, and how much was ever written into it.
struct Out {
    buf: Buf,
    bytes: Vec<u8>,
    used: usize,
}

proptest! {
    #[test]
    fn behaves_as_vectors_of_bytes(steps in prop::collection::vec(step(), 0..100)) {
        let pool = Pool::new(CAPACITY, SIZE);
        let mut out: Vec<Out> = Vec::new();
        for step in steps {
            match step {
                Step::Take => match pool.take() {
                    Some(buf) => {
                        prop_assert!(out.len() < CAPACITY && buf.is_empty());
                        out.push(Out { buf, bytes: Vec::new(), used: 0 });
                    }
                    None => prop_assert_eq!(out.len(), CAPACITY),
                },
                Step::Drop(n) if n < out.len() => drop(out.remove(n)),
                Step::DropElsewhere(n) if n < out.len() => {
                    let gone = out.remove(n).buf;
                    std::thread::spawn(move || drop(gone)).join().unwrap();
                }
                Step::Push(n, bytes) if n < out.len() => {
                    let Out { buf, bytes: model, used } = &mut out[n];
                    let fits = bytes.len().min(SIZE - *used);
                    prop_assert_eq!(buf.push(&bytes), fits);
                    model.extend(&bytes[..fits]);
                    *used += fits;
                }
                Step::Advance(n, by) if n < out.len() => {
                    let Out { buf, bytes, .. } = &mut out[n];
                    buf.advance(by);
                    bytes.drain(..by.min(bytes.len()));
                }
                Step::Truncate(n, to) if n < out.len() => {
                    let Out { buf, bytes, used } = &mut out[n];
                    buf.truncate(to);
                    *used -= bytes.len() - to.min(bytes.len());
                    bytes.truncate(to);
                }
                _ => {}
            }
            for Out { buf, bytes, .. } in &out {
                prop_assert_eq!(&buf[..], &bytes[..]);
            }
            prop_assert_eq!(pool.in_use(), out.len());
            prop_assert_eq!(pool.available(), CAPACITY - out.len());
        }
    }
}
