//! Stats of a replay, or a scrape, in; the few totals that a course of time is drawn of, out.

use crate::scrape::Scrape;
use host_harness::stats::{StatStore, Value};
use redline::config::Config;
use redline::metric::Metric;
use redline::slo::Window;

/// How a request ended: by the first digit of its status; 0 is no response.
pub const CLASSES: [&str; 6] = ["2xx", "1xx", "3xx", "4xx", "5xx", "none"];
/// The windows whose burn rates are followed over time, those that page first.
pub const BURN_WINDOWS: [Window; 4] = [Window::Hour1, Window::Hours6, Window::Day1, Window::Days3];

/// What one service had counted at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Totals {
    /// Requests that have ended, by [`CLASSES`].
    pub classes: [u64; 6],
    /// Upper bounds in the configured unit, ascending, and cumulative counts of durations; infinity is the last.
    pub durations: Vec<(f64, u64)>,
    /// Requests that have begun and not ended.
    pub in_flight: u64,
    /// Each SLO, in the configuration's order.
    pub slos: Vec<SloTotals>,
}

/// What one SLO had counted at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SloTotals {
    /// Events.
    pub events: u64,
    /// Of those, bad ones.
    pub bad: u64,
    /// What was left of the budget, in parts per million; below 0 it is overspent. `None` before the first tick.
    pub left_ppm: Option<i64>,
    /// The highest burn rate times 1000 since the moment before, by [`BURN_WINDOWS`].
    pub burn_milli: [u64; 4],
}

/// The names of what is read.
#[derive(Debug, Clone)]
pub(super) struct Names {
    service: String,
    requests: String,
    durations: String,
    in_flight: String,
    events: String,
    bad: String,
    remaining: String,
    overspent: String,
    burn: String,
    slos: Vec<String>,
    windows: Vec<[String; 4]>,
}

impl Names {
    pub(super) fn of(config: &Config) -> Self {
        let name = |metric| config.metric_name(metric);
        let windows =
            |slo: &redline::config::Slo| BURN_WINDOWS.map(|window| crate::slo::window_name(slo, window));
        Self {
            service: config.service.clone(),
            requests: name(Metric::HttpRequests),
            durations: name(Metric::HttpRequestDuration),
            in_flight: name(Metric::HttpRequestsInProgress),
            events: name(Metric::SloEvents),
            bad: name(Metric::SloBadEvents),
            remaining: name(Metric::SloBudgetRemaining),
            overspent: name(Metric::SloBudgetOverspent),
            burn: name(Metric::SloBurnRate),
            slos: config.slos.iter().map(|slo| slo.name.clone()).collect(),
            windows: config.slos.iter().map(windows).collect(),
        }
    }

    /// Of each SLO the stat names of its burn rates, for [`StatStore::value`].
    pub(super) fn burn_stats(&self) -> Vec<[String; 4]> {
        let stats = |(slo, windows): (&String, &[String; 4])| {
            std::array::from_fn(|place| {
                let window = windows.get(place).map_or("", String::as_str);
                let labels = [("service", self.service.as_str()), ("slo", slo), ("window", window)];
                redline::stat_name::encode(&self.burn, labels)
            })
        };
        self.slos.iter().zip(&self.windows).map(stats).collect()
    }
}

/// One sample, whatever it was read from.
struct Read<'a> {
    name: &'a str,
    label: &'a dyn Fn(&str) -> String,
    number: f64,
}

impl Totals {
    /// What `stats` hold now.
    pub(super) fn of_stats(names: &Names, stats: &StatStore) -> Self {
        let mut totals = Self { slos: vec![SloTotals::default(); names.slos.len()], ..Self::default() };
        stats.visit(|stat| {
            let Ok(name) = std::str::from_utf8(stat.name()) else { return };
            if !names.wants(name) || stat.label("service") != names.service.as_bytes() {
                return;
            }
            let label = |label: &str| String::from_utf8_lossy(stat.label(label)).into_owned();
            match stat.value() {
                Value::Counter(number) | Value::Gauge(number) => {
                    totals.add(names, &Read { name, label: &label, number: number as f64 });
                }
                Value::Histogram { bounds, cumulative, count, .. } => {
                    let counts = bounds.into_iter().zip(cumulative).chain([(f64::INFINITY, count)]);
                    counts.for_each(|(bound, count)| totals.add_duration(bound, count));
                }
            }
        });
        totals.settle();
        totals
    }

    /// What one proxy shows.
    pub fn of_scrape(config: &Config, scrape: &Scrape) -> Self {
        let names = Names::of(config);
        let mut totals = Self { slos: vec![SloTotals::default(); names.slos.len()], ..Self::default() };
        for sample in scrape.samples.iter().filter(|sample| sample.label("service") == names.service) {
            if sample.name.strip_suffix("_bucket") == Some(&names.durations) {
                let bound = sample.label("le").parse().unwrap_or(f64::INFINITY);
                totals.add_duration(bound, sample.value as u64);
            } else if names.wants(&sample.name) {
                let label = |label: &str| sample.label(label).to_owned();
                totals.add(&names, &Read { name: &sample.name, label: &label, number: sample.value });
            }
        }
        totals.settle();
        totals
    }

    /// All requests that have ended.
    pub fn requests(&self) -> u64 {
        self.classes.iter().sum()
    }

    fn add(&mut self, names: &Names, read: &Read<'_>) {
        let number = read.number as u64;
        match read.name {
            name if name == names.requests => {
                let status = (read.label)("status");
                let class = CLASSES.iter().position(|class| class.get(..1) == status.get(..1));
                let class = class.unwrap_or(CLASSES.len().saturating_sub(1));
                if let Some(count) = self.classes.get_mut(class) {
                    *count = count.saturating_add(number);
                }
            }
            name if name == names.in_flight => self.in_flight = self.in_flight.saturating_add(number),
            name => {
                let of = (read.label)("slo");
                let place = names.slos.iter().position(|slo| *slo == of);
                let Some((place, slo)) = place.and_then(|at| Some((at, self.slos.get_mut(at)?))) else {
                    return;
                };
                match name {
                    name if name == names.events => slo.events = number,
                    name if name == names.bad => slo.bad = number,
                    name if name == names.remaining => {
                        slo.left_ppm = Some(slo.left_ppm.unwrap_or(0).saturating_add_unsigned(number));
                    }
                    name if name == names.overspent => {
                        slo.left_ppm = Some(slo.left_ppm.unwrap_or(0).saturating_sub_unsigned(number));
                    }
                    _ => {
                        let window = (read.label)("window");
                        let known = names.windows.get(place).into_iter().flatten();
                        for (burn, known) in slo.burn_milli.iter_mut().zip(known) {
                            if *known == window {
                                *burn = number;
                            }
                        }
                    }
                }
            }
        }
    }

    fn add_duration(&mut self, bound: f64, count: u64) {
        match self.durations.iter_mut().find(|(known, _)| *known == bound) {
            Some((_, sum)) => *sum = sum.saturating_add(count),
            None => self.durations.push((bound, count)),
        }
    }

    fn settle(&mut self) {
        self.durations.sort_by(|a, b| a.0.total_cmp(&b.0));
    }

    /// The burn rates, for [`Self::raise_peaks`] of a later moment.
    pub(super) fn peaks(&self) -> Vec<[u64; 4]> {
        self.slos.iter().map(|slo| slo.burn_milli).collect()
    }

    /// Keeps the higher of its own burn rates and those of a moment that is forgotten.
    pub(super) fn raise_peaks(&mut self, peaks: &[[u64; 4]]) {
        for (slo, peaks) in self.slos.iter_mut().zip(peaks) {
            for (burn, peak) in slo.burn_milli.iter_mut().zip(peaks) {
                *burn = (*burn).max(*peak);
            }
        }
    }
}

impl Names {
    fn wants(&self, name: &str) -> bool {
        let all = [
            &self.requests,
            &self.durations,
            &self.in_flight,
            &self.events,
            &self.bad,
            &self.remaining,
            &self.overspent,
            &self.burn,
        ];
        all.into_iter().any(|wanted| wanted == name)
    }
}
