//! What Envoy's bootstrap says of stats, and why Envoy would refuse it.

/// Envoy's buckets for a histogram that no setting names; unit by habit milliseconds.
pub const DEFAULT_BUCKETS: [f64; 19] = [
    0.5, 1., 5., 10., 25., 50., 100., 250., 500., 1000., 2500., 5000., 10000., 30000., 60000., 300000.,
    600000., 1800000., 3600000.,
];

/// The part of Envoy's `stats_config` that decides what a filter's stats look like.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StatConfig {
    /// `stats_tags`: tag name and regular expression.
    pub tags: Vec<(String, String)>,
    /// `histogram_bucket_settings`: prefix of the full stat name (with `wasmcustom.`) and bounds; the first wins.
    pub buckets: Vec<(String, Vec<u64>)>,
}

/// A [`StatConfig`] that Envoy would refuse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatError {
    /// A tag rule.
    #[error("stats tag {tag}: regular expression {regex}: {reason}")]
    Tag {
        /// The tag's name.
        tag: String,
        /// As written.
        regex: String,
        /// What is wrong.
        reason: String,
    },
    /// Bucket bounds that do not grow, or none.
    #[error("histogram buckets for {prefix}: bounds must be there and each greater than the one before")]
    Buckets {
        /// The setting's prefix.
        prefix: String,
    },
}
