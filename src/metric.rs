//! The catalogue of built-in metrics: name, kind, labels and meaning of each.

/// What a metric is; the numbers are those of the proxy-wasm ABI 0.2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Only rises.
    Counter = 0,
    /// Rises, falls and is set.
    Gauge = 1,
    /// Distribution of observed values.
    Histogram = 2,
}

impl Kind {
    /// As Prometheus writes it: `counter`, `gauge`, `histogram`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Unit of every duration histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DurationUnit {
    /// Names end in `_milliseconds`.
    Milliseconds,
    /// Names end in `_microseconds`.
    Microseconds,
}

impl DurationUnit {
    /// How many nanoseconds one is.
    pub const fn nanos(self) -> u64 {
        match self {
            Self::Milliseconds => 1_000_000,
            Self::Microseconds => 1_000,
        }
    }

    /// Nanoseconds in whole units, rounded down.
    pub const fn of_nanos(self, nanos: u64) -> u64 {
        match self {
            Self::Milliseconds => nanos / 1_000_000,
            Self::Microseconds => nanos / 1_000,
        }
    }
}

/// A label beside `service`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Label {
    /// The request's method.
    Method,
    /// The template that the path matches.
    Endpoint,
    /// The status code that was sent.
    Status,
    /// Who is served.
    Tenant,
    /// `2xx` and so on.
    CodeClass,
    /// How a gRPC call ended.
    GrpcCode,
    /// Why something failed or was dropped.
    Reason,
    /// Redline's version.
    Version,
    /// The label whose limit was met.
    Label,
    /// The service level objective.
    Slo,
    /// Over how long.
    Window,
}

impl Label {
    /// The label's name. None is the ending of another: Istio's expressions have no anchor.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Endpoint => "endpoint",
            Self::Status => "status",
            Self::Tenant => "tenant",
            Self::CodeClass => "code_class",
            Self::GrpcCode => "grpc_code",
            Self::Reason => "reason",
            Self::Version => "version",
            Self::Label => "label",
            Self::Slo => "slo",
            Self::Window => "window",
        }
    }
}

macro_rules! catalogue {
    ($($variant:ident, $kind:ident, $name:literal, $micro:literal, [$($label:ident),*], $help:literal;)*) => {
        /// A built-in metric.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Metric {
            $(#[doc = $help] $variant,)*
        }

        impl Metric {
            /// Every built-in metric, in the order in which they are documented.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// What it is.
            pub const fn kind(self) -> Kind {
                match self { $(Self::$variant => Kind::$kind,)* }
            }

            /// Its name in milliseconds and in microseconds; the same twice where it is no duration.
            pub const fn names(self) -> [&'static str; 2] {
                match self { $(Self::$variant => [$name, $micro],)* }
            }

            /// Its labels beside `service`, in the order of the stat name.
            pub const fn labels(self) -> &'static [Label] {
                match self { $(Self::$variant => &[$(Label::$label),*],)* }
            }

            /// What it says, as one sentence.
            pub const fn help(self) -> &'static str {
                match self { $(Self::$variant => $help,)* }
            }
        }
    };
}

catalogue! {
    HttpRequests, Counter, "http_requests_total", "http_requests_total",
        [Method, Endpoint, Status], "Requests that ended.";
    HttpRequestDuration, Histogram, "http_request_duration_milliseconds", "http_request_duration_microseconds",
        [Method, Endpoint], "From the first byte of the request to the last byte of the response.";
    HttpRequestSize, Histogram, "http_request_size_bytes", "http_request_size_bytes",
        [Method, Endpoint], "Request body bytes that passed.";
    HttpResponseSize, Histogram, "http_response_size_bytes", "http_response_size_bytes",
        [Method, Endpoint], "Response body bytes that passed.";
    HttpRequestsInProgress, Gauge, "http_requests_in_progress", "http_requests_in_progress",
        [Method, Endpoint], "Requests that have begun and not ended.";
    HttpFailures, Counter, "http_failures_total", "http_failures_total",
        [Endpoint, Reason], "Requests that Envoy failed or that were cut off.";
    HttpUpstreamDuration, Histogram, "http_upstream_duration_milliseconds", "http_upstream_duration_microseconds",
        [Endpoint], "How long the upstream took to answer, as Envoy's router measured it.";
    HttpRetries, Counter, "http_retries_total", "http_retries_total",
        [Endpoint], "Times that a request was sent again, where Envoy says so.";
    GrpcRequests, Counter, "grpc_requests_total", "grpc_requests_total",
        [Endpoint, GrpcCode], "gRPC calls that ended.";
    TenantRequests, Counter, "tenant_requests_total", "tenant_requests_total",
        [Tenant, CodeClass], "Requests of a tenant that ended.";
    TenantRequestBytes, Counter, "tenant_request_bytes_total", "tenant_request_bytes_total",
        [Tenant], "Request body bytes of a tenant.";
    TenantResponseBytes, Counter, "tenant_response_bytes_total", "tenant_response_bytes_total",
        [Tenant], "Response body bytes of a tenant.";
    TenantRateLimited, Counter, "tenant_rate_limited_total", "tenant_rate_limited_total",
        [Tenant], "Requests of a tenant that were answered 429 or refused by Envoy's rate limit.";
    TenantIsolationViolations, Counter, "tenant_isolation_violations_total", "tenant_isolation_violations_total",
        [Tenant], "Requests of a tenant that asked for another tenant's resource.";
    TenantActiveUsers, Gauge, "tenant_active_users", "tenant_active_users",
        [Tenant], "Distinct users of a tenant within user.active_window.";
    AuthFailures, Counter, "auth_failures_total", "auth_failures_total",
        [Endpoint], "Requests that were answered 401.";
    AccessDenied, Counter, "access_denied_total", "access_denied_total",
        [Endpoint], "Requests that were answered 403.";
    SloEvents, Counter, "slo_events_total", "slo_events_total",
        [Slo], "Events of an SLO.";
    SloBadEvents, Counter, "slo_bad_events_total", "slo_bad_events_total",
        [Slo], "Events of an SLO that were bad.";
    SloWindowEvents, Gauge, "slo_window_events", "slo_window_events",
        [Slo, Window], "Events of an SLO in a window.";
    SloWindowBadEvents, Gauge, "slo_window_bad_events", "slo_window_bad_events",
        [Slo, Window], "Bad events of an SLO in a window.";
    SloErrorRatio, Gauge, "slo_error_ratio_ppm", "slo_error_ratio_ppm",
        [Slo, Window], "Bad events per million events; 0 without events.";
    SloBurnRate, Gauge, "slo_burn_rate_milli", "slo_burn_rate_milli",
        [Slo, Window], "Burn rate times 1000.";
    SloWindowCoverage, Gauge, "slo_window_coverage_seconds", "slo_window_coverage_seconds",
        [Slo, Window], "How much of a window has been seen.";
    SloBudgetRemaining, Gauge, "slo_error_budget_remaining_ppm", "slo_error_budget_remaining_ppm",
        [Slo], "What is left of the error budget.";
    SloBudgetOverspent, Gauge, "slo_error_budget_overspent_ppm", "slo_error_budget_overspent_ppm",
        [Slo], "By how much the error budget is overspent.";
    SloAvailability, Gauge, "slo_availability_ppm", "slo_availability_ppm",
        [Slo], "Good events per million events over the period.";
    SloSuccessRate, Gauge, "slo_http_request_success_rate_ppm", "slo_http_request_success_rate_ppm",
        [Slo], "Good events per million events over the last hour.";
    SloLatencyP99, Gauge, "slo_http_request_latency_p99_milliseconds", "slo_http_request_latency_p99_milliseconds",
        [Slo], "99th percentile of the last hour, of a latency SLO; 0 without events.";
    SloStatus, Gauge, "slo_status", "slo_status",
        [Slo], "0 healthy, 1 at risk, 2 critical, 3 exhausted, 4 unknown.";
    LabelSets, Gauge, "redline_series", "redline_series",
        [], "Label sets in use, of limits.max_series.";
    LabelValues, Gauge, "redline_label_values", "redline_label_values",
        [Label], "Values of a bounded label that are in use.";
    LabelValuesMax, Gauge, "redline_label_values_max", "redline_label_values_max",
        [Label], "The most values that a bounded label may have.";
    SeriesOverflow, Counter, "redline_series_overflow_total", "redline_series_overflow_total",
        [Label], "Observations that a limit sent to an overflow row.";
    Dropped, Counter, "redline_dropped_total", "redline_dropped_total",
        [Reason], "What could not be recorded.";
    LastPublish, Gauge, "redline_last_publish_timestamp_seconds", "redline_last_publish_timestamp_seconds",
        [], "When what is published once a process was published last, seconds since 1970.";
    BuildInfo, Gauge, "redline_build_info", "redline_build_info",
        [Version], "1, with the version of the filter.";
}

impl Metric {
    /// Its name with the ending of the configured unit.
    pub const fn name(self, unit: DurationUnit) -> &'static str {
        let [milli, micro] = self.names();
        match unit {
            DurationUnit::Milliseconds => milli,
            DurationUnit::Microseconds => micro,
        }
    }

    /// Whether it says something of an SLO.
    pub fn is_of_slo(self) -> bool {
        self.labels().contains(&Label::Slo)
    }

    /// Whether it says something of Redline itself. Like those of SLOs, it is never sent to an overflow row: the
    /// configuration alone says how many label sets there are.
    pub const fn is_own(self) -> bool {
        matches!(
            self,
            Self::LabelSets
                | Self::LabelValues
                | Self::LabelValuesMax
                | Self::SeriesOverflow
                | Self::Dropped
                | Self::LastPublish
                | Self::BuildInfo
        )
    }

    /// Whether it observes durations.
    pub const fn is_duration(self) -> bool {
        matches!(self, Self::HttpRequestDuration | Self::HttpUpstreamDuration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn no_label_name_is_the_ending_of_another() {
        let labels: Vec<&str> =
            Metric::ALL.iter().flat_map(|m| m.labels()).map(|l| l.name()).chain(["service"]).collect();
        for a in &labels {
            for b in &labels {
                assert!(a == b || !a.ends_with(b), "{b} is the ending of {a}");
            }
        }
    }

    #[test]
    fn names_are_unique_and_counters_end_in_total() {
        for (i, metric) in Metric::ALL.iter().enumerate() {
            assert_eq!(Metric::ALL.iter().position(|m| m.names() == metric.names()), Some(i));
            assert_eq!(metric.names()[0].ends_with("_total"), metric.kind() == Kind::Counter);
        }
    }
}
