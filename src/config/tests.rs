use super::*;
use serde_json::json;

#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod custom_metrics;
mod first_tries;
mod slos;
mod tenants;

fn mistakes(document: &Value) -> Vec<String> {
    Config::from_value(document).err().map_or_else(Vec::new, |e| e.iter().map(ToString::to_string).collect())
}

#[test]
fn a_service_alone_is_enough() {
    let config = Config::from_json(br#"{"service": "shop"}"#).unwrap();
    assert_eq!(config.service, "shop");
    assert_eq!(
        (config.limits.max_series, config.limits.max_label_bytes, config.tenant.max),
        (5000, 128, 100)
    );
    assert_eq!(config.tick, Duration::from_secs(10));
    assert_eq!(config.buckets.duration.len(), 16);
    assert_eq!(config.metric_name(Metric::HttpRequestDuration), "http_request_duration_milliseconds");
    let asked_for = [Metric::TenantIsolationViolations, Metric::TenantActiveUsers];
    let unused = |metric: &Metric| asked_for.contains(metric) || metric.is_of_slo();
    assert!(config.emitted().eq(Metric::ALL.into_iter().filter(|metric| !unused(metric))));
}

#[test]
fn every_mistake_is_listed_with_its_path_value_and_reason() {
    let document = json!({
        "service": "Shop",
        "endpoints": {"templates": ["/a/{id}", "a", 7, "/a/{x}/"], "source": "path"},
        "tenant": {"sources": [{"header": "bad name"}, {}], "max": 0, "maxx": 1},
        "limits": {"max_series": 1e9, "max_label_bytes": "many"},
        "buckets": {"duration": [10, 5, 125], "size": []},
        "duration_unit": "s",
        "metric_prefix": "9",
        "disable": ["no_such_metric"],
        "tick": "5",
        "tickk": "10s",
    });
    let expected = [
        r#"$.service: "Shop": expected 1 to 63 of a-z, 0-9 and -"#,
        r#"$.limits.max_series: 1000000000.0: expected a whole number from 100 to 1000000"#,
        r#"$.limits.max_label_bytes: "many": expected a whole number from 8 to 1024"#,
        r#"$.endpoints.templates[1]: "a": a template begins with /"#,
        r#"$.endpoints.templates[2]: 7: expected a string"#,
        r#"$.endpoints.templates[3]: "/a/{x}/": matches the same paths as /a/{id}"#,
        r#"$.endpoints.source: "path": expected one of template, route_name"#,
        r#"$.tenant.sources[0].header: "bad name": expected a header's name"#,
        r#"$.tenant.sources[1]: {}: expected exactly one of header, jwt, path, host, query"#,
        r#"$.tenant.max: 0: expected a whole number from 1 to 1000000"#,
        r#"$.tenant.maxx: 1: unknown key; did you mean `max`?"#,
        r#"$.duration_unit: "s": expected one of ms, us"#,
        r#"$.buckets.duration[1]: 5: expected rising bounds"#,
        r#"$.buckets.duration[2]: 125: at most two significant digits: Envoy's histograms keep no more"#,
        r#"$.buckets.size: []: expected 1 to 64 bounds"#,
        r#"$.metric_prefix: "9": expected nothing, or a letter and then letters, digits and _, at most 40"#,
        r#"$.disable[0]: "no_such_metric": no built-in metric has this name; `redline check` lists them"#,
        r#"$.tick: "5": expected a duration such as 250ms, 15m or 30d, from 100ms to 1m"#,
        r#"$.tickk: "10s": unknown key; did you mean `tick`?"#,
    ];
    let got = mistakes(&document);
    for line in expected {
        assert!(got.iter().any(|g| g == line), "missing: {line}\ngot:\n{}", got.join("\n"));
    }
    assert_eq!(got.len(), expected.len(), "{}", got.join("\n"));
}

#[test]
fn what_is_no_object_or_no_json_is_said_so() {
    for (text, start) in [
        ("", "$: the configuration is empty"),
        ("  \n", "$: the configuration is empty"),
        ("{", "$: not a JSON document: EOF"),
        ("[]", "$: []: expected an object"),
        ("\u{0}", "$: not a JSON document"),
        ("{}", "$: `service` is required"),
    ] {
        let errors = Config::from_json(text.as_bytes()).unwrap_err();
        assert!(errors.to_string().starts_with(start), "{text:?}: {errors}");
    }
}

#[test]
fn deep_nesting_is_an_error_and_no_stack_overflow() {
    let text = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(Config::from_json(text.as_bytes()).is_err());
}

#[test]
fn mistakes_in_every_section_are_named() {
    let document = json!({
        "service": "shop",
        "user": {"sources": [{"header": "x-user-id"}, {"path": "nope"}]},
        "slos": [{"name": "availability", "objective": 100, "sli": {"availability": {}}}],
        "metrics": [{"name": "m_total", "type": "counter", "labels": {"le": "tenant"}}],
    });
    let got = mistakes(&document).join("\n");
    for line in [
        "$.user.sources[1].path: \"nope\": no template in endpoints.templates has the parameter {nope}",
        "$.slos[0].objective: 100: expected a percentage above 0 and below 100 with at most 4 decimals, such as 99.9",
        "$.metrics[0].labels.le: \"tenant\": expected a label name of letters, digits and _, \
         none of le, quantile, job, instance, service, upstream",
    ] {
        assert!(got.lines().any(|l| l == line), "{line} in\n{got}");
    }
}

#[test]
fn alerting_is_read_and_a_secret_that_is_written_out_is_refused() {
    let document = |alerting: Value| json!({"service": "s", "alerting": alerting});
    let all = json!({
        "runbook_base": "https://runbooks.example.com", "labels": {"team": "edge"}, "min_failures": 5,
        "disable": ["HighErrorRate"],
        "receivers": {
            "pagerduty": {"routing_key_file": "/secrets/pagerduty"},
            "slack": {"api_url_file": "/secrets/slack", "channels": {"slo": "#slo-alerts"}},
            "email": {"from": "a@example.com", "smarthost": "mail:587", "username": "u", "password_file": "/secrets/mail",
                      "to": {"ops": "ops@example.com"}},
            "webhook": {"url": "http://hooks:8080/", "credentials_file": "/secrets/hook"},
        },
    });
    let alerting = Config::from_value(&document(all)).unwrap().alerting;
    assert_eq!(alerting.receivers.len(), 4);
    assert_eq!((alerting.min_failures, alerting.labels["team"].as_str()), (Some(5), "edge"));
    let bad = json!({
        "runbook_base": "docs", "labels": {"severity": "x", "a-b": "c"}, "min_failure": 1,
        "receivers": {
            "pagerduty": {"routing_key": "0123"},
            "slack": {"api_url_file": "secret", "channels": {"slos": "#x"}},
            "email": {"from": "", "smarthost": "mail:587", "to": "ops@example.com"},
            "webhook": {"url": "hooks"},
            "teams": {},
        },
    });
    let own = "alertname, service, severity, category, slo, tier, tenant";
    let file = "expected the path of a file that holds the secret, from the root";
    let expected = [
        r#"$.alerting.runbook_base: "docs": expected a URL that starts with https:// or http://"#.to_owned(),
        format!(r#"$.alerting.labels.a-b: "c": expected a label name of letters, digits and _, none of {own}"#),
        format!(r#"$.alerting.labels.severity: "x": expected a label name of letters, digits and _, none of {own}"#),
        "$.alerting.receivers.pagerduty: `routing_key_file` is required".to_owned(),
        r#"$.alerting.receivers.pagerduty.routing_key: "0123": unknown key; expected one of routing_key_file"#.to_owned(),
        format!(r#"$.alerting.receivers.slack.api_url_file: "secret": {file}"#),
        r##"$.alerting.receivers.slack.channels.slos: "#x": unknown key; did you mean `slo`?"##.to_owned(),
        r#"$.alerting.receivers.email.from: "": expected some text"#.to_owned(),
        r#"$.alerting.receivers.email.to: "ops@example.com": expected an object"#.to_owned(),
        r#"$.alerting.receivers.webhook.url: "hooks": expected a URL that starts with https:// or http://"#.to_owned(),
        "$.alerting.receivers.teams: {}: unknown key; expected one of pagerduty, slack, email, webhook".to_owned(),
        "$.alerting.min_failure: 1: unknown key; did you mean `min_failures`?".to_owned(),
    ];
    assert_eq!(mistakes(&document(bad)), expected);
}

#[test]
fn whole_numbers_may_come_as_doubles_as_in_envoys_struct() {
    let text = br#"{"service":"s","tenant":{"max":20.0},"buckets":{"size":[1e3,1E+4]},"limits":{"max_series":500.0}}"#;
    let config = Config::from_json(text).unwrap();
    assert_eq!((config.tenant.max, config.limits.max_series), (20, 500));
    assert_eq!(config.buckets.size, [1000, 10_000]);
    assert_eq!(mistakes(&json!({"service": "s", "tenant": {"max": 2.5}})).len(), 1);
}

#[test]
fn a_plugins_configuration_may_be_the_bytes_of_a_struct() {
    // {"service": "shop"}, as protobuf.
    let bytes = b"\n\x11\n\x07service\x12\x06\x1a\x04shop";
    assert_eq!(Config::from_plugin(bytes).unwrap().service, "shop");
    assert_eq!(Config::from_plugin(b"\n\n {\"service\": \"shop\"}").unwrap().service, "shop");
    assert!(Config::from_plugin(b"\nnonsense").unwrap_err().to_string().contains("not a JSON document"));
}

#[test]
fn more_templates_than_endpoints_can_be_told_apart_are_refused() {
    let templates: Vec<String> = (0..=crate::endpoint::MAX_ENDPOINTS).map(|i| format!("/{i}")).collect();
    let got = mistakes(&json!({"service": "s", "endpoints": {"templates": templates}}));
    assert_eq!(got.len(), 1);
    assert!(got[0].ends_with("expected at most 60000 templates"), "{}", got[0]);
}

#[test]
fn null_is_as_good_as_absent() {
    let document = json!({"service": "s", "endpoints": null, "tenant": {"allow": null}, "slos": null});
    assert_eq!(mistakes(&document), Vec::<String>::new());
}

#[test]
fn microseconds_change_names_and_default_bounds() {
    let config =
        Config::from_value(&json!({"service": "s", "duration_unit": "us", "metric_prefix": "edge_"}));
    let config = config.unwrap();
    assert_eq!(config.metric_name(Metric::HttpRequestDuration), "edge_http_request_duration_microseconds");
    assert_eq!(config.bounds(Metric::HttpRequestDuration).first(), Some(&5000));
    let starts: Vec<String> = config.histogram_buckets().into_iter().map(|(start, _)| start).collect();
    assert_eq!(starts[0], "wasmcustom.edge_http_request_duration_microseconds.");
}

#[test]
fn durations_are_read_and_printed_as_people_write_them() {
    for (text, nanos) in
        [("250ms", 250_000_000), ("15m", 900_000_000_000), ("30d", 2_592_000_000_000_000), ("7us", 7000)]
    {
        let duration = parse_duration(text).unwrap();
        assert_eq!((duration.as_nanos(), duration.to_string().as_str()), (nanos, text));
    }
    assert_eq!(Duration::from_secs(5400).to_string(), "90m");
    for text in ["", "5", "m", "-5m", "1.5h", "5 m", "5M", "99999999999999999999d", "400000000000d"] {
        assert_eq!(parse_duration(text), None, "{text}");
    }
}

#[cfg(not(target_family = "wasm"))]
mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_a_configuration_or_a_list_of_mistakes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Err(errors) = Config::from_json(&bytes) {
                prop_assert!(!errors.0.is_empty());
            }
        }
    }
}
