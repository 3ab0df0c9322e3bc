//! The laws of one gate: each says its bounds, and for each bound the strictest rules.
//!
//! They are put together at the tick alone: between two ticks a gate keeps one set of bounds,
//! however many laws there are.

use super::{Adjust, Controller, Sample};
use crate::observe::Vote;
use crate::settings::{Own, OwnSettings, Value};
use crate::time::Time;
use std::time::Duration;

/// The laws of one queue, in order of declaration.
pub(crate) struct Laws(Vec<Law>);

struct Law {
    controller: Box<dyn Controller>,
    /// What it said last; while it is frozen, what it said before, with what it measures now.
    adjust: Adjust,
    frozen: bool,
}

/// What a law declares of its own settings.
pub(crate) fn settings_of(law: &mut dyn Controller) -> Vec<Own> {
    OwnSettings::list(|own| law.settings(own))
}

impl Laws {
    pub fn new(controllers: Vec<Box<dyn Controller>>) -> Self {
        let law = |mut controller: Box<dyn Controller>| {
            let adjust = controller.tick(Time(0), &Sample::default());
            Law { controller, adjust, frozen: false }
        };
        Self(controllers.into_iter().map(law).collect())
    }

    /// Asks each law. Where nobody came and nothing waits, the pressure is none: whoever refuses
    /// because of it must try; and nothing is wrong with quality.
    pub fn tick(&mut self, now: Time, sample: &Sample, quiet: bool) {
        for law in &mut self.0 {
            let said = law.controller.tick(now, sample);
            if law.frozen {
                law.adjust.measured = said.measured;
                continue;
            }
            law.adjust = said;
            if quiet {
                law.adjust.pressure = 0.0;
                law.adjust.quality = 1.0;
            }
        }
    }

    /// The bounds that all of them together set.
    pub fn strictest(&self) -> Adjust {
        let each = self.0.iter().map(|law| law.adjust);
        each.reduce(Adjust::strictest).unwrap_or_default()
    }

    /// The nearest of the times that they keep to.
    pub fn target(&self) -> Option<Duration> {
        self.0.iter().filter_map(|law| law.controller.target()).min()
    }

    /// Freezes the laws of this name, or lets them go on; `false` when there is none.
    pub fn set_frozen(&mut self, name: &str, frozen: bool) -> bool {
        let named = self.0.iter_mut().filter(|law| law.controller.name() == name);
        named.map(|law| law.frozen = frozen).count() > 0
    }

    /// What the laws declare of their own settings, each with the name of its law.
    pub fn settings(&mut self) -> Vec<(&'static str, Own)> {
        let mut settings = Vec::new();
        for law in &mut self.0 {
            let (name, own) = (law.controller.name(), settings_of(&mut *law.controller));
            settings.extend(own.into_iter().map(|own| (name, own)));
        }
        settings
    }

    /// Gives the laws of this name these values.
    pub fn set(&mut self, name: &str, values: &[(String, Value)]) {
        for law in self.0.iter_mut().filter(|law| law.controller.name() == name) {
            OwnSettings::set(values, |own| law.controller.settings(own));
        }
    }

    pub fn votes(&self) -> Vec<Vote> {
        let vote = |law: &Law| Vote {
            law: law.controller.name(),
            target: law.controller.target(),
            frozen: law.frozen,
            adjust: law.adjust,
        };
        self.0.iter().map(vote).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ms;
    use proptest::prelude::*;

    /// Says what it is told to say.
    struct Says(&'static str, Adjust);

    impl Controller for Says {
        fn name(&self) -> &'static str {
            self.0
        }

        fn tick(&mut self, _: Time, sample: &Sample) -> Adjust {
            Adjust { measured: Some(sample.work), ..self.1 }
        }
    }

    fn laws(said: &[Adjust]) -> Laws {
        let law = |adjust: &Adjust| Box::new(Says("says", *adjust)) as Box<dyn Controller>;
        Laws::new(said.iter().map(law).collect())
    }

    fn any_adjust() -> impl Strategy<Value = Adjust> {
        let bounds = (0..100_u64, 0..100_usize, prop_oneof![Just(f64::INFINITY), 0.0..1e6]);
        let more = (1.0..100.0, 0..100_u64, any::<bool>());
        let shares = (0.0..1.0, 0.0..1.0, 0.0..1.0);
        (bounds, more, shares).prop_map(|(bounds, more, shares)| adjust(bounds, more, shares))
    }

    fn adjust(
        (work, events, rate): (u64, usize, f64),
        (burst, wait, newest): (f64, u64, bool),
        (pressure, share, quality): (f64, f64, f64),
    ) -> Adjust {
        Adjust {
            work: ms(work),
            events,
            rate,
            class_rates: std::array::from_fn(|n| rate + (n * events) as f64),
            burst,
            patience: ms(wait),
            newest_first: newest,
            pressure,
            share,
            quality,
            measured: None,
        }
    }

    fn least<T: PartialOrd>(all: impl Iterator<Item = T>) -> T {
        all.reduce(|a, b| if b < a { b } else { a }).expect("some")
    }

    proptest! {
        #[test]
        fn each_bound_is_the_strictest_that_any_law_says(
            said in prop::collection::vec(any_adjust(), 1..6),
        ) {
            let mut laws = laws(&said);
            laws.tick(Time(1), &Sample::default(), false);
            let rules = laws.strictest();
            prop_assert_eq!(rules.work, least(said.iter().map(|a| a.work)));
            prop_assert_eq!(rules.events, least(said.iter().map(|a| a.events)));
            prop_assert_eq!(rules.rate, least(said.iter().map(|a| a.rate)));
            for (n, rate) in rules.class_rates.into_iter().enumerate() {
                prop_assert_eq!(rate, least(said.iter().map(|a| a.class_rates[n])));
            }
            prop_assert_eq!(rules.patience, least(said.iter().map(|a| a.patience)));
            prop_assert_eq!(rules.newest_first, said.iter().any(|a| a.newest_first));
            prop_assert_eq!(rules.pressure, -least(said.iter().map(|a| -a.pressure)));
            prop_assert_eq!(rules.share, -least(said.iter().map(|a| -a.share)));
            prop_assert_eq!(rules.quality, least(said.iter().map(|a| a.quality)));
            let rated: Vec<_> = said.iter().filter(|a| a.rate.is_finite()).collect();
            if !rated.is_empty() {
                // A burst means nothing beside a rate without bound.
                prop_assert_eq!(rules.burst, least(rated.iter().map(|a| a.burst)));
            }
        }

        #[test]
        fn the_order_of_the_laws_does_not_matter(
            mut said in prop::collection::vec(any_adjust(), 1..6),
        ) {
            let one = laws(&said).strictest();
            said.reverse();
            prop_assert_eq!(one, laws(&said).strictest());
        }
    }

    #[test]
    fn one_is_frozen_while_the_others_go_on() {
        let says = |name, events| {
            let law = Says(name, Adjust { events, pressure: 0.5, ..Adjust::default() });
            Box::new(law) as Box<dyn Controller>
        };
        let mut laws = Laws::new(vec![says("a", 5), says("b", 7)]);
        assert!(laws.set_frozen("a", true) && !laws.set_frozen("c", true));
        laws.tick(Time(1), &Sample { work: ms(3), ..Sample::default() }, true);
        let votes = laws.votes();
        let told = |n: usize| (votes[n].law, votes[n].frozen, votes[n].adjust.pressure);
        assert_eq!([told(0), told(1)], [("a", true, 0.5), ("b", false, 0.0)]);
        let measured = votes.iter().map(|vote| vote.adjust.measured);
        assert_eq!(measured.collect::<Vec<_>>(), [Some(ms(3)); 2], "frozen laws measure too");
        assert_eq!((laws.strictest().events, laws.strictest().pressure), (5, 0.5));
    }
}
