use super::*;
use crate::config::MAX_CUSTOM_LABELS;
use crate::endpoint::EndpointId;
use crate::exchange::{CodeClass, Method, Status, TenantId};
use crate::memory_host::MemoryHost;
use crate::metric::Metric;
use crate::slo::{SloIndex, Window};
use crate::stat_name;
use serde_json::json;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

struct Numbers(Vec<String>);

impl LabelTexts for Numbers {
    fn endpoint(&self, id: EndpointId) -> &str {
        self.0.get(usize::from(id.0)).map_or(stat_name::OTHER, String::as_str)
    }
    fn tenant(&self, id: TenantId) -> &str {
        if id == TenantId::NONE { stat_name::NONE } else { stat_name::OTHER }
    }
    fn slo(&self, _: SloIndex) -> &str {
        "availability"
    }
    fn window(&self, _: SloIndex, window: Window) -> String {
        window.length(crate::config::Duration::from_days(30)).to_string()
    }
    fn listed(&self, _: CustomId, _: usize, number: u32) -> &str {
        ["red", "green"].get(number as usize).copied().unwrap_or(stat_name::OTHER)
    }
}

fn registry(extra: serde_json::Value) -> (Registry, Numbers, MemoryHost) {
    let mut document = json!({"service": "shop"});
    document.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    let config = Config::from_value(&document).unwrap();
    (Registry::new(&config), Numbers((0..1000).map(|i| format!("/{i}")).collect()), MemoryHost::default())
}

fn requests(endpoint: u16) -> Series {
    Series::Requests(Method::Get, EndpointId(endpoint), StatusLabel::Code(Status(200)))
}

#[test]
fn every_kind_of_series_has_the_contracts_stat_name() {
    let slos = json!([{"name": "availability", "objective": 99, "sli": {"availability": {}}}]);
    let (mut registry, texts, mut host) = registry(json!({"slos": slos}));
    let cases = [
        (requests(3), "http_requests_total.service=.=shop;.;method=.=GET;.;endpoint=.=/3;.;status=.=200;.;"),
        (
            Series::PerMethod(Metric::HttpRequestDuration, Method::Other, EndpointId::OTHER),
            "http_request_duration_milliseconds.service=.=shop;.;method=.=_OTHER;.;endpoint=.=_other;.;",
        ),
        (
            Series::TenantRequests(TenantId::NONE, CodeClass::Success),
            "tenant_requests_total.service=.=shop;.;tenant=.=_none;.;code_class=.=2xx;.;",
        ),
        (
            Series::PerTenant(Metric::TenantRequestBytes, TenantId::OTHER),
            "tenant_request_bytes_total.service=.=shop;.;tenant=.=_other;.;",
        ),
        (
            Series::SloWindow(Metric::SloBurnRate, 0, Window::Period),
            "slo_burn_rate_milli.service=.=shop;.;slo=.=availability;.;window=.=30d;.;",
        ),
        (Series::Overflow(Limit::Tenant), "redline_series_overflow_total.service=.=shop;.;label=.=tenant;.;"),
        (
            Series::Dropped(DropReason::Hostcall),
            "redline_dropped_total.service=.=shop;.;reason=.=hostcall;.;",
        ),
        (
            Series::BuildInfo,
            concat!("redline_build_info.service=.=shop;.;version=.=", env!("CARGO_PKG_VERSION"), ";.;"),
        ),
    ];
    for (series, name) in cases {
        let before = host.defines;
        assert!(registry.id(series, &texts, &mut host).is_some());
        assert!(registry.id(series, &texts, &mut host).is_some());
        assert_eq!(host.defines, before + 1, "{name} is defined once");
        assert!(host.names().any(|n| n == name), "{name} in {:?}", host.names().collect::<Vec<_>>());
        let MetricRef::BuiltIn(metric) = series.metric() else { panic!("{name} is of the catalogue") };
        let labels: Vec<&str> = metric.labels().iter().map(|l| l.name()).collect();
        let (_, encoded) = stat_name::decode(name).unwrap();
        assert!(encoded.iter().map(|(l, _)| *l).eq(["service"].into_iter().chain(labels)), "{name}");
    }
}

#[test]
fn past_the_limit_observations_go_to_the_overflow_row_and_none_is_lost() {
    let (mut registry, texts, mut host) =
        registry(json!({"limits": {"max_series": 100}, "tenant": {"max": 100}}));
    for endpoint in 0..150 {
        registry.count(requests(endpoint), &texts, &mut host);
    }
    registry.count(requests(0), &texts, &mut host);
    assert_eq!(
        host.value("http_requests_total.service=.=shop;.;method=.=GET;.;endpoint=.=/0;.;status=.=200;.;"),
        Some(2)
    );
    let row = "http_requests_total.service=.=shop;.;method=.=_OTHER;.;endpoint=.=_other;.;status=.=2xx;.;";
    assert_eq!(host.value(row), Some(50));
    let overflow = "redline_series_overflow_total.service=.=shop;.;label=.=max_series;.;";
    assert_eq!(host.value(overflow), Some(50));
    assert_eq!(host.names().count(), 102);
}

#[test]
fn a_gauge_past_the_limit_is_not_shown_and_nor_is_an_overflow_row_that_nobody_set() {
    let metrics = json!([{"name": "pool", "type": "gauge", "per_upstream": true, "value": {"orca": "eps"}}]);
    let (mut registry, texts, mut host) =
        registry(json!({"limits": {"max_series": 100}, "metrics": metrics, "tenant": {"max": 100}}));
    for endpoint in 0..100 {
        registry.count(requests(endpoint), &texts, &mut host);
    }
    let mut labels = [LabelId::UNUSED; MAX_CUSTOM_LABELS];
    labels[0] = LabelId::listed(0);
    registry.set(Series::Custom(CustomSeries { metric: CustomId(0), labels }), 7, &texts, &mut host);
    assert!(!host.names().any(|name| name.starts_with("pool")));
    let overflow = "redline_series_overflow_total.service=.=shop;.;label=.=max_series;.;";
    assert_eq!(host.value(overflow), Some(1));
}

#[test]
fn the_limit_holds_for_all_vms_together_and_what_one_has_another_may_count() {
    let (mut one, texts, mut host) = registry(json!({"limits": {"max_series": 100}, "tenant": {"max": 100}}));
    one.prepare(&mut host).unwrap();
    let mut others: Vec<Registry> =
        (0..7).map(|_| registry(json!({"limits": {"max_series": 100}, "tenant": {"max": 100}})).0).collect();
    for endpoint in 0..150 {
        one.count(requests(endpoint), &texts, &mut host);
        for (n, vm) in others.iter_mut().enumerate() {
            // Each in an order of its own.
            vm.count(requests((endpoint * (2 * n as u16 + 1)) % 150), &texts, &mut host);
        }
    }
    let label_sets = host.names().filter(|name| name.starts_with("http_requests_total.")).count();
    assert_eq!(label_sets, 101, "with the overflow row");
    one.refresh(&mut host);
    assert_eq!(one.label_sets(), 100);
    let counted: u64 = host
        .names()
        .filter(|name| name.starts_with("http_requests_total."))
        .filter_map(|name| host.value(name))
        .sum();
    assert_eq!(counted, 8 * 150);
    let own =
        host.value("http_requests_total.service=.=shop;.;method=.=GET;.;endpoint=.=/0;.;status=.=200;.;");
    assert!(own >= Some(8), "every VM counts under a label set that any has: {own:?}");
}

#[test]
fn a_disabled_metric_is_never_defined() {
    let (mut registry, texts, mut host) = registry(json!({"disable": ["http_requests_total"]}));
    registry.count(requests(1), &texts, &mut host);
    assert_eq!(host.names().count(), 0);
}

#[test]
fn what_the_host_refuses_is_counted_once_it_can_be() {
    let (mut registry, texts, mut host) = registry(json!({}));
    host.refuses_metrics = Some(HostStatus(10));
    registry.count(requests(1), &texts, &mut host);
    host.refuses_metrics = None;
    registry.count(requests(2), &texts, &mut host);
    registry.observe(requests(2), 1, &texts, &mut host);
    assert_eq!(host.value("redline_dropped_total.service=.=shop;.;reason=.=hostcall;.;"), Some(1));
}

#[test]
fn adding_nothing_shows_the_series_and_too_much_is_dropped() {
    let (mut registry, texts, mut host) = registry(json!({}));
    let series = Series::PerTenant(Metric::TenantRequestBytes, TenantId::NONE);
    let name = "tenant_request_bytes_total.service=.=shop;.;tenant=.=_none;.;";
    registry.add(series, 0, &texts, &mut host);
    assert_eq!(host.value(name), Some(0));
    registry.add(series, u64::MAX, &texts, &mut host);
    assert_eq!(host.value(name), Some(0));
    assert_eq!(host.value("redline_dropped_total.service=.=shop;.;reason=.=value_range;.;"), Some(1));
}
