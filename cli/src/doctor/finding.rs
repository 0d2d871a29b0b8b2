//! What can be wrong with how an Envoy runs the filter: the kinds of faults, and how one of them is said.

use std::fmt;

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// An Envoy that Redline is not made for.
    EnvoyVersion,
    /// No filter of Redline's in any listener.
    NoFilter,
    /// A listener or filter whose last change Envoy refused.
    Rejected,
    /// A module that Envoy could not fetch.
    NotLoaded,
    /// A filter that is configured, and of which there is no sign.
    NotRunning,
    /// A filter that is switched off.
    Disabled,
    /// A filter whose configuration this version of Redline does not read.
    Unreadable,
    /// A label that Envoy does not take out of the stats' names.
    StatsTag,
    /// A histogram without its bounds.
    Buckets,
    /// Metrics that Envoy throws away.
    StatsMatcher,
    /// A filter that reads a token before somebody verified it.
    FilterOrder,
    /// A crash of the filter would refuse requests.
    FailurePolicy,
    /// One service measured twice.
    Twice,
    /// A plugin whose name hides its crashes from the alerts.
    PluginName,
    /// The filter crashed.
    Crashed,
    /// Filter and command line are of different versions.
    FilterVersion,
    /// A limit that is nearly reached.
    NearLimit,
    /// Observations that a limit sent to an overflow row.
    Overflow,
    /// Observations that were not recorded.
    Dropped,
    /// Gauges that nobody publishes any more.
    Stale,
    /// Another configuration than the one that was given.
    Configuration,
}

impl Fault {
    /// Its name, in lower case with hyphens: stable, for scripts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EnvoyVersion => "envoy-version",
            Self::NoFilter => "no-filter",
            Self::Rejected => "rejected",
            Self::NotLoaded => "not-loaded",
            Self::NotRunning => "not-running",
            Self::Disabled => "disabled",
            Self::Unreadable => "unreadable-configuration",
            Self::StatsTag => "stats-tag",
            Self::Buckets => "buckets",
            Self::StatsMatcher => "stats-matcher",
            Self::FilterOrder => "filter-order",
            Self::FailurePolicy => "failure-policy",
            Self::Twice => "twice",
            Self::PluginName => "plugin-name",
            Self::Crashed => "crashed",
            Self::FilterVersion => "filter-version",
            Self::NearLimit => "near-limit",
            Self::Overflow => "overflow",
            Self::Dropped => "dropped",
            Self::Stale => "stale",
            Self::Configuration => "configuration",
        }
    }
}

/// One fault of one Envoy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Which.
    pub fault: Fault,
    /// What was found, one sentence.
    pub what: String,
    /// What to do, one sentence.
    pub mend: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<15} {}\n{:<15} mend: {}", self.fault.name(), self.what, "", self.mend)
    }
}

/// Names for a sentence; of many the first.
pub(super) fn several(names: &[&str]) -> String {
    const SHOWN: usize = 4;
    let shown: Vec<&str> = names.iter().take(SHOWN).copied().collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
