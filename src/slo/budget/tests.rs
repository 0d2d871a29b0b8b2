use super::*;
use crate::config::Duration;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const TICK: u64 = 10 * SECOND;

fn objective(percent: &str) -> Objective {
    Objective::parse(&percent.into()).unwrap()
}

/// Traffic at a rate, with the same share of errors all the time between two ticks.
struct Service {
    windows: Windows,
    objective: Objective,
    now: u64,
    total: Tally,
    per_second: u64,
}

impl Service {
    fn new(percent: &str) -> Self {
        let mut windows = Windows::new(Duration::from_days(30));
        windows.observe(0, Tally::default());
        Self { windows, objective: objective(percent), now: 0, total: Tally::default(), per_second: 1000 }
    }

    /// One tick of 10 s with errors in so many percent.
    fn tick(&mut self, error_percent: u64) {
        self.now += TICK;
        let events = 10 * self.per_second;
        self.total.events += events;
        self.total.bad += events * error_percent / 100;
        self.windows.observe(self.now, self.total);
    }

    fn run(&mut self, for_ns: u64, error_percent: u64) {
        for _ in 0..for_ns / TICK {
            self.tick(error_percent);
        }
    }

    fn report(&self) -> Report {
        Report::new(&self.windows, self.objective)
    }

    fn over(&self, window: Window, factor: BurnMilli) -> bool {
        self.report().window(window).burn > factor
    }

    /// Ticks until something holds; how long that took, in seconds, or `None` after a while.
    fn until(&mut self, error_percent: u64, within: u64, holds: impl Fn(&Self) -> bool) -> Option<u64> {
        let begin = self.now;
        while !holds(self) {
            if self.now - begin > within {
                return None;
            }
            self.tick(error_percent);
        }
        Some((self.now - begin) / SECOND)
    }
}

const FAST: BurnPair = BurnPair::ALL[0];
const SLOW: BurnPair = BurnPair::ALL[1];
const TICKET: BurnPair = BurnPair::ALL[2];
const TREND: BurnPair = BurnPair::ALL[3];

/// Slots of a window, in seconds.
fn slot(window: Window) -> f64 {
    match window {
        Window::Minutes5 | Window::Minutes30 | Window::Hour1 => 10.0,
        Window::Hours2 | Window::Hours6 => 60.0,
        Window::Day1 | Window::Days3 => 900.0,
        Window::Period => 3600.0,
    }
}

/// Minutes that a pair takes to fire, by share of errors, and to clear, by its short window and by its long alone.
#[test]
fn pairs_fire_and_clear_when_arithmetic_says_so() {
    type Row = (&'static str, BurnPair, [Option<f64>; 4], f64, f64);
    let table: [Row; 6] = [
        ("99.9", FAST, [Some(0.864), Some(1.728), Some(8.64), Some(43.2)], 4.93, 59.1),
        ("99.9", SLOW, [Some(2.16), Some(4.32), Some(21.6), Some(108.0)], 29.8, 357.8),
        ("99.9", TICKET, [Some(4.32), Some(8.64), Some(43.2), Some(216.0)], 119.6, 1435.7),
        ("99.9", TREND, [Some(4.32), Some(8.64), Some(43.2), Some(216.0)], 359.6, 4315.7),
        ("99.5", FAST, [Some(4.32), Some(8.64), Some(43.2), None], 4.64, 55.7),
        ("99", FAST, [Some(8.64), Some(17.28), None, None], 4.28, 51.4),
    ];
    for (percent, BurnPair { long, short, factor, .. }, detect, short_clears, long_clears) in table {
        let length = |window: Window| window.length(Duration::from_days(30)).as_nanos();
        let close = |what: &str, got: Option<u64>, minutes: Option<f64>, within: f64| match (got, minutes) {
            (Some(got), Some(minutes)) => {
                // The table is rounded to 0.05 minutes at worst.
                let off = (got as f64 - minutes * 60.0).abs();
                assert!(off <= within + 10.0 + 3.0, "{percent} {long:?} {what}: {got} s for {minutes} min");
            }
            (got, minutes) => assert_eq!(got.is_some(), minutes.is_some(), "{percent} {long:?} {what}"),
        };
        let mut clean = Service::new(percent);
        clean.run(length(long), 0);
        for (errors, minutes) in [100, 50, 10, 2].into_iter().zip(detect) {
            let mut service = Service { windows: clean.windows.clone(), ..clean };
            let fires =
                service.until(errors, length(long) + HOUR, |s| s.over(long, factor) && s.over(short, factor));
            close(&format!("at {errors} %"), fires, minutes, slot(long));
        }
        clean.run(length(long), 100);
        let cleared = clean.until(0, length(long), |s| !s.over(short, factor));
        close("clears", cleared, Some(short_clears), slot(short));
        let since = cleared.unwrap();
        let cleared = clean.until(0, length(long) + HOUR, |s| !s.over(long, factor)).map(|s| s + since);
        close("long window clears", cleared, Some(long_clears), slot(long));
    }
}

/// Figure 5-6 of the SRE Workbook, with exact values instead of its prose.
#[test]
fn fifteen_percent_errors_for_ten_minutes_page_after_six_and_clear_after_five() {
    let mut service = Service::new("99.9");
    service.run(2 * HOUR, 0);
    let BurnPair { long, short, factor, .. } = FAST;
    let five_minutes = service.until(15, HOUR, |s| s.over(short, factor)).unwrap();
    assert!((28..=39).contains(&five_minutes), "0.48 min: {five_minutes} s");
    let hour = five_minutes + service.until(15, HOUR, |s| s.over(long, factor)).unwrap();
    assert!((346..=356).contains(&hour), "5.76 min: {hour} s");
    assert_eq!(service.report().status, SloStatus::Critical);
    service.run(10 * MINUTE - hour * SECOND, 15);
    let clear = service.until(0, HOUR, |s| !s.over(short, factor)).unwrap();
    assert!((271..=282).contains(&clear), "4.52 min: {clear} s");
    let clear = clear + service.until(0, 2 * HOUR, |s| !s.over(long, factor)).unwrap();
    assert!((3252..=3263).contains(&clear), "54.2 min: {clear} s");
}

#[test]
fn a_ratio_is_of_all_events_and_no_mean_of_ratios() {
    let mut service = Service::new("99.9");
    for _ in 0..4 {
        service.per_second = 1000;
        service.run(12 * HOUR, 0);
        service.per_second = 1;
        service.run(12 * HOUR, 10);
    }
    let period = service.report().window(Window::Period);
    assert_eq!(period.tally, Tally { events: 4 * 43_243_200, bad: 4 * 4320 });
    // 99.9 in a million: a burn rate of 0.0999. A mean of ratios would be 0.05, a burn rate of 50.
    assert_eq!((period.error_ratio, period.burn), (Ppm(100), BurnMilli(100)));
}

#[test]
fn forty_three_minutes_of_outage_use_up_a_month_at_three_nines() {
    let mut service = Service::new("99.9");
    service.run(15 * DAY, 0);
    service.run(43 * MINUTE, 100);
    assert_eq!(service.report().overspent, Ppm(0));
    service.run(10 * SECOND, 100);
    service.tick(20);
    // 43.2 minutes are 2592 s: 43 minutes, one tick whole and 20 % of one.
    service.run(15 * DAY - 43 * MINUTE - 2 * TICK, 0);
    let report = service.report();
    assert_eq!((report.remaining, report.overspent), (Ppm(0), Ppm(0)));
    assert_eq!((report.status, report.exhaustion_s), (SloStatus::Exhausted, Some(0)));
    // Just what was promised, and nothing left.
    assert!(report.compliant);
    assert_eq!((report.availability, report.success_rate), (Ppm(999_000), Ppm(1_000_000)));
    service.tick(1);
    let report = service.report();
    assert!(!report.compliant && report.overspent <= Ppm(100), "{report:?}");
}

#[test]
fn a_bad_start_does_not_read_as_an_exhausted_month() {
    let mut service = Service::new("99.9");
    service.run(10 * MINUTE, 1);
    let report = service.report();
    // Ten times the pace for 1/4320 of the period.
    assert_eq!((report.remaining, report.overspent), (Ppm(1_000_000 - 2315), Ppm(0)));
    assert_eq!(report.window(Window::Period).burn, BurnMilli(10_000));
    assert_eq!(report.window(Window::Period).coverage_s, 600);
    assert_eq!(report.exhaustion_s, Some(258_599));
}

#[test]
fn the_worst_that_holds_is_the_status_and_unknown_takes_the_place_of_healthy_alone() {
    type Step = (u64, u64);
    let cases: [(&str, &[Step], SloStatus); 10] = [
        ("nothing seen", &[], SloStatus::Unknown),
        ("59 clean minutes", &[(59 * MINUTE, 0)], SloStatus::Unknown),
        ("an hour", &[(HOUR, 0)], SloStatus::Healthy),
        ("an outage right after the start", &[(MINUTE, 100)], SloStatus::Critical),
        ("such an outage for 44 minutes", &[(44 * MINUTE, 100)], SloStatus::Exhausted),
        ("a slow start", &[(30 * MINUTE, 0), (10 * MINUTE, 2)], SloStatus::AtRisk),
        ("15 % for ten minutes", &[(3 * DAY, 0), (10 * MINUTE, 15)], SloStatus::Critical),
        ("five minutes after it", &[(3 * DAY, 0), (10 * MINUTE, 15), (5 * MINUTE, 0)], SloStatus::Healthy),
        ("1 % for eight hours", &[(3 * DAY, 0), (8 * HOUR, 1)], SloStatus::Critical),
        ("and seven hours later", &[(3 * DAY, 0), (36 * MINUTE, 100), (7 * HOUR, 0)], SloStatus::AtRisk),
    ];
    for (what, steps, status) in cases {
        let mut service = Service::new("99.9");
        for (for_ns, errors) in steps {
            service.run(*for_ns, *errors);
        }
        let report = service.report();
        assert_eq!(report.status, status, "{what}: {report:?}");
        assert_eq!(report.status.code(), status as u64);
    }
}

#[test]
fn a_factor_must_be_exceeded_and_not_just_met() {
    for (bad, over) in [(1440, false), (1441, true)] {
        let mut windows = Windows::new(Duration::from_days(30));
        windows.observe(0, Tally::default());
        windows.observe(6 * HOUR, Tally { events: 1_000_000_000, bad: 0 });
        windows.add(7 * HOUR, Tally { events: 100_000, bad });
        let report = Report::new(&windows, objective("99.9"));
        assert_eq!(report.window(Window::Hour1).tally, Tally { events: 100_000, bad });
        assert_eq!((report.over[0], report.status == SloStatus::Critical), (over, over), "{bad}");
    }
}

#[test]
fn silence_burns_nothing() {
    let mut service = Service::new("99.9");
    service.per_second = 0;
    service.run(2 * HOUR, 0);
    let report = service.report();
    for window in report.windows {
        assert_eq!((window.tally, window.error_ratio, window.burn), (Tally::default(), Ppm(0), BurnMilli(0)));
    }
    assert_eq!((report.remaining, report.overspent), (Ppm(1_000_000), Ppm(0)));
    assert_eq!((report.availability, report.success_rate), (Ppm(1_000_000), Ppm(1_000_000)));
    assert_eq!((report.status, report.exhaustion_s), (SloStatus::Healthy, None));
}

#[test]
fn another_objective_applies_at_once_and_keeps_the_history() {
    let mut service = Service::new("99.9");
    service.run(DAY, 1);
    assert_eq!(service.report().window(Window::Day1).burn, BurnMilli(10_000));
    service.objective = objective("99");
    assert_eq!(service.report().window(Window::Day1).burn, BurnMilli(1000));
    assert_eq!(service.report().remaining, Ppm(966_667));
}

#[test]
fn ratios_are_rounded_half_up() {
    let cases = [
        (0, 1, Some(0)),
        (1, 2, Some(1)),
        (1, 3, Some(0)),
        (2, 3, Some(1)),
        (3, 2, Some(2)),
        (5, 0, None),
        (u128::from(u64::MAX), 2, Some(1 << 63)),
        (u128::from(u64::MAX) * 3, 6, Some(1 << 63)),
        (u128::MAX, u128::MAX, Some(1)),
        (u128::MAX / 2, u128::MAX, Some(0)),
        (u128::MAX / 2 + 1, u128::MAX, Some(1)),
        (u128::MAX, 1, Some(u64::MAX)),
    ];
    for (n, by, expected) in cases {
        assert_eq!(half_up(n, by), expected, "{n} / {by}");
    }
    assert_eq!(good_ratio(Tally { events: 2_000_000, bad: 1 }), Ppm(1_000_000));
    assert_eq!(good_ratio(Tally { events: 2_000_000, bad: 2 }), Ppm(999_999));
}

#[test]
fn the_largest_numbers_neither_wrap_nor_panic() {
    let cases = [("99.9999", 1_000_000_000, 999_999_000_000), ("0.0001", 1000, 1), ("50", 2000, 1_000_000)];
    for (percent, burn, overspent) in cases {
        let mut windows = Windows::new(Duration::from_days(90));
        windows.observe(0, Tally::default());
        windows.observe(89 * DAY, Tally { events: 0, bad: 0 });
        windows.add(90 * DAY, Tally { events: u64::MAX, bad: u64::MAX });
        let report = Report::new(&windows, objective(percent));
        assert_eq!(report.window(Window::Period).error_ratio, Ppm(1_000_000));
        assert_eq!(report.window(Window::Period).burn, BurnMilli(burn));
        assert_eq!(report.overspent, Ppm(overspent), "{percent}");
        assert!(report.remaining == Ppm(0) || report.overspent == Ppm(0));
        assert_eq!(report.availability, Ppm(0));
    }
}

#[test]
fn ratios_print_as_decimals() {
    assert_eq!(Ppm(999_000).to_string(), "0.999000");
    assert_eq!(Ppm(1_000_001).to_string(), "1.000001");
    assert_eq!(format!("{:>8}", BurnMilli(14_400)), "  14.400");
}
