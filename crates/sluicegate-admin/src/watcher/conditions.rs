//! What lasts: when it begins, and when it has been over for long enough to say so.

use std::collections::BTreeMap;

/// Looks in a row without it, until a condition is over: one that comes and goes is one.
const CALM: u32 = 10;

/// Conditions by their kind and the stage they are of; empty for the net.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    on: BTreeMap<(&'static str, String), Lasting>,
}

#[derive(Debug)]
struct Lasting {
    seen: bool,
    calm: u32,
}

impl Conditions {
    /// Looks at one condition; whether it has just begun. Those that are not seen between two calls
    /// of [`over`](Self::over) are off.
    pub fn begins(&mut self, kind: &'static str, stage: &str, on: bool) -> bool {
        let seen = Lasting { seen: true, calm: 0 };
        on && self.on.insert((kind, stage.to_owned()), seen).is_none()
    }

    /// Whether it has been over for a while.
    pub fn is_off(&self, kind: &'static str, stage: &str) -> bool {
        !self.on.contains_key(&(kind, stage.to_owned()))
    }

    /// Ends a look: those that have just ended.
    pub fn over(&mut self) -> Vec<(&'static str, String)> {
        let mut over = Vec::new();
        self.on.retain(|key, lasting| {
            if !std::mem::take(&mut lasting.seen) {
                lasting.calm += 1;
            }
            let lasts = lasting.calm < CALM;
            if !lasts {
                over.push(key.clone());
            }
            lasts
        });
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_and_goes_is_told_once() {
        let mut conditions = Conditions::default();
        let mut told = Vec::new();
        for look in 0..100 {
            let on = look % 7 == 0 && look < 50;
            if conditions.begins("pressure", "a", on) {
                told.push((look, true));
            }
            told.extend(conditions.over().into_iter().map(|_| (look, false)));
        }
        assert_eq!(told, [(0, true), (59, false)]);
    }
}
