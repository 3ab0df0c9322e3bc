//! What a stage, a law or a policy declares of its own: once, both to be told and to be changed.

use crate::settings::Value;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The settings of a stage's, a law's or a policy's own, while it declares them.
///
/// Each is a number in the hands of who declares it, with what has to be known to change it. The
/// declaration is asked for once to learn what there is, and again whenever a value changes: it
/// has to name the same settings each time, and to do nothing else. What is set is in the range.
///
/// ```
/// use sluicegate::{Batch, Cx, OwnSettings, Stage};
///
/// struct Search {
///     results: usize,
/// }
///
/// impl Stage for Search {
///     type In = String;
///     type Out = ();
///
///     fn handle(&mut self, batch: Batch<'_, String>, _: &mut Cx<'_, ()>) {
///         // Reads `self.results`: it does not change during a batch.
/// #       batch.for_each(|event| event.split().0.finish());
///     }
///
///     fn settings(&mut self, own: &mut OwnSettings<'_>) {
///         let about = "The most results of one answer.";
///         own.count("results", "results", about, 1..=100, &mut self.results);
///     }
/// }
/// ```
pub struct OwnSettings<'a>(Visit<'a>);

enum Visit<'a> {
    List(&'a mut Vec<Own>),
    Set(&'a [(String, Value)]),
}

/// A setting as declared by who has it.
#[derive(Clone, Debug)]
pub(crate) struct Own {
    pub name: String,
    pub unit: &'static str,
    pub doc: &'static str,
    pub least: Value,
    pub most: Value,
    pub value: Value,
}

impl OwnSettings<'_> {
    /// A whole number of `unit`, such as `"results"`; `about` is a sentence for the operator.
    pub fn count(
        &mut self,
        name: &str,
        unit: &'static str,
        about: &'static str,
        range: RangeInclusive<usize>,
        value: &mut usize,
    ) {
        let range = ((*range.start()).into(), (*range.end()).into());
        if let Some(Value::Count(n)) = self.visit((name, unit, about), range, (*value).into()) {
            *value = usize::try_from(n).unwrap_or(usize::MAX);
        }
    }

    /// A time, told in microseconds.
    pub fn time(
        &mut self,
        name: &str,
        about: &'static str,
        range: RangeInclusive<Duration>,
        value: &mut Duration,
    ) {
        let range = ((*range.start()).into(), (*range.end()).into());
        if let Some(Value::Time(time)) = self.visit((name, "us", about), range, (*value).into()) {
            *value = time;
        }
    }

    /// Any other number, of `unit`; that is empty for a share or a factor.
    pub fn number(
        &mut self,
        name: &str,
        unit: &'static str,
        about: &'static str,
        range: RangeInclusive<f64>,
        value: &mut f64,
    ) {
        let range = ((*range.start()).into(), (*range.end()).into());
        if let Some(Value::Number(n)) = self.visit((name, unit, about), range, (*value).into()) {
            *value = n;
        }
    }

    /// What `declare` has.
    pub(crate) fn list(declare: impl FnOnce(&mut OwnSettings<'_>)) -> Vec<Own> {
        let mut list = Vec::new();
        declare(&mut OwnSettings(Visit::List(&mut list)));
        list
    }

    /// Gives what is named among the settings of `declare` these values.
    pub(crate) fn set(values: &[(String, Value)], declare: impl FnOnce(&mut OwnSettings<'_>)) {
        declare(&mut OwnSettings(Visit::Set(values)));
    }

    fn visit(
        &mut self,
        (name, unit, doc): (&str, &'static str, &'static str),
        (least, most): (Value, Value),
        value: Value,
    ) -> Option<Value> {
        match &mut self.0 {
            Visit::List(list) => {
                list.push(Own { name: name.to_owned(), unit, doc, least, most, value });
                None
            }
            Visit::Set(values) => values.iter().find(|set| set.0 == name).map(|set| set.1),
        }
    }
}

/// What a stage or a policy declared, and the values that were set since.
#[derive(Debug, Default)]
pub(crate) struct Owned {
    pub declared: Vec<Own>,
    pub set: Vec<(String, Value)>,
}

impl Owned {
    pub fn set(&mut self, name: &str, value: Value) {
        match self.set.iter_mut().find(|set| set.0 == name) {
            Some(set) => set.1 = value,
            None => self.set.push((name.to_owned(), value)),
        }
    }

    pub fn value(&self, own: &Own) -> Value {
        self.set.iter().find(|set| set.0 == own.name).map_or(own.value, |set| set.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ms;

    #[test]
    fn one_declaration_tells_and_changes() {
        let (mut many, mut long, mut half) = (3, ms(5), 0.5);
        let mut declare = |own: &mut OwnSettings<'_>| {
            own.count("many", "things", "How many.", 1..=9, &mut many);
            own.time("long", "How long.", ms(1)..=ms(9), &mut long);
            own.number("half", "", "How much.", 0.0..=1.0, &mut half);
        };
        let list = OwnSettings::list(&mut declare);
        let told: Vec<_> = list.iter().map(|own| (&*own.name, own.unit, own.value)).collect();
        let long_was = Value::from(ms(5));
        assert_eq!(
            told,
            [("many", "things", 3.into()), ("long", "us", long_was), ("half", "", 0.5.into())]
        );
        let set = [("half".to_owned(), 0.25.into()), ("many".to_owned(), 7.into())];
        OwnSettings::set(&set, &mut declare);
        assert_eq!((many, long, half), (7, ms(5), 0.25));
    }
}
