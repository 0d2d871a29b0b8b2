//! A series and the texts of its numbers in, its stat name out.

use super::custom::{CustomId, CustomSeries, LabelValue};
use super::series::{Limit, MetricRef, Series, StatusLabel};
use crate::config::{Config, CustomMetric};
use crate::endpoint::EndpointId;
use crate::exchange::{Status, TenantId};
use crate::metric::{Kind, Label, Metric};
use crate::slo::{SloIndex, Window};
use crate::stat_name;
use std::fmt::Write;

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

/// What the configuration calls its metrics.
#[derive(Debug)]
pub(super) struct Names {
    service: String,
    /// Full metric name, `None` where the metric is disabled; indexed by the metric's place in the catalogue.
    built_in: Vec<Option<String>>,
    custom: Vec<Custom>,
}

/// A custom metric, as far as stat names and their kinds go.
#[derive(Debug)]
struct Custom {
    /// Its full name, prefix included.
    name: String,
    kind: Kind,
    labels: Vec<String>,
}

impl Names {
    pub(super) fn new(config: &Config) -> Self {
        let name = |metric: Metric| config.emits(metric).then(|| config.metric_name(metric));
        Self {
            service: config.service.clone(),
            built_in: Metric::ALL.into_iter().map(name).collect(),
            custom: config.metrics.iter().map(|metric| Custom::new(metric, config)).collect(),
        }
    }

    /// A metric's full name; `None` where it is disabled.
    pub(super) fn of(&self, metric: MetricRef) -> Option<&str> {
        match metric {
            // The catalogue lists the metrics in the order of their declaration.
            MetricRef::BuiltIn(metric) => self.built_in.get(metric as usize)?.as_deref(),
            MetricRef::Custom(id) => self.custom(id).map(|custom| custom.name.as_str()),
        }
    }

    /// What a metric is; `None` where the configuration has no such custom metric.
    pub(super) fn kind(&self, metric: MetricRef) -> Option<Kind> {
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

    /// Writes a series' stat name in place of what `out` holds; `None` where its metric is disabled.
    pub(super) fn write(&self, series: Series, texts: &impl LabelTexts, out: &mut String) -> Option<()> {
        out.clear();
        out.push_str(self.of(series.metric())?);
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
