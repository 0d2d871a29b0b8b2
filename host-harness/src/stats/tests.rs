use super::*;

fn redline_like() -> StatStore {
    let tags = ["service", "method", "endpoint", "status"]
        .iter()
        .map(|l| ((*l).to_owned(), format!(r"^wasmcustom\.(?:.*?[.;])??({l}=\.=(.*?);\.;)")))
        .collect();
    let buckets = vec![("wasmcustom.edge".to_owned(), vec![1, 5, 10]), ("wasmcustom.ed".to_owned(), vec![7])];
    StatStore::new(&StatConfig { tags, buckets }).unwrap()
}

fn count(store: &StatStore, names: &[&str]) {
    names.iter().for_each(|name| store.stat(MetricType::Counter, name.as_bytes()).add(1));
}

/// Both sides from Envoy 1.40.0.
#[test]
fn families_and_series_stand_in_envoys_order() {
    let store = redline_like();
    let names = [
        "za.b",
        "za-b",
        "za..b",
        "zc.d.",
        "zc.d",
        "zc.d..",
        ".ze",
        "9x",
        "zh.status=.=20;.;",
        "zh.status=.=200;.;",
        "zh.status=.=2000;.;",
        "zl.endpoint=.=/a-b;.;",
        "zl.endpoint=.=/a.b;.;",
        "zl.endpoint=.=/a;.;",
        "a.b.c",
        "a",
        "ab",
        "a_z",
        "zg.service=.=q\"uo\\te;.;",
        "zi.xstatus=.=20;.;",
    ];
    count(&store, &names);
    let text = store.prometheus_text();
    let series: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(
        series,
        [
            "_ze{} 1",
            "a{} 1",
            "a_b_c{} 1",
            "a_z{} 1",
            "ab{} 1",
            "za__b{} 1",
            "za_b{} 1",
            "za_b{} 1",
            "zc_d{} 3",
            r#"zg{service="q\"uo\\te"} 1"#,
            r#"zh{status="2000"} 1"#,
            r#"zh{status="200"} 1"#,
            r#"zh{status="20"} 1"#,
            "zi_xstatus___20___{} 1",
            r#"zl{endpoint="/a.b"} 1"#,
            r#"zl{endpoint="/a-b"} 1"#,
            r#"zl{endpoint="/a"} 1"#,
        ]
    );
}

#[test]
fn the_text_is_envoys_line_for_line() {
    let store = redline_like();
    store.stat(MetricType::Gauge, b"g.service=.=s;.;").record(5);
    store.stat(MetricType::Counter, b"c.method=.=GET;.;service=.=s;.;").add(3);
    store.stat(MetricType::Counter, b"c.method=.=PUT;.;service=.=s;.;");
    [1, 2, 3].iter().for_each(|v| store.stat(MetricType::Histogram, b"edge").record(*v));
    store.stat(MetricType::Histogram, b"edge.service=.=s;.;method=.=GET;.;").record(125);
    let want = r#"# TYPE c counter
c{service="s",method="GET"} 3
c{service="s",method="PUT"} 0
# TYPE g gauge
g{service="s"} 5
# TYPE edge histogram
edge_bucket{le="1"} 1
edge_bucket{le="5"} 3
edge_bucket{le="10"} 3
edge_bucket{le="+Inf"} 3
edge_sum{} 6.1455798632927773894607526017353
edge_count{} 3
edge_bucket{service="s",method="GET",le="1"} 0
edge_bucket{service="s",method="GET",le="5"} 0
edge_bucket{service="s",method="GET",le="10"} 0
edge_bucket{service="s",method="GET",le="+Inf"} 1
edge_sum{service="s",method="GET"} 124.7999999999999971578290569596
edge_count{service="s",method="GET"} 1
"#;
    assert_eq!(store.prometheus_text(), want);
}

#[test]
fn a_histogram_that_no_setting_names_has_envoys_buckets() {
    let store = redline_like();
    store.stat(MetricType::Histogram, b"other").record(300);
    let Value::Histogram { bounds, cumulative, count, .. } = &store.snapshot()[0].value else { panic!() };
    assert_eq!((bounds.as_slice(), *count), (&DEFAULT_BUCKETS[..], 1));
    assert_eq!(cumulative.iter().position(|n| *n == 1), bounds.iter().position(|b| *b == 500.0));
}

#[test]
fn the_first_bucket_setting_wins() {
    let store = redline_like();
    store.stat(MetricType::Histogram, b"edge");
    store.stat(MetricType::Histogram, b"edx");
    let bounds: Vec<_> = store
        .snapshot()
        .iter()
        .map(|s| match &s.value {
            Value::Histogram { bounds, .. } => bounds.len(),
            _ => 0,
        })
        .collect();
    assert_eq!(bounds, [3, 1]);
}

#[test]
fn a_snapshot_shows_series_as_plain_data() {
    let store = redline_like();
    count(&store, &["c.status=.=200;.;service=.=s;.;"]);
    let snapshot = store.snapshot();
    assert_eq!(snapshot[0].series(), r#"c{service="s",status="200"}"#);
    assert_eq!((snapshot[0].value.clone(), snapshot[0].value.kind()), (Value::Counter(1), "counter"));
}

#[test]
fn a_visitor_sees_names_labels_and_values_without_a_copy() {
    let store = redline_like();
    count(&store, &["c.status=.=200;.;service=.=s;.;", "c.status=.=503;.;service=.=s;.;"]);
    let mut seen = Vec::new();
    store.visit(|stat| {
        let [status, none] = ["status", "tenant"].map(|label| stat.label(label).to_vec());
        seen.push((stat.name().to_vec(), status, none, stat.value()));
    });
    seen.sort_by_key(|(_, status, _, _)| status.clone());
    let expected = [b"200", b"503"].map(|status| (b"c".to_vec(), status.to_vec(), vec![], Value::Counter(1)));
    assert_eq!(seen, expected);
}

#[test]
fn bounds_that_do_not_grow_are_refused() {
    for bounds in [vec![], vec![5, 5], vec![5, 1]] {
        let config = StatConfig { tags: vec![], buckets: vec![("p".to_owned(), bounds)] };
        assert_eq!(StatStore::new(&config).unwrap_err(), StatError::Buckets { prefix: "p".to_owned() });
    }
}
