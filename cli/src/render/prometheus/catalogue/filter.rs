//! Redline itself: whether the filter runs, is scraped, and counts everything.

use super::super::tiers::Severity::{Critical, Info, Warning};
use super::alert::{Alert, COUNT, Case, Category::Infrastructure, RATIO};

pub(in super::super) const ALERTS: &[Alert] = &[
    Alert {
        name: "RedlineAbsent",
        category: Infrastructure,
        severity: Critical,
        hold: "5m",
        expr: r#"absent($redline_build_info{$S})"#,
        summary: "Nothing is known of {{ $labels.service }}",
        description: "No proxy shows Redline's metrics for this service, so no other alert can fire. Either no proxy runs, or Prometheus does not reach their admin port, or the filter was refused: Envoy's log says why.",
        format: COUNT,
        case: Case::Series {
            series: &[("$redline_build_info{service=\"@\",version=\"1\"}", "1x60")],
            over: "another",
            under: "$SERVICE",
            fires: "5m",
            labels: &[],
            value: "1",
        },
    },
    Alert {
        name: "RedlineTargetDown",
        category: Infrastructure,
        severity: Warning,
        hold: "5m",
        expr: r#"min by (job, instance) (
  $up == 0 and on (job, instance) last_over_time($redline_build_info{$S}[1d])
  or
  $up{job="redline"} == 0 unless on (job, instance) last_over_time($redline_build_info[1d])
)"#,
        summary: "Prometheus cannot scrape the proxy {{ $labels.instance }}",
        description: "What it serves is in no graph and no alert. See whether Envoy runs there, and whether Prometheus may reach its admin port.",
        format: COUNT,
        case: Case::Series {
            series: &[
                ("up{job=\"redline\",instance=\"a\"}", "@x60"),
                ("up{job=\"redline\",instance=\"b\"}", "1x60"),
            ],
            over: "0",
            under: "1",
            fires: "5m",
            labels: &[("instance", "a"), ("job", "redline")],
            value: "0",
        },
    },
    Alert {
        name: "RedlineGaugesStale",
        category: Infrastructure,
        severity: Warning,
        hold: "5m",
        expr: r#"max by (service, job, instance) (time() - $redline_last_publish_timestamp_seconds{$S}) > $STALE"#,
        summary: "{{ $labels.instance }}, a proxy of {{ $labels.service }}, publishes its gauges no more",
        description: "Its slo_*, tenant_active_users and redline_* gauges are % s old. Counters, and what is computed from them, are right. Envoy's log has the reason; a restart of that Envoy mends it.",
        format: COUNT,
        case: Case::Series {
            series: &[("$redline_last_publish_timestamp_seconds{$S,job=\"redline\",instance=\"a\"}", "@")],
            over: "-1000000x60",
            under: "100000+60x60",
            fires: "5m",
            labels: &[("instance", "a"), ("job", "redline")],
            value: "$AGE",
        },
    },
    Alert {
        name: "RedlineVMReloaded",
        category: Infrastructure,
        severity: Warning,
        hold: "",
        expr: r#"sum by (job, instance) (increase($envoy_wasm_redline_vm_reload_success[15m]) or increase($MESH_RELOADED[15m])) > 0
and on (job, instance)
$redline_build_info{$S}"#,
        summary: "The filter crashed in {{ $labels.instance }} and was started again",
        description: "Envoy gave a worker a new VM about % times in a quarter of an hour. Requests open there were answered 503. No crash is known: please report the lines of Envoy's log before it.",
        format: COUNT,
        case: Case::Series {
            series: &[
                ("$envoy_wasm_redline_vm_reload_success{job=\"redline\",instance=\"a\"}", "0x9 @x60"),
                ("$envoy_wasm_redline_vm_reload_success{job=\"redline\",instance=\"b\"}", "0x60"),
                ("$redline_build_info{$S,version=\"1\",job=\"redline\",instance=\"a\"}", "1x60"),
                ("$redline_build_info{$S,version=\"1\",job=\"redline\",instance=\"b\"}", "1x60"),
            ],
            over: "1",
            under: "0",
            fires: "10m",
            labels: &[("instance", "a"), ("job", "redline")],
            value: "1",
        },
    },
    Alert {
        name: "RedlineVMReloadFailed",
        category: Infrastructure,
        severity: Critical,
        hold: "",
        expr: r#"sum by (job, instance) (increase($envoy_wasm_redline_vm_reload_failure[15m]) or increase($MESH_RELOAD_FAILED[15m])) > 0
and on (job, instance)
$redline_build_info{$S}"#,
        summary: "The filter crashed in {{ $labels.instance }} and does not start again",
        description: "Envoy failed about % times to give a worker a new VM. Every request there is answered 503: take that Envoy out, or the filter out of its listener.",
        format: COUNT,
        case: Case::Series {
            series: &[
                ("$envoy_wasm_redline_vm_reload_failure{job=\"redline\",instance=\"a\"}", "0x9 @x60"),
                ("$envoy_wasm_redline_vm_reload_failure{job=\"redline\",instance=\"b\"}", "0x60"),
                ("$redline_build_info{$S,version=\"1\",job=\"redline\",instance=\"a\"}", "1x60"),
                ("$redline_build_info{$S,version=\"1\",job=\"redline\",instance=\"b\"}", "1x60"),
            ],
            over: "1",
            under: "0",
            fires: "10m",
            labels: &[("instance", "a"), ("job", "redline")],
            value: "1",
        },
    },
    Alert {
        name: "RedlineSeriesOverflow",
        category: Infrastructure,
        severity: Warning,
        hold: "15m",
        expr: r#"sum by (service, label) (increase($redline_series_overflow_total{$S}[15m])) > 0"#,
        summary: "A limit of {{ $labels.service }} is met: {{ $labels.label }}",
        description: "% observations of a quarter of an hour went to an overflow row (_other). Totals are right, details are lost. redline check says which limit to raise and what that costs.",
        format: COUNT,
        case: Case::Series {
            series: &[("$redline_series_overflow_total{$S,label=\"tenant\"}", "0+@x60")],
            over: "1",
            under: "0",
            fires: "16m",
            labels: &[("label", "tenant")],
            value: "15",
        },
    },
    Alert {
        name: "RedlineSeriesNearLimit",
        category: Infrastructure,
        severity: Info,
        hold: "15m",
        expr: r#"max by (service) ($redline_series{$S}) / $MAX_SERIES > 0.9"#,
        summary: "{{ $labels.service }} uses nearly all of its series",
        description: "% of limits.max_series is in use in a proxy. Raise it, or bound the label that grows, before details go to _other.",
        format: RATIO,
        case: Case::Series {
            series: &[("$redline_series{$S,instance=\"a\"}", "@x60")],
            over: "$MAX_SERIES",
            under: "1",
            fires: "15m",
            labels: &[],
            value: "100%",
        },
    },
    Alert {
        name: "RedlineObservationsDropped",
        category: Infrastructure,
        severity: Warning,
        hold: "5m",
        expr: r#"sum by (service, reason) (increase($redline_dropped_total{$S,reason!~"malformed_header|value_range"}[15m])) > 0
or
sum by (service, reason) (
  ($redline_dropped_total{$S,reason!~"malformed_header|value_range"} unless $redline_dropped_total{$S} offset 15m)
  and on (job, instance) $redline_build_info{$S} offset 15m
) > 0"#,
        summary: "{{ $labels.service }} loses observations: {{ $labels.reason }}",
        description: "% in a quarter of an hour could not be recorded. Envoy refused a call of the filter, or many workers met at one place of shared memory: docs/operations.md has each reason.",
        format: COUNT,
        case: Case::Series {
            series: &[("$redline_dropped_total{$S,reason=\"hostcall\"}", "0+@x60")],
            over: "1",
            under: "0",
            fires: "6m",
            labels: &[("reason", "hostcall")],
            value: "6",
        },
    },
    Alert {
        name: "RedlineMalformedHeaders",
        category: Infrastructure,
        severity: Info,
        hold: "15m",
        expr: r#"sum by (service) (increase($redline_dropped_total{$S,reason=~"malformed_header|value_range"}[15m])) > 100"#,
        summary: "{{ $labels.service }} sends headers that cannot be read",
        description: "% headers in a quarter of an hour were not as their specifications say, so that their figures are missing. Requests are not touched. Look at what the application sends.",
        format: COUNT,
        case: Case::Series {
            series: &[("$redline_dropped_total{$S,reason=\"malformed_header\"}", "0+@x60")],
            over: "10",
            under: "6",
            fires: "26m",
            labels: &[],
            value: "150",
        },
    },
    Alert {
        name: "RedlineVersionsDiffer",
        category: Infrastructure,
        severity: Info,
        hold: "1h",
        expr: r#"count by (service) (
  count by (service, version) (
    $redline_build_info{$S} and on (job, instance) count by (job, instance) ($redline_build_info{$S}) == 1
  )
) > 1"#,
        summary: "Proxies of {{ $labels.service }} run different versions of the filter",
        description: "% versions for more than an hour: a roll-out that did not end, or a proxy that does not get new configurations.",
        format: COUNT,
        case: Case::Series {
            series: &[
                ("$redline_build_info{$S,instance=\"a\",version=\"1\"}", "1x120"),
                ("$redline_build_info{$S,instance=\"b\",version=\"@\"}", "1x120"),
            ],
            over: "2",
            under: "1",
            fires: "60m",
            labels: &[],
            value: "2",
        },
    },
];
