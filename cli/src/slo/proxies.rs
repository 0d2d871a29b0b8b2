//! Scrapes of proxies in, the state of each SLO out: the sums of what the proxies have seen.

use super::{Seen, SloError, SloState, SloStates, require_slos, window_name};
use crate::http::Client;
use crate::scrape::Scrape;
use redline::config::{Config, Duration, Sli, Slo};
use redline::metric::Metric;
use redline::slo::{Tally, Window};

/// A publisher that was silent for so many ticks has died, and nobody took its place.
const STALE_TICKS: u64 = 5;

/// Asks the admin interface of each proxy, `http://HOST:PORT`, and sums up; `now_s` is seconds since 1970.
pub fn from_envoys(
    config: &Config,
    urls: &[String],
    client: &Client,
    now_s: u64,
) -> Result<SloStates, SloError> {
    require_slos(config)?;
    let mut scrapes = Vec::new();
    for (place, url) in urls.iter().enumerate() {
        let same = |other: &String| stats_url(other) == stats_url(url);
        if urls.iter().take(place).any(same) {
            let reason = "named twice: its events would be counted twice".to_owned();
            return Err(SloError::Query { url: url.clone(), reason });
        }
        let text = client.get(&stats_url(url))?;
        let scrape = Scrape::parse(&text).map_err(|source| SloError::Scrape { url: url.clone(), source })?;
        scrapes.push((url.as_str(), scrape));
    }
    from_scrapes(config, &scrapes, now_s)
}

/// The state of each SLO in one proxy's scrape; `url` is where it came from, for what is said of it.
pub fn from_scrape(config: &Config, url: &str, scrape: Scrape, now_s: u64) -> Result<SloStates, SloError> {
    require_slos(config)?;
    from_scrapes(config, &[(url, scrape)], now_s)
}

fn from_scrapes(config: &Config, scrapes: &[(&str, Scrape)], now_s: u64) -> Result<SloStates, SloError> {
    let proxies: Vec<Proxy<'_>> = scrapes.iter().map(|(url, scrape)| Proxy { url, scrape, config }).collect();
    let slos = config.slos.iter().map(|slo| {
        let mut sum = Seen::default();
        let mut p99 = None;
        for proxy in &proxies {
            for ((tally, coverage), window) in sum.iter_mut().zip(Window::ALL) {
                let (more, seen) = proxy.window(slo, window)?;
                tally.events = tally.events.saturating_add(more.events);
                tally.bad = tally.bad.saturating_add(more.bad);
                // Together they have seen as much as the one that was there longest.
                *coverage = seen.max(*coverage);
            }
            p99 = p99.max(proxy.p99(slo));
        }
        Ok(SloState::new(slo, sum, p99))
    });
    let slos = slos.collect::<Result<_, SloError>>()?;
    Ok(SloStates { slos, remarks: proxies.iter().filter_map(|proxy| proxy.staleness(now_s)).collect() })
}

/// Where Envoy shows its metrics, by the address of its admin interface.
pub(crate) fn stats_url(url: &str) -> String {
    let url = super::with_scheme(url);
    let asks_for_a_page = url.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    if asks_for_a_page { url } else { format!("{url}/stats/prometheus") }
}

struct Proxy<'s> {
    url: &'s str,
    scrape: &'s Scrape,
    config: &'s Config,
}

impl Proxy<'_> {
    fn window(&self, slo: &Slo, window: Window) -> Result<(Tally, Duration), SloError> {
        let get = |metric| self.require(slo, metric, window);
        // A scrape may fall between two gauges of one tick.
        let events = get(Metric::SloWindowEvents)?;
        let tally = Tally { events, bad: get(Metric::SloWindowBadEvents)?.min(events) };
        let coverage = Duration::from_secs(get(Metric::SloWindowCoverage)?);
        Ok((tally, coverage.min(window.length(slo.period))))
    }

    fn require(&self, slo: &Slo, metric: Metric, window: Window) -> Result<u64, SloError> {
        let name = self.config.metric_name(metric);
        let window = window_name(slo, window);
        let labels =
            [("service", self.config.service.as_str()), ("slo", slo.name.as_str()), ("window", &window)];
        if let Some(value) = self.gauge(&name, &labels) {
            return Ok(value);
        }
        // Without the counters there are no gauges either.
        let needed = [metric, Metric::SloEvents, Metric::SloBadEvents];
        if let Some(disabled) = needed.into_iter().find(|metric| self.config.disable.contains(metric)) {
            return Err(SloError::Disabled { metric: self.config.metric_name(disabled) });
        }
        Err(SloError::Missing {
            url: self.url.to_owned(),
            series: format!(
                "{name} of the service {} for the SLO {} and the window {window}",
                self.config.service, slo.name
            ),
            hint: "is the filter loaded there with this configuration, and one tick old? `redline doctor` says what is wrong",
        })
    }

    fn p99(&self, slo: &Slo) -> Option<u64> {
        if !matches!(slo.sli, Sli::Latency { .. }) {
            return None;
        }
        let name = self.config.metric_name(Metric::SloLatencyP99);
        let labels = [("service", self.config.service.as_str()), ("slo", slo.name.as_str())];
        // 0 is what the gauge says of an hour without events.
        self.gauge(&name, &labels).filter(|ms| *ms > 0)
    }

    /// A gauge as Envoy has it: whole and not negative.
    fn gauge(&self, name: &str, labels: &[(&str, &str)]) -> Option<u64> {
        let has_all = |sample: &&crate::scrape::Sample| {
            labels.iter().all(|(label, value)| sample.label(label) == *value)
        };
        let value = self.scrape.named(name).find(has_all)?.value;
        (value >= 0.0 && value.is_finite()).then_some(value as u64)
    }

    fn staleness(&self, now_s: u64) -> Option<String> {
        let name = self.config.metric_name(Metric::LastPublish);
        let published = self.gauge(&name, &[("service", &self.config.service)])?;
        let silent = now_s.saturating_sub(published);
        let tick = self.config.tick.as_millis().div_ceil(1000);
        let stale = silent > STALE_TICKS.saturating_mul(tick);
        stale.then(|| format!("{}: these gauges are {silent} s old; nobody publishes there", self.url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redline::slo::SloStatus;

    fn config() -> Config {
        let slo = r#"{"name":"a","objective":99.9,"sli":{"availability":{}}},
            {"name":"l","objective":99,"period":"7d","sli":{"latency":{"threshold":"1s"}}}"#;
        Config::from_json(format!(r#"{{"service":"shop","slos":[{slo}]}}"#).as_bytes()).unwrap()
    }

    /// All windows of one SLO alike, as one scrape.
    fn scrape(slo: &str, period: &str, events: u64, bad: u64, coverage: u64) -> String {
        let mut text = String::new();
        for window in ["5m", "30m", "1h", "2h", "6h", "1d", "3d", period] {
            let gauges = [
                ("slo_window_events", events),
                ("slo_window_bad_events", bad),
                ("slo_window_coverage_seconds", coverage),
            ];
            for (name, value) in gauges {
                text.push_str(&format!(
                    "{name}{{service=\"shop\",slo=\"{slo}\",window=\"{window}\"}} {value}\n"
                ));
            }
        }
        text
    }

    fn proxy(events: u64, bad: u64, coverage: u64, p99: u64) -> Scrape {
        let text = scrape("a", "30d", events, bad, coverage)
            + &scrape("l", "7d", events, 0, coverage)
            + &format!(
                "slo_http_request_latency_p99_milliseconds{{service=\"shop\",slo=\"l\"}} {p99}\n\
                 redline_last_publish_timestamp_seconds{{service=\"shop\"}} 1000\n"
            );
        Scrape::parse(&text).unwrap()
    }

    #[test]
    fn events_of_several_proxies_are_summed_and_the_longest_coverage_counts() {
        let two = [("one", proxy(900, 9, 7200, 80)), ("two", proxy(100, 1, 60, 0))];
        let states = from_scrapes(&config(), &two, 1010).unwrap();
        let [a, l] = &states.slos[..] else { panic!() };
        let hour = a.report.window(Window::Hour1);
        assert_eq!((hour.tally, hour.coverage_s), (Tally { events: 1000, bad: 10 }, 3600));
        assert_eq!(a.report.window(Window::Period).coverage_s, 7200);
        assert_eq!((hour.burn.0, a.report.status, a.p99_ms), (10_000, SloStatus::Critical, None));
        assert_eq!(l.p99_ms, Some(80));
        assert!(states.remarks.is_empty());
    }

    #[test]
    fn a_proxy_where_nobody_publishes_is_named() {
        let states = from_scrape(&config(), "one", proxy(1, 0, 1, 1), 1051).unwrap();
        assert_eq!(states.remarks, ["one: these gauges are 51 s old; nobody publishes there"]);
    }

    #[test]
    fn what_is_missing_is_named_with_its_window_and_the_likely_cause() {
        let error = from_scrape(&config(), "one", Scrape::default(), 0).unwrap_err();
        let expected = "one: no slo_window_events of the service shop for the SLO a and the window 5m; \
                        is the filter loaded there with this configuration, and one tick old? `redline doctor` says what is wrong";
        assert_eq!(error.to_string(), expected);
        let none = Config::from_json(br#"{"service":"shop"}"#).unwrap();
        let error = from_scrape(&none, "one", Scrape::default(), 0).unwrap_err();
        assert_eq!(error.to_string(), "the configuration of the service shop has no slos");
    }

    #[test]
    fn an_admin_address_may_be_written_in_any_way() {
        for url in ["127.0.0.1:9901", "http://127.0.0.1:9901", "http://127.0.0.1:9901/"] {
            assert_eq!(stats_url(url), "http://127.0.0.1:9901/stats/prometheus");
        }
        let own = "http://pod:15020/stats/prometheus";
        assert_eq!(stats_url(own), own);
    }
}
