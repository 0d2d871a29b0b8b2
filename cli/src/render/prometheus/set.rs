//! A configuration in; all that is made of it, before it is written, out.

use super::catalogue::Category;
use super::records::{self, Group};
use super::rule::Rule;
use super::{alerts, words};
use crate::render::promql::Vocabulary;
use redline::config::Config;

/// All that is made of one configuration.
pub(super) struct Set {
    pub(super) groups: Vec<Group>,
    pub(super) alerts: Vec<Rule>,
    pub(super) vocabulary: Vocabulary,
}

impl Set {
    pub(super) fn of(config: &Config, scale: u64) -> Self {
        let mut vocabulary = words::of(config, scale);
        let groups = records::groups(config, &mut vocabulary);
        let alerts = alerts::rules(config, &vocabulary);
        Self { groups, alerts, vocabulary }
    }

    /// The files' groups in the order in which they build on each other.
    pub(super) fn group_names(&self, config: &Config) -> Vec<String> {
        let alerts = Category::ALL.map(|category| alerts::group(config, category));
        self.groups.iter().map(|group| group.name.clone()).chain(alerts).collect()
    }
}
