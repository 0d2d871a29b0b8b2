//! A metric with one label set, as numbers: what the registry's table is keyed by.

use crate::endpoint::EndpointId;
use crate::exchange::{CodeClass, FailureReason, GrpcCode, Method, Status, TenantId};
use crate::metric::Metric;
use crate::slo::{SloIndex, Window};

use super::custom::{CustomId, CustomSeries};

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
    /// Shared data that others kept writing, or that could not be written.
    SharedData,
    /// A response header that a custom metric reads is not what its specification says.
    MalformedHeader,
}

/// A limit that was met: a label, or `max_series`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// `limits.max_series`.
    MaxSeries,
    /// `tenant.max`.
    Tenant,
    /// The `max` of a custom metric, by the place of its label.
    Custom(CustomId, u8),
}

/// What a series is a series of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetricRef {
    /// A metric of the catalogue.
    BuiltIn(Metric),
    /// A metric of the configuration.
    Custom(CustomId),
}

/// A metric with one label set.
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
    /// One of the metrics whose label is slo.
    Slo(Metric, SloIndex),
    /// One of the metrics whose labels are slo and window.
    SloWindow(Metric, SloIndex, Window),
    /// `redline_series_overflow_total`, by the limit that was met.
    Overflow(Limit),
    /// `redline_dropped_total`.
    Dropped(DropReason),
    /// `redline_build_info`.
    BuildInfo,
    /// `redline_last_publish_timestamp_seconds`.
    LastPublish,
    /// `redline_series`.
    LabelSets,
    /// `redline_label_values`, of a label.
    LabelValues(Limit),
    /// `redline_label_values_max`, of a label.
    LabelValuesMax(Limit),
    /// A custom metric.
    Custom(CustomSeries),
}

impl Series {
    /// The metric that it belongs to.
    pub const fn metric(self) -> MetricRef {
        MetricRef::BuiltIn(match self {
            Self::Custom(series) => return MetricRef::Custom(series.metric),
            Self::Requests(..) => Metric::HttpRequests,
            Self::PerMethod(metric, ..)
            | Self::PerEndpoint(metric, _)
            | Self::PerTenant(metric, _)
            | Self::Slo(metric, _)
            | Self::SloWindow(metric, ..) => metric,
            Self::Failures(..) => Metric::HttpFailures,
            Self::GrpcRequests(..) => Metric::GrpcRequests,
            Self::TenantRequests(..) => Metric::TenantRequests,
            Self::Overflow(_) => Metric::SeriesOverflow,
            Self::Dropped(_) => Metric::Dropped,
            Self::BuildInfo => Metric::BuildInfo,
            Self::LastPublish => Metric::LastPublish,
            Self::LabelSets => Metric::LabelSets,
            Self::LabelValues(_) => Metric::LabelValues,
            Self::LabelValuesMax(_) => Metric::LabelValuesMax,
        })
    }

    /// The row that takes its observations past `limits.max_series`; itself where it is never turned away.
    pub(super) fn overflow(self) -> Self {
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
            Self::Custom(series) => Self::Custom(series.overflow()),
            Self::Slo(..)
            | Self::SloWindow(..)
            | Self::Overflow(_)
            | Self::Dropped(_)
            | Self::BuildInfo
            | Self::LastPublish
            | Self::LabelSets
            | Self::LabelValues(_)
            | Self::LabelValuesMax(_) => self,
        }
    }

    /// Whether it is defined to be counted in the same breath, and so never reads 0.
    pub(super) const fn is_counted_at_once(self) -> bool {
        matches!(
            self,
            Self::Requests(..)
                | Self::Failures(..)
                | Self::GrpcRequests(..)
                | Self::TenantRequests(..)
                | Self::Overflow(_)
                | Self::Dropped(_)
        )
    }
}

impl DropReason {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Hostcall => "hostcall",
            Self::ValueRange => "value_range",
            Self::SharedData => "shared_data_conflict",
            Self::MalformedHeader => "malformed_header",
        }
    }
}
