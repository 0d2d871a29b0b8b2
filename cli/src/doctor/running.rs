//! A filter's own metrics and its configuration in; versions, limits, losses and silences that are wrong out.

use super::dump::Proxy;
use super::finding::{Fault, Finding, several};
use super::stats::Stats;
use redline::config::Config;
use redline::metric::Metric;

/// From here on a limit is nearly reached, in percent; the alerts have the same.
const NEAR_PERCENT: u64 = 90;
/// How old what is published may be, at least, in seconds; the alerts have the same.
const STALE_S: u64 = 60;
/// No clock is wrong by more, in seconds.
const DAY_S: u64 = 86_400;
/// What is to be known of a finding that is a counter's.
const CUMULATIVE: &str = "It counts since Envoy's start: the finding stays until Envoy restarts";

pub(super) fn check(
    stats: &Stats<'_>,
    config: &Config,
    version: &str,
    now_s: u64,
    findings: &mut Vec<Finding>,
) {
    let service = config.service.as_str();
    let of = |metric: Metric| stats.of(&config.metric_name(metric), service);

    let skewed: Vec<String> = versions(stats, config).into_iter().filter(|v| v != version).collect();
    if let Some(version) = skewed.first() {
        findings.push(Finding {
            fault: Fault::FilterVersion,
            what: format!("the filter of {service} is of version {version}, this command of {}", version),
            mend: "load the filter that came with this command, or use the command that came with it"
                .to_owned(),
        });
    }

    let published = of(Metric::LastPublish).into_iter().map(|(_, at)| at).max();
    // While a hot restart lasts, Envoy shows the sums of the old process's gauges and the new one's.
    let summed = published.is_some_and(|at| at > now_s.saturating_add(DAY_S))
        || of(Metric::BuildInfo).iter().any(|(_, one)| *one > 1);
    limits(config, &of, summed, findings);

    let dropped: Vec<(&str, u64)> = of(Metric::Dropped).into_iter().filter(|(_, n)| *n > 0).collect();
    if !dropped.is_empty() {
        let reasons: Vec<String> = dropped.iter().map(|(reason, n)| format!("{reason} {n}")).collect();
        findings.push(Finding {
            fault: Fault::Dropped,
            what: format!("the filter of {service} could not record everything: {}", reasons.join(", ")),
            mend: format!(
                "malformed_header and value_range are what upstreams sent, or clients, where a custom metric reads a header of \
                 the request: docs/runbooks/RedlineMalformedHeaders.md; the others: docs/runbooks/RedlineObservationsDropped.md. \
                 {CUMULATIVE}"
            ),
        });
    }

    let allowed = STALE_S.max(config.tick.as_secs().saturating_mul(6));
    if let Some(age) = published.map(|at| now_s.saturating_sub(at)).filter(|age| *age > allowed && !summed) {
        findings.push(Finding {
            fault: Fault::Stale,
            what: format!("the filter of {service} published its gauges {age} s ago, of at most {allowed}"),
            mend: "counters are right; Envoy's log has the reason, and a restart mends it. Compare the clocks first"
                .to_owned(),
        });
    }
}

/// `summed` says that the gauges are the sums of two processes'.
fn limits<'t>(
    config: &Config,
    of: &impl Fn(Metric) -> Vec<(&'t str, u64)>,
    summed: bool,
    findings: &mut Vec<Finding>,
) {
    let service = &config.service;
    let overflowed: Vec<(&str, u64)> =
        of(Metric::SeriesOverflow).into_iter().filter(|(_, n)| *n > 0).collect();
    for (label, n) in &overflowed {
        let (what, mend) = match *label {
            "max_series" => (
                format!("{n} observations of {service} went to overflow rows: limits.max_series is reached"),
                "raise limits.max_series, or see with `redline check` which label makes the most label sets",
            ),
            label => (
                format!(
                    "{n} observations of {service} have _other in place of their {label}, for want of a place"
                ),
                "raise its `max`, or name the values that matter (tenant.allow); docs/tenants.md says who gets a place",
            ),
        };
        findings.push(Finding { fault: Fault::Overflow, what, mend: format!("{mend}. {CUMULATIVE}") });
    }
    let overflowed: Vec<&str> = overflowed.iter().map(|(label, _)| *label).collect();
    let near = |used: u64, max: u64| used.saturating_mul(100) >= max.saturating_mul(NEAR_PERCENT) && max > 0;
    let values = of(Metric::LabelValues);
    let full = of(Metric::LabelValuesMax).into_iter().filter_map(|(label, max)| {
        let (_, used) = values.iter().find(|(known, _)| *known == label)?;
        // Where tenants are named, nobody else takes a place.
        let closed = label == "tenant" && !config.tenant.allow.is_empty();
        (near(*used, max) && !closed && !overflowed.contains(&label))
            .then(|| format!("{label} has {used} of {max} values"))
    });
    let series = of(Metric::LabelSets).into_iter().filter_map(|(_, used)| {
        let max = u64::from(config.limits.max_series);
        (near(used, max) && !overflowed.contains(&"max_series"))
            .then(|| format!("{used} of {max} label sets are in use"))
    });
    let all: Vec<String> = full.chain(series).collect();
    if !all.is_empty() && !summed {
        let names: Vec<&str> = all.iter().map(String::as_str).collect();
        findings.push(Finding {
            fault: Fault::NearLimit,
            what: format!("limits of {service} are nearly reached: {}", several(&names)),
            mend: "raise limits.max_series or the label's `max` before observations go to _other".to_owned(),
        });
    }
}

/// The versions of a service's filters, as they say themselves.
pub(super) fn versions(stats: &Stats<'_>, config: &Config) -> Vec<String> {
    let said = stats.of(&config.metric_name(Metric::BuildInfo), &config.service);
    said.into_iter().filter(|(_, one)| *one > 0).map(|(version, _)| version.to_owned()).collect()
}

/// What Envoy says of filters that crashed.
pub(super) fn crashes(stats: &Stats<'_>, proxy: &Proxy, findings: &mut Vec<Finding>) {
    for filter in &proxy.filters {
        let count = |what: &str| {
            stats.envoy.get(format!("{}vm_reload_{what}", filter.stats).as_str()).copied().unwrap_or_default()
        };
        let (mended, failed) = (count("success"), count("failure"));
        if mended > 0 || failed > 0 {
            findings.push(Finding {
                fault: Fault::Crashed,
                what: format!(
                    "the filter {} crashed: Envoy gave it a new VM {mended} times, and could not {failed} times",
                    filter.name
                ),
                mend: "no crash is known: please report the lines of Envoy's log before \"VM crashed\"; a restart of Envoy \
                       begins afresh"
                    .to_owned(),
            });
        }
    }
}
