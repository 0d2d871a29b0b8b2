//! What a custom metric measures: an exchange and its signals in, a whole number out.

use super::messages::{Messages, first_value};
use super::signals::Signals;
use crate::config::{CustomMetric, MetricValue};
use crate::exchange::Exchange;
use crate::metric::DurationUnit;
use crate::signals::Malformed;
use crate::signals::number::{Number, OutOfRange, Rounding, Scale};
use crate::signals::orca::Path;
use crate::signals::rate_limit::Field as QuotaField;
use crate::signals::server_timing::Entry;

/// Where the value comes from, what it is multiplied with, and how it is rounded: durations down, all else half up.
#[derive(Debug)]
pub(super) struct Amount {
    source: Source,
    scale: Scale,
    rounding: Rounding,
}

#[derive(Debug)]
enum Source {
    One,
    Nanoseconds,
    RequestBytes,
    ResponseBytes,
    RequestHeader(Box<[u8]>),
    ResponseHeader(Box<[u8]>),
    ServerTiming,
    LoadReport(Path),
    RateLimit(QuotaField),
    /// A path that the configuration should have refused.
    Nothing,
}

impl Amount {
    #[inline(never)]
    pub(super) fn new(metric: &CustomMetric, unit: DurationUnit) -> Self {
        let bytes = |name: &str| name.as_bytes().into();
        let source = match &metric.value {
            MetricValue::One => Source::One,
            MetricValue::Duration => Source::Nanoseconds,
            MetricValue::RequestBytes => Source::RequestBytes,
            MetricValue::ResponseBytes => Source::ResponseBytes,
            MetricValue::RequestHeader(name) => Source::RequestHeader(bytes(name)),
            MetricValue::ResponseHeader(name) => Source::ResponseHeader(bytes(name)),
            MetricValue::ServerTiming(_) => Source::ServerTiming,
            MetricValue::Orca(path) => Path::parse(path).map_or(Source::Nothing, Source::LoadReport),
            MetricValue::RateLimit(field) => Source::RateLimit(*field),
        };
        let (per_unit, rounding) = match source {
            Source::Nanoseconds => (unit.nanos() as f64, Rounding::Down),
            Source::ServerTiming => (1.0, Rounding::Down),
            _ => (1.0, Rounding::HalfUp),
        };
        Self { source, scale: Scale::new(metric.scale / per_unit).unwrap_or_default(), rounding }
    }

    pub(super) fn reads_request(&self) -> bool {
        matches!(self.source, Source::RequestHeader(_))
    }

    pub(super) fn reads_response(&self) -> bool {
        matches!(self.source, Source::ResponseHeader(_) | Source::LoadReport(_) | Source::RateLimit(_))
    }

    /// The value; `None` where the exchange has none.
    #[inline(never)]
    pub(super) fn of(
        &self,
        exchange: &Exchange,
        messages: &Messages,
        signals: &Signals<'_, '_>,
        entry: Option<&Entry<'_>>,
    ) -> Option<Result<u64, OutOfRange>> {
        let number = match &self.source {
            Source::One => Number::from(1),
            Source::Nanoseconds => Number::from(exchange.duration_ns.filter(|_| !exchange.is_tunnel())?),
            Source::RequestBytes => Number::from(exchange.request_bytes?),
            Source::ResponseBytes => Number::from(exchange.response_bytes?),
            Source::RequestHeader(name) => written(messages.request.as_deref(), name, signals)?,
            Source::ResponseHeader(name) => written(messages.response.as_deref(), name, signals)?,
            Source::ServerTiming => signals.readable(entry?.duration()?)?,
            Source::LoadReport(path) => signals.report()?.get(path)?,
            Source::RateLimit(field) => signals.quota(*field)?,
            Source::Nothing => return None,
        };
        Some(number.scaled(self.scale, self.rounding))
    }
}

/// The number in a header.
fn written(headers: Option<&[u8]>, name: &[u8], signals: &Signals<'_, '_>) -> Option<Number> {
    let value = first_value(headers?, name)?;
    signals.readable(Number::from_text(value).map_err(|_| Malformed::Number))
}
