//! Cumulative histogram buckets in, an estimated quantile out, as PromQL's `histogram_quantile` does it.

/// A quantile, as far as the buckets tell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Quantile {
    /// No observations.
    None,
    /// Interpolated inside a bucket.
    At(f64),
    /// Above the highest bound.
    Above(f64),
}

/// The `q`-quantile (0 to 1) of a histogram with these buckets: upper bound and cumulative count, in any order;
/// infinity is the last bound.
pub fn quantile(q: f64, buckets: &[(f64, f64)]) -> Quantile {
    let mut buckets = buckets.to_vec();
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total = buckets.last().map_or(0.0, |(_, count)| *count);
    if total <= 0.0 {
        return Quantile::None;
    }
    let rank = q.clamp(0.0, 1.0) * total;
    let (mut low, mut below) = (0.0, 0.0);
    for (bound, count) in buckets {
        if count >= rank && count > below {
            if bound.is_infinite() {
                return Quantile::Above(low);
            }
            return Quantile::At(low + (bound - low) * (rank - below) / (count - below));
        }
        (low, below) = (if bound.is_finite() { bound } else { low }, count);
    }
    Quantile::Above(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INF: f64 = f64::INFINITY;

    #[test]
    fn a_quantile_lies_in_its_bucket_by_the_share_of_its_rank() {
        let buckets = [(5.0, 0.0), (10.0, 50.0), (25.0, 90.0), (INF, 100.0)];
        assert_eq!(quantile(0.25, &buckets), Quantile::At(7.5));
        assert_eq!(quantile(0.5, &buckets), Quantile::At(10.0));
        assert_eq!(quantile(0.9, &buckets), Quantile::At(25.0));
        assert_eq!(quantile(0.99, &buckets), Quantile::Above(25.0));
    }

    #[test]
    fn the_order_of_buckets_does_not_matter() {
        assert_eq!(quantile(0.5, &[(INF, 4.0), (10.0, 4.0), (5.0, 0.0)]), Quantile::At(7.5));
    }

    #[test]
    fn without_observations_there_is_none() {
        assert_eq!(quantile(0.5, &[]), Quantile::None);
        assert_eq!(quantile(0.5, &[(5.0, 0.0), (INF, 0.0)]), Quantile::None);
    }

    #[test]
    fn the_lowest_and_the_highest_are_bounds_of_filled_buckets() {
        let buckets = [(5.0, 0.0), (10.0, 2.0), (25.0, 2.0), (INF, 2.0)];
        assert_eq!(quantile(1.0, &buckets), Quantile::At(10.0));
        assert_eq!(quantile(0.0, &buckets), Quantile::At(5.0));
    }
}
