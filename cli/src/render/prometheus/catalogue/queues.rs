//! The queues behind the service.

use super::super::tiers::Severity::{Critical, Warning};
use super::alert::{Alert, COUNT, Case, Category::Infrastructure, RATIO, SECONDS};

pub(in super::super) const ALERTS: &[Alert] = &[
    Alert {
        name: "QueueBacklogHigh",
        category: Infrastructure,
        severity: Warning,
        hold: "10m",
        expr: r#"sum by (service) (max by (service, upstream) ($live($queue_depth{$S}))) > 1000"#,
        summary: "Jobs pile up in the queue of {{ $labels.service }}",
        description: "% jobs wait. See whether workers run at all, then whether there are enough of them.",
        format: COUNT,
        case: Case::Series {
            series: &[
                ("$queue_depth{$S}", "_x5 @x60"),
                ("$http_requests_total{$S,status=\"200\"}", "0+100x60"),
            ],
            over: "1001",
            under: "1000",
            fires: "15m",
            labels: &[],
            value: "1001",
        },
    },
    Alert {
        name: "QueueWaitHigh",
        category: Infrastructure,
        severity: Warning,
        hold: "10m",
        expr: r#"histogram_quantile(0.95, sum by (service, le) (rate($queue_wait_duration_seconds_bucket{$S}[5m]))) > 30"#,
        summary: "Jobs of {{ $labels.service }} wait long",
        description: "One job in twenty waits more than % s for a worker. Add workers, or find the jobs that hold them.",
        format: SECONDS,
        case: Case::Quantile {
            histogram: "queue_wait_duration_milliseconds",
            labels: &[],
            kept: 0,
            quantile: 95,
            threshold_ms: 30_000,
        },
    },
    Alert {
        name: "QueueJobsFailing",
        category: Infrastructure,
        severity: Warning,
        hold: "5m",
        expr: r#"sum by (service) (rate($queue_jobs_total{$S,$JOBS_FAILED}[10m]))
  / sum by (service) (rate($queue_jobs_total{$S}[10m])) > 0.1"#,
        summary: "Jobs of {{ $labels.service }} fail",
        description: "% of the jobs failed. The workers' log says why; jobs that are tried again and again hide what is new.",
        format: RATIO,
        case: Case::Series {
            series: &[
                ("$queue_jobs_total{$S,$A_FAILED_JOB}", "0+@x60"),
                ("$queue_jobs_total{$S,outcome=\"done\"}", "0+89x60"),
            ],
            over: "11",
            under: "9",
            fires: "6m",
            labels: &[],
            value: "11%",
        },
    },
    Alert {
        name: "QueueStalled",
        category: Infrastructure,
        severity: Critical,
        hold: "5m",
        expr: r#"sum by (service) (max by (service, upstream) ($live($queue_depth{$S}))) > 0
and
sum by (service) (max by (service, upstream) ($queue_depth{$S} offset 10m)) > 0
and
sum by (service) (increase($http_requests_total{$S}[10m])) > 0
unless
sum by (service) (increase($queue_jobs_total{$S}[10m])) > 0
unless
count by (service) ($queue_jobs_total{$S} > 0 unless $queue_jobs_total{$S} offset 10m) > 0"#,
        summary: "The queue of {{ $labels.service }} stands still",
        description: "% jobs wait and none has ended for ten minutes. The workers are gone, or all of them hang on the same thing.",
        format: COUNT,
        case: Case::Series {
            series: &[
                ("$queue_depth{$S}", "5x60"),
                ("$queue_jobs_total{$S,outcome=\"done\"}", "0+@x60"),
                ("$http_requests_total{$S,status=\"200\"}", "0+100x60"),
            ],
            over: "0",
            under: "1",
            fires: "15m",
            labels: &[],
            value: "5",
        },
    },
];
