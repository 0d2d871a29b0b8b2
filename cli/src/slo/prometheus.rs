//! The counters in a Prometheus in, the state of each SLO out: all proxies that it scrapes, over their restarts.

mod coverage;
mod server;

use super::{Seen, SloError, SloState, SloStates, require_slos};
use crate::http::Client;
use coverage::Coverage;
use redline::config::{Config, Duration, Sli};
use redline::metric::Metric;
use redline::slo::{Tally, Window};
use server::{Series, Server, Values};
use std::collections::BTreeMap;

/// So many targets are named; of more only how many.
const NAMED_TARGETS: usize = 5;

/// Asks a Prometheus, `http://HOST:PORT`, how much the counters rose in each window.
///
/// Prometheus extrapolates: what it calls an increase is an estimate, rounded here to whole events.
pub fn from_prometheus(config: &Config, url: &str, client: &Client) -> Result<SloStates, SloError> {
    require_slos(config)?;
    let [events, bad] = [Metric::SloEvents, Metric::SloBadEvents].map(|metric| counters(config, metric));
    let (events, bad) = (events?, bad?);
    let server = Server::new(url, client)?;
    let mut lengths: Vec<Duration> =
        config.slos.iter().flat_map(|slo| Window::ALL.map(|window| window.length(slo.period))).collect();
    lengths.sort_unstable();
    lengths.dedup();
    let mut windows: BTreeMap<Duration, [Values; 2]> = BTreeMap::new();
    for window in &lengths {
        let increase =
            |counters: &str| server.values(&format!("sum by (slo) (increase({counters}[{window}]))"));
        windows.insert(*window, [increase(&events)?, increase(&bad)?]);
    }
    let coverage = Coverage::ask(&server, &events, &lengths)?;
    let p99 = p99(config, &server)?;
    let slos = config.slos.iter().map(|slo| {
        if !coverage.knows(&slo.name) {
            return Err(SloError::Missing {
                url: url.to_owned(),
                series: format!(
                    "{} of the service {} for the SLO {}",
                    config.metric_name(Metric::SloEvents),
                    config.service,
                    slo.name
                ),
                hint: "does it scrape Envoy's /stats/prometheus, with honor_labels where a label `service` is its own?",
            });
        }
        let mut seen = Seen::default();
        for ((tally, covered), window) in seen.iter_mut().zip(Window::ALL) {
            let length = window.length(slo.period);
            let value = |which: usize| {
                let values = windows.get(&length).and_then(|pair| pair.get(which));
                // A window with a single sample has no increase.
                values.and_then(|values| values.get(&slo.name)).map_or(0, |v| v.round() as u64)
            };
            let events = value(0);
            *tally = Tally { events, bad: value(1).min(events) };
            *covered = coverage.of(&slo.name, length);
        }
        let p99 = p99.get(&slo.name).map(|ms| ms.round() as u64).filter(|ms| *ms > 0);
        Ok(SloState::new(slo, seen, p99.filter(|_| matches!(slo.sli, Sli::Latency { .. }))))
    });
    let slos = slos.collect::<Result<_, SloError>>()?;
    let mut remarks =
        vec!["events are Prometheus' estimates (increase), over all proxies that it scrapes".to_owned()];
    remarks.extend(silent(&server, &events)?);
    remarks.extend(down(&server, &events)?);
    Ok(SloStates { slos, remarks })
}

/// The selector of one of the service's counters.
fn counters(config: &Config, metric: Metric) -> Result<String, SloError> {
    match config.disable.contains(&metric) {
        true => Err(SloError::Disabled { metric: config.metric_name(metric) }),
        false => Ok(selector(config, metric)),
    }
}

fn selector(config: &Config, metric: Metric) -> String {
    format!("{}{{service=\"{}\"}}", config.metric_name(metric), config.service)
}

fn p99(config: &Config, server: &Server<'_>) -> Result<Values, SloError> {
    server.values(&format!("max by (slo) ({})", selector(config, Metric::SloLatencyP99)))
}

/// What to say where no proxy shows the counters any more.
fn silent(server: &Server<'_>, events: &str) -> Result<Option<String>, SloError> {
    let now = server.series(&format!("count({events})"))?;
    let said = "no proxy shows these counters now: all that is below is what was counted before";
    Ok(now.is_empty().then(|| said.to_owned()))
}

/// What to say of targets that do not answer, of the jobs which have the service's counters.
fn down(server: &Server<'_>, events: &str) -> Result<Option<String>, SloError> {
    let down = server.series(&format!("up == 0 and on (job) last_over_time({events}[1d])"))?;
    let mut targets: Vec<String> = down.iter().map(target).collect();
    targets.sort_unstable();
    let all = targets.len();
    targets.truncate(NAMED_TARGETS);
    let more = all.saturating_sub(targets.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let named = format!("{}{more}", targets.join(", "));
    Ok(match all {
        0 => None,
        1 => Some(format!("the target {named} is down: what it counts is missing here")),
        _ => Some(format!("{all} targets are down, {named}: what they count is missing here")),
    })
}

/// `INSTANCE (job JOB)`.
fn target((labels, _): &Series) -> String {
    let label = |name: &str| labels.get(name).map_or("?", String::as_str);
    format!("{} (job {})", label("instance"), label("job"))
}
