//! A configuration in, recording rules out: durations in seconds, SLO windows, and the plain names of ratios.

use super::timing::{OFTEN, OFTEN_S, SELDOM, SELDOM_S, STEP};
use crate::render::promql::{self, DurationHistogram, Vocabulary};
use redline::config::{Config, Duration, Sli, Slo};

/// Rules that are evaluated together, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) interval: String,
    pub(super) rules: Vec<Record>,
}

/// One recording rule.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) name: String,
    pub(super) expr: String,
    pub(super) labels: Vec<(&'static str, String)>,
    /// A line above it.
    pub(super) comment: Option<&'static str>,
}

/// Every group that has rules, in the order in which they build on each other; what they record becomes known.
pub(super) fn groups(config: &Config, vocabulary: &mut Vocabulary) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut add = |name: &str, interval: String, rules: Vec<Record>| {
        if !rules.is_empty() {
            groups.push(Group { name: format!("redline:{}:{name}", config.service), interval, rules });
        }
    };
    let fast = vocabulary.interval(OFTEN_S);
    let rules = seconds(config, vocabulary);
    add("seconds", fast.clone(), rules);
    let rules = old_names(config, vocabulary);
    add("names", fast.clone(), rules);
    if config.slos.is_empty() {
        return groups;
    }
    let mut rules = objectives(config, vocabulary);
    for window in OFTEN {
        rules.extend(window_rules(window.length(Duration::from_days(30)), vocabulary));
    }
    let success = "1 - max by (service, slo) ($slo_error_ratio{$S,window=\"1h\"})";
    rules.extend(record(vocabulary, "slo_http_request_success_rate", success, &[], None));
    rules.extend(config.slos.iter().filter_map(|slo| p99(slo, vocabulary)));
    add("slo:short", fast, rules);
    let mut rules = Vec::new();
    for window in SELDOM {
        rules.extend(window_rules(window.length(Duration::from_days(30)), vocabulary));
    }
    add("slo:long", vocabulary.interval(SELDOM_S), rules);
    let rules = periods(config, vocabulary);
    add("slo:period", vocabulary.interval(SELDOM_S), rules);
    groups
}

/// The rule, where it can be; its name is known from then on.
fn record(
    vocabulary: &mut Vocabulary,
    name: &str,
    expr: &str,
    labels: &[(&'static str, String)],
    comment: Option<&'static str>,
) -> Option<Record> {
    let expr = vocabulary.expand(expr)?;
    Some(Record { name: vocabulary.learn(name), expr, labels: labels.to_vec(), comment })
}

/// Every histogram of durations again, in seconds.
fn seconds(config: &Config, vocabulary: &mut Vocabulary) -> Vec<Record> {
    let selector = format!("service={}", promql::literal(&config.service));
    let mut rules = Vec::new();
    for histogram in vocabulary.durations().to_vec() {
        let DurationHistogram { raw, seconds, key, bounds, per_second } = histogram;
        let plain = |record: &str, expr: String, comment| Record {
            name: record.to_owned(),
            expr,
            labels: Vec::new(),
            comment,
        };
        for bound in &bounds {
            // Prometheus 3 writes the bound 5 as 5.0 when it scrapes.
            let expr = format!("{raw}_bucket{{{selector},le=~\"{bound}(\\\\.0)?\"}}");
            let le = in_seconds(*bound, per_second);
            let name = format!("{seconds}_bucket");
            rules.push(Record { name, expr, labels: vec![("le", le)], comment: None });
        }
        let name = format!("{seconds}_bucket");
        rules.push(plain(&name, format!("{raw}_bucket{{{selector},le=\"+Inf\"}}"), None));
        rules.push(plain(&format!("{seconds}_count"), format!("{raw}_count{{{selector}}}"), None));
        let approximate =
            "Approximate: Envoy keeps two digits of each value, so sums are within 5 %. Counts are exact.";
        let sum = format!("{raw}_sum{{{selector}}} / {per_second}");
        rules.push(plain(&format!("{seconds}_sum"), sum, Some(approximate)));
        if let Some(start) = key.strip_suffix("_milliseconds") {
            for ending in ["_bucket", "_count", "_sum"] {
                vocabulary.learn(&format!("{start}_seconds{ending}"));
            }
        }
    }
    rules
}

/// A bound in seconds as OpenMetrics writes it: always with a point.
fn in_seconds(bound: u64, per_second: u64) -> String {
    let digits = per_second.to_string().len().saturating_sub(1);
    let (whole, rest) = (bound.checked_div(per_second), bound.checked_rem(per_second));
    let fraction = format!("{:0digits$}", rest.unwrap_or_default());
    let fraction = fraction.trim_end_matches('0');
    format!("{}.{}", whole.unwrap_or_default(), if fraction.is_empty() { "0" } else { fraction })
}

/// Names that the metrics had in the system that Redline replaces, where nothing else is counted under them.
fn old_names(config: &Config, vocabulary: &mut Vocabulary) -> Vec<Record> {
    const CONNECTIONS: &str = "db_connections_total";
    if config.metrics.iter().any(|metric| metric.name == CONNECTIONS) {
        return Vec::new();
    }
    record(vocabulary, CONNECTIONS, "$db_connections{$S}", &[], None).into_iter().collect()
}

/// What is promised, and the share that may fail: exact decimals, so that nothing is computed twice.
fn objectives(config: &Config, vocabulary: &mut Vocabulary) -> Vec<Record> {
    let mut rules = Vec::new();
    for slo in &config.slos {
        let labels = [("service", config.service.clone()), ("slo", slo.name.clone())];
        let share = |ppm: u32| {
            let digits = format!("0.{ppm:06}");
            format!("vector({})", digits.trim_end_matches('0'))
        };
        rules.extend(record(vocabulary, "slo_objective", &share(slo.objective.ppm()), &labels, None));
        rules.extend(record(
            vocabulary,
            "slo_error_budget",
            &share(slo.objective.budget_ppm()),
            &labels,
            None,
        ));
    }
    rules
}

/// Events and bad ones apart, then their ratio and how fast the budget burns.
fn window_rules(window: Duration, vocabulary: &mut Vocabulary) -> Vec<Record> {
    let increase = |counter: &str| format!("sum by (service, slo) (increase(${counter}{{$S}}[{window}]))");
    let [events, bad] = ["slo_events_total", "slo_bad_events_total"].map(increase);
    of_window(window, &events, &bad, "$S", vocabulary)
}

fn of_window(
    window: Duration,
    events: &str,
    bad: &str,
    selector: &str,
    vocabulary: &mut Vocabulary,
) -> Vec<Record> {
    let labels = [("window", window.to_string())];
    let here = format!("{{{selector},window=\"{window}\"}}");
    let ratio = format!("$slo:bad_events:increase{here} / ($slo:events:increase{here} > 0)");
    let burn =
        format!("$slo_error_ratio{here} / on (service, slo) group_left () $slo_error_budget{{{selector}}}");
    [
        record(vocabulary, "slo:events:increase", events, &labels, None),
        record(vocabulary, "slo:bad_events:increase", bad, &labels, None),
        record(vocabulary, "slo_error_ratio", &ratio, &labels, None),
        record(vocabulary, "slo_burn_rate", &burn, &labels, None),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The periods, added up from steps of five minutes: requests weigh the same whenever they came, and the cost does not
/// grow with the number of proxies.
fn periods(config: &Config, vocabulary: &mut Vocabulary) -> Vec<Record> {
    let mut rules = Vec::new();
    let mut seen: Vec<Duration> = Vec::new();
    for period in config.slos.iter().map(|slo| slo.period) {
        if seen.contains(&period) {
            continue;
        }
        seen.push(period);
        let slos: Vec<&str> =
            config.slos.iter().filter(|slo| slo.period == period).map(|slo| slo.name.as_str()).collect();
        let selector = format!("$S,{}", promql::one_of("slo", &slos).unwrap_or_default());
        let steps = |what: &str| format!("${what}{{{selector},window=\"{STEP}\"}}[{period}:{STEP}]");
        let total = |what: &str| format!("sum_over_time({})", steps(what));
        let [events, bad] = ["slo:events:increase", "slo:bad_events:increase"].map(total);
        rules.extend(of_window(period, &events, &bad, &selector, vocabulary));
        let whole = period.as_secs().checked_div(STEP.as_secs()).unwrap_or(1);
        let seen = format!("clamp_max(count_over_time({}) / {whole}, 1)", steps("slo:events:increase"));
        let labels = [("window", period.to_string())];
        rules.extend(record(vocabulary, "slo:coverage:ratio", &seen, &labels, None));
    }
    let remaining =
        "1 - max by (service, slo) ($slo_burn_rate{$S,$PERIOD} * $slo:coverage:ratio{$S,$PERIOD})";
    let why = "What was used of the budget of a whole period; a service that is new has not used up what it had no time for.";
    rules.extend(record(vocabulary, "slo_error_budget_remaining", remaining, &[], Some(why)));
    let availability = "1 - max by (service, slo) ($slo_error_ratio{$S,$PERIOD})";
    rules.extend(record(vocabulary, "slo_availability", availability, &[], None));
    rules
}

/// The 99th percentile of the last hour in seconds, of a latency SLO; by histogram, and so of failed requests too.
/// Histograms know no tenants.
fn p99(slo: &Slo, vocabulary: &mut Vocabulary) -> Option<Record> {
    if !matches!(slo.sli, Sli::Latency { .. }) || !slo.filter.tenant.is_empty() {
        return None;
    }
    let methods: Vec<&str> = slo.filter.method.iter().map(|method| method.as_str()).collect();
    let matchers = [promql::one_of("endpoint", &slo.filter.endpoint), promql::one_of("method", &methods)];
    let selector: Vec<String> =
        std::iter::once("$S".to_owned()).chain(matchers.into_iter().flatten()).collect();
    let expr = format!(
        "histogram_quantile(0.99, sum by (service, le) (rate($http_request_duration_seconds_bucket{{{}}}[1h])))",
        selector.join(",")
    );
    let labels = [("slo", slo.name.clone())];
    record(vocabulary, "slo_http_request_latency_p99", &expr, &labels, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_in_seconds_have_a_point() {
        for (bound, per_second, text) in [
            (5, 1000, "0.005"),
            (1000, 1000, "1.0"),
            (2500, 1000, "2.5"),
            (60_000, 1000, "60.0"),
            (5, 1_000_000, "0.000005"),
        ] {
            assert_eq!(in_seconds(bound, per_second), text);
        }
    }
}
