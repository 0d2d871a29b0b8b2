//! The SLOs of one recorder: requests to counters as they end, and on tick counters to windows to gauges.
//!
//! Every VM counts; the counters are Envoy's and the same for all. Whoever holds the lease reads them on tick, keeps
//! the windows, and saves them page by page in shared data, where the next holder finds them. The durations behind
//! p99 go there too, merged by every VM on tick.

use crate::attributes::HostStatus;
use crate::config::{Config, Duration, EndpointSource, Objective};
use crate::endpoint::RouteNames;
use crate::exchange::Exchange;
use crate::metric::Metric;
use crate::registry::{LabelTexts, Registry, Series};
use crate::shared::{self, Host, Keys, SharedData};
use crate::sink::MetricId;
use crate::slo::{
    Classifier, LastHour, Pending, Report, SlicePage, SloIndex, Tally, TenantGroup, Verdict, Windows,
};
use std::fmt::Display;

/// The SLOs of one configuration in one VM.
#[derive(Debug)]
pub struct Objectives {
    classifier: Classifier,
    slos: Vec<Slo>,
}

#[derive(Debug)]
struct Slo {
    objective: Objective,
    period: Duration,
    keys: Keys,
    /// What other VMs do not know yet, of a latency SLO.
    pending: Option<Pending>,
    /// Where this VM publishes.
    published: Option<Published>,
}

/// What only the holder of the lease keeps.
#[derive(Debug)]
struct Published {
    windows: Windows,
    last_hour: LastHour,
    /// The gauges, in the order of [`gauges`].
    shown: Vec<Shown>,
}

/// A gauge, and what it was set to last.
#[derive(Debug)]
struct Shown {
    /// Kept here: a tick sets hundreds. `None` where the gauge is disabled, or the host has not given one yet.
    id: Option<MetricId>,
    value: u64,
}

impl Objectives {
    /// The SLOs of a configuration. Route names that they ask for take their places in `routes`.
    pub fn new(config: &Config, keys: &Keys, routes: &mut RouteNames) -> Self {
        let classifier = match config.endpoints.source {
            EndpointSource::Template => Classifier::for_templates(&config.slos, &config.endpoints.templates),
            EndpointSource::RouteName => Classifier::for_route_names(&config.slos, routes),
        };
        let slos = config.slos.iter().enumerate().map(|(index, slo)| Slo {
            objective: slo.objective,
            period: slo.period,
            keys: keys.of("slo", &slo.name),
            pending: classifier.is_latency(index).then(Pending::default),
            published: None,
        });
        let slos = slos.collect();
        Self { classifier, slos }
    }

    /// Shows the counters, at 0: Prometheus cannot see a first sample. Begins the windows, where no VM has, and makes
    /// what the VMs swap.
    pub fn prepare(
        &self,
        registry: &mut Registry,
        texts: &impl LabelTexts,
        host: &mut impl Host,
    ) -> Result<(), HostStatus> {
        for (index, slo) in self.slos.iter().enumerate() {
            registry.add(Series::Slo(Metric::SloEvents, index), 0, texts, host);
            registry.add(Series::Slo(Metric::SloBadEvents, index), 0, texts, host);
            if slo.restore(host).is_none() {
                slo.begin(index, registry, texts, host)?;
            }
            if slo.pending.is_some() {
                for page in SlicePage::all(host.monotonic_ns()) {
                    shared::create(host, &slo.key(page), &[])?;
                }
            }
        }
        Ok(())
    }

    /// The tenant as the SLOs see it, by the client's own value.
    pub fn tenant(&self, raw: Option<&[u8]>) -> TenantGroup {
        self.classifier.tenant(raw)
    }

    /// Calls `count` for each SLO that an exchange is an event of, and whether it was a bad one.
    pub fn count(&mut self, exchange: &Exchange, tenant: TenantGroup, mut count: impl FnMut(SloIndex, bool)) {
        let slos = &mut self.slos;
        self.classifier.classify(exchange, tenant, |index, verdict| {
            count(index, verdict == Verdict::Bad);
            let pending = slos.get_mut(index).and_then(|slo| slo.pending.as_mut());
            if let (Some(pending), Some(duration)) = (pending, exchange.duration_ns) {
                pending.record(duration);
            }
        });
    }

    /// Tells the other VMs how long requests took since the last tick.
    pub fn tick(&mut self, now: u64, host: &mut impl SharedData) -> Result<(), HostStatus> {
        let page = SlicePage::at(now);
        for slo in &mut self.slos {
            if slo.pending.as_ref().is_none_or(Pending::is_empty) {
                continue;
            }
            let key = slo.key(page);
            if let Some(pending) = &mut slo.pending {
                shared::update(host, &key, |stored| Some(pending.merged(page, Some(stored))))?;
                pending.clear();
            }
        }
        Ok(())
    }

    /// Another VM publishes from now on, and will have gone further when this one's turn comes again.
    pub fn resign(&mut self) {
        for slo in &mut self.slos {
            slo.published = None;
        }
    }

    /// Reads the counters, moves the windows, saves them and sets the gauges that changed; for the holder of the
    /// lease.
    pub fn publish(
        &mut self,
        now: u64,
        registry: &mut Registry,
        texts: &impl LabelTexts,
        host: &mut impl Host,
    ) -> Result<(), HostStatus> {
        for (index, slo) in self.slos.iter_mut().enumerate() {
            slo.publish(index, now, registry, texts, host)?;
        }
        Ok(())
    }
}

impl Slo {
    /// Begins the windows at the counters of now: in a new Envoy they are 0.
    fn begin(
        &self,
        index: SloIndex,
        registry: &mut Registry,
        texts: &impl LabelTexts,
        host: &mut impl Host,
    ) -> Result<(), HostStatus> {
        let Some(totals) = totals(index, registry, texts, host)? else { return Ok(()) };
        let mut windows = Windows::new(self.period);
        windows.observe(host.monotonic_ns(), totals);
        self.save(&mut windows, host)
    }

    fn publish(
        &mut self,
        index: SloIndex,
        now: u64,
        registry: &mut Registry,
        texts: &impl LabelTexts,
        host: &mut impl Host,
    ) -> Result<(), HostStatus> {
        // What cannot be read is not 0: the next tick will see it.
        let Some(totals) = totals(index, registry, texts, host)? else { return Ok(()) };
        let mut published = match self.published.take() {
            Some(published) => published,
            None => Published {
                windows: self.restore(host).unwrap_or_else(|| Windows::new(self.period)),
                last_hour: LastHour::default(),
                shown: Vec::new(),
            },
        };
        published.windows.observe(now, totals);
        if self.pending.is_some() {
            published.last_hour.refresh(now, |page| read(&self.key(page), host));
        }
        let p99_ns = self.pending.as_ref().map(|_| published.last_hour.p99_ns().unwrap_or(0));
        let report = Report::new(&published.windows, self.objective);
        published.set_gauges(index, &report, p99_ns, registry, texts, host);
        let saved = self.save(&mut published.windows, host);
        self.published = Some(published);
        saved
    }

    fn save(&self, windows: &mut Windows, host: &mut impl SharedData) -> Result<(), HostStatus> {
        let mut done = Ok(());
        windows.save(|page, bytes| {
            done = host.write(&self.key(page), bytes);
            done.is_ok()
        });
        done
    }

    /// Windows as they were saved last.
    fn restore(&self, host: &mut impl SharedData) -> Option<Windows> {
        Windows::restore(self.period, |page| read(&self.key(page), host))
    }

    /// The key of a page of windows or of durations.
    fn key(&self, page: impl Display) -> Vec<u8> {
        self.keys.one(&page.to_string())
    }
}

impl Published {
    /// Sets the gauges whose value is another than last time.
    fn set_gauges(
        &mut self,
        index: SloIndex,
        report: &Report,
        p99_ns: Option<u64>,
        registry: &mut Registry,
        texts: &impl LabelTexts,
        host: &mut impl Host,
    ) {
        for (place, (series, value)) in gauges(index, report, p99_ns).into_iter().enumerate() {
            let known = match self.shown.get(place) {
                Some(shown) if shown.value == value => continue,
                Some(shown) => shown.id,
                None => None,
            };
            let id = known.or_else(|| registry.own_id(series, texts, host));
            match self.shown.get_mut(place) {
                Some(shown) => *shown = Shown { id, value },
                None => self.shown.push(Shown { id, value }),
            }
            if let Some(id) = id {
                registry.set_id(id, value, texts, host);
            }
        }
    }
}

fn read(key: &[u8], host: &mut impl SharedData) -> Option<Vec<u8>> {
    host.read(key).ok().map(|(value, _)| value)
}

/// The counters of an SLO; `None` where one of them is disabled.
fn totals(
    index: SloIndex,
    registry: &mut Registry,
    texts: &impl LabelTexts,
    host: &mut impl Host,
) -> Result<Option<Tally>, HostStatus> {
    let [bad, events] = [Metric::SloBadEvents, Metric::SloEvents]
        .map(|metric| registry.id(Series::Slo(metric, index), texts, host));
    let (Some(bad), Some(events)) = (bad, events) else { return Ok(None) };
    // In this order, so that no bad event is seen before its event.
    let bad = host.total(bad)?;
    Ok(Some(Tally { events: host.total(events)?, bad }))
}

/// Every gauge of an SLO with its value.
fn gauges(index: SloIndex, report: &Report, p99_ns: Option<u64>) -> Vec<(Series, u64)> {
    let mut gauges = Vec::with_capacity(48);
    for window in &report.windows {
        let of = |metric| Series::SloWindow(metric, index, window.window);
        gauges.extend([
            (of(Metric::SloWindowEvents), window.tally.events),
            (of(Metric::SloWindowBadEvents), window.tally.bad),
            (of(Metric::SloErrorRatio), window.error_ratio.0),
            (of(Metric::SloBurnRate), window.burn.0),
            (of(Metric::SloWindowCoverage), window.coverage_s),
        ]);
    }
    let of = |metric| Series::Slo(metric, index);
    gauges.extend([
        (of(Metric::SloBudgetRemaining), report.remaining.0),
        (of(Metric::SloBudgetOverspent), report.overspent.0),
        (of(Metric::SloAvailability), report.availability.0),
        (of(Metric::SloSuccessRate), report.success_rate.0),
        (of(Metric::SloStatus), report.status.code()),
    ]);
    gauges.extend(p99_ns.map(|ns| (of(Metric::SloLatencyP99), ns / 1_000_000)));
    gauges
}

#[cfg(test)]
mod tests;
