//! Arenas against a model, and under threads.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::*;

fn bytes(paged: &Paged) -> Vec<u8> {
    paged.chunks().collect::<Vec<_>>().concat()
}

fn filled(arena: &Arena, pages: usize, byte: u8) -> Option<Frames> {
    let mut frames = arena.take(pages)?;
    frames.slices_mut().for_each(|slice| slice.fill(byte));
    Some(frames)
}

#[test]
fn an_arena_says_what_memory_it_is() {
    let arena = Arena::new(8 << 20).unwrap();
    let backing = arena.backing();
    assert_eq!((arena.pages(), arena.free()), (2048, 2048));
    assert_eq!(backing.pages == PageKind::Pool && backing.locked, backing.why.is_empty());
    assert!(backing.to_string().contains("pages"), "{backing}");
    let small = Arena::new(3 * PAGE + 1).unwrap();
    assert_eq!((small.pages(), small.backing().pages), (3, PageKind::Ordinary));
    assert!(Arena::new(PAGE - 1).is_err());
}

#[test]
fn who_asked_in_vain_is_told_when_pages_come_home() {
    let arena = Arena::new(4 * PAGE).unwrap();
    let told = Arc::new(AtomicUsize::new(0));
    let tell = Arc::clone(&told);
    arena.on_return(Arc::new(move || _ = tell.fetch_add(1, Ordering::Relaxed)));
    drop(arena.take(4));
    assert_eq!(told.load(Ordering::Relaxed), 0);
    let all = arena.take(4).unwrap();
    assert!(arena.take(1).is_none());
    let paged = all.freeze(PAGE + 1);
    assert_eq!((told.load(Ordering::Relaxed), arena.free()), (1, 2));
    drop(paged);
    assert_eq!((told.load(Ordering::Relaxed), arena.free()), (1, 4));
}

#[test]
fn what_is_shared_outlives_the_arena() {
    let arena = Arena::new(4 * PAGE).unwrap();
    let paged = filled(&arena, 3, b'x').unwrap().freeze(2 * PAGE + 3);
    drop(arena);
    assert_eq!(bytes(&paged), vec![b'x'; 2 * PAGE + 3]);
}

#[test]
fn pages_go_home_from_any_thread() {
    let arena = Arena::new(64 * PAGE).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let arena = &arena;
            scope.spawn(move || {
                for turn in 0..if cfg!(miri) { 5 } else { 2000 } {
                    let Some(frames) = filled(arena, 1 + turn % 7, thread) else { continue };
                    let paged = frames.freeze(usize::MAX);
                    let twin = paged.clone();
                    drop(paged);
                    assert!(twin.chunks().flatten().all(|byte| *byte == thread));
                }
            });
        }
    });
    assert_eq!(arena.free(), 64);
}

#[derive(Clone, Debug)]
enum Step {
    Take { pages: usize, byte: u8, len: usize },
    Slice { which: usize, first: usize, len: usize },
    Advance { which: usize, n: usize },
    Drop { which: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let len = 0..7 * PAGE;
    prop_oneof![
        3 => (0..7_usize, any::<u8>(), len.clone())
            .prop_map(|(pages, byte, len)| Step::Take { pages, byte, len }),
        2 => (any::<usize>(), len.clone(), len.clone())
            .prop_map(|(which, first, len)| Step::Slice { which, first, len }),
        1 => (any::<usize>(), len).prop_map(|(which, n)| Step::Advance { which, n }),
        2 => any::<usize>().prop_map(|which| Step::Drop { which }),
    ]
}

proptest! {
    /// Every page is free or with who took it, all of it holds what was written, and none is
    /// given out beyond the budget.
    #[test]
    fn pages_are_where_they_were_given(steps in prop::collection::vec(step(), 0..60)) {
        const PAGES: usize = 16;
        let arena = Arena::new(PAGES * PAGE).unwrap();
        // Each with its bytes and with the number of the take that it is of.
        let mut held: Vec<(Paged, Vec<u8>, usize)> = Vec::new();
        let mut pages_of: HashMap<usize, usize> = HashMap::new();
        for (n, step) in steps.into_iter().enumerate() {
            match step {
                Step::Take { pages, byte, len } => {
                    let free = arena.free();
                    let Some(frames) = filled(&arena, pages, byte) else {
                        prop_assert!(pages > free);
                        continue;
                    };
                    prop_assert_eq!(frames.len(), pages * PAGE);
                    let len = len.min(pages * PAGE);
                    held.push((frames.freeze(len), vec![byte; len], n));
                    pages_of.insert(n, len.div_ceil(PAGE));
                }
                Step::Slice { which, first, len } if !held.is_empty() => {
                    let (paged, model, of) = &held[which % held.len()];
                    let first = first.min(model.len());
                    let end = (first + len).min(model.len());
                    let slice = (paged.slice(first..end), model[first..end].to_vec(), *of);
                    held.push(slice);
                }
                Step::Advance { which, n } if !held.is_empty() => {
                    let at = which % held.len();
                    let (paged, model, _) = &mut held[at];
                    paged.advance(n);
                    model.drain(..n.min(model.len()));
                }
                Step::Drop { which } if !held.is_empty() => {
                    let at = which % held.len();
                    held.swap_remove(at);
                }
                Step::Slice { .. } | Step::Advance { .. } | Step::Drop { .. } => {}
            }
            pages_of.retain(|n, _| held.iter().any(|(_, _, of)| of == n));
            prop_assert_eq!(arena.free(), PAGES - pages_of.values().sum::<usize>());
            for (paged, model, _) in &held {
                prop_assert_eq!(paged.len(), model.len());
                prop_assert!(paged.chunks().all(|chunk| !chunk.is_empty()));
                prop_assert!(bytes(paged) == *model);
            }
        }
    }
}
