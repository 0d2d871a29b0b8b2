//! A series in, the host's metric id out; each series is defined once, and their number is bounded.

mod custom;
mod ids;
mod names;
mod series;

pub use custom::{CustomId, CustomSeries, LabelId, LabelValue};
pub use names::LabelTexts;
pub use series::{DropReason, Limit, MetricRef, Series, StatusLabel};

use crate::attributes::HostStatus;
use crate::config::Config;
use crate::roster::{Roster, hash};
use crate::shared::{Keys, Machine, SharedData};
use crate::sink::{MetricId, MetricSink};
use ids::Ids;
use names::Names;

/// The series that have been defined, and their ids.
#[derive(Debug)]
pub struct Registry {
    ids: Ids,
    /// The label sets of all VMs, by the hash of their stat names; overflow rows and the filter's own metrics are not
    /// among them. Two that hash alike are one: the limit is exceeded by one, in 10^19 cases.
    admitted: Roster<u64>,
    names: Names,
    /// Used again for each stat name.
    stat_name: String,
}

impl Registry {
    /// An empty registry.
    pub fn new(config: &Config) -> Self {
        Self {
            ids: Ids::default(),
            admitted: Roster::new(&Keys::new(&config.service), "series", config.limits.max_series),
            names: Names::new(config),
            stat_name: String::new(),
        }
    }

    /// Makes what the VMs share.
    pub fn prepare(&mut self, host: &mut (impl SharedData + Machine)) -> Result<(), HostStatus> {
        self.admitted.prepare(host)
    }

    /// Learns of what other VMs have admitted.
    pub fn refresh(&mut self, host: &mut impl SharedData) {
        self.admitted.refresh(host);
    }

    /// How many label sets all VMs have, as far as this one knows.
    pub fn label_sets(&self) -> u32 {
        self.admitted.len()
    }

    /// The id of a series; defines it the first time. `None` where the metric is disabled or the host refused it.
    pub fn id(
        &mut self,
        series: Series,
        texts: &impl LabelTexts,
        sink: &mut (impl MetricSink + SharedData),
    ) -> Option<MetricId> {
        if let Some(id) = self.ids.get(series) {
            return Some(id);
        }
        match self.new_id(series, texts, sink) {
            Ok(id) => id,
            Err(row) => self.ids.get(row).or_else(|| self.define(row, texts, sink)),
        }
    }

    /// Defines a series that has no id yet; the error is its overflow row, where there is no room for it.
    #[inline(never)]
    fn new_id(
        &mut self,
        series: Series,
        texts: &impl LabelTexts,
        sink: &mut (impl MetricSink + SharedData),
    ) -> Result<Option<MetricId>, Series> {
        if self.names.of(series.metric()).is_none() {
            return Ok(None);
        }
        let row = series.overflow();
        if series == row || self.admits(series, texts, sink) {
            return Ok(self.define(series, texts, sink));
        }
        self.count(Series::Overflow(Limit::MaxSeries), texts, sink);
        Err(row)
    }

    /// Whether a series may have a stat of its own.
    #[inline(never)]
    fn admits(
        &mut self,
        series: Series,
        texts: &impl LabelTexts,
        sink: &mut (impl MetricSink + SharedData),
    ) -> bool {
        let Some(name) = self.with_stat_name(series, texts, hash) else { return false };
        if self.admitted.find(&name).is_some() {
            return true;
        }
        match self.admitted.admit(name, sink) {
            Ok(admitted) => admitted.is_some(),
            Err(_) => {
                self.drop_one(DropReason::SharedData, texts, sink);
                false
            }
        }
    }

    /// Adds one to a counter.
    pub fn count(
        &mut self,
        series: Series,
        texts: &impl LabelTexts,
        sink: &mut (impl MetricSink + SharedData),
    ) {
        self.add(series, 1, texts, sink);
    }

    /// Adds to a counter; 0 adds nothing, but the series is there.
    pub fn add(
        &mut self,
        series: Series,
        amount: u64,
        texts: &impl LabelTexts,
        sink: &mut (impl MetricSink + SharedData),
    ) {
        let Some(id) = self.id(series, texts, sink) else {
            return;
        };
        let result = match i64::try_from(amount) {
            Ok(0) => Ok(()),
            Ok(amount) => sink.add(id, amount),
            Err(_) => return self.drop_one(DropReason::ValueRange, texts, sink),
        };
        self.check(result, texts, sink);
    }

    /// Adds a sample to a histogram.
    pub fn observe(
        &mut self,
        series: Series,
        value: u64,
        texts: &impl LabelTexts,
        sink: &mut (impl MetricSink + SharedData),
    ) {
        if let Some(id) = self.id(series, texts, sink) {
            let result = sink.observe(id, value);
            self.check(result, texts, sink);
        }
    }

    /// Sets a gauge. Past the limit it is not shown at all: the overflow row can be nobody's value.
    #[inline(never)]
    pub fn set(
        &mut self,
        series: Series,
        value: u64,
        texts: &impl LabelTexts,
        sink: &mut (impl MetricSink + SharedData),
    ) {
        if let Some(id) = self.own_id(series, texts, sink) {
            self.set_id(id, value, texts, sink);
        }
    }

    /// The id of a series that has a stat of its own, for those who set it again and again.
    pub fn own_id(
        &mut self,
        series: Series,
        texts: &impl LabelTexts,
        sink: &mut (impl MetricSink + SharedData),
    ) -> Option<MetricId> {
        // Nor is the row defined: it would show a 0 that nobody said.
        self.ids.get(series).or_else(|| self.new_id(series, texts, sink).ok().flatten())
    }

    /// Sets the gauge of an id.
    pub fn set_id(
        &mut self,
        id: MetricId,
        value: u64,
        texts: &impl LabelTexts,
        sink: &mut (impl MetricSink + SharedData),
    ) {
        let result = sink.set(id, value);
        self.check(result, texts, sink);
    }

    /// The stat name that a series is counted under: its own, or its overflow row's.
    pub fn stat_name(&self, series: Series, texts: &impl LabelTexts) -> Option<String> {
        let counted = if self.ids.get(series).is_some() { series } else { series.overflow() };
        let mut name = String::new();
        self.names.write(counted, texts, &mut name).map(|()| name)
    }

    /// Metrics that were counted and still read 0: Envoy's `stats_matcher` rejects them. One series speaks for all of
    /// its metric.
    #[inline(never)]
    pub fn rejected(&self, sink: &mut (impl MetricSink + SharedData)) -> Vec<String> {
        let mut rejected = Vec::new();
        for (metric, id) in self.ids.counted() {
            if sink.total(*id) == Ok(0) {
                rejected.extend(self.names.of(*metric).map(str::to_owned));
            }
        }
        rejected
    }

    /// Counts something that could not be recorded.
    #[inline(never)]
    pub fn drop_one(
        &mut self,
        reason: DropReason,
        texts: &impl LabelTexts,
        sink: &mut (impl MetricSink + SharedData),
    ) {
        // Not through `count`: a host that refuses this too must not bring us back here.
        if let Some(id) = self.id(Series::Dropped(reason), texts, sink) {
            let _already_dropping = sink.add(id, 1);
        }
    }

    fn check(
        &mut self,
        result: Result<(), HostStatus>,
        texts: &impl LabelTexts,
        sink: &mut (impl MetricSink + SharedData),
    ) -> bool {
        if result.is_err() {
            self.drop_one(DropReason::Hostcall, texts, sink);
        }
        result.is_ok()
    }

    #[inline(never)]
    fn define(
        &mut self,
        series: Series,
        texts: &impl LabelTexts,
        sink: &mut (impl MetricSink + SharedData),
    ) -> Option<MetricId> {
        let kind = self.names.kind(series.metric())?;
        let defined = self.with_stat_name(series, texts, |name| sink.define(kind, name));
        match defined? {
            Ok(id) => {
                self.ids.insert(series, id);
                Some(id)
            }
            Err(_) if series == Series::Dropped(DropReason::Hostcall) => None,
            Err(_) => {
                self.drop_one(DropReason::Hostcall, texts, sink);
                None
            }
        }
    }

    /// Runs `use_it` on a series' stat name, in a buffer that is used again.
    fn with_stat_name<R>(
        &mut self,
        series: Series,
        texts: &impl LabelTexts,
        use_it: impl FnOnce(&str) -> R,
    ) -> Option<R> {
        let mut stat_name = std::mem::take(&mut self.stat_name);
        let written = self.names.write(series, texts, &mut stat_name);
        let result = written.map(|()| use_it(&stat_name));
        self.stat_name = stat_name;
        result
    }
}

#[cfg(test)]
mod tests;
