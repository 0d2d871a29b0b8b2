use super::*;
use serde_json::json;
mod first_tries;

#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

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
fn a_cap_beyond_max_series_is_refused() {
    let document = json!({"service": "s", "tenant": {"max": 600}, "limits": {"max_series": 500}});
    assert_eq!(mistakes(&document), ["$.tenant.max: 600: exceeds limits.max_series (500) alone"]);
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
fn listed_tenants_are_names_and_each_is_there_once() {
    let document = json!({"service": "s", "tenant": {"allow": ["acme", "_other", "", "acme", "globex"]}});
    assert_eq!(
        mistakes(&document),
        [
            "$.tenant.allow[1]: \"_other\": expected the name of a tenant; _other, _none and _OTHER are reserved",
            "$.tenant.allow[2]: \"\": expected the name of a tenant; _other, _none and _OTHER are reserved",
            "$.tenant.allow[3]: \"acme\": is there twice",
        ]
    );
    let document = json!({"service": "s", "tenant": {"max": 2, "allow": ["a", "b", "c"]}});
    let got = mistakes(&document);
    assert_eq!(got, ["$.tenant.allow: [\"a\",\"b\",\"c\"]: more names than tenant.max admits (2)"]);
    let slo =
        json!({"name": "s", "objective": 99, "sli": {"availability": {}}, "where": {"tenant": ["_other"]}});
    let tenant = json!({"sources": [{"header": "x-tenant"}]});
    let got = mistakes(&json!({"service": "s", "tenant": tenant, "slos": [slo]})).join("");
    assert!(got.starts_with("$.slos[0].where.tenant[0]: \"_other\": expected the name of a tenant"), "{got}");
}

#[test]
fn every_kind_of_source_is_read_and_what_is_none_is_refused() {
    let document = |tenant: Value| json!({"service": "s", "endpoints": {"templates": ["/t/{tenant}/x", "/f/{path*}"]}, "tenant": tenant});
    let all = json!({"sources": [
        {"header": "X-Tenant-Id"},
        {"jwt": {"header": "Authorization", "claim": "https://example.com/tenant"}},
        {"path": "tenant"},
        {"host": "{tenant}.Example.com."},
        {"query": "tenant"},
    ], "isolation": {"claim": {"jwt": {"header": "authorization", "claim": "a.b"}}, "resource": {"path": "path"}}});
    let config = Config::from_value(&document(all)).unwrap();
    let host = HostPattern { prefix: String::new(), suffix: ".example.com".to_owned() };
    assert_eq!(
        config.tenant.sources,
        [
            ValueSource::Header("x-tenant-id".to_owned()),
            ValueSource::Jwt {
                header: "authorization".to_owned(),
                claim: "https://example.com/tenant".to_owned()
            },
            ValueSource::Path("tenant".to_owned()),
            ValueSource::Host(host),
            ValueSource::Query("tenant".to_owned()),
        ]
    );
    assert_eq!(config.tenant.isolation.as_ref().unwrap().resource, ValueSource::Path("path".to_owned()));
    assert!(config.emits(Metric::TenantIsolationViolations));
    let bad = json!({"sources": [
        {"jwt": {"header": "a"}},
        {"jwt": {"header": "a", "claim": "b..c"}},
        {"path": "id"},
        {"host": "example.com"},
        {"host": "{a}.{b}"},
        {"host": "*.example.com"},
        {"query": ""},
        "x-tenant-id",
    ], "isolation": {"claim": {"header": "a"}}});
    let expected = [
        "$.tenant.sources[0].jwt: `claim` is required",
        "$.tenant.sources[1].jwt.claim: \"b..c\": expected a claim such as tenant_id or org.id",
        "$.tenant.sources[2].path: \"id\": no template in endpoints.templates has the parameter {id}",
        "$.tenant.sources[3].host: \"example.com\": expected a host with one parameter, such as {tenant}.example.com",
        "$.tenant.sources[4].host: \"{a}.{b}\": expected a host with one parameter, such as {tenant}.example.com",
        "$.tenant.sources[5].host: \"*.example.com\": expected a host with one parameter, such as {tenant}.example.com",
        "$.tenant.sources[6].query: \"\": expected the name of a query parameter",
        "$.tenant.sources[7]: \"x-tenant-id\": expected an object",
        "$.tenant.isolation: `resource` is required",
    ];
    assert_eq!(mistakes(&document(bad)), expected);
    let two = mistakes(&document(json!({"sources": [{"header": "a", "query": "b"}]})));
    assert!(two[0].ends_with("expected exactly one of header, jwt, path, host, query"), "{two:?}");
    let many = mistakes(&document(json!({"sources": vec![json!({"header": "a"}); 9]})));
    assert!(many[0].ends_with("expected at most 8 sources"), "{many:?}");
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

#[test]
fn objectives_are_exact() {
    for (written, ppm, printed) in [
        (json!(99.9), 999_000, "99.9"),
        (json!("99.9"), 999_000, "99.9"),
        (json!(99), 990_000, "99"),
        (json!(99.0), 990_000, "99"),
        (json!("99.9999"), 999_999, "99.9999"),
        (json!("0.0001"), 1, "0.0001"),
        (json!(5.25), 52_500, "5.25"),
        (json!("99.90000"), 999_000, "99.9"),
    ] {
        let objective = Objective::parse(&written).unwrap();
        assert_eq!((objective.ppm(), objective.to_string().as_str()), (ppm, printed));
        assert_eq!(objective.ppm() + objective.budget_ppm(), 1_000_000);
    }
    for bad in
        [json!(0), json!(100), json!(-1), json!("99.99999"), json!("1e1"), json!(""), json!("."), json!(true)]
    {
        assert_eq!(Objective::parse(&bad), None, "{bad}");
    }
}

#[test]
fn slos_are_read_with_their_defaults() {
    // Read at its own level, for what is left beside a mistake.
    let document = json!([{"name": "a", "objective": 99.9, "sli": {"availability": {}}},
                          {"name": "a", "objective": 99, "sli": {"latency": {"threshold": "300ms"}}},
                          {"name": "b", "objective": 99, "period": "7d", "sli": {"latency": {"threshold": "300ms"}},
                           "where": {"method": ["GET", "_OTHER"], "endpoint": ["_other"], "tenant": ["acme"]}}]);
    let mut errors = ConfigErrors::default();
    let sources = vec![ValueSource::Query("tenant".to_owned())];
    let tenant = Tenant { sources, allow: Vec::new(), max: 1, isolation: None };
    let slos = slo::read_all(Some(Node::root(&document)), (&Endpoints::default(), &tenant), &mut errors);
    assert_eq!(errors.to_string().lines().count(), 1, "{errors}");
    assert!(errors.to_string().ends_with("a second SLO with the name a"), "{errors}");
    assert_eq!(slos.len(), 2);
    assert_eq!(slos[0].period, Duration::from_days(30));
    assert!(matches!(&slos[0].sli, Sli::Availability { bad_status, bad_grpc }
        if bad_status == &[crate::exchange::StatusMatch::Class(5)] && bad_grpc == &[2, 4, 12, 13, 14, 15]));
    assert_eq!(slos[1].filter.tenant, ["acme"]);
}

#[test]
fn the_contracts_custom_metrics_are_read() {
    let document = json!([
        {"name": "models_created_total", "type": "counter",
         "when": {"method": ["POST"], "endpoint": ["/api/v1/models"], "status": ["2xx", 404]}, "labels": {"tenant": "tenant"}},
        {"name": "prediction_latency_milliseconds", "type": "histogram", "buckets": [5, 10], "value": "duration"},
        {"name": "db_query_duration_milliseconds", "type": "histogram", "value": {"server_timing": "db"}},
        {"name": "db_pool_size", "type": "gauge", "value": {"orca": "named_metrics.db_pool_size"}, "per_upstream": true},
        {"name": "cache_hits_total", "type": "counter", "when": {"cache": "hit"}, "value": 1, "scale": 0.5, "max": 9},
    ]);
    let mut errors = ConfigErrors::default();
    let templates = json!({"templates": ["/api/v1/models"]});
    let endpoints = Endpoints::read(Some(Node::root(&templates)), &mut errors);
    let limits = Limits::read(None, &mut errors);
    let buckets = Buckets::read(None, crate::metric::DurationUnit::Milliseconds, &mut errors);
    let metrics = custom::read_all(Some(Node::root(&document)), (&endpoints, limits, &buckets), &mut errors);
    assert_eq!(errors.to_string(), "");
    assert_eq!(metrics.len(), 5);
    assert_eq!(metrics[2].buckets, buckets.duration, "as no others are given");
    assert_eq!(metrics[0].labels, [("tenant".to_owned(), Attribute::Tenant)]);
    assert_eq!(metrics[2].value, MetricValue::ServerTiming("db".to_owned()));
    assert_eq!((metrics[4].max, metrics[4].scale, metrics[4].when.cache), (9, 0.5, Some(CacheOutcome::Hit)));
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

#[test]
fn every_mistake_in_a_custom_metric_is_named_where_it_stands() {
    let counter = |name: &str, extra: serde_json::Value| {
        let mut metric = json!({"name": name, "type": "counter"});
        metric.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        metric
    };
    let labels = |names: &[&str]| {
        let all = names.iter().map(|name| ((*name).to_owned(), json!("method")));
        json!({"labels": all.collect::<serde_json::Map<_, _>>()})
    };
    let histogram = json!({"name": "h", "type": "histogram", "buckets": [1]});
    let document = json!({"service": "s", "metrics": [
        histogram,
        counter("h_sum", json!({})),
        counter("http_requests_total", json!({})),
        counter("a_total", json!({"value": {"orca": "named_metrics."}})),
        counter("b_total", json!({"value": {"rate_limit": "left"}})),
        counter("c_total", labels(&["a1", "b1", "c1", "d1", "e1", "f1"])),
        counter("d_total", labels(&["db_operation"])),
        counter("e_total", labels(&["operation"])),
        counter("f_total", labels(&["upstream"])),
        counter("g_total", json!({"value": {"orca": "eps", "rate_limit": "limit"}})),
        counter("i_total", json!({"buckets": [1]})),
        counter("j_total", json!({"scale": 0})),
        counter("k_total", json!({"labels": {"state": {"constant": "a"}}})),
        counter("k_total", json!({"labels": {"state": {"constant": "b"}}})),
        counter("k_total", json!({"labels": {"outcome": {"constant": "_other"}}})),
        counter("k_total", json!({})),
    ]});
    let got = mistakes(&document);
    let expected = [
        ("$.metrics[1]", "h_sum: this name is built in, another metric's or part of"),
        ("$.metrics[2]", "http_requests_total: this name is built in"),
        ("$.metrics[3].value.orca", "expected a field of the ORCA load report"),
        ("$.metrics[4].value.rate_limit", "expected one of limit, remaining, reset"),
        ("$.metrics[5]", "at most 5 labels"),
        ("$.metrics[7]", "the label operation and the label db_operation: one is the ending of the other"),
        ("$.metrics[8].labels.upstream", "expected a label name"),
        ("$.metrics[9].value", "expected exactly one of"),
        ("$.metrics[10].buckets", "only a histogram has buckets"),
        ("$.metrics[11].scale", "expected a number from 1e-12"),
        ("$.metrics[14].labels.outcome.constant", "no reserved word"),
        ("$.metrics[14]", "another metric has this name, but not its"),
        ("$.metrics[15]", "another metric has this name, but not its"),
    ];
    for (path, reason) in expected {
        let found = got.iter().any(|line| line.starts_with(&format!("{path}: ")) && line.contains(reason));
        assert!(found, "{path}: {reason} in\n{}", got.join("\n"));
    }
    assert_eq!(got.len(), expected.len(), "{}", got.join("\n"));
}

#[test]
fn envoy_is_told_of_the_labels_and_buckets_of_custom_metrics() {
    let config = Config::from_value(&json!({"service": "s", "metric_prefix": "edge_", "metrics": [
        {"name": "db_ms", "type": "histogram", "buckets": [1, 25], "value": {"server_timing": "db"},
         "labels": {"operation": {"server_timing": "db"}}, "per_upstream": true},
    ]}));
    let config = config.unwrap();
    let buckets = config.histogram_buckets();
    assert!(buckets.contains(&("wasmcustom.edge_db_ms.".to_owned(), vec![1, 25])), "{buckets:?}");
    let tags = config.stat_tags();
    for label in ["operation", "upstream", "tenant"] {
        assert_eq!(tags.iter().filter(|(name, _)| name == label).count(), 1, "{label}");
    }
}
