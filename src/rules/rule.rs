//! One configured metric, compiled: what it sees of an exchange in, its observations out.

use super::amount::Amount;
use super::labels::{self, LabelRule, Problem};
use super::seen::Seen;
use crate::config::{Attribute, CacheOutcome, Config, CustomMetric, MAX_CUSTOM_LABELS, MetricValue};
use crate::exchange::StatusMatch;
use crate::metric::Kind;
use crate::registry::{CustomId, CustomSeries, DropReason, LabelId, Limit};
use crate::shared::{Host, Keys};
use crate::signals::number::OutOfRange;
use crate::signals::server_timing::Entry;

/// What becomes of one exchange.
#[derive(Debug, Default)]
pub struct Effects {
    /// What is added, set or observed, in the order of the metrics.
    pub observations: Vec<Observation>,
    /// Each value that a limit sent to `_other`.
    pub overflows: Vec<Limit>,
    /// What could not be read.
    pub drops: Vec<DropReason>,
}

impl Effects {
    pub(super) fn clear(&mut self) {
        self.observations.clear();
        self.overflows.clear();
        self.drops.clear();
    }
}

/// One value of one series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// The series.
    pub series: CustomSeries,
    /// Whether it is added, set or observed.
    pub kind: Kind,
    /// The value.
    pub value: u64,
}

/// One custom metric, compiled.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) id: CustomId,
    kind: Kind,
    /// Empty is any.
    status: Vec<StatusMatch>,
    cache: Option<CacheOutcome>,
    amount: Amount,
    /// The name of the Server-Timing entries that each give one observation.
    entries: Option<Box<[u8]>>,
    pub(super) labels: Vec<LabelRule>,
    /// Whether it reads request headers.
    pub(super) reads_request: bool,
    /// Whether it has nothing to say of a response without the headers and trailers that it reads.
    pub(super) needs_response: bool,
}

/// A rule's labels for one exchange, as far as they are known: what a client sent is looked up once for all entries of
/// a response, so that one answer counts once for it.
type Labels = [Option<Result<LabelId, Problem>>; MAX_CUSTOM_LABELS];

/// The limit of the label at this place of a metric.
pub(super) fn limit(id: CustomId, place: usize) -> Limit {
    Limit::Custom(id, u8::try_from(place).unwrap_or(u8::MAX))
}

impl Rule {
    pub(super) fn new(place: usize, metric: &CustomMetric, config: &Config, keys: &Keys) -> Self {
        let labels = labels::compile(metric, config, keys);
        let amount = Amount::new(metric, config.duration_unit);
        let timed = match &metric.value {
            MetricValue::ServerTiming(name) => Some(name),
            _ => metric.labels.iter().find_map(|(_, attribute)| match attribute {
                Attribute::ServerTiming(name) => Some(name),
                _ => None,
            }),
        };
        Self {
            id: CustomId(u16::try_from(place).unwrap_or(u16::MAX)),
            kind: metric.kind,
            status: metric.when.status.clone(),
            cache: metric.when.cache,
            entries: timed.map(|name| name.as_bytes().into()),
            needs_response: timed.is_some() || metric.when.cache.is_some() || amount.reads_response(),
            reads_request: amount.reads_request() || labels.iter().any(LabelRule::reads_request),
            amount,
            labels,
        }
    }

    pub(super) fn apply(&mut self, seen: &mut Seen<'_, '_, '_>, effects: &mut Effects, host: &mut impl Host) {
        let status = seen.exchange.status;
        let right_status = self.status.is_empty() || self.status.iter().any(|wanted| wanted.matches(status));
        if !right_status || (self.cache.is_some() && self.cache != seen.signals.cache()) {
            return;
        }
        let mut labels = Labels::default();
        let Some(name) = self.entries.take() else {
            return self.observe(None, &mut labels, seen, effects, host);
        };
        // By place: what an entry gives is written to what the entries are read from.
        for place in 0..seen.signals.entries().len() {
            let entry = seen.signals.entries().get(place).copied().filter(|entry| *entry.name() == *name);
            if entry.is_some() {
                self.observe(entry, &mut labels, seen, effects, host);
            }
        }
        self.entries = Some(name);
    }

    fn observe(
        &mut self,
        entry: Option<Entry<'_>>,
        known: &mut Labels,
        seen: &mut Seen<'_, '_, '_>,
        effects: &mut Effects,
        host: &mut impl Host,
    ) {
        let value = match self.amount.of(seen.exchange, seen.messages, &seen.signals, entry.as_ref()) {
            None => return,
            Some(Ok(value)) => value,
            Some(Err(OutOfRange)) => return effects.drops.push(DropReason::ValueRange),
        };
        let mut labels = [LabelId::UNUSED; MAX_CUSTOM_LABELS];
        let places = labels.iter_mut().zip(&mut self.labels).zip(known).enumerate();
        for (place, ((id, label), known)) in places {
            let read = match *known {
                Some(read) if !label.reads_entry() => read,
                _ => *known.insert(label.id(seen, entry.as_ref(), host)),
            };
            *id = match read {
                Ok(id) => id,
                Err(problem) => {
                    match problem {
                        Problem::PastLimit => effects.overflows.push(limit(self.id, place)),
                        Problem::SharedData => effects.drops.push(DropReason::SharedData),
                    }
                    LabelId::OTHER
                }
            };
        }
        let series = CustomSeries { metric: self.id, labels };
        effects.observations.push(Observation { series, kind: self.kind, value });
    }
}
