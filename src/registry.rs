//! A series in, the host's metric id out; each series is defined once, and their number is bounded.

use crate::attributes::HostStatus;
use crate::config::Config;
use crate::endpoint::EndpointId;
use crate::exchange::{CodeClass, FailureReason, GrpcCode, Method, Status};
use crate::metric::{Kind, Label, Metric};
use crate::stat_name;
use crate::tenant::TenantId;
use rustc_hash::FxHashMap;
use std::fmt::Write;

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
}

/// Label `status` of a series: a code, or past `limits.max_series` a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatusLabel {
    /// The code.
    Code(Status),
    /// Its class.
    Class(CodeClass),
}

/// Why something could not be recorded: label `reason` of `redline_dropped_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// A hostcall answered with a status that it should not.
    Hostcall,
    /// A value outside what its metric can hold.
    ValueRange,
}

/// A built-in metric with one label set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Series {
    /// `http_requests_total`.
    Requests(Method, EndpointId, StatusLabel),
    /// One of the metrics whose labels are method and endpoint.
    PerMethod(Metric, Method, EndpointId),
    /// One of the metrics whose label is endpoint.
    PerEndpoint(Metric, EndpointId),
    /// `http_failures_total`.
    Failures(EndpointId, FailureReason),
    /// `grpc_requests_total`.
    GrpcRequests(EndpointId, GrpcCode),
    /// `tenant_requests_total`.
    TenantRequests(TenantId, CodeClass),
    /// One of the metrics whose label is tenant.
    PerTenant(Metric, TenantId),
    /// `redline_series_overflow_total`, by the limit that was met.
    Overflow(&'static str),
    /// `redline_dropped_total`.
    Dropped(DropReason),
    /// `redline_build_info`.
    BuildInfo,
}

impl Series {
    /// The metric that it belongs to.
    pub const fn metric(self) -> Metric {
        match self {
            Self::Requests(..) => Metric::HttpRequests,
            Self::PerMethod(metric, ..) | Self::PerEndpoint(metric, _) | Self::PerTenant(metric, _) => metric,
            Self::Failures(..) => Metric::HttpFailures,
            Self::GrpcRequests(..) => Metric::GrpcRequests,
            Self::TenantRequests(..) => Metric::TenantRequests,
            Self::Overflow(_) => Metric::SeriesOverflow,
            Self::Dropped(_) => Metric::Dropped,
            Self::BuildInfo => Metric::BuildInfo,
        }
    }

    /// The row that takes its observations past `limits.max_series`; itself where it is never turned away.
    const fn overflow(self) -> Self {
        match self {
            Self::Requests(_, _, status) => {
                let class = match status {
                    StatusLabel::Code(status) => status.class(),
                    StatusLabel::Class(class) => class,
                };
                Self::Requests(Method::Other, EndpointId::OTHER, StatusLabel::Class(class))
            }
            Self::PerMethod(metric, ..) => Self::PerMethod(metric, Method::Other, EndpointId::OTHER),
            Self::PerEndpoint(metric, _) => Self::PerEndpoint(metric, EndpointId::OTHER),
            Self::Failures(_, reason) => Self::Failures(EndpointId::OTHER, reason),
            Self::GrpcRequests(_, code) => Self::GrpcRequests(EndpointId::OTHER, code),
            Self::TenantRequests(_, class) => Self::TenantRequests(TenantId::OTHER, class),
            Self::PerTenant(metric, _) => Self::PerTenant(metric, TenantId::OTHER),
            Self::Overflow(_) | Self::Dropped(_) | Self::BuildInfo => self,
        }
    }
}

/// Turns the numbers in a series into label values.
pub trait LabelTexts {
    /// Label `endpoint`.
    fn endpoint(&self, id: EndpointId) -> &str;
    /// Label `tenant`.
    fn tenant(&self, id: TenantId) -> &str;
}

/// The series that have been defined, and their ids.
#[derive(Debug)]
pub struct Registry {
    ids: FxHashMap<Series, MetricId>,
    /// Label sets that count towards `max`; overflow rows and the filter's own metrics do not.
    admitted: u32,
    max: u32,
    service: String,
    /// Full metric name, `None` where the metric is disabled; indexed by the metric's place in the catalogue.
    names: Vec<Option<String>>,
    stat_name: String,
}

impl Registry {
    /// An empty registry.
    pub fn new(config: &Config) -> Self {
        let name = |metric: Metric| config.emits(metric).then(|| config.metric_name(metric));
        Self {
            ids: FxHashMap::default(),
            admitted: 0,
            max: config.limits.max_series,
            service: config.service.clone(),
            names: Metric::ALL.into_iter().map(name).collect(),
            stat_name: String::new(),
        }
    }

    /// The id of a series; defines it the first time. `None` where the metric is disabled or the host refused it.
    pub fn id(
        &mut self,
        series: Series,
        texts: &impl LabelTexts,
        sink: &mut impl MetricSink,
    ) -> Option<MetricId> {
        if let Some(id) = self.ids.get(&series) {
            return Some(*id);
        }
        self.name(series.metric())?;
        let row = series.overflow();
        if series == row || self.admitted < self.max {
            let id = self.define(series, texts, sink)?;
            self.admitted = self.admitted.saturating_add(u32::from(series != row));
            return Some(id);
        }
        self.count(Series::Overflow("max_series"), texts, sink);
        match self.ids.get(&row) {
            Some(id) => Some(*id),
            None => self.define(row, texts, sink),
        }
    }

    /// Adds one to a counter.
    pub fn count(&mut self, series: Series, texts: &impl LabelTexts, sink: &mut impl MetricSink) {
        self.add(series, 1, texts, sink);
    }

    /// Adds to a counter; 0 adds nothing, but the series is there.
    pub fn add(&mut self, series: Series, amount: u64, texts: &impl LabelTexts, sink: &mut impl MetricSink) {
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
        sink: &mut impl MetricSink,
    ) {
        if let Some(id) = self.id(series, texts, sink) {
            let result = sink.observe(id, value);
            self.check(result, texts, sink);
        }
    }

    /// Sets a gauge.
    pub fn set(&mut self, series: Series, value: u64, texts: &impl LabelTexts, sink: &mut impl MetricSink) {
        if let Some(id) = self.id(series, texts, sink) {
            let result = sink.set(id, value);
            self.check(result, texts, sink);
        }
    }

    /// Moves a gauge by `delta`; whether it moved.
    pub fn shift(
        &mut self,
        id: MetricId,
        delta: i64,
        texts: &impl LabelTexts,
        sink: &mut impl MetricSink,
    ) -> bool {
        let result = sink.add(id, delta);
        self.check(result, texts, sink)
    }

    /// Counts something that could not be recorded.
    pub fn drop_one(&mut self, reason: DropReason, texts: &impl LabelTexts, sink: &mut impl MetricSink) {
        // Not through `count`: a host that refuses this too must not bring us back here.
        if let Some(id) = self.id(Series::Dropped(reason), texts, sink) {
            let _already_dropping = sink.add(id, 1);
        }
    }

    fn check(
        &mut self,
        result: Result<(), HostStatus>,
        texts: &impl LabelTexts,
        sink: &mut impl MetricSink,
    ) -> bool {
        if result.is_err() {
            self.drop_one(DropReason::Hostcall, texts, sink);
        }
        result.is_ok()
    }

    fn define(
        &mut self,
        series: Series,
        texts: &impl LabelTexts,
        sink: &mut impl MetricSink,
    ) -> Option<MetricId> {
        let mut stat_name = std::mem::take(&mut self.stat_name);
        let defined = self.write_stat_name(series, texts, &mut stat_name).map(|()| {
            let metric = series.metric();
            sink.define(metric.kind(), &stat_name)
        });
        self.stat_name = stat_name;
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

    fn name(&self, metric: Metric) -> Option<&str> {
        // The catalogue lists the metrics in the order of their declaration.
        self.names.get(metric as usize)?.as_deref()
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
                    StatusLabel::Code(Status(code)) => {
                        let mut text = String::new();
                        write!(text, "{code}").ok()?;
                        label(Label::Status, &text);
                    }
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
            Series::Overflow(limit) => label(Label::Label, limit),
            Series::Dropped(reason) => label(Label::Reason, reason.as_str()),
            Series::BuildInfo => label(Label::Version, crate::VERSION),
        }
        Some(())
    }
}

impl DropReason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Hostcall => "hostcall",
            Self::ValueRange => "value_range",
        }
    }
}

#[cfg(test)]
mod tests;
