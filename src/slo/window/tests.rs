use super::*;
use std::collections::BTreeMap;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const SECOND: u64 = 1_000_000_000;
const HOUR: u64 = 3600 * SECOND;
const DAY: u64 = 24 * HOUR;
const TICK: u64 = 10 * SECOND;

fn tally(events: u64, bad: u64) -> Tally {
    Tally { events, bad }
}

/// Windows of 30 days that began at a time with totals of 0.
fn begun(now: u64) -> Windows {
    let mut windows = Windows::new(Duration::from_days(30));
    windows.observe(now, Tally::default());
    windows
}

fn all(windows: &Windows) -> [Tally; 8] {
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

/// A key-value store.
#[derive(Default, Clone)]
struct Store(BTreeMap<Page, Vec<u8>>);

impl Store {
    fn save(&mut self, windows: &mut Windows) -> usize {
        let mut writes = 0;
        assert!(windows.save(|page, bytes| {
            assert!(bytes.len() <= 512, "{page}: {}", bytes.len());
            self.0.insert(page, bytes.to_vec());
            writes += 1;
            true
        }));
        writes
    }

    fn restore(&self, days: u64) -> Option<Windows> {
        Windows::restore(Duration::from_days(days), |page| self.0.get(&page).cloned())
    }
}

/// Uneven traffic: totals after so many ticks.
fn totals(tick: u64) -> Tally {
    let busy = tick / 1000 * 700 + (tick % 1000).min(700);
    tally(busy * 13 + tick, busy * 2 + tick / 50)
}

#[test]
fn a_publisher_that_is_killed_at_any_tick_is_continued_by_another_without_loss() {
    let ticks = if cfg!(target_family = "wasm") { 9000 } else { 12 * 8640 };
    let mut store = Store::default();
    let mut whole = Windows::new(Duration::from_days(7));
    let mut taken_over = whole.clone();
    let (mut writes, mut most) = (0, 0);
    for tick in 0..ticks {
        let now = 3 * DAY + tick * TICK;
        whole.observe(now, totals(tick));
        taken_over.observe(now, totals(tick));
        assert_eq!(all(&taken_over), all(&whole), "tick {tick}");
        let wrote = store.save(&mut taken_over);
        // The first writes every page, so that what an earlier life left behind cannot come back.
        (writes, most) = (writes + wrote, if tick == 0 { 0 } else { most.max(wrote) });
        // Often enough that each ring is restored at every place of a page, and early on at every tick.
        if tick < 700 || tick % 97 == 0 {
            taken_over = store.restore(7).unwrap();
            assert_eq!(all(&taken_over), all(&whole), "restored at tick {tick}");
            assert_eq!(Window::ALL.map(|w| taken_over.coverage(w)), Window::ALL.map(|w| whole.coverage(w)));
        }
    }
    assert!(
        most <= 5 && writes as u64 <= ticks * 22 / 10,
        "{writes} writes in {ticks} ticks, at most {most}"
    );
}

#[test]
fn what_came_between_the_last_save_and_a_crash_is_counted_by_the_next() {
    for lost in [1_u64, 2, 6, 30] {
        let (mut store, mut whole) = (Store::default(), Windows::new(Duration::from_days(30)));
        for tick in 0..2000 {
            whole.observe(tick * TICK, totals(tick));
            if tick < 2000 - lost {
                store.save(&mut whole);
            }
        }
        let mut next = store.restore(30).unwrap();
        next.observe(2000 * TICK, totals(2000));
        whole.observe(2000 * TICK, totals(2000));
        let missed = totals(2000).events - totals(1999 - lost).events;
        for window in Window::ALL {
            let (a, b) = (next.tally(window), whole.tally(window));
            assert!(a.events.abs_diff(b.events) <= missed, "{window:?}: {a:?} for {b:?}");
        }
        assert_eq!(next.tally(Window::Hours6), whole.tally(Window::Hours6));
    }
}

#[test]
fn a_store_that_fails_at_any_write_is_whole_up_to_the_last_header() {
    let mut store = Store::default();
    let mut windows = begun(0);
    let mut attempt = 0_u64;
    for tick in 1..4000 {
        windows.observe(tick * TICK, totals(tick));
        let done = windows.save(|page, bytes| {
            attempt += 1;
            let refused = attempt.is_multiple_of(3) || attempt.is_multiple_of(7);
            if !refused {
                store.0.insert(page, bytes.to_vec());
            }
            !refused
        });
        let mut restored = store.restore(30).unwrap_or_else(|| begun(0));
        if done {
            assert_eq!(all(&restored), all(&windows), "tick {tick}");
        }
        restored.observe(tick * TICK, totals(tick));
        assert_eq!(restored.tally(Window::Period), windows.tally(Window::Period), "tick {tick}");
    }
}

#[test]
fn a_new_period_keeps_what_both_have() {
    let mut store = Store::default();
    let mut windows = Windows::new(Duration::from_days(14));
    for hour in 0..=40 * 24 {
        windows.observe(hour * HOUR, tally(hour * 10, hour));
        store.save(&mut windows);
    }
    for (days, kept) in [(7, 7), (14, 14), (30, 14)] {
        let mut changed = store.restore(days).unwrap();
        let hours = kept * 24;
        assert_eq!(changed.tally(Window::Period), tally(hours * 10, hours), "{days} days");
        assert_eq!(changed.tally(Window::Days3), windows.tally(Window::Days3));
        assert_eq!(changed.coverage(Window::Period), Duration::from_days(kept));
        // And it can be saved and restored as what it is now.
        let mut store = store.clone();
        store.save(&mut changed);
        let again = store.restore(days).unwrap();
        assert_eq!(all(&again), all(&changed));
        changed.observe(41 * DAY, tally(984 * 10, 984));
        store.save(&mut changed);
        assert_eq!(all(&store.restore(days).unwrap()), all(&changed));
    }
}

#[test]
fn garbage_in_the_store_is_no_state_or_time_without_events() {
    let mut store = Store::default();
    let mut windows = begun(0);
    for tick in 1..1000 {
        windows.observe(tick * TICK, totals(tick));
        store.save(&mut windows);
    }
    let header = store.0[&Page::Header].clone();
    for length in 0..header.len() {
        let mut cut = store.clone();
        cut.0.insert(Page::Header, header[..length].to_vec());
        assert_eq!(cut.restore(30), None, "{length}");
    }
    assert_eq!(Store::default().restore(30), None);
    for at in 0..header.len() {
        let mut odd = store.clone();
        odd.0.get_mut(&Page::Header).unwrap()[at] ^= 0xff;
        if let Some(mut windows) = odd.restore(30) {
            windows.observe(1000 * TICK, totals(1000));
            windows.observe(u64::MAX, totals(1001));
            odd.save(&mut windows);
        }
    }
    let pages: Vec<Page> = store.0.keys().copied().filter(|page| *page != Page::Header).collect();
    for page in &pages {
        for odd in
            [None, Some(vec![]), Some(vec![1]), Some(vec![2; 489]), Some(vec![0xff; 489]), Some(vec![1; 300])]
        {
            let mut broken = store.clone();
            broken.0.remove(page);
            broken.0.extend(odd.map(|bytes| (*page, bytes)));
            let restored = broken.restore(30).unwrap();
            for window in Window::ALL {
                assert!(restored.tally(window).events <= windows.tally(window).events, "{page}");
            }
        }
    }
    assert!(pages.len() > 20, "{}", pages.len());
}

#[test]
fn what_an_earlier_life_left_in_the_store_does_not_come_back() {
    let mut store = Store::default();
    let mut earlier = begun(0);
    for tick in 1..1000 {
        earlier.observe(tick * TICK, totals(tick));
        store.save(&mut earlier);
    }
    let mut fresh = begun(1000 * TICK);
    store.save(&mut fresh);
    assert_eq!(all(&store.restore(30).unwrap()), [Tally::default(); 8]);
}

#[test]
fn pages_have_short_names_of_their_own() {
    assert_eq!(Page::Header.to_string(), "w");
    assert_eq!(Page::Slots { ring: 3, page: 25 }.to_string(), "w3.25");
}
