//! A distribution as it is written in; one that can be drawn from, or the reason why not, out.

use super::super::plan::Spread;
use super::super::written::WrittenSpread;
use crate::traffic::fields::within;
use rand_distr::{Exp, LogNormal, Uniform};

/// Of the log-normal distribution: so many standard deviations is the 99th percentile from the median.
const Z99: f64 = 2.326_347_874_040_841;

/// The numbers of a distribution as they are written.
pub(super) struct Numbers {
    always: Option<f64>,
    shape: [Option<f64>; 5],
}

impl<T: Into<f64> + Copy> From<&WrittenSpread<T>> for Numbers {
    fn from(written: &WrittenSpread<T>) -> Self {
        match written {
            WrittenSpread::Always(value) => Self { always: Some((*value).into()), shape: [None; 5] },
            WrittenSpread::Of(shape) => Self {
                always: None,
                shape: [shape.p50, shape.p99, shape.mean, shape.min, shape.max]
                    .map(|number| number.map(Into::into)),
            },
        }
    }
}

/// None of the numbers may be below 0 or above `largest`.
pub(super) fn spread(numbers: Numbers, largest: f64) -> Result<Spread, String> {
    for number in numbers.always.iter().chain(numbers.shape.iter().flatten()) {
        within(*number, 0.0..=largest)?;
    }
    if let Some(value) = numbers.always {
        return Ok(Spread::Always(value));
    }
    let refused = |_| "these numbers are no distribution".to_owned();
    match numbers.shape {
        [Some(p50), Some(p99), None, None, None] if p50 > 0.0 && p99 >= p50 => {
            let normal = LogNormal::new(p50.ln(), (p99 / p50).ln() / Z99);
            normal.map(Spread::LogNormal).map_err(|_| "these numbers are no distribution".to_owned())
        }
        [None, None, Some(mean), None, None] if mean > 0.0 => {
            Exp::new(1.0 / mean).map(Spread::Exponential).map_err(|_| "this is no mean".to_owned())
        }
        [None, None, None, Some(min), Some(max)] if min <= max => {
            Uniform::new_inclusive(min, max).map(Spread::Even).map_err(refused)
        }
        _ => Err("expected a value, {p50, p99} with p50 above 0 and at most p99, {mean} above 0, or {min, max} with min \
                  at most max"
            .to_owned()),
    }
}
