use super::*;

fn vocabulary(text: &str, scale: u64) -> Vocabulary {
    let config = crate::document::Document::from_text("test", text).unwrap().config;
    Vocabulary::of(&config, scale).with_word("S", "service=\"x\"")
}

#[test]
fn a_template_gets_names_words_and_scaled_ranges() {
    let v = vocabulary("service: x\nmetric_prefix: edge_\nduration_unit: us", 60);
    for (template, query) in [
        (
            "sum(rate($http_requests_total{$S}[5m] offset 1h))",
            "sum(rate(edge_http_requests_total{service=\"x\"}[5s] offset 1m))",
        ),
        (
            "$http_request_duration_milliseconds_bucket[1m:90s]",
            "edge_http_request_duration_microseconds_bucket[1s:1500ms]",
        ),
        ("foo{a=~\"[45]..\"}", "foo{a=~\"[45]..\"}"),
        ("foo{a=\"/$x/[5m] offset 1h \\\"$y\"}[5m]", "foo{a=\"/$x/[5m] offset 1h \\\"$y\"}[5s]"),
    ] {
        assert_eq!(v.expand(template).as_deref(), Some(query), "{template}");
    }
    assert_eq!(v.expand("$no_such_metric"), None);
    assert_eq!(v.expand("$tenant_active_users"), None, "no user is configured");
}

#[test]
fn a_gauge_is_live_while_it_moves_or_somebody_asks() {
    let gauge = |more: &str| {
        format!("service: x\nmetrics: [{{name: g, type: gauge, value: {{orca: cpu_utilization}}{more}}}]")
    };
    let expand = |text: &str| vocabulary(text, 60).expand("max($live($g{$S,a=\"b\"}))");
    let g = "g{service=\"x\",a=\"b\"}";
    assert_eq!(
        expand(&gauge(", per_upstream: true")).unwrap(),
        format!("max(({g} and (changes({g}[1m]) > 0 or {g} unless {g} offset 1m)))")
    );
    assert_eq!(
        expand(&gauge("")).unwrap(),
        format!(
            "max(({g} and on (service) sum by (service) (increase(http_requests_total{{service=\"x\"}}[10s])) > 0))"
        )
    );
}

#[test]
fn the_names_in_a_query_are_its_metrics() {
    for (query, names) in [
        (
            "sum by (service, slo) (rate(a_total{x=\"b{c}\\\"\", y=~\"d\"}[5m])) / on (service) group_left (e) f:g > 1e3",
            vec!["a_total", "f:g"],
        ),
        ("max without(x)(up) unless a offset 5m and ignoring (w) a or vector(0) * 2.5", vec!["up", "a"]),
        ("histogram_quantile(0.99, sum by (le) (h_bucket))", vec!["h_bucket"]),
    ] {
        assert_eq!(metric_names(query), names, "{query}");
    }
}

#[test]
fn values_are_matched_as_they_are() {
    assert_eq!(one_of::<&str>("a", &[]), None);
    assert_eq!(one_of("a", &["/m/{id}"]).unwrap(), "a=\"/m/{id}\"");
    assert_eq!(one_of("a", &["/m.{id}", "b"]).unwrap(), "a=~\"/m\\\\.\\\\{id\\\\}|b\"");
}
