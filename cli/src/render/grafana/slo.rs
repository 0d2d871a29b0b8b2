//! The SLO dashboard's six rows: summary, budgets by window, trend, latency, budget, endpoints.

use super::both;
use super::objectives::Objectives;
use super::panel::{Look, Panel, Row};
use super::thresholds::Thresholds;
use redline::config::Config;

pub(super) fn rows(config: &Config) -> Vec<Row> {
    let objectives = Objectives::of(config);
    vec![
        summary(&objectives),
        budgets(&objectives),
        trend(&objectives),
        latency(&objectives),
        budget(),
        endpoints(&objectives),
    ]
}

fn summary(objectives: &Objectives<'_>) -> Row {
    let panels = vec![
        both::availability(objectives),
        both::budget_left(),
        Panel::new(
            "Latency, 99th percentile of an hour",
            Look::Number,
            "s",
            "$slo_http_request_latency_p99{$S}",
            "{{slo}}",
        )
        .says("By histogram, and so of failed requests too; what counts is the share below.")
        .coloured_by_slo(objectives.of_p99())
        .runbook("HighLatencyP99")
        .wide(6),
        Panel::new("Status", Look::Number, "none", both::status(objectives), "{{slo}}")
            .says(
                "The worst that holds. Exhausted: no budget is left. Critical: the burn rate of a page. At risk: that of a \
                 ticket, or less than 25 % left. Unknown: counted for less than an hour.",
            )
            .reads(&[
                ("0", "healthy", "green"),
                ("1", "at risk", "yellow"),
                ("2", "critical", "orange"),
                ("3", "exhausted", "red"),
                ("4", "unknown", "gray"),
            ])
            .coloured(Thresholds::rising(&[
                ("green", None),
                ("yellow", Some(1.0)),
                ("orange", Some(2.0)),
                ("red", Some(3.0)),
                ("gray", Some(4.0)),
            ]))
            .wide(6),
    ];
    Row { title: "Summary", panels }
}

fn budgets(objectives: &Objectives<'_>) -> Row {
    let window = |title: &'static str, matcher: &str, place: usize, runbook: &'static str| {
        Panel::new(title, Look::Number, "short", format!("$slo_burn_rate{{$S,{matcher}}}"), "{{slo}}")
            .says("How many times too fast the budget burns.")
            .coloured_by_slo(objectives.of_tier(place))
            .runbook(runbook)
            .wide(6)
    };
    let panels = vec![
        window("Burn rate, 1 hour", "window=\"1h\"", 0, "SLOBurnRateFast"),
        window("Burn rate, 6 hours", "window=\"6h\"", 1, "SLOBurnRateMedium"),
        window("Burn rate, 3 days", "window=\"3d\"", 3, "SLOBurnRateSlowest"),
        window("Burn rate, the period", "$P", 4, "SLOViolation"),
    ];
    Row { title: "Budgets by window", panels }
}

fn trend(objectives: &Objectives<'_>) -> Row {
    let panels = vec![
        Panel::new(
            "Success rate",
            Look::Lines,
            "percentunit",
            "$slo_http_request_success_rate{$S}",
            "{{slo}}, an hour",
        )
        .and("1 - $slo_error_ratio{$S,window=\"5m\"}", "{{slo}}, five minutes")
        .coloured(Thresholds::rising(&[("red", None), ("green", Some(objectives.availability()))]))
        .wide(12),
        Panel::new(
            "Burn rate, all windows",
            Look::Lines,
            "short",
            "$slo_burn_rate{$S}",
            "{{slo}} {{window}}",
        )
        .coloured(objectives.of_burn())
        .runbook("ErrorBudgetBurnRateHigh")
        .wide(12),
    ];
    Row { title: "Availability", panels }
}

fn latency(objectives: &Objectives<'_>) -> Row {
    let bucket = "$http_request_duration_seconds_bucket{$S,$EP}";
    let within = objectives.latency_s();
    let panels = vec![
        Panel::new(
            "Durations",
            Look::Heatmap,
            "s",
            format!("sum by (le) (increase({bucket}[$R]))"),
            "{{le}}",
        )
        .wide(12),
        Panel::new(
            "Percentiles",
            Look::Lines,
            "s",
            format!("histogram_quantile(0.5, sum by (le) (rate({bucket}[$R])))"),
            "p50",
        )
        .and(format!("histogram_quantile(0.95, sum by (le) (rate({bucket}[$R])))"), "p95")
        .and(format!("histogram_quantile(0.99, sum by (le) (rate({bucket}[$R])))"), "p99")
        .coloured(Thresholds::rising(&[("green", None), ("red", Some(within))]))
        .runbook("HighLatencyP99"),
        Panel::new(
            "Good events, by the SLO's own counters",
            Look::Lines,
            "percentunit",
            "1 - $slo_error_ratio{$S,window=\"30m\"}",
            "{{slo}}, 30 minutes",
        )
        .says("Exact, whatever the buckets are."),
    ];
    Row { title: "Latency", panels }
}

fn budget() -> Row {
    let panels = vec![
        Panel::new("Error budget left", Look::Lines, "percentunit", "$slo_error_budget_remaining{$S}", "{{slo}}")
            .coloured(Objectives::of_budget())
            .runbook("ErrorBudgetLow")
            .wide(12),
        Panel::new(
            "Failures that the period still allows",
            Look::Number,
            "short",
            "($slo:events:increase{$S,$P} * on (service, slo) group_left () $slo_error_budget{$S}) - on (service, slo, window) $slo:bad_events:increase{$S,$P}",
            "{{slo}}",
        )
        .says("At the traffic of the period so far; below 0 more failed than may.")
        .wide(6),
        Panel::new("Failures in the period", Look::Number, "short", "$slo:bad_events:increase{$S,$P}", "{{slo}}").wide(6),
        Panel::new("Failures, five minutes at a time", Look::Stacked, "short", "$slo:bad_events:increase{$S,window=\"5m\"}", "{{slo}}")
            .runbook("SLOQuietErrors")
            .wide(12),
        Panel::new("Events, five minutes at a time", Look::Stacked, "short", "$slo:events:increase{$S,window=\"5m\"}", "{{slo}}")
            .runbook("SLONoTraffic")
            .wide(12),
    ];
    Row { title: "Error budget", panels }
}

fn endpoints(objectives: &Objectives<'_>) -> Row {
    let panels = vec![
        Panel::new(
            "Answered without a 5xx, an hour",
            Look::Bars,
            "percentunit",
            "1 - (sum by (endpoint) (increase($http_requests_total{$S,$EP,status=~\"5..\"}[1h])) or 0 * sum by (endpoint) (increase($http_requests_total{$S,$EP}[1h]))) / sum by (endpoint) (increase($http_requests_total{$S,$EP}[1h]))",
            "{{endpoint}}",
        )
        .coloured(objectives.of_availability())
        .runbook("EndpointErrorRateHigh"),
        Panel::new(
            "99th percentile, an hour",
            Look::Bars,
            "s",
            "histogram_quantile(0.99, sum by (endpoint, le) (rate($http_request_duration_seconds_bucket{$S,$EP}[1h])))",
            "{{endpoint}}",
        )
        .coloured(objectives.of_latency())
        .runbook("EndpointLatencyHigh"),
        Panel::new("Requests", Look::Lines, "reqps", "sum by (endpoint) (rate($http_requests_total{$S,$EP}[$R]))", "{{endpoint}}"),
    ];
    Row { title: "Endpoints", panels }
}
