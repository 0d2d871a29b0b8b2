//! A series in, the host's metric id out; each series is defined once, and their number is bounded.

mod custom;
mod ids;
mod series;

pub use custom::{CustomId, CustomSeries, LabelId, LabelValue, MAX_CUSTOM_LABELS};
pub use series::{DropReason, Limit, MetricRef, Series, StatusLabel};

use crate::attributes::HostStatus;
use crate::config::{Config, CustomMetric};
use crate::endpoint::EndpointId;
use crate::exchange::Status;
use crate::metric::{Kind, Label, Metric};
use crate::roster::Roster;
use crate::shared::{Keys, Machine, SharedData};
use crate::slo::{SloIndex, Window};
use crate::stat_name;
use crate::tenant::TenantId;
use ids::Ids;
use std::fmt::Write;
use std::hash::{DefaultHasher, Hasher};

/// The host's handle of one metric with one label set; valid in the VM that defined it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MetricId(pub u32);

/// What the filter writes.
pub trait MetricSink {
    /// Makes or finds the metric of this stat name.
    fn define(&mut self, kind: Kind, stat_name: &str) -> Result<MetricId, HostStatus>;
    /// Adds to a counter (never 0 or less: Envoy refuses it) or a gauge.
    fn add(&mut self, id: MetricId, delta: i64) -> Result<(), HostStatus>;
    /// Sets a gauge.
    fn set(&mut self, id: MetricId, value: u64) -> Result<(), HostStatus>;
    /// Adds a sample to a histogram.
    fn observe(&mut self, id: MetricId, value: u64) -> Result<(), HostStatus>;
    /// A counter's or gauge's value, over all workers.
    fn total(&mut self, id: MetricId) -> Result<u64, HostStatus>;
}

/// Turns the numbers in a series into label values.
pub trait LabelTexts {
    /// Label `endpoint`.
    fn endpoint(&self, id: EndpointId) -> &str;
    /// Label `tenant`.
    fn tenant(&self, id: TenantId) -> &str;
    /// Label `slo`.
    fn slo(&self, index: SloIndex) -> &str;
    /// Label `window`, of an SLO.
    fn window(&self, index: SloIndex, window: Window) -> String;
    /// A value of a custom metric's own table, by the place of its label.
    fn listed(&self, metric: CustomId, place: usize, number: u32) -> &str;
}

/// The series that have been defined, and their ids.
#[derive(Debug)]
pub struct Registry {
    ids: Ids,
    /// The label sets of all VMs, by the hash of their stat names; overflow rows and the filter's own metrics are not
    /// among them. Two that hash alike are one: the limit is exceeded by one, in 10^19 cases.
    admitted: Roster<u64>,
    service: String,
    /// Full metric name, `None` where the metric is disabled; indexed by the metric's place in the catalogue.
    names: Vec<Option<String>>,
    custom: Vec<Custom>,
    stat_name: String,
}

/// What the registry knows of a custom metric.
#[derive(Debug)]
struct Custom {
    /// Its full name, prefix included.
    name: String,
    kind: Kind,
    labels: Vec<String>,
}

impl Registry {
    /// An empty registry.
    pub fn new(config: &Config) -> Self {
        let name = |metric: Metric| config.emits(metric).then(|| config.metric_name(metric));
        Self {
            ids: Ids::default(),
            admitted: Roster::new(&Keys::new(&config.service), "series", config.limits.max_series),
            service: config.service.clone(),
            names: Metric::ALL.into_iter().map(name).collect(),
            custom: config.metrics.iter().map(|metric| Custom::new(metric, config)).collect(),
            stat_name: String::new(),
        }
    }

    /// Makes what the VMs share.
    pub fn prepare(&mut self, host: &mut (impl SharedData + Machine)) -> Result<(), HostStatus> {
        self.admitted.prepare(host)
    }

    /// How many label sets all VMs have, as far as this one can tell.
    #[inline(never)]
    pub fn label_sets(&mut self, host: &mut impl SharedData) -> u32 {
        self.admitted.refresh(host);
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
        if self.name(series.metric()).is_none() {
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
        self.write_stat_name(counted, texts, &mut name).map(|()| name)
    }

    /// Metrics that were counted and still read 0: Envoy's `stats_matcher` rejects them. One series speaks for all of
    /// its metric.
    #[inline(never)]
    pub fn rejected(&self, sink: &mut (impl MetricSink + SharedData)) -> Vec<String> {
        let mut rejected = Vec::new();
        for (metric, id) in self.ids.counted() {
            if sink.total(*id) == Ok(0) {
                rejected.extend(self.name(*metric).map(str::to_owned));
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
        let kind = self.kind(series.metric())?;
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
        let written = self.write_stat_name(series, texts, &mut stat_name);
        let result = written.map(|()| use_it(&stat_name));
        self.stat_name = stat_name;
        result
    }

    fn name(&self, metric: MetricRef) -> Option<&str> {
        match metric {
            // The catalogue lists the metrics in the order of their declaration.
            MetricRef::BuiltIn(metric) => self.names.get(metric as usize)?.as_deref(),
            MetricRef::Custom(id) => self.custom(id).map(|custom| custom.name.as_str()),
        }
    }

    fn kind(&self, metric: MetricRef) -> Option<Kind> {
        match metric {
            MetricRef::BuiltIn(metric) => Some(metric.kind()),
            MetricRef::Custom(id) => self.custom(id).map(|custom| custom.kind),
        }
    }

    fn custom(&self, CustomId(id): CustomId) -> Option<&Custom> {
        self.custom.get(usize::from(id))
    }

    /// How a limit is called in the label `label`: a tenant's by the label, a custom metric's by metric and label.
    fn limit(&self, limit: Limit) -> Option<String> {
        Some(match limit {
            Limit::MaxSeries => "max_series".to_owned(),
            Limit::Tenant => Label::Tenant.name().to_owned(),
            Limit::Custom(id, place) => {
                let custom = self.custom(id)?;
                [custom.name.as_str(), "/", custom.labels.get(usize::from(place))?].concat()
            }
        })
    }

    fn write_stat_name(&self, series: Series, texts: &impl LabelTexts, out: &mut String) -> Option<()> {
        out.clear();
        out.push_str(self.name(series.metric())?);
        out.push('.');
        stat_name::push_label(out, "service", &self.service);
        let mut label = |label: Label, value: &str| stat_name::push_label(out, label.name(), value);
        match series {
            Series::Requests(method, endpoint, status) => {
                label(Label::Method, method.as_str());
                label(Label::Endpoint, texts.endpoint(endpoint));
                match status {
                    StatusLabel::Code(code) => label(Label::Status, &decimal(code)),
                    StatusLabel::Class(class) => label(Label::Status, class.as_str()),
                }
            }
            Series::PerMethod(_, method, endpoint) => {
                label(Label::Method, method.as_str());
                label(Label::Endpoint, texts.endpoint(endpoint));
            }
            Series::PerEndpoint(_, endpoint) => label(Label::Endpoint, texts.endpoint(endpoint)),
            Series::Failures(endpoint, reason) => {
                label(Label::Endpoint, texts.endpoint(endpoint));
                label(Label::Reason, reason.as_str());
            }
            Series::GrpcRequests(endpoint, code) => {
                label(Label::Endpoint, texts.endpoint(endpoint));
                label(Label::GrpcCode, code.as_str());
            }
            Series::TenantRequests(tenant, class) => {
                label(Label::Tenant, texts.tenant(tenant));
                label(Label::CodeClass, class.as_str());
            }
            Series::PerTenant(_, tenant) => label(Label::Tenant, texts.tenant(tenant)),
            Series::Slo(_, slo) => label(Label::Slo, texts.slo(slo)),
            Series::SloWindow(_, slo, window) => {
                label(Label::Slo, texts.slo(slo));
                label(Label::Window, &texts.window(slo, window));
            }
            Series::Overflow(limit) => label(Label::Label, &self.limit(limit)?),
            Series::Dropped(reason) => label(Label::Reason, reason.as_str()),
            Series::BuildInfo => label(Label::Version, crate::VERSION),
            Series::LastPublish | Series::LabelSets => {}
            Series::LabelValues(of) | Series::LabelValuesMax(of) => label(Label::Label, &self.limit(of)?),
            Series::Custom(CustomSeries { metric, labels }) => {
                for (place, (name, id)) in self.custom(metric)?.labels.iter().zip(labels).enumerate() {
                    let code;
                    let value = match id.value()? {
                        LabelValue::Method(method) => method.as_str(),
                        LabelValue::Endpoint(id) => texts.endpoint(id),
                        LabelValue::Status(sent) => {
                            code = decimal(sent);
                            &code
                        }
                        LabelValue::Class(class) => class.as_str(),
                        LabelValue::Tenant(id) => texts.tenant(id),
                        LabelValue::Listed(number) => texts.listed(metric, place, number),
                        LabelValue::Word(word) => word,
                    };
                    stat_name::push_label(out, name, value);
                }
            }
        }
        Some(())
    }
}

impl Custom {
    fn new(metric: &CustomMetric, config: &Config) -> Self {
        let name = config.custom_name(metric);
        Self { name, kind: metric.kind, labels: metric.label_names().map(str::to_owned).collect() }
    }
}

fn decimal(Status(code): Status) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _always_written = write!(text, "{code}");
    text
}

fn hash(stat_name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(stat_name.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests;
