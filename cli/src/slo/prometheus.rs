//! The counters in a Prometheus in, the state of each SLO out: all proxies that it scrapes, over their restarts.

use super::{Seen, SloError, SloState, SloStates, require_slos, window_name};
use crate::http::Client;
use redline::config::{Config, Duration, Sli};
use redline::metric::Metric;
use redline::slo::{Tally, Window};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// By SLO.
type Values = BTreeMap<String, f64>;

/// Asks a Prometheus, `http://HOST:PORT`, how much the counters rose in each window.
///
/// Prometheus extrapolates: what it calls an increase is an estimate, rounded here to whole events.
pub fn from_prometheus(config: &Config, url: &str, client: &Client) -> Result<SloStates, SloError> {
    require_slos(config)?;
    let server = Server { config, url: super::with_scheme(url), client };
    let mut windows: BTreeMap<String, [Values; 2]> = BTreeMap::new();
    let names: BTreeSet<String> =
        config.slos.iter().flat_map(|slo| Window::ALL.map(|window| window_name(slo, window))).collect();
    for name in names {
        let counters = [Metric::SloEvents, Metric::SloBadEvents];
        let [events, bad] = counters.map(|metric| server.increase(metric, &name));
        windows.insert(name, [events?, bad?]);
    }
    let ages = server.ages()?;
    let p99 = server.p99()?;
    let slos = config.slos.iter().map(|slo| {
        let age = *ages.get(&slo.name).ok_or_else(|| SloError::Missing {
            url: url.to_owned(),
            series: format!(
                "{} of the service {} for the SLO {}",
                config.metric_name(Metric::SloEvents),
                config.service,
                slo.name
            ),
            hint: "does it scrape Envoy's /stats/prometheus, with honor_labels where a label `service` is its own?",
        })?;
        let mut seen = Seen::default();
        for ((tally, coverage), window) in seen.iter_mut().zip(Window::ALL) {
            let value = |which: usize| {
                let values = windows.get(&window_name(slo, window)).and_then(|pair| pair.get(which));
                // A window with a single sample has no increase.
                values.and_then(|values| values.get(&slo.name)).map_or(0, |v| v.round() as u64)
            };
            let events = value(0);
            *tally = Tally { events, bad: value(1).min(events) };
            *coverage = Duration::from_secs(age.round() as u64).min(window.length(slo.period));
        }
        let p99 = p99.get(&slo.name).map(|ms| ms.round() as u64).filter(|ms| *ms > 0);
        Ok(SloState::new(slo, seen, p99.filter(|_| matches!(slo.sli, Sli::Latency { .. }))))
    });
    let slos = slos.collect::<Result<_, SloError>>()?;
    let remarks =
        vec!["events are Prometheus' estimates (increase), over all proxies that it scrapes".to_owned()];
    Ok(SloStates { slos, remarks })
}

struct Server<'s> {
    config: &'s Config,
    url: String,
    client: &'s Client,
}

/// What the HTTP API answers, as far as it matters here.
#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    data: Data,
}

#[derive(Deserialize, Default)]
struct Data {
    #[serde(default)]
    result: Vec<Element>,
}

#[derive(Deserialize)]
struct Element {
    metric: BTreeMap<String, String>,
    value: (f64, String),
}

impl Server<'_> {
    fn selector(&self, metric: Metric) -> String {
        format!("{}{{service=\"{}\"}}", self.config.metric_name(metric), self.config.service)
    }

    fn increase(&self, metric: Metric, window: &str) -> Result<Values, SloError> {
        if self.config.disable.contains(&metric) {
            return Err(SloError::Disabled { metric: self.config.metric_name(metric) });
        }
        self.query(&format!("sum by (slo) (increase({}[{window}]))", self.selector(metric)))
    }

    /// How long ago the first sample was, in seconds, at most the longest period; to five minutes.
    fn ages(&self) -> Result<Values, SloError> {
        let periods = self.config.slos.iter().map(|slo| slo.period);
        let longest = periods.max().unwrap_or_default();
        let samples = format!("timestamp({})", self.selector(Metric::SloEvents));
        // A series younger than the first step may have no point in it.
        let (old, young) = (format!("[{longest}:5m]"), "[10m:10s]");
        self.query(&format!(
            "time() - min by (slo) (min_over_time({samples}{old}) or min_over_time({samples}{young}))"
        ))
    }

    fn p99(&self) -> Result<Values, SloError> {
        self.query(&format!("max by (slo) ({})", self.selector(Metric::SloLatencyP99)))
    }

    fn query(&self, query: &str) -> Result<Values, SloError> {
        let url = format!("{}/api/v1/query", self.url);
        let failed =
            |reason: String| SloError::Query { url: url.clone(), reason: format!("{query}: {reason}") };
        let text = self.client.get_with(&url, &[("query", query)])?;
        let answer: Answer = serde_json::from_str(&text)
            .map_err(|error| failed(format!("this is no answer of Prometheus ({error})")))?;
        if answer.status != "success" {
            return Err(failed(answer.error));
        }
        let value = |mut element: Element| {
            let slo = element.metric.remove("slo")?;
            Some((slo, element.value.1.parse().ok().filter(|v: &f64| v.is_finite())?))
        };
        Ok(answer.data.result.into_iter().filter_map(value).collect())
    }
}
