use super::*;
use std::collections::BTreeMap;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const MS: u64 = 1_000_000;
const MINUTE: u64 = 60_000_000_000;
const HOUR: u64 = 60 * MINUTE;

type Store = BTreeMap<u64, Vec<u8>>;

fn merge(store: &mut Store, pending: &mut Pending, now: u64) {
    let page = SlicePage::at(now);
    let merged = pending.merged(page, store.get(&page.place()).map(Vec::as_slice));
    assert!(merged.len() <= 777);
    store.insert(page.place(), merged);
    pending.clear();
}

fn refresh(hour: &mut LastHour, store: &Store, now: u64) -> usize {
    let mut reads = 0;
    hour.refresh(now, |page| {
        reads += 1;
        store.get(&page.place()).cloned()
    });
    reads
}

/// The 99th percentile of these durations, through a page.
fn p99(durations: &[u64]) -> Option<u64> {
    let (mut store, mut pending, mut hour) = (Store::new(), Pending::default(), LastHour::default());
    durations.iter().for_each(|duration| pending.record(*duration));
    merge(&mut store, &mut pending, HOUR);
    refresh(&mut hour, &store, HOUR);
    hour.p99_ns()
}

fn exact(durations: &[u64]) -> u64 {
    let mut sorted = durations.to_vec();
    sorted.sort_unstable();
    sorted[(sorted.len() * 99).div_ceil(100) - 1]
}

fn assert_close(durations: &[u64], what: &str) {
    let (got, exact) = (p99(durations).unwrap(), exact(durations));
    let (off, most) = (got.abs_diff(exact) as f64, exact as f64 * 0.05);
    assert!(off <= most, "{what}: {got} for {exact}, off by {:.2} %", off / exact as f64 * 100.0);
}

/// From 1 ms to 60 s, evenly in the logarithm.
fn any_duration(n: u64) -> u64 {
    let mut z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let unit = ((z ^ (z >> 32)) % 1_000_000) as f64 / 1e6;
    (1e6 * 60_000_f64.powf(unit)) as u64
}

#[test]
fn the_percentile_is_within_five_percent_from_one_millisecond_to_a_minute() {
    let mut seed = 0;
    for count in [1, 2, 3, 10, 50, 99, 100, 101, 1000, 20_000] {
        for round in 0..(2000 / count).max(3) {
            let durations: Vec<u64> = (0..count)
                .map(|_| {
                    seed += 1;
                    any_duration(seed)
                })
                .collect();
            assert_close(&durations, &format!("{count} random ones, round {round}"));
        }
    }
    for bound in BOUNDS.iter().filter(|bound| **bound <= 60_000 * MS) {
        for duration in [bound.saturating_sub(1).max(MS), *bound, bound + 1] {
            assert_close(&[duration; 7], "all the same");
        }
    }
    let skewed: Vec<u64> = (0..1000).map(|n| if n % 100 == 0 { 30_000 * MS } else { 3 * MS + n }).collect();
    assert_close(&skewed, "one in a hundred is slow");
}

#[test]
fn without_durations_there_is_no_percentile() {
    assert_eq!(p99(&[]), None);
    assert_eq!(LastHour::default().p99_ns(), None);
}

#[test]
fn what_is_outside_the_buckets_reads_as_their_ends() {
    assert_eq!(p99(&[0]), Some(MS / 2));
    assert_eq!(p99(&[MS - 1]), Some(MS / 2));
    let top = BOUNDS[BUCKETS - 2];
    assert!((290_000 * MS..292_000 * MS).contains(&top), "{top}");
    assert_eq!(p99(&[u64::MAX, 3600 * 1000 * MS]), Some(top));
}

#[test]
fn buckets_follow_one_another_by_the_ratio() {
    for pair in BOUNDS.windows(2) {
        assert!(pair[1] > pair[0] && pair[1] * 1000 <= pair[0] * 1105);
    }
    assert_eq!(bucket_of(MS), 1);
    assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
}

#[test]
fn the_durations_of_all_workers_count() {
    let (mut store, mut hour) = (Store::new(), LastHour::default());
    let mut workers = [Pending::default(), Pending::default(), Pending::default()];
    for n in 0..3000_u64 {
        // Only the last worker sees slow ones: a percent and a half of all.
        let slow = n % 3 == 2 && n % 200 < 9;
        workers[(n % 3) as usize].record(if slow { 2000 * MS } else { 20 * MS });
        if n % 100 == 99 {
            workers.iter_mut().for_each(|worker| merge(&mut store, worker, HOUR + n));
        }
    }
    refresh(&mut hour, &store, HOUR + MINUTE);
    let total: u64 = hour.all.iter().sum();
    assert_eq!(total, 3000);
    assert!(hour.p99_ns().unwrap().abs_diff(2000 * MS) <= 100 * MS);
}

#[test]
fn an_hour_later_a_duration_is_forgotten() {
    let (mut store, mut pending, mut hour) = (Store::new(), Pending::default(), LastHour::default());
    pending.record(5000 * MS);
    merge(&mut store, &mut pending, 10 * HOUR);
    for minute in 0..120 {
        pending.record(10 * MS);
        let now = 10 * HOUR + minute * MINUTE;
        merge(&mut store, &mut pending, now);
        let reads = refresh(&mut hour, &store, now);
        assert_eq!(reads, if minute % 5 == 0 { 12 } else { 2 }, "{minute}");
        assert_eq!(hour.p99_ns().unwrap() > 4000 * MS, minute < 60, "{minute}");
        let total: u64 = hour.all.iter().sum();
        assert_eq!(total, if minute < 60 { minute + 2 } else { 56 + minute % 5 }, "{minute}");
    }
    // And nothing is left where nobody has added for long.
    refresh(&mut hour, &store, 13 * HOUR);
    assert_eq!(hour.p99_ns(), None);
}

#[test]
fn a_worker_that_adds_to_the_slice_before_is_not_missed() {
    let (mut store, mut pending, mut hour) = (Store::new(), Pending::default(), LastHour::default());
    refresh(&mut hour, &store, HOUR + 5 * MINUTE);
    pending.record(7 * MS);
    merge(&mut store, &mut pending, HOUR + 5 * MINUTE - 1);
    refresh(&mut hour, &store, HOUR + 5 * MINUTE + 1);
    assert!(hour.p99_ns().is_some());
}

#[test]
fn pending_durations_stay_until_they_are_cleared() {
    let mut pending = Pending::default();
    assert!(pending.is_empty());
    pending.record(MS);
    assert!(!pending.is_empty());
    let page = SlicePage::at(0);
    assert_eq!(pending.merged(page, None), pending.merged(page, None));
    pending.clear();
    assert!(pending.is_empty());
}

#[test]
fn counts_stop_at_their_largest_and_garbage_is_read_as_far_as_it_goes() {
    let page = SlicePage::at(7 * HOUR);
    let mut pending = Pending { counts: [u32::MAX; BUCKETS], any: true };
    pending.record(MS);
    let full = pending.merged(page, None);
    assert_eq!(full.len(), 1 + 8 + BUCKETS * 6);
    assert_eq!(pending.merged(page, Some(&full)), full);
    for length in 0..full.len() {
        let cut = full.get(..length).unwrap();
        assert!(pending.merged(page, Some(cut)) == full);
        let mut hour = LastHour::default();
        hour.refresh(7 * HOUR, |_| Some(cut.to_vec()));
        let _any = hour.p99_ns();
    }
    for odd in [&[1_u8; 300][..], &[0xff; 300], &[2], &[]] {
        assert_eq!(Pending::default().merged(page, Some(odd)), Pending::default().merged(page, None));
    }
    assert_eq!(page.to_string(), "p0");
    assert_eq!(SlicePage::at(u64::MAX).to_string(), format!("p{}", u64::MAX / SLICE_NS % 12));
}

#[test]
fn varints_come_back() {
    for n in [0, 1, 127, 128, 16_383, 16_384, u32::MAX] {
        let mut bytes = Vec::new();
        push_varint(&mut bytes, n);
        assert_eq!(read_varint(&bytes), Some((n, &[][..])), "{n}");
    }
    assert_eq!(read_varint(&[0x80; 6]), None);
}
