//! Windows under any totals, at any times, out of any stored state: no failure, and sums that fit one another.
#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use redline::config::{Duration, Objective};
use redline::slo::{LastHour, Page, Pending, Report, SlicePage, Tally, Window, Windows};
use std::collections::HashMap;

#[derive(Arbitrary, Debug)]
enum Step {
    /// The clock goes on by so many quarter seconds, and both totals rise.
    Tick(u16, u16, u8),
    /// Any time and any totals.
    Odd(u64, u64, u64),
    Save,
    Restore(u8),
    /// Some page becomes something else.
    Break(u8, Vec<u8>),
    Duration(u64),
    Publish,
}

fn check(windows: &Windows) {
    for window in Window::ALL {
        let Tally { events, bad } = windows.tally(window);
        assert!(bad <= events);
        assert!(windows.coverage(window) <= window.length(windows.period()));
    }
    let events = |window| windows.tally(window).events;
    let nested = [
        (Window::Minutes5, Window::Minutes30),
        (Window::Minutes30, Window::Hour1),
        (Window::Hours2, Window::Hours6),
        (Window::Day1, Window::Days3),
    ];
    assert!(nested.iter().all(|(short, long)| events(*short) <= events(*long)));
    let objective = Objective::parse(&"99.9".into()).expect("an objective");
    let report = Report::new(windows, objective);
    assert!(report.remaining.0 == 0 || report.overspent.0 == 0);
    assert!(report.windows.iter().all(|window| window.error_ratio.0 <= 1_000_000));
}

fuzz_target!(|steps: Vec<Step>| {
    let mut windows = Windows::new(Duration::from_days(30));
    let mut store: HashMap<Page, Vec<u8>> = HashMap::new();
    let mut slices: HashMap<u64, Vec<u8>> = HashMap::new();
    let (mut pending, mut hour) = (Pending::default(), LastHour::default());
    let (mut now, mut totals) = (0_u64, Tally::default());
    for step in steps.into_iter().take(500) {
        match step {
            Step::Tick(quarters, events, bad) => {
                now = now.saturating_add(u64::from(quarters) * 250_000_000);
                totals.events = totals.events.wrapping_add(events.into());
                totals.bad = totals.bad.wrapping_add(u64::from(bad).min(events.into()));
                windows.observe(now, totals);
            }
            Step::Odd(at, events, bad) => {
                (now, totals) = (at, Tally { events, bad });
                windows.observe(now, totals);
            }
            Step::Save => {
                windows.save(|page, bytes| {
                    assert!(bytes.len() <= 512);
                    store.insert(page, bytes.to_vec());
                    true
                });
            }
            Step::Restore(days) => {
                let period = Duration::from_days(u64::from(days));
                if let Some(restored) = Windows::restore(period, |page| store.get(&page).cloned()) {
                    windows = restored;
                }
            }
            Step::Break(which, bytes) => {
                let pages = store.values_mut().chain(slices.values_mut());
                if let Some(page) = pages.take(usize::from(which) + 1).last() {
                    *page = bytes;
                }
            }
            Step::Duration(nanos) => pending.record(nanos),
            Step::Publish => {
                let page = SlicePage::at(now);
                let merged = pending.merged(page, slices.get(&page.place()).map(Vec::as_slice));
                slices.insert(page.place(), merged);
                hour.refresh(now, |page| slices.get(&page.place()).cloned());
                assert!(pending.is_empty() || hour.p99_ns().is_some());
                pending.clear();
            }
        }
        check(&windows);
    }
});
