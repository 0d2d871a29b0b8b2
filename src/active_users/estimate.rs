//! Registers in, how many different hashes they have seen out.
//!
//! Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017), section 4, algorithm 6: it needs no
//! table of corrections and no second formula for small numbers, and is as good between the two as at the ends.

use super::registers::{COUNT, Registers, VALUE_BITS};

/// 1 / (2 ln 2): the bias of the raw estimate where there are many registers.
const ALPHA: f64 = 0.5 / std::f64::consts::LN_2;

/// The estimate, rounded.
pub(super) fn cardinality(registers: &Registers) -> u64 {
    // How many registers have each value, 0 to VALUE_BITS + 1.
    let mut counts = [0_u32; VALUE_BITS as usize + 2];
    for value in registers.iter() {
        if let Some(count) = counts.get_mut(usize::from(value)) {
            *count = count.saturating_add(1);
        }
    }
    let all = f64::from(COUNT);
    let [empty, values @ .., full] = counts.map(f64::from);
    let mut sum = all * tau(1.0 - full / all);
    for count in values.iter().rev() {
        sum = 0.5 * (sum + count);
    }
    sum += all * sigma(empty / all);
    // Casts of floats saturate; the sum is infinite where every register is empty.
    (ALPHA * all * all / sum).round() as u64
}

/// x + Σ x^(2^k) 2^(k-1), infinite at 1.
fn sigma(x: f64) -> f64 {
    let (mut power, mut weight, mut sum) = (x, 1.0, x);
    while sum.is_finite() {
        power *= power;
        let next = sum + power * weight;
        if next == sum {
            break;
        }
        sum = next;
        weight += weight;
    }
    sum
}

/// (1 - x - Σ (1 - x^(2^-k))² 2^-k) / 3.
fn tau(x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let (mut root, mut weight, mut sum) = (x, 1.0, 1.0 - x);
    loop {
        root = root.sqrt();
        weight *= 0.5;
        let next = sum - (1.0 - root) * (1.0 - root) * weight;
        if next == sum {
            return sum / 3.0;
        }
        sum = next;
    }
}
