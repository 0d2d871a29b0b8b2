use super::*;

fn read(text: &str) -> Reading {
    Reading::of(&Scrape::parse(text).unwrap(), None)
}

fn route(method: &str, endpoint: &str) -> Route {
    Route { endpoint: endpoint.to_owned(), method: method.to_owned() }
}

fn key(service: &str, count: Count) -> Key {
    Key { service: service.to_owned(), count }
}

#[test]
fn counters_gauges_and_buckets_are_told_by_their_names() {
    let reading = read(
        "envoy_server_uptime{} 77\n\
         redline_build_info{service=\"shop\",version=\"1.2.3\"} 1\n\
         http_requests_total{service=\"shop\",method=\"GET\",endpoint=\"/a\",status=\"200\"} 5\n\
         http_request_duration_milliseconds_bucket{service=\"shop\",method=\"GET\",endpoint=\"/a\",le=\"+Inf\"} 4\n\
         http_request_duration_milliseconds_sum{service=\"shop\",method=\"GET\",endpoint=\"/a\"} 99\n\
         http_requests_in_progress{service=\"shop\",method=\"GET\",endpoint=\"/a\"} 2\n\
         redline_label_values{service=\"shop\",label=\"tenant\"} 3\n\
         redline_label_values_max{service=\"shop\",label=\"tenant\"} 100\n\
         slo_burn_rate_milli{service=\"shop\",slo=\"a\",window=\"5m\"} 14400\n\
         models_total{service=\"shop\"} 9\n\
         envoy_cluster_upstream_rq{envoy_cluster_name=\"x\"} 9\n",
    );
    assert_eq!(reading.uptime_s, Some(77.0));
    let shop = &reading.services["shop"];
    assert!(shop.versions.contains("1.2.3"));
    assert_eq!(shop.in_flight[&route("GET", "/a")], 2.0);
    assert_eq!(shop.values["tenant"], [3.0, 100.0]);
    assert_eq!(shop.slos["a"].windows["5m"].burn_milli, Some(14_400.0));
    let bound = Bound::new(f64::INFINITY, DurationUnit::Milliseconds);
    let expected = [
        (key("shop", Count::Requests(route("GET", "/a"), "200".to_owned())), 5.0),
        (key("shop", Count::Durations(route("GET", "/a"), bound)), 4.0),
    ];
    assert_eq!(reading.counters, HashMap::from(expected));
}

#[test]
fn prefixes_and_units_need_no_configuration() {
    let reading = read(
        "acme_redline_build_info{service=\"shop\",version=\"1\"} 1\n\
         acme_http_request_duration_microseconds_bucket{service=\"shop\",method=\"GET\",endpoint=\"/a\",le=\"2500\"} 4\n\
         acme_tenant_request_bytes_total{service=\"shop\",tenant=\"t\"} 7\n\
         http_requests_total{service=\"shop\",method=\"GET\",endpoint=\"/a\",status=\"200\"} 5\n\
         tenant_request_bytes_total{service=\"plain\",tenant=\"t\"} 1\n\
         http_requests_total{service=\"plain\",method=\"GET\",endpoint=\"/a\",status=\"200\"} 6\n",
    );
    let bound = Bound::new(2500.0, DurationUnit::Microseconds);
    assert_eq!(bound.ms(), 2.5);
    let expected = [
        (key("shop", Count::Durations(route("GET", "/a"), bound)), 4.0),
        (key("shop", Count::TenantBytesIn("t".to_owned())), 7.0),
        (key("plain", Count::TenantBytesIn("t".to_owned())), 1.0),
        (key("plain", Count::Requests(route("GET", "/a"), "200".to_owned())), 6.0),
    ];
    assert_eq!(reading.counters, HashMap::from(expected));
}

#[test]
fn of_two_prefixes_the_one_that_published_last_counts() {
    let text = "old_redline_last_publish_timestamp_seconds{service=\"shop\"} 10\n\
                new_redline_last_publish_timestamp_seconds{service=\"shop\"} 20\n\
                new_redline_series{service=\"shop\"} 2\nold_redline_series{service=\"shop\"} 1\n";
    assert_eq!(read(text).services["shop"].series, Some(2.0));
}

#[test]
fn one_service_can_be_asked_for() {
    let text = "redline_series{service=\"a\"} 1\nredline_series{service=\"b\"} 2\n";
    let reading = Reading::of(&Scrape::parse(text).unwrap(), Some("b"));
    assert_eq!(reading.services.keys().collect::<Vec<_>>(), ["b"]);
}

#[test]
fn odd_values_are_left_out_and_odd_labels_are_made_harmless() {
    let reading = read(
        "redline_series{service=\"a\u{1b}[2J\"} 1\n\
         redline_dropped_total{service=\"a\u{1b}[2J\",reason=\"x\\ny\"} NaN\n\
         redline_dropped_total{service=\"a\u{1b}[2J\",reason=\"x\\ny\"} 3\n\
         redline_dropped_total{service=\"a\u{1b}[2J\",reason=\"z\"} -3\n",
    );
    let expected = [(key("a\u{fffd}[2J", Count::Dropped("x\u{fffd}y".to_owned())), 3.0)];
    assert_eq!(reading.counters, HashMap::from(expected));
}
