//! Atomics for models. Loom takes sequentially consistent accesses for ones that acquire and
//! release, and would see workers fall asleep that cannot. But what reads and writes at once sees
//! the latest value there, so here each such access does both: as one order of all accesses has it.

use loom::sync::atomic::{self, Ordering};

macro_rules! sequential {
    ($name:ident, $value:ty, $none:expr, [$($change:ident),*]) => {
        #[derive(Debug, Default)]
        pub(crate) struct $name(atomic::$name);

        impl $name {
            #[allow(dead_code, reason = "some begin with their default")]
            pub fn new(value: $value) -> Self {
                Self(atomic::$name::new(value))
            }

            pub fn load(&self, order: Ordering) -> $value {
                match order {
                    Ordering::SeqCst => self.0.fetch_or($none, order),
                    weaker => self.0.load(weaker),
                }
            }

            pub fn store(&self, value: $value, order: Ordering) {
                match order {
                    Ordering::SeqCst => drop(self.0.swap(value, order)),
                    weaker => self.0.store(value, weaker),
                }
            }

            $(pub fn $change(&self, value: $value, order: Ordering) -> $value {
                self.0.$change(value, order)
            })*
        }
    };
}

sequential!(AtomicBool, bool, false, [swap]);
sequential!(AtomicU8, u8, 0, []);
sequential!(AtomicU64, u64, 0, [swap, fetch_add, fetch_and, fetch_max, fetch_or]);
sequential!(AtomicUsize, usize, 0, [fetch_add, fetch_sub]);
