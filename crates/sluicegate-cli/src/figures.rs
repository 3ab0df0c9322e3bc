//! Numbers in as few characters as tell them.

/// A number or a rate: `0`, `0.4`, `999`, `1.2k`, `34k`, `5.6M`.
pub fn number(n: f64) -> String {
    let scaled = |n: f64, unit: &str| match n {
        n if n < 9.95 => format!("{n:.1}{unit}"),
        n => format!("{n:.0}{unit}"),
    };
    match n {
        0.0 => "0".to_owned(),
        n if n < 9.95 && n.fract() != 0.0 => format!("{n:.1}"),
        n if n < 999.5 => format!("{n:.0}"),
        n if n < 999.5e3 => scaled(n / 1e3, "k"),
        n if n < 999.5e6 => scaled(n / 1e6, "M"),
        n => scaled(n / 1e9, "G"),
    }
}

/// A time: `0`, `17us`, `4.2ms`, `12s`, `5m`, `3h`.
pub fn time(us: f64) -> String {
    match us {
        us if us < 0.5 => "0".to_owned(),
        us if us < 999.5 => format!("{us:.0}us"),
        us if us < 9.95e3 => format!("{:.1}ms", us / 1e3),
        us if us < 999.5e3 => format!("{:.0}ms", us / 1e3),
        us if us < 9.95e6 => format!("{:.1}s", us / 1e6),
        us if us < 120e6 => format!("{:.0}s", us / 1e6),
        us if us < 7200e6 => format!("{:.0}m", us / 60e6),
        us => format!("{:.0}h", us / 3600e6),
    }
}

/// A share in percent, without the sign.
pub fn percent(share: f64) -> String {
    format!("{:.0}", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        let numbers = [0.0, 0.44, 9.96, 999.0, 999.9, 34_000.0, 5_600_000.0];
        let told = numbers.map(number);
        assert_eq!(told, ["0", "0.4", "10", "999", "1.0k", "34k", "5.6M"]);
        let times = [0.0, 17.0, 4_200.0, 12_000_000.0, 300_000_000.0, 10_800_000_000.0];
        assert_eq!(times.map(time), ["0", "17us", "4.2ms", "12s", "5m", "3h"]);
        for n in 0..100 {
            let n = 1.7_f64.powi(n).min(9e11);
            assert!(number(n).len() <= 5 && time(n).len() <= 6, "{n}");
        }
    }
}
