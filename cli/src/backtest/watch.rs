//! The stats of a replay as they change in, scrapes of the SLOs' counters out.

use super::evaluator::{Evaluated, Evaluator, Timing};
use host_harness::stats::{MetricType, Sample, StatStore, Value};
use redline::config::{Config, Slo};
use redline::metric::Metric;
use redline::slo::Tally;
use redline::stat_name;

const MS: u64 = 1_000_000;

/// A Prometheus that scrapes the gateway of a replay.
pub(super) struct Watch {
    evaluator: Evaluator,
    /// Stat names of each SLO's events and bad ones.
    names: Vec<[String; 2]>,
    totals: Vec<Tally>,
}

impl Watch {
    /// One that begins with the traffic.
    pub(super) fn new(config: &Config, begin_ns: u64) -> Self {
        let name = |metric, slo: &str| {
            let labels = [("service", config.service.as_str()), ("slo", slo)];
            stat_name::encode(&config.metric_name(metric), labels)
        };
        let names = config
            .slos
            .iter()
            .map(|slo| [Metric::SloEvents, Metric::SloBadEvents].map(|m| name(m, &slo.name)));
        Self {
            evaluator: Evaluator::new(config, Timing::of_replay(begin_ns)),
            names: names.collect(),
            totals: Vec::new(),
        }
    }

    /// The stats stay as they are until this time, which is excluded.
    pub(super) fn until(&mut self, time_ns: u64, stats: &StatStore) {
        let next = self.evaluator.next_scrape_ms().saturating_mul(MS);
        let Some(left) = time_ns.checked_sub(next).filter(|left| *left > 0) else { return };
        self.read(stats);
        self.evaluator.steady(&self.totals, left.div_ceil(self.evaluator.scrape_ms().saturating_mul(MS)));
    }

    /// One more scrape, which sees everything.
    pub(super) fn finish(mut self, config: &Config, samples: &[Sample]) -> Evaluated {
        let value = |metric, slo: &str| {
            let name = config.metric_name(metric);
            let of_slo = |sample: &&Sample| {
                sample.name == name && sample.labels.get("slo").is_some_and(|value| value == slo)
            };
            match samples.iter().find(of_slo).map(|sample| &sample.value) {
                Some(Value::Counter(n)) => *n,
                _ => 0,
            }
        };
        let total = |slo: &Slo| Tally {
            events: value(Metric::SloEvents, &slo.name),
            bad: value(Metric::SloBadEvents, &slo.name),
        };
        let totals: Vec<Tally> = config.slos.iter().map(total).collect();
        self.evaluator.scrape(&totals);
        self.evaluator.finish()
    }

    fn read(&mut self, stats: &StatStore) {
        let value = |name: &String| stats.value(MetricType::Counter, name).unwrap_or(0);
        self.totals.clear();
        self.totals.extend(self.names.iter().map(|[all, bad]| Tally { events: value(all), bad: value(bad) }));
    }
}
