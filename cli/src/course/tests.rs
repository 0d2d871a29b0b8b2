use super::*;
use crate::scrape::Scrape;
use host_harness::stats::StatConfig;
use host_harness::stats::StatStore;
use redline::config::Config;

const S: u64 = 1_000_000_000;

fn totals(good: u64, failed: u64) -> Totals {
    Totals { classes: [good, 0, 0, 0, failed, 0], ..Totals::default() }
}

fn with_burn(good: u64, burn: u64) -> Totals {
    let slo = SloTotals { events: good, burn_milli: [burn, 0, 0, 0], ..SloTotals::default() };
    Totals { slos: vec![slo], ..totals(good, 0) }
}

#[test]
fn however_long_it_takes_bins_are_few_round_and_complete() {
    // From a second of 1 ms steps to 60 days of 10 s steps.
    for (step, steps) in [(S / 1000, 1000), (S, 86_400), (10 * S, 518_400)] {
        let mut course = Course::new(1);
        let begin = 1_767_225_600 * S + 1;
        for n in 0..=steps {
            let now = begin + n * step;
            if course.last().is_none() || now >= course.next_edge(now - step) {
                course.note(now, totals(n, n / 10));
            }
        }
        course.end(begin + steps * step, totals(steps, steps / 10));
        for most in [300, 48] {
            let (bins, length) = course.bins(most);
            let count = bins.len() as u64;
            assert!(count <= most + 1 && count > most / 6, "{step} {steps} {most}: {count}");
            assert_eq!(bins.iter().map(Bin::requests).sum::<u64>(), steps + steps / 10);
            assert_eq!(bins.iter().map(Bin::errors).sum::<u64>(), steps / 10);
            assert!(bins.windows(2).all(|pair| pair[0].to_ns == pair[1].from_ns));
            let spans = bins.iter().map(|bin| bin.to_ns - bin.from_ns);
            assert!(spans.clone().all(|span| span >= length / 2 - step && span <= length * 3 / 2 + step));
        }
    }
}

#[test]
fn the_highest_burn_rate_survives_the_moments_that_are_forgotten() {
    let mut course = Course::new(S);
    for n in 0..5000 {
        course.note(n * S, with_burn(n, if n == 2345 { 14_500 } else { 7 }));
    }
    course.end(5000 * S, with_burn(5000, 7));
    for most in [300, 10] {
        let (bins, _) = course.bins(most);
        let over: Vec<_> = bins.iter().filter(|bin| bin.slos[0].burn_milli[0] > 7).collect();
        let [bin] = over[..] else { panic!("{over:?}") };
        assert!(bin.from_ns < 2345 * S && bin.to_ns >= 2345 * S && bin.slos[0].burn_milli[0] == 14_500);
    }
}

#[test]
fn what_fell_in_one_moment_has_no_course() {
    let mut course = Course::new(1);
    assert_eq!(course.bins(300), (vec![], 0));
    course.note(5, totals(0, 0));
    course.end(5, totals(1, 0));
    assert_eq!(course.bins(300).0, []);
}

#[test]
fn marks_after_the_end_are_forgotten() {
    let mut course = Course::new(1);
    [0, 1, 2, 30].into_iter().for_each(|n| course.note(n * S, totals(n, 0)));
    course.end(2 * S, totals(9, 0));
    let (bins, _) = course.bins(300);
    assert_eq!(bins.iter().map(|bin| (bin.to_ns / S, bin.requests())).collect::<Vec<_>>(), [(1, 1), (2, 8)]);
}

fn config() -> Config {
    let slo = r#"{"name":"a","objective":99.9,"sli":{"availability":{}}}"#;
    Config::from_json(format!(r#"{{"service":"shop","slos":[{slo}]}}"#).as_bytes()).unwrap()
}

#[test]
fn a_scrape_is_read_by_class_bucket_and_slo_of_one_service() {
    let text = r#"
http_requests_total{service="shop",method="GET",endpoint="/a",status="200"} 90
http_requests_total{service="shop",method="GET",endpoint="/a",status="101"} 1
http_requests_total{service="shop",method="GET",endpoint="/b",status="503"} 7
http_requests_total{service="shop",method="GET",endpoint="/b",status="0"} 2
http_requests_total{service="other",method="GET",endpoint="/a",status="200"} 1000
http_request_duration_milliseconds_bucket{service="shop",endpoint="/a",le="+Inf"} 91
http_request_duration_milliseconds_bucket{service="shop",endpoint="/a",le="10"} 50
http_request_duration_milliseconds_bucket{service="shop",endpoint="/b",le="10"} 9
http_requests_in_progress{service="shop",endpoint="/a"} 2
http_requests_in_progress{service="shop",endpoint="/b"} 1
slo_events_total{service="shop",slo="a"} 100
slo_bad_events_total{service="shop",slo="a"} 9
slo_error_budget_remaining_ppm{service="shop",slo="a"} 0
slo_error_budget_overspent_ppm{service="shop",slo="a"} 250000
slo_burn_rate_milli{service="shop",slo="a",window="6h"} 6001
slo_burn_rate_milli{service="shop",slo="a",window="5m"} 9
"#;
    let totals = Totals::of_scrape(&config(), &Scrape::parse(text).unwrap());
    assert_eq!(totals.classes, [90, 1, 0, 0, 7, 2]);
    assert_eq!((totals.requests(), totals.in_flight), (100, 3));
    assert_eq!(totals.durations, [(10.0, 59), (f64::INFINITY, 91)]);
    let slo = SloTotals { events: 100, bad: 9, left_ppm: Some(-250_000), burn_milli: [0, 6001, 0, 0] };
    assert_eq!(totals.slos, [slo]);
}

#[test]
fn a_recorder_of_stats_that_do_not_change_has_a_course_of_nothing() {
    let stats = StatStore::new(&StatConfig::default()).unwrap();
    let mut recorder = Recorder::new(&config());
    for at in [0, 3 * S, 10 * S, 40 * S].map(|at| at + S) {
        recorder.look(at, &stats);
        recorder.ticked(at, &stats);
    }
    let (bins, _) = recorder.finish(41 * S, &stats).bins(300);
    assert_eq!((bins.iter().map(Bin::requests).sum::<u64>(), bins.last().unwrap().to_ns), (0, 41 * S));
    assert_eq!(bins[0].slos[0].left_ppm, None);
}

#[test]
fn where_no_change_goes_unseen_a_cell_without_a_mark_is_empty() {
    let mut course = Course::complete(S);
    // One request in the second 0, one in the second 7; seen before and after.
    for (at, count) in [(S / 2, 0), (S, 1), (7 * S, 1), (8 * S, 2)] {
        course.note(at, totals(count, 0));
    }
    course.end(10 * S, totals(2, 0));
    for (most, expected) in [(300, vec![1, 0, 0, 0, 0, 0, 0, 1, 0, 0]), (6, vec![1, 0, 0, 1, 0])] {
        let (bins, _) = course.bins(most);
        assert_eq!(bins.iter().map(Bin::requests).collect::<Vec<_>>(), expected, "{most}");
    }
}
