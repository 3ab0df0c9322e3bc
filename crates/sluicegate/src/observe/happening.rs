//! What can happen in a net, declared once: what names, counts and documents it is made from this.

macro_rules! happenings {
    ($($(#[doc = $doc:literal])+ $variant:ident: $name:literal, $n:literal, $detail:literal;)+) => {
        /// What a worker did, or what was done to it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Happening {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Happening {
            /// All that can happen, in order of declaration.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name in traces, one word.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// What its number counts; empty where it has none.
            pub const fn counts(self) -> &'static str {
                match self { $(Self::$variant => $n),+ }
            }

            /// What its detail says; empty where it has none.
            pub const fn detail(self) -> &'static str {
                match self { $(Self::$variant => $detail),+ }
            }

            /// What it means, in a sentence.
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+)),+ }
            }
        }
    };
}

happenings! {
    /// A worker went on after it had slept.
    Woke: "woke", "", "`told` by another worker, or its `time` came";
    /// A worker found nothing to do.
    Slept: "slept", "nanoseconds until it looks by itself; 0: until it is woken", "";
    /// A worker that refused most of what came takes nothing for a while.
    Rested: "rested", "nanoseconds", "";
    /// A worker heard that all of the net has started.
    Started: "started", "", "";
    /// A worker heard that the net takes no more.
    Drained: "drained", "", "";
    /// The laws of a worker's gates looked.
    Ticked: "ticked", "inlets with a gate", "";
    /// A pool has another size.
    Sized: "sized", "threads on duty", "";
    /// A replica heard that flows of its ended.
    Told: "told", "notices", "";
    /// A replica's flag was raised.
    Signalled: "signalled", "", "";
    /// A replica heard that the pressure beyond its ports had changed.
    Pressed: "pressed", "tenths, rounded up", "";
    /// A replica heard that a resource is at another level.
    Levelled: "levelled", "0 calm, 1 pressed, 2 short", "the resource";
    /// A timer of a replica ran out.
    Timer: "timer", "its token", "";
    /// A replica took a batch from its queue.
    Took: "took", "events", "`asks` or `answers`";
    /// A handler returned, or its batch was refused for it.
    Handled: "handled", "events", "";
    /// What a batch did not take went back into the queue.
    PutBack: "put-back", "events", "";
    /// A run of a replica took time: of the handler, and of delivery.
    Spent: "spent", "nanoseconds", "";
    /// Flows went into an outbox.
    Emitted: "emitted", "flows", "the port";
    /// There was no room beyond a wire: the outbox keeps what it could not send.
    Held: "held", "events", "the port";
    /// A stage parked on held output.
    Parked: "parked", "", "";
    /// A parked stage could send all that it held.
    Unparked: "unparked", "", "";
    /// Flows came into the net.
    Entered: "entered", "flows", "";
    /// Second tags were made of flows.
    Forked: "forked", "tags", "";
    /// Second tags ended beside their flows.
    Joined: "joined", "tags", "";
    /// Flows were answered.
    Finished: "finished", "flows", "";
    /// Flows ended without an answer.
    Refused: "refused", "flows", "why";
    /// A replica goes by numbers that were set from outside.
    Set: "set", "", "";
    /// A replica handles nothing any more, by an order from outside.
    Paused: "paused", "", "";
    /// A paused replica handles one batch.
    Stepped: "stepped", "", "";
    /// A paused replica goes on.
    Resumed: "resumed", "", "";
    /// Another value took the place of a replica's stage.
    Replaced: "replaced", "", "";
    /// A handler panicked, a factory did, or futures of an async stage.
    Panicked: "panicked", "panics", "";
    /// A replica was built.
    Built: "built", "", "";
    /// The breaker of a stage opened, or stayed open after a trial.
    Broke: "broke", "", "";
    /// One event is tried while the breaker is open.
    Tried: "tried", "", "";
    /// What was tried was handled, and the breaker closed.
    Mended: "mended", "", "";
    /// Letters were sent of what a stage could not handle.
    Letters: "letters", "letters", "`panicked` or `broken`";
    /// A stage panicked more often than it may, and the net is stopped.
    GaveUp: "gave-up", "", "";
    /// Trouble that a simulation planned began.
    Troubled: "troubled", "its number in the plan", "its kind";
    /// It was over.
    Recovered: "recovered", "its number in the plan", "its kind";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_has_a_name_of_one_word_and_a_sentence() {
        let names: HashSet<_> = Happening::ALL.iter().map(|what| what.name()).collect();
        assert_eq!(names.len(), Happening::ALL.len());
        for what in Happening::ALL {
            assert!(!what.name().contains(char::is_whitespace), "{what:?}");
            assert!(what.doc().trim().ends_with('.'), "{what:?}");
        }
    }
}
