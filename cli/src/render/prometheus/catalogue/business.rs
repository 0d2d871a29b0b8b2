//! What the service is for: models, predictions, deployments.

use super::super::tiers::Severity::{Critical, Info, Warning};
use super::alert::{Alert, COUNT, Case, Category::Business, RATIO, SECONDS};

pub(in super::super) const ALERTS: &[Alert] = &[
    Alert {
        name: "NoModelsCreated",
        category: Business,
        severity: Warning,
        hold: "5m",
        expr: r#"(sum by (service) (increase($models_created_total{$S}[30m])) or 0 * sum by (service) (increase($http_requests_total{$S}[30m]))) == 0
and
sum by (service) (increase($http_requests_total{$S}[30m])) > 0
and
count by (service) ($http_requests_total{$S} offset 30m) > 0
unless
count by (service) ($models_created_total{$S} > 0 unless $models_created_total{$S} offset 30m) > 0"#,
        summary: "Nobody has created a model in {{ $labels.service }} for half an hour",
        description: "There are requests, but % of them created a model. At night that may be as it is; by day, try it yourself: the form, the permission or the storage may be broken without an error.",
        format: COUNT,
        case: Case::Series {
            series: &[
                ("$models_created_total{$S,tenant=\"acme\"}", "0+@x60"),
                ("$http_requests_total{$S,status=\"200\"}", "0+100x60"),
            ],
            over: "0",
            under: "1",
            fires: "35m",
            labels: &[],
            value: "0",
        },
    },
    Alert {
        name: "HighModelFailureRate",
        category: Business,
        severity: Critical,
        hold: "5m",
        expr: r#"sum by (service) (rate($predictions_total{$S,$PREDICTIONS_FAILED}[5m]))
  / sum by (service) (rate($predictions_total{$S}[5m])) > 0.2"#,
        summary: "One in five predictions of {{ $labels.service }} fails",
        description: "% of the predictions failed. See which model it is, and what version was deployed last; go back to the one before.",
        format: RATIO,
        case: Case::Series {
            series: &[
                ("$predictions_total{$S,tenant=\"acme\",$A_FAILED_PREDICTION}", "0+@x60"),
                ("$predictions_total{$S,tenant=\"acme\"}", "0+79x60"),
            ],
            over: "21",
            under: "19",
            fires: "6m",
            labels: &[],
            value: "21%",
        },
    },
    Alert {
        name: "PredictionLatencyHigh",
        category: Business,
        severity: Warning,
        hold: "10m",
        expr: r#"histogram_quantile(0.95, sum by (service, le) (rate($prediction_latency_seconds_bucket{$S}[5m]))) > 0.1"#,
        summary: "Predictions of {{ $labels.service }} are slow",
        description: "One prediction in twenty takes more than % s; 0.1 s was promised. Look at batch sizes, at the models' memory, and whether a larger model was deployed.",
        format: SECONDS,
        case: Case::Quantile {
            histogram: "prediction_latency_milliseconds",
            labels: &[("tenant", "acme")],
            kept: 0,
            quantile: 95,
            threshold_ms: 100,
        },
    },
    Alert {
        name: "NoPredictions",
        category: Business,
        severity: Warning,
        hold: "10m",
        expr: r#"(sum by (service) (increase($predictions_total{$S}[15m])) or 0 * sum by (service) (increase($predictions_total{$S}[15m] offset 1h))) == 0
and
sum by (service) (increase($predictions_total{$S}[15m] offset 1h)) > 0
unless
count by (service) ($predictions_total{$S} > 0 unless $predictions_total{$S} offset 15m) > 0"#,
        summary: "{{ $labels.service }} makes no predictions any more",
        description: "% predictions in a quarter of an hour, and there were some an hour ago. Clients may not reach it, or the route changed its path.",
        format: COUNT,
        case: Case::Series {
            series: &[("$predictions_total{$S,tenant=\"acme\"}", "0+10x60 600+@x60")],
            over: "0",
            under: "1",
            fires: "85m",
            labels: &[],
            value: "0",
        },
    },
    Alert {
        name: "ModelTrainingSlow",
        category: Business,
        severity: Info,
        hold: "15m",
        expr: r#"histogram_quantile(0.95, sum by (service, le) (rate($model_training_duration_seconds_bucket{$S}[1h]))) > 60"#,
        summary: "Training models takes long in {{ $labels.service }}",
        description: "One training in twenty takes more than % s. Look for a queue in front of the workers, and for data that has grown.",
        format: SECONDS,
        case: Case::Quantile {
            histogram: "model_training_duration_milliseconds",
            labels: &[],
            kept: 0,
            quantile: 95,
            threshold_ms: 60_000,
        },
    },
    Alert {
        name: "DeploymentSlow",
        category: Business,
        severity: Info,
        hold: "15m",
        expr: r#"histogram_quantile(0.95, sum by (service, le) (rate($deployment_duration_seconds_bucket{$S}[1h]))) > 30"#,
        summary: "Deploying models takes long in {{ $labels.service }}",
        description: "One deployment in twenty takes more than % s. Look at the registry that images come from, and at the capacity that is left.",
        format: SECONDS,
        case: Case::Quantile {
            histogram: "deployment_duration_milliseconds",
            labels: &[],
            kept: 0,
            quantile: 95,
            threshold_ms: 30_000,
        },
    },
    Alert {
        name: "ModelsDeletedMany",
        category: Business,
        severity: Warning,
        hold: "",
        expr: r#"sum by (service) (increase($models_deleted_total{$S}[10m])) > 50
and
sum by (service) (increase($models_deleted_total{$S}[10m]))
  > 2 * (sum by (service) (increase($models_created_total{$S}[10m])) or 0 * sum by (service) (increase($models_deleted_total{$S}[10m])))"#,
        summary: "Many models are deleted in {{ $labels.service }}",
        description: "% models were deleted in ten minutes, more than twice as many as were created. A clean-up is known to somebody; a script that runs wild, or an intruder, is not.",
        format: COUNT,
        case: Case::Series {
            series: &[
                ("$models_deleted_total{$S,tenant=\"acme\"}", "0+@x60"),
                ("$models_created_total{$S,tenant=\"acme\"}", "0+1x60"),
            ],
            over: "6",
            under: "5",
            fires: "9m",
            labels: &[],
            value: "54",
        },
    },
];
