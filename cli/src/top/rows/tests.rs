use super::super::history::History;
use super::*;
use crate::scrape::Scrape;
use std::time::Duration;

fn rows(texts: &[&str]) -> Rows {
    let mut history = History::new(Duration::from_secs(10));
    let mut last = Reading::default();
    for (second, text) in (0..).zip(texts) {
        last = Reading::of(&Scrape::parse(text).unwrap(), None);
        history.add(Duration::from_secs(second), &last);
    }
    Rows::of(&last, &history.growth())
}

#[test]
fn shares_and_percentiles_are_of_the_growth_and_totals_since_the_start() {
    let scrape = |ok: u32, refused: u32, failed: u32, unanswered: u32, fast: u32, all: u32| {
        let route = "service=\"shop\",method=\"GET\",endpoint=\"/a\"";
        let mut text = String::new();
        for (status, n) in [("200", ok), ("404", refused), ("503", failed), ("0", unanswered)] {
            text += &format!("http_requests_total{{{route},status=\"{status}\"}} {n}\n");
        }
        for (bound, n) in [("5", 0), ("10", fast), ("25", all), ("+Inf", all)] {
            text += &format!("http_request_duration_milliseconds_bucket{{{route},le=\"{bound}\"}} {n}\n");
        }
        text + &format!("http_requests_in_progress{{{route}}} 3\n")
    };
    let rows = rows(&[&scrape(1000, 10, 500, 5, 7, 1515), &scrape(1080, 15, 509, 6, 57, 1615)]);
    let [row] = &rows.endpoints[..] else { panic!() };
    let Traffic { requests, errors, refused, .. } = row.traffic;
    assert_eq!((requests, errors, refused, row.total, row.in_flight), (95.0, 10.0, 5.0, 1610.0, 3.0));
    // Half of the hundred were between 5 and 10 ms.
    assert_eq!(row.traffic.duration(0.5), Quantile::At(10.0));
    assert_eq!(row.traffic.duration(0.25), Quantile::At(7.5));
    assert_eq!((rows.seconds, &rows.all, rows.in_flight), (Some(1.0), &row.traffic, 3.0));
}

#[test]
fn tenants_and_slos_and_limits_are_read() {
    let text = "tenant_requests_total{service=\"shop\",tenant=\"acme\",code_class=\"4xx\"} 4\n\
                tenant_rate_limited_total{service=\"shop\",tenant=\"acme\"} 3\n\
                tenant_active_users{service=\"shop\",tenant=\"acme\"} 2\n\
                slo_error_budget_remaining_ppm{service=\"shop\",slo=\"a\"} 0\n\
                slo_error_budget_overspent_ppm{service=\"shop\",slo=\"a\"} 250000\n\
                slo_window_events{service=\"shop\",slo=\"a\",window=\"6h\"} 1\n\
                slo_window_events{service=\"shop\",slo=\"a\",window=\"28d\"} 9\n\
                redline_series{service=\"shop\"} 1\n\
                redline_dropped_total{service=\"shop\",reason=\"hostcall\"} 6\n";
    let rows = rows(&["redline_series{service=\"shop\"} 1\n", text]);
    let [tenant] = &rows.tenants[..] else { panic!() };
    assert_eq!((tenant.traffic.requests, tenant.traffic.refused), (4.0, 4.0));
    assert_eq!((tenant.limited, tenant.users, tenant.total), (3.0, Some(2.0), 4.0));
    let [slo] = &rows.slos[..] else { panic!() };
    assert_eq!(slo.left_percent(), Some(-25.0));
    assert_eq!(slo.window(None).unwrap().events, Some(9.0));
    assert_eq!(slo.window(Some("6h")).unwrap().events, Some(1.0));
    assert_eq!(rows.services["shop"].dropped["hostcall"], 6.0);
}

#[test]
fn buckets_of_a_unit_that_is_no_longer_used_are_no_durations() {
    let scrape = |micro: u32| {
        let route = "service=\"shop\",method=\"GET\",endpoint=\"/a\"";
        format!(
            "redline_series{{service=\"shop\"}} 1\n\
             http_request_duration_milliseconds_bucket{{{route},le=\"10\"}} 50\n\
             http_request_duration_milliseconds_bucket{{{route},le=\"+Inf\"}} 90\n\
             http_request_duration_microseconds_bucket{{{route},le=\"1000\"}} {micro}\n\
             http_request_duration_microseconds_bucket{{{route},le=\"+Inf\"}} {micro}\n"
        )
    };
    let rows = rows(&[&scrape(0), &scrape(10)]);
    assert_eq!(rows.all.duration(0.5), Quantile::At(0.5));
}
