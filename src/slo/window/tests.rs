use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

pub(super) const SECOND: u64 = 1_000_000_000;
pub(super) const HOUR: u64 = 3600 * SECOND;
pub(super) const DAY: u64 = 24 * HOUR;
pub(super) const TICK: u64 = 10 * SECOND;

pub(super) fn tally(events: u64, bad: u64) -> Tally {
    Tally { events, bad }
}

/// Windows of 30 days that began at a time with totals of 0.
pub(super) fn begun(now: u64) -> Windows {
    let mut windows = Windows::new(Duration::from_days(30));
    windows.observe(now, Tally::default());
    windows
}

pub(super) fn all(windows: &Windows) -> [Tally; 8] {
    Window::ALL.map(|window| windows.tally(window))
}

#[test]
fn windows_are_labelled_as_the_contract_has_them() {
    let labels = Window::ALL.map(|window| window.length(Duration::from_days(28)).to_string());
    assert_eq!(labels, ["5m", "30m", "1h", "2h", "6h", "1d", "3d", "28d"]);
}

#[test]
fn an_slo_takes_about_28_kilobytes() {
    let windows = Windows::new(Duration::from_days(30));
    let slots: u64 = windows.rings.iter().map(|ring| ring.longest() + 1).sum();
    let bytes = slots * size_of::<Tally>() as u64 + size_of::<Windows>() as u64;
    assert!((27_000..29_000).contains(&bytes), "{bytes}");
}

#[test]
fn what_came_before_the_first_observation_is_not_counted() {
    let mut windows = Windows::new(Duration::from_days(30));
    assert_eq!(
        (all(&windows), windows.coverage(Window::Period)),
        ([Tally::default(); 8], Duration::from_nanos(0))
    );
    windows.observe(7 * DAY, tally(1_000_000, 900_000));
    assert_eq!(all(&windows), [Tally::default(); 8]);
    windows.observe(7 * DAY + TICK, tally(1_000_100, 900_001));
    assert_eq!(all(&windows), [tally(100, 1); 8]);
}

#[test]
fn an_event_leaves_each_window_when_it_is_older() {
    let mut windows = begun(0);
    windows.observe(TICK, tally(100, 7));
    for now in (2..9000).map(|n| n * 5 * 60 * SECOND) {
        windows.observe(now, tally(100, 7));
        for window in Window::ALL {
            let length = window.length(windows.period()).as_nanos();
            let slot = seconds(SLOT_SECONDS[window.place().0]);
            let expected = if now >= length + slot { tally(0, 0) } else { tally(100, 7) };
            assert_eq!(windows.tally(window), expected, "{window:?} at {now}");
        }
    }
}

/// What one interval looks like to the ring: when the tick came, the totals then, and what the 5m and 1h windows
/// hold. Ticks every 10 s with 10 events, 1 bad, went before, for an hour.
#[test]
fn ticks_that_come_late_bunched_or_not_at_all_give_right_values() {
    let before = 360_u64;
    type Case = (&'static str, &'static [(u64, u64, u64)], Tally, Tally);
    let cases: &[Case] = &[
        ("in time", &[(10, 10, 1)], tally(300, 30), tally(3600, 360)),
        ("a second late", &[(11, 10, 1)], tally(300, 30), tally(3600, 360)),
        ("ten times late", &[(100, 100, 10)], tally(300, 30), tally(3600, 360)),
        ("ten times late, one bad minute", &[(100, 100, 60)], tally(300, 80), tally(3600, 410)),
        ("ten minutes late", &[(600, 600, 60)], tally(300, 30), tally(3600, 360)),
        ("a day late", &[(86_400, 86_400, 8640)], tally(300, 30), tally(3600, 360)),
        (
            "three missed, then bunched",
            &[(40, 40, 4), (40, 40, 4), (40, 40, 4)],
            tally(300, 30),
            tally(3600, 360),
        ),
        ("bunched, each with news", &[(10, 3, 0), (10, 6, 1), (10, 10, 1)], tally(300, 30), tally(3600, 360)),
        ("nothing came for an hour", &[(3600, 0, 0)], tally(0, 0), tally(0, 0)),
        ("nothing came for four minutes", &[(240, 0, 0)], tally(60, 6), tally(3360, 336)),
    ];
    for (what, ticks, five, hour) in cases {
        let mut windows = begun(0);
        for n in 1..=before {
            windows.observe(n * TICK, tally(n * 10, n));
        }
        assert_eq!(
            (windows.tally(Window::Minutes5), windows.tally(Window::Hour1)),
            (tally(300, 30), tally(3600, 360))
        );
        for (second, events, bad) in *ticks {
            windows.observe(before * TICK + second * SECOND, tally(before * 10 + events, before + bad));
        }
        let got = (windows.tally(Window::Minutes5), windows.tally(Window::Hour1));
        assert_eq!(got, (*five, *hour), "{what}");
        let period = windows.tally(Window::Period);
        let last = ticks.last().unwrap();
        assert_eq!(period, tally(before * 10 + last.1, before + last.2), "{what}: nothing is lost");
    }
}

#[test]
fn a_total_that_falls_was_reset_and_its_value_is_the_rise() {
    let cases = [
        ("no reset", tally(110, 11), tally(10, 1)),
        ("both", tally(7, 2), tally(7, 2)),
        ("both, bad ones past the old value", tally(20, 15), tally(20, 15)),
        ("to nothing", tally(0, 0), tally(0, 0)),
        ("bad ones alone", tally(110, 3), tally(10, 3)),
        ("bad ones to nothing", tally(110, 0), tally(10, 0)),
    ];
    for (what, totals, expected) in cases {
        let mut windows = Windows::new(Duration::from_days(30));
        windows.observe(0, tally(100, 10));
        windows.observe(TICK, totals);
        assert_eq!(all(&windows), [expected; 8], "{what}");
    }
}

#[test]
fn a_clock_that_steps_by_an_hour_loses_no_event_and_wraps_nothing() {
    for (what, step, last_hour) in
        [("ahead", HOUR as i64, 3591), ("back", -(HOUR as i64), 3610), ("back to 0", i64::MIN, 3610)]
    {
        let mut windows = begun(10 * DAY);
        let mut total = 0;
        let mut now = 10 * DAY;
        for _ in 0..720 {
            (now, total) = (now + TICK, total + 10);
            windows.observe(now, tally(total, total / 10));
        }
        assert_eq!(windows.tally(Window::Hours2), tally(7200, 720));
        // The clock steps between two ticks, and goes on from there.
        now = now.saturating_add_signed(step);
        for n in 1..=360 {
            (now, total) = (now + TICK, total + 10);
            windows.observe(now, tally(total, total / 10));
            assert_eq!(windows.tally(Window::Period), tally(total, total / 10), "{what}");
            let covered = windows.coverage(Window::Period).as_secs();
            match step {
                1.. => assert_eq!(covered, 7200 + 3600 + n * 10, "{what}"),
                // The tick of the step had no time to see.
                _ => assert_eq!(covered, 7200 + (n - 1) * 10, "{what}"),
            }
            if n == 1 && step > 0 {
                // An hour that nobody saw, with the events of one tick in it.
                assert_eq!(windows.tally(Window::Minutes5).events, 1);
            }
        }
        // The tick of the step was spread over the hour that it made, or it came in no time at all.
        assert_eq!(windows.tally(Window::Hour1).events, last_hour, "{what}");
    }
}

#[test]
fn a_bad_event_that_is_seen_a_tick_after_its_event_is_never_alone_in_a_window() {
    let mut windows = begun(0);
    windows.observe(TICK, tally(1, 0));
    for n in 2..40 {
        windows.observe(n * TICK, tally(1, 1));
        let Tally { events, bad } = windows.tally(Window::Minutes5);
        assert_eq!(bad, u64::from(n <= 30), "{n}");
        assert!(bad <= events);
    }
}

#[test]
fn the_largest_totals_neither_wrap_nor_stay() {
    let mut windows = begun(0);
    for n in 0..20 {
        // Up by the most that there is, then a reset, at times that end where numbers do.
        let total = if n % 2 == 0 { u64::MAX } else { 1 };
        windows.observe(n * HOUR, tally(total, total));
    }
    assert_eq!(windows.tally(Window::Days3), tally(u64::MAX, u64::MAX));
    windows.observe(100 * DAY, tally(u64::MAX, u64::MAX));
    windows.observe(200 * DAY, tally(u64::MAX, u64::MAX));
    assert_eq!(all(&windows), [Tally::default(); 8]);
    windows.observe(u64::MAX, tally(5, 0));
    windows.observe(u64::MAX, tally(6, 1));
    assert!(windows.tally(Window::Minutes5).events >= 1);
}

#[test]
fn coverage_grows_with_time_up_to_the_window() {
    let mut windows = begun(5 * DAY);
    let covered = |windows: &Windows| Window::ALL.map(|window| windows.coverage(window).as_secs());
    assert_eq!(covered(&windows), [0; 8]);
    windows.observe(5 * DAY + 3 * HOUR, tally(0, 0));
    assert_eq!(covered(&windows), [300, 1800, 3600, 7200, 10_800, 10_800, 10_800, 10_800]);
    windows.observe(45 * DAY, tally(0, 0));
    assert_eq!(covered(&windows), [300, 1800, 3600, 7200, 21_600, 86_400, 259_200, 2_592_000]);
}

#[test]
fn a_measurement_is_of_the_time_before_it() {
    let mut windows = Windows::new(Duration::from_days(30));
    for minute in 0..=120 {
        windows.add(DAY + minute * 6 * TICK, tally(10, 1));
        let seen = |minutes: u64| (minute + 1).min(minutes);
        assert_eq!(windows.tally(Window::Minutes5).events, seen(5) * 10, "{minute}");
        assert_eq!(windows.tally(Window::Hour1).events, seen(60) * 10, "{minute}");
    }
    // Twice at one time, and once in the past: nothing is lost, and time does not drift.
    windows.add(DAY + 120 * 6 * TICK, tally(5, 0));
    windows.add(DAY, tally(5, 0));
    assert_eq!(windows.tally(Window::Period), tally(1220, 121));
    assert_eq!(windows.coverage(Window::Period).as_secs(), 7200);
}
