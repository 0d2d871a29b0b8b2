use super::*;
use crate::slo::window::Window;
use crate::slo::window::tests::{DAY, HOUR, TICK, all, begun, tally};
use std::collections::BTreeMap;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

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

#[test]
fn any_header_of_the_right_length_is_survived() {
    let mut seed = 1_u64;
    for _ in 0..2000 {
        let mut header = vec![VERSION];
        for _ in 0..14 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Numbers of every size.
            push(&mut header, seed >> (seed % 64));
        }
        let restored = Windows::restore(Duration::from_days(30), |page| match page {
            Page::Header => Some(header.clone()),
            Page::Slots { .. } => Some(header.repeat(5)),
        });
        let mut windows = restored.unwrap();
        for now in [0, DAY, seed, u64::MAX] {
            windows.observe(now, tally(now, now));
            assert!(all(&windows).iter().all(|tally| tally.bad <= tally.events));
        }
    }
}
