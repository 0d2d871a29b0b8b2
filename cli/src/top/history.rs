//! Readings in, one after the other; by how much each counter grew over the last seconds out.

use super::reading::{Key, Reading};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Totals of each second of the window are kept, not of each reading: readings may be four a second.
const STEP: Duration = Duration::from_millis(900);

/// What the counters were, and when.
#[derive(Debug, Clone)]
pub struct History {
    window: Duration,
    places: HashMap<Key, usize>,
    /// By place: what was read last.
    last: Vec<f64>,
    /// By place: the sum of all growth, which never falls.
    grown: Vec<f64>,
    /// Time and [`Self::grown`], the oldest first; a place that was not there yet had not grown.
    marks: VecDeque<(Duration, Vec<f64>)>,
    newest: Option<Duration>,
    uptime_s: Option<f64>,
}

/// Growth over a time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Growth<'h> {
    /// The time in seconds, above 0; none before the second reading.
    pub seconds: Option<f64>,
    /// Every counter that was ever seen, in no order.
    pub of: Vec<(&'h Key, f64)>,
}

/// What a reading shows of the process that it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// It was the one before.
    Same,
    /// Another, or one whose filter began again: it counts from 0.
    Restarted,
}

impl History {
    /// Nothing yet; growth will be over `window`, or over one interval where that is longer.
    pub fn new(window: Duration) -> Self {
        Self {
            window,
            places: HashMap::new(),
            last: Vec::new(),
            grown: Vec::new(),
            marks: VecDeque::new(),
            newest: None,
            uptime_s: None,
        }
    }

    /// Takes the next reading, made `at` this time of any clock that only goes forward.
    pub fn add(&mut self, at: Duration, reading: &Reading) -> Process {
        let younger = |(now, before): (f64, f64)| now < before;
        let restarted = reading.uptime_s.zip(self.uptime_s).is_some_and(younger) || self.all_fell(reading);
        self.uptime_s = reading.uptime_s.or(self.uptime_s);
        if restarted {
            *self = Self { uptime_s: self.uptime_s, ..Self::new(self.window) };
        }
        let first = self.newest.is_none();
        let mut now = vec![0.0; self.last.len()];
        for (key, value) in &reading.counters {
            match self.places.get(key) {
                Some(place) => now.iter_mut().skip(*place).take(1).for_each(|slot| *slot = *value),
                None => {
                    self.places.insert(key.clone(), now.len());
                    now.push(*value);
                    // What is new to the first reading was counted at some time before.
                    self.last.push(if first { *value } else { 0.0 });
                    self.grown.push(0.0);
                }
            }
        }
        for ((grown, last), now) in self.grown.iter_mut().zip(&self.last).zip(&now) {
            // One that fell began again at 0, as the series of a filter that has drained do.
            *grown += if now >= last { now - last } else { *now };
        }
        self.last = now;
        self.mark(at);
        if restarted { Process::Restarted } else { Process::Same }
    }

    /// Whether everything began again, as where Envoy had not run for longer than the new one, or does not say so.
    fn all_fell(&self, reading: &Reading) -> bool {
        let before =
            self.places.iter().map(|(key, place)| (key, self.last.get(*place).copied().unwrap_or(0.0)));
        let mut counted = before.filter(|(_, before)| *before > 0.0).peekable();
        let fell = |(key, before): (&Key, f64)| reading.counters.get(key).is_none_or(|now| *now < before);
        counted.peek().is_some() && counted.all(fell)
    }

    fn mark(&mut self, at: Duration) {
        self.newest = Some(at);
        let due = self.marks.back().is_none_or(|(last, _)| at.saturating_sub(*last) >= STEP);
        // The growth is from the first to now: what is between is the first of later.
        if due {
            self.marks.push_back((at, self.grown.clone()));
        }
        let begins_within = |mark: Option<&(Duration, Vec<f64>)>| {
            mark.is_some_and(|(time, _)| at.saturating_sub(*time) >= self.window && *time < at)
        };
        while begins_within(self.marks.get(1)) {
            self.marks.pop_front();
        }
    }

    /// By how much the counters grew over the window, or since the first reading where that is shorter.
    pub fn growth(&self) -> Growth<'_> {
        let (Some((began, then)), Some(now)) = (self.marks.front(), self.newest) else {
            return Growth::default();
        };
        let seconds = now.saturating_sub(*began).as_secs_f64();
        if seconds <= 0.0 {
            return Growth::default();
        }
        let by = |place: &usize| {
            let [now, then] = [&self.grown, then].map(|totals| totals.get(*place).copied().unwrap_or(0.0));
            now - then
        };
        let of = self.places.iter().map(|(key, place)| (key, by(place))).collect();
        Growth { seconds: Some(seconds), of }
    }
}

#[cfg(test)]
mod tests {
    use super::super::reading::Count;
    use super::*;
    use proptest::prelude::*;

    const WINDOW: Duration = Duration::from_secs(10);

    fn key(name: &str) -> Key {
        Key { service: "shop".to_owned(), count: Count::Dropped(name.to_owned()) }
    }

    fn reading(uptime_s: Option<f64>, counters: &[(&str, f64)]) -> Reading {
        let counters = counters.iter().map(|(name, value)| (key(name), *value)).collect();
        Reading { uptime_s, counters, ..Reading::default() }
    }

    fn by(history: &History, name: &str) -> f64 {
        history.growth().of.iter().find(|(key, _)| **key == self::key(name)).map(|(_, by)| *by).unwrap()
    }

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn one_reading_is_no_growth_and_two_are() {
        let mut history = History::new(WINDOW);
        assert_eq!(history.growth(), Growth::default());
        history.add(at(1.0), &reading(None, &[("a", 100.0)]));
        assert_eq!(history.growth().seconds, None);
        // `b` is new, and so has grown from 0.
        history.add(at(3.0), &reading(None, &[("a", 130.0), ("b", 5.0)]));
        assert_eq!(history.growth().seconds, Some(2.0));
        assert_eq!((by(&history, "a"), by(&history, "b")), (30.0, 5.0));
    }

    #[test]
    fn growth_is_over_the_window_and_no_longer() {
        let mut history = History::new(WINDOW);
        for second in 0..=60 {
            // 1/s at first, then 5/s.
            let total = if second <= 30 { second } else { 30 + (second - 30) * 5 };
            history.add(at(f64::from(second)), &reading(None, &[("a", f64::from(total))]));
        }
        let growth = history.growth();
        assert_eq!((growth.seconds, by(&history, "a")), (Some(10.0), 50.0));
        assert!(history.marks.len() <= 12, "{}", history.marks.len());
    }

    #[test]
    fn many_readings_a_second_keep_no_more_than_a_second_each() {
        let mut history = History::new(WINDOW);
        for quarter in 0..=400 {
            history.add(at(f64::from(quarter) / 4.0), &reading(None, &[("a", f64::from(quarter))]));
        }
        let growth = history.growth();
        let seconds = growth.seconds.unwrap();
        assert!((10.0..=11.0).contains(&seconds) && by(&history, "a") == seconds * 4.0, "{growth:?}");
        assert!(history.marks.len() <= 13, "{}", history.marks.len());
    }

    #[test]
    fn intervals_longer_than_the_window_count_one_by_one() {
        let mut history = History::new(WINDOW);
        for minute in 0..3 {
            history.add(at(f64::from(minute) * 60.0), &reading(None, &[("a", f64::from(minute * minute))]));
        }
        let growth = history.growth();
        assert_eq!((growth.seconds, by(&history, "a")), (Some(60.0), 3.0));
    }

    #[test]
    fn a_counter_that_falls_began_again() {
        let mut history = History::new(WINDOW);
        for (second, total) in [(0.0, 100.0), (1.0, 110.0), (2.0, 4.0), (3.0, 6.0)] {
            let process = history.add(at(second), &reading(None, &[("a", total), ("b", 1.0)]));
            assert_eq!(process, Process::Same);
        }
        assert_eq!(by(&history, "a"), 16.0);
    }

    #[test]
    fn a_counter_that_was_away_comes_back_at_its_whole_value() {
        let mut history = History::new(WINDOW);
        history.add(at(0.0), &reading(None, &[("a", 100.0), ("b", 1.0)]));
        history.add(at(1.0), &reading(None, &[("b", 1.0)]));
        history.add(at(2.0), &reading(None, &[("a", 7.0), ("b", 1.0)]));
        assert_eq!(by(&history, "a"), 7.0);
    }

    #[test]
    fn where_everything_falls_it_is_a_restart_too() {
        let mut history = History::new(WINDOW);
        history.add(at(0.0), &reading(Some(0.0), &[("a", 100.0), ("b", 0.0)]));
        assert_eq!(history.add(at(1.0), &reading(Some(0.0), &[])), Process::Restarted);
        assert_eq!(history.add(at(2.0), &reading(Some(1.0), &[("a", 7.0)])), Process::Same);
        assert_eq!(by(&history, "a"), 7.0);
    }

    #[test]
    fn after_a_restart_everything_is_new_even_what_is_higher_than_before() {
        let mut history = History::new(WINDOW);
        history.add(at(0.0), &reading(Some(500.0), &[("a", 100.0)]));
        assert_eq!(history.add(at(1.0), &reading(Some(501.0), &[("a", 110.0)])), Process::Same);
        assert_eq!(history.add(at(9.0), &reading(Some(3.0), &[("a", 5000.0)])), Process::Restarted);
        assert_eq!(history.growth(), Growth::default());
        assert_eq!(history.add(at(10.0), &reading(Some(4.0), &[("a", 5010.0)])), Process::Same);
        assert_eq!(by(&history, "a"), 10.0);
    }

    proptest! {
        #[test]
        fn nothing_ever_shrinks(steps in proptest::collection::vec((0.0f64..20.0, proptest::option::of(0.0f64..1e9), 0.0f64..1e12), 0..60)) {
            let mut history = History::new(WINDOW);
            let mut time = 0.0;
            for (step, uptime, total) in steps {
                time += step;
                history.add(at(time), &reading(uptime, &[("a", total)]));
                let growth = history.growth();
                prop_assert!(growth.of.iter().all(|(_, by)| *by >= 0.0));
                prop_assert!(growth.seconds.is_none_or(|seconds| seconds > 0.0));
            }
        }
    }
}
