use super::*;
use crate::stats::{MetricType, Value};
use crate::testing::Guest;
use crate::traffic::{self, Format};
use crate::workers::GatewayConfig;

mod shown;

const MS: u64 = 1_000_000;

fn record(at_ms: u64, duration_ms: u64, path: &str) -> Record {
    Record {
        time_ns: at_ms * MS,
        method: Some(b"GET".to_vec()),
        path: Some(path.as_bytes().to_vec()),
        status: Some(200),
        duration_ns: Some(duration_ms * MS),
        ..Record::default()
    }
}

fn ok(records: &[Record]) -> Vec<Result<Record, BadRecord>> {
    records.iter().cloned().map(Ok).collect()
}

/// Logs every callback with the path or "tick"; the clock is read by whoever looks at the log lines.
fn telling() -> Guest {
    let path = |callback: &str| {
        [
            format!("log 2 '{callback}'"),
            "get_header_map_value 0 ':path' OUT LEN".to_owned(),
            "show".to_owned(),
        ]
    };
    let on = |guest: Guest, callback: &str, short: &str| {
        let calls = path(short);
        guest.on(callback, &calls.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let guest = on(Guest::default(), "proxy_on_request_headers", "open");
    on(guest, "proxy_on_log", "end")
        .on("proxy_on_tick", &["log 2 'tick'"])
        .on("proxy_on_configure", &["set_tick_period_milliseconds 10"])
}

/// (milliseconds, what): opens and ends with their path, ticks of the worker.
fn told(gateway: &Gateway) -> Vec<(u64, String)> {
    let lines = gateway.log().of(crate::log::VmRole::Worker(0));
    let mut lines = lines.iter().map(|line| (line.time_ns / MS, line.text.clone()));
    let mut told = Vec::new();
    while let Some((at, text)) = lines.next() {
        match text.as_str() {
            "open" | "end" => told.push((at, format!("{text} {}", lines.next().unwrap().1))),
            "tick" => told.push((at, text)),
            _ => {}
        }
    }
    told
}

fn run(records: &[Record]) -> (Vec<(u64, String)>, Summary) {
    let mut gateway = telling().start(GatewayConfig::default()).unwrap();
    let summary = replay(&mut gateway, ok(records), Options::default()).unwrap();
    (told(&gateway), summary)
}

#[test]
fn streams_overlap_as_they_did_and_ticks_fire_in_between() {
    let (told, summary) = run(&[record(1, 22, "/a"), record(5, 3, "/b"), record(10, 0, "/c")]);
    let want = [
        (1, "open /a"),
        (5, "open /b"),
        (8, "end /b"),
        (10, "tick"),
        (10, "open /c"),
        (10, "end /c"),
        (20, "tick"),
        (23, "end /a"),
        (30, "tick"),
    ];
    assert_eq!(told, want.map(|(at, what)| (at, what.to_owned())));
    assert_eq!((summary.exchanges, summary.out_of_order, summary.most_open), (3, 0, 2));
}

#[test]
fn at_one_instant_streams_end_then_timers_fire_then_streams_open() {
    let (told, _) = run(&[record(5, 5, "/a"), record(10, 10, "/b")]);
    let want = [
        (5, "open /a"),
        (10, "end /a"),
        (10, "tick"),
        (10, "open /b"),
        (20, "end /b"),
        (20, "tick"),
        (30, "tick"),
    ];
    assert_eq!(told, want.map(|(at, what)| (at, what.to_owned())));
}

#[test]
fn a_record_out_of_order_opens_now_and_time_never_goes_back() {
    let (told, summary) = run(&[record(8, 0, "/a"), record(3, 1, "/late"), record(9, 0, "/b")]);
    let want = [
        (8, "open /a"),
        (8, "end /a"),
        (8, "open /late"),
        (9, "end /late"),
        (9, "open /b"),
        (9, "end /b"),
        (10, "tick"),
    ];
    assert_eq!(told[..7], want.map(|(at, what)| (at, what.to_owned())));
    assert_eq!((summary.exchanges, summary.out_of_order), (3, 1));
}

#[test]
fn one_line_from_1970_costs_one_jump() {
    let (told, summary) = run(&[record(1, 0, "/old"), record(50 * 365 * 86_400_000, 0, "/new")]);
    assert_eq!((summary.jumps, summary.exchanges), (1, 2));
    assert!(told.len() < 20, "{told:?}");
}

#[test]
fn lines_that_are_months_apart_and_exchanges_that_take_years_cost_a_bounded_number_of_ticks() {
    const MONTHS: u64 = 100 * 86_400_000;
    let guest = Guest::default()
        .on("proxy_on_configure", &["define_metric 0 'ticks' OUT", "set_tick_period_milliseconds 10000"])
        .on("proxy_on_tick", &["increment_metric 4 1:i64"]);
    let apart: Vec<Record> = (0..100).map(|at| record(at * MONTHS, 0, "/")).collect();
    let endless = record(0, 90 * 365 * 86_400_000, "/");
    for records in [apart, vec![endless]] {
        let max_idle_ticks = GatewayConfig::default().max_idle_ticks / 20;
        let mut gateway = guest.start(GatewayConfig { max_idle_ticks, ..GatewayConfig::default() }).unwrap();
        let summary = replay(&mut gateway, ok(&records), Options::default()).unwrap();
        let ticks = gateway.stats().value(MetricType::Counter, "ticks").unwrap();
        // Two VMs, at 100 gaps ten periods.
        assert!(ticks <= max_idle_ticks + 100 * 20 + 4, "{ticks}");
        assert!(summary.jumps > 0);
    }
}

#[test]
fn bad_records_end_the_replay_or_are_counted() {
    let content = b"{\"time\":\"2026-01-01T00:00:00Z\",\"path\":\"/\",\"status\":200}\nbroken\n{\"time\":\"2026-01-01T00:00:00Z\",\"path\":\"/\",\"status\":200}\n";
    let run = |options| {
        let mut gateway = telling().start(GatewayConfig::default()).unwrap();
        replay(&mut gateway, traffic::read("f", &content[..], Format::Auto), options)
    };
    let error = run(Options::default()).unwrap_err();
    assert!(matches!(&error, ReplayError::Bad(bad) if bad.line == 2), "{error}");
    let summary = run(Options { skip_bad: true }).unwrap();
    assert_eq!((summary.exchanges, summary.skipped, summary.first_bad[0].line), (2, 1, 2));
}

#[test]
fn records_without_a_duration_are_counted() {
    let untimed = Record { duration_ns: None, ..record(2, 0, "/b") };
    let (_, summary) = run(&[record(1, 0, "/a"), untimed.clone(), untimed]);
    assert_eq!((summary.exchanges, summary.untimed), (3, 2));
}

#[test]
fn a_trap_ends_the_replay_with_a_typed_error() {
    let mut gateway = Guest::default().on("proxy_on_log", &["trap"]).start(GatewayConfig::default()).unwrap();
    let error = replay(&mut gateway, ok(&[record(1, 0, "/a")]), Options::default()).unwrap_err();
    assert!(matches!(error, ReplayError::Host(HostError::Trap { callback: "proxy_on_log", .. })));
}

#[test]
fn stats_are_shown_once_after_each_instant_of_ticks_and_hold_what_happened_before_it() {
    let guest = Guest::default()
        .on(
            "proxy_on_configure",
            &["set_tick_period_milliseconds 10", "define_metric 0 'ends' OUT", "define_metric 1 'ticks' OUT"],
        )
        .on("proxy_on_log", &["increment_metric 4 1:i64"])
        .on("proxy_on_tick", &["increment_metric 5 1:i64"]);
    let mut gateway = guest.start(GatewayConfig { workers: 2, ..GatewayConfig::default() }).unwrap();
    let mut seen = Vec::new();
    let records = ok(&[record(1, 9, "/a"), record(10, 2, "/b"), record(35, 0, "/c")]);
    replay_sampled(
        &mut gateway,
        records,
        Options::default(),
        |_| {},
        |now, stats| {
            let value = |kind, name| stats.value(kind, name).unwrap();
            seen.push((now / MS, value(MetricType::Counter, "ends"), value(MetricType::Gauge, "ticks")));
        },
    )
    .unwrap();
    // The main thread's VM and two workers tick; one more period passes at the end.
    assert_eq!(seen, [(10, 1, 3), (20, 2, 6), (30, 2, 9), (40, 3, 12)]);
    assert_eq!(gateway.stats().value(MetricType::Counter, "ticks"), None, "another type is another stat");
}

/// Scrapes at 0, 3, 6, … ms: as many of a call as it covers.
#[derive(Default)]
struct Scrapes {
    next: u64,
    taken: Vec<(u64, u64, u64)>,
    calls: u32,
}

impl Watch for Scrapes {
    fn until(&mut self, time_ns: u64, stats: &StatStore) {
        self.calls += 1;
        while self.next * MS < time_ns {
            let value = |name| stats.value(MetricType::Counter, name).unwrap();
            self.taken.push((self.next, value("begins"), value("ends")));
            self.next += 3;
        }
    }
}

#[test]
fn a_scrape_at_any_time_finds_what_ended_by_then_also_between_ticks_and_in_gaps_that_are_jumped() {
    let guest = Guest::default()
        .on(
            "proxy_on_configure",
            &[
                "set_tick_period_milliseconds 10",
                "define_metric 0 'ends' OUT",
                "define_metric 0 'begins' OUT",
            ],
        )
        .on("proxy_on_request_headers", &["increment_metric 8 1:i64"])
        .on("proxy_on_log", &["increment_metric 4 1:i64"]);
    let config = GatewayConfig { max_idle_ticks: 10, ..GatewayConfig::default() };
    let mut gateway = guest.start(config).unwrap();
    let mut seen = Scrapes::default();
    let records =
        ok(&[record(1, 2, "/a"), record(3, 11, "/b"), record(15, 0, "/c"), record(90_000, 3, "/d")]);
    let summary = replay_watched(&mut gateway, records, Options::default(), &mut seen).unwrap();
    let Scrapes { next, taken: scrapes, calls } = seen;
    assert_eq!(summary.jumps, 1);
    assert!(calls < 100, "a gap that is jumped is one call: {calls}");
    // /a ends at 3, when /b begins; /c begins and ends at 15.
    let first = [(0, 0, 0), (3, 1, 1), (6, 2, 1), (9, 2, 1), (12, 2, 1), (15, 2, 2), (18, 3, 3)];
    assert_eq!(scrapes[..7], first);
    assert_eq!(scrapes[30_000..30_003], [(90_000, 3, 3), (90_003, 4, 4), (90_006, 4, 4)]);
    assert!(scrapes[7..30_000].iter().all(|(_, begins, ends)| (*begins, *ends) == (3, 3)));
    assert_eq!(next, 90_003 + 10 + 2, "one more period passes at the end");
}

#[test]
fn what_happens_is_told_in_its_order() {
    let mut gateway = telling().start(GatewayConfig::default()).unwrap();
    let mut seen = Vec::new();
    replay_observed(
        &mut gateway,
        ok(&[record(1, 22, "/a"), record(5, 3, "/b")]),
        Options::default(),
        |event| {
            seen.push((
                event.stream,
                event.what,
                String::from_utf8(event.record.path.clone().unwrap()).unwrap(),
            ));
        },
    )
    .unwrap();
    let want = [
        (1, What::Opened, "/a"),
        (2, What::Opened, "/b"),
        (2, What::Finished, "/b"),
        (1, What::Finished, "/a"),
    ];
    assert_eq!(seen, want.map(|(stream, what, path)| (stream, what, path.to_owned())));
}

#[test]
fn in_flight_is_real_with_several_workers() {
    let guest = Guest::default()
        .on("proxy_on_configure", &["define_metric 1 'open' OUT", "define_metric 2 'open_at_end' OUT"])
        .on("proxy_on_request_headers", &["increment_metric 5 1:i64"])
        .with(
            r#"(func (export "proxy_on_log") (param i32)
                (drop (call $proxy_get_metric (i32.const 5) (i32.const 0)))
                (drop (call $proxy_record_metric (i32.const 6) (i64.load (i32.const 0))))
                (drop (call $proxy_increment_metric (i32.const 5) (i64.const -1))))"#,
        );
    let mut gateway = guest.start(GatewayConfig { workers: 2, ..GatewayConfig::default() }).unwrap();
    let records: Vec<_> = (0..10).map(|at| record(at, 100, "/")).collect();
    let summary = replay(&mut gateway, ok(&records), Options::default()).unwrap();
    assert_eq!(summary.most_open, 10);
    let snapshot = gateway.stats().snapshot();
    assert_eq!(snapshot[0].value, Value::Gauge(0));
    let Value::Histogram { bounds, cumulative, count, .. } = &snapshot[1].value else { panic!() };
    let five = bounds.iter().position(|bound| *bound == 5.0).unwrap();
    assert_eq!((cumulative[five], *count), (5, 10));
}

#[test]
fn under_fail_reload_a_replay_goes_on_after_a_trap_and_says_so() {
    let guest = Guest::default().on("proxy_on_response_headers", &["trap"]);
    let config = GatewayConfig { failure_policy: FailurePolicy::FailReload, ..GatewayConfig::default() };
    let mut gateway = guest.start(config).unwrap();
    let times = [2000, 2001, 2002, 4000, 4001];
    let records = times.map(|ms| Ok(record(ms, 0, "/")));
    let summary = replay(&mut gateway, records, Options::default()).unwrap();
    assert_eq!((summary.exchanges, summary.crashes, summary.refused), (5, 3, 2));
    assert!(summary.first_crash.unwrap().contains("proxy_on_response_headers"));
    let mut gateway = guest.start(GatewayConfig::default()).unwrap();
    assert!(replay(&mut gateway, times.map(|ms| Ok(record(ms, 0, "/"))), Options::default()).is_err());
}

/// What an onlooker is told: `b` before an event, `t` after timers, `e` the event; with the time and the counter `n`.
#[derive(Default)]
struct Told(Vec<(char, u64, Option<u64>)>);

impl Watch for Told {
    fn event(&mut self, event: Event<'_>) {
        self.0.push(('e', event.stream, None));
    }

    fn ticked(&mut self, now_ns: u64, stats: &StatStore) {
        self.0.push(('t', now_ns / MS, stats.value(MetricType::Counter, "n")));
    }

    fn before_event(&mut self, now_ns: u64, stats: &StatStore) {
        self.0.push(('b', now_ns / MS, stats.value(MetricType::Counter, "n")));
    }
}

#[test]
fn an_onlooker_sees_the_stats_before_each_event_and_after_each_tick() {
    let guest = Guest::default()
        .on("proxy_on_configure", &["set_tick_period_milliseconds 10", "define_metric 0 'n' OUT"])
        .on("proxy_on_log", &["increment_metric 4 1:i64"]);
    let mut gateway = guest.start(GatewayConfig::default()).unwrap();
    let mut told = Told::default();
    let records = [record(1, 4, "/a"), record(15, 5, "/b")];
    replay_watched(&mut gateway, ok(&records), Options::default(), &mut told).unwrap();
    let expected = [
        ('b', 1, Some(0)),
        ('e', 1, None),
        ('b', 5, Some(0)),
        ('e', 1, None),
        ('t', 10, Some(1)),
        ('b', 15, Some(1)),
        ('e', 2, None),
        // A stream that ends at the instant of a tick ends first.
        ('b', 20, Some(1)),
        ('e', 2, None),
        ('t', 20, Some(2)),
        ('t', 30, Some(2)),
    ];
    assert_eq!(told.0, expected);
}
