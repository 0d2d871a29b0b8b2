use super::*;
use crate::config::Duration;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn user(seed: u8, number: u64) -> u64 {
    hash([seed; 16], format!("user-{number}@example.com").as_bytes())
}

fn of(seed: u8, users: std::ops::Range<u64>) -> Sketch {
    let mut sketch = Sketch::default();
    for number in users {
        sketch.insert(user(seed, number));
    }
    sketch
}

#[test]
fn up_to_512_users_are_counted_exactly() {
    for seed in 0..20 {
        for count in [0, 1, 2, 10, 99, 100, 500, 512] {
            assert_eq!(of(seed, 0..count).estimate(), count, "seed {seed}");
        }
    }
}

/// With 4096 registers one standard deviation is 1.6 %: 5 % is three of them.
#[test]
fn more_users_are_counted_within_five_per_cent() {
    for seed in 0..20 {
        for count in [513, 600, 1000, 5000, 10_000, 20_000, 100_000] {
            let got = of(seed, 0..count).estimate();
            assert!(got.abs_diff(count) * 20 <= count, "{got} for {count}, seed {seed}");
        }
    }
    let got = of(20, 0..1_000_000).estimate();
    assert!(got.abs_diff(1_000_000) <= 50_000, "{got}");
}

#[test]
fn the_estimates_are_not_off_to_one_side() {
    for count in [700_u64, 3000, 12_000, 50_000] {
        let sum: u64 = (0..50).map(|seed| of(100 + seed, 0..count).estimate()).sum();
        let mean = sum / 50;
        // Of 50 runs the mean has a standard deviation of 0.23 %.
        assert!(mean.abs_diff(count) * 100 <= count, "{mean} for {count}");
    }
}

#[test]
fn inserting_tells_whether_the_sketch_changed() {
    let mut sketch = Sketch::default();
    assert!(sketch.is_empty());
    for number in 0..600 {
        let before = sketch.clone();
        assert_eq!(sketch.insert(user(1, number)), sketch != before, "{number}");
        assert!(!sketch.insert(user(1, number)) && !sketch.is_empty());
    }
}

#[test]
fn a_sketch_follows_from_the_set_of_users_alone() {
    for count in [3, 511, 512, 513, 2000] {
        let whole = of(7, 0..count);
        let mut backwards = Sketch::default();
        for number in (0..count).rev().chain(0..count) {
            backwards.insert(user(7, number));
        }
        assert_eq!(backwards, whole);
        for cut in [0, 1, count / 2, count] {
            let (mut left, right) = (of(7, 0..cut), of(7, cut / 2..count));
            let mut other_way = right.clone();
            assert_eq!(left.merge(&right), cut < count);
            assert!(!left.merge(&right) && !left.merge(&left.clone()));
            other_way.merge(&of(7, 0..cut));
            assert_eq!((&left, &other_way), (&whole, &whole), "{cut} of {count}");
        }
    }
}

#[test]
fn sketches_survive_their_bytes_which_are_never_many() {
    for count in [0, 1, 512, 513, 100_000] {
        let sketch = of(3, 0..count);
        let bytes = sketch.to_bytes();
        assert!(bytes.len() <= 2561, "{}", bytes.len());
        assert_eq!(Sketch::from_bytes(&bytes), Some(sketch));
        for cut in 1..bytes.len().min(10) {
            assert_ne!(Sketch::from_bytes(&bytes[..bytes.len() - cut]), Some(of(3, 0..count)));
        }
    }
}

#[test]
fn bytes_that_nobody_encoded_are_refused() {
    let hashes = |hashes: &[u32]| -> Vec<u8> {
        [1].into_iter().chain(hashes.iter().flat_map(|hash| hash.to_le_bytes())).collect()
    };
    assert_eq!(Sketch::from_bytes(b""), Some(Sketch::default()), "a key that was just made");
    assert!(Sketch::from_bytes(&hashes(&[1, 2, u32::MAX])).is_some());
    let rising: Vec<u32> = (0..512).collect();
    assert!(Sketch::from_bytes(&hashes(&rising)).is_some());
    let bad = [
        b"\0".to_vec(),
        b"\x03".to_vec(),
        b"\x01abc".to_vec(),
        b"\x02".to_vec(),
        b"{}".to_vec(),
        hashes(&[2, 1]),
        hashes(&[1, 1]),
        hashes(&(0..513).collect::<Vec<_>>()),
        vec![0xff; 2561],
        [&[2][..], &[0xff; 2560]].concat(),
        [&[2][..], &[0; 2559]].concat(),
        [&[2][..], &[0; 2561]].concat(),
        vec![1; 100_001],
    ];
    for bytes in bad {
        assert_eq!(Sketch::from_bytes(&bytes), None, "{:?}", &bytes[..bytes.len().min(9)]);
    }
    // Registers that no traffic makes are counted as what they are.
    assert_eq!(Sketch::from_bytes(&[&[2][..], &[0; 2560]].concat()).unwrap().estimate(), 0);
}

#[test]
fn another_key_gives_other_hashes() {
    let value = b"alice";
    assert_eq!(hash([1; 16], value), hash([1; 16], value));
    assert_ne!(hash([1; 16], value), hash([2; 16], value));
    assert_ne!(hash([1; 16], b"alice"), hash([1; 16], b"alicf"));
}

const SECOND: u64 = 1_000_000_000;

#[test]
fn users_count_for_the_window_and_are_forgotten_after_it() {
    let mut window = Window::new(Duration::from_secs(300));
    for (at, number) in [(0, 1), (59, 1), (61, 2), (130, 3), (299, 1)] {
        assert!(window.insert(at * SECOND, user(1, number)) || at == 59);
    }
    assert_eq!(window.sub_window(59 * SECOND), window.sub_window(0));
    assert_eq!(window.sub_window(60 * SECOND), SubWindow(1));
    // Until 360 the second minute counts, until 420 the third, until 540 the fifth.
    for (now, users) in [(299, 3), (359, 3), (361, 2), (421, 1), (539, 1), (541, 0)] {
        assert_eq!(window.clone().estimate(now * SECOND), users, "at {now}");
    }
    assert_eq!(window.estimate(541 * SECOND), 0);
    assert_eq!(window.sketch(SubWindow(4)), None, "forgotten");
}

#[test]
fn a_sub_window_takes_the_place_of_the_one_five_before_and_never_the_other_way() {
    let mut window = Window::new(Duration::from_secs(60));
    assert!(window.insert(0, user(1, 1)));
    assert!(window.insert(60 * SECOND, user(1, 2)));
    assert!(!window.insert(SECOND, user(1, 3)), "too late");
    assert_eq!(window.sketch(SubWindow(0)), None);
    assert_eq!(window.estimate(60 * SECOND), 1);
}

#[test]
fn windows_of_several_workers_merge_into_one() {
    let length = Duration::from_secs(300);
    let (mut one, mut two) = (Window::new(length), Window::new(length));
    for number in 0..1000 {
        let at = number % 300 * SECOND;
        one.insert(at, user(1, number % 700));
        two.insert(at, user(1, number));
    }
    let (now, count) = (299 * SECOND, two.estimate(299 * SECOND));
    for part in (0..5).map(SubWindow) {
        let theirs = Sketch::from_bytes(&two.sketch(part).unwrap().to_bytes()).unwrap();
        assert!(one.merge(part, &theirs, now) && !one.merge(part, &theirs, now));
    }
    assert_eq!(one.estimate(now), count);
    let late = of(1, 5000..5001);
    assert!(!one.merge(SubWindow(5), &late, now), "of the future");
    assert!(!one.merge(SubWindow(0), &late, 300 * SECOND), "over");
    assert_eq!(one.estimate(now), count);
}

#[test]
fn a_window_has_an_answer_at_any_time() {
    for length in [0, 1, u64::MAX] {
        let mut window = Window::new(Duration::from_nanos(length));
        for now in [u64::MAX, 0, 1, u64::MAX / 2] {
            window.insert(now, user(1, now));
            window.merge(SubWindow(now), &of(1, 0..3), now);
            assert!(window.estimate(now) <= 5);
        }
    }
}

#[cfg(not(target_family = "wasm"))]
mod properties {
    use super::*;
    use proptest::prelude::*;

    /// Sketches of few hashes and of many; hashes with the bits that matter, and equal ones among them.
    fn hashes() -> impl Strategy<Value = Vec<u64>> {
        let few = proptest::collection::vec((0..50_u64).prop_map(|n| n << 32), 0..40);
        let many = proptest::collection::vec(any::<u64>(), 400..1200);
        prop_oneof![few, many, proptest::collection::vec(any::<u64>(), 0..10)]
    }

    fn sketch<'a>(hashes: impl IntoIterator<Item = &'a u64>) -> Sketch {
        let mut sketch = Sketch::default();
        for hash in hashes {
            sketch.insert(*hash);
        }
        sketch
    }

    fn merged(left: &Sketch, right: &Sketch) -> Sketch {
        let mut merged = left.clone();
        let changed = merged.merge(right);
        assert_eq!(changed, merged != *left);
        merged
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn merging_is_commutative_associative_and_idempotent(a in hashes(), b in hashes(), c in hashes()) {
            let both = sketch(a.iter().chain(&b));
            let (a, b, c) = (sketch(&a), sketch(&b), sketch(&c));
            prop_assert_eq!(&merged(&a, &b), &both, "as if one had seen both");
            prop_assert_eq!(&merged(&b, &a), &both);
            prop_assert_eq!(merged(&a, &b).estimate(), both.estimate());
            prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
            prop_assert_eq!(&merged(&both, &a), &both);
            prop_assert_eq!(&merged(&a, &a), &a);
            prop_assert_eq!(merged(&a, &Sketch::default()), a);
        }

        #[test]
        fn sketches_survive_their_bytes(hashes in hashes()) {
            let sketch = sketch(&hashes);
            prop_assert_eq!(Sketch::from_bytes(&sketch.to_bytes()), Some(sketch));
        }

        #[test]
        fn any_bytes_are_a_sketch_that_they_encode_or_none(kind in 0_u8..4, bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
            let bytes = [&[kind], &bytes[..]].concat();
            if let Some(sketch) = Sketch::from_bytes(&bytes) {
                prop_assert_eq!(sketch.to_bytes(), bytes);
            }
        }
    }
}
