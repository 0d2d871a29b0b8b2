//! The rings against a count over every event there was, which knows neither slots nor running sums.

use super::*;

const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAYS: u64 = 40;

/// SplitMix64: the same traffic on every run; a failure names its seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// What came at one instant, and all that came before it.
#[derive(Clone, Copy)]
struct Arrival {
    at: u64,
    before: Tally,
}

/// All that came, in order of time.
struct Traffic(Vec<Arrival>);

impl Traffic {
    /// Steady hours, silence, bursts and outages by turns. At a burst a thousand events come at once.
    fn random(random: &mut Random) -> Self {
        let mut arrivals = Vec::new();
        let mut before = Tally::default();
        let mut at = random.below(HOUR);
        while at < DAYS * 24 * HOUR {
            let until = at + 1 + random.below(12 * HOUR);
            let (pause, most, bad_percent) = match random.below(5) {
                0 => (0, 0, 0),                         // silence
                1 => (MINUTE / 4, 1000, 1),             // bursts
                2 => (10 * MINUTE, 5, 100),             // an outage with little traffic
                3 => (3 * MINUTE, 300, 30),             // a partial outage
                _ => (2 * MINUTE, 50, random.below(3)), // as it should be
            };
            let until = if pause < MINUTE { until.min(at + HOUR) } else { until };
            while pause > 0 && at < until {
                let events = 1 + random.below(most);
                let bad = (0..events.min(20)).filter(|_| random.below(100) < bad_percent).count() as u64;
                arrivals.push(Arrival { at, before });
                before = Tally { events: before.events + events, bad: before.bad + bad };
                // Half of them where slots begin.
                at += 1 + random.below(pause);
                if random.below(2) == 0 {
                    at = at.next_multiple_of(10 * SECOND);
                }
            }
            at = until;
        }
        arrivals.push(Arrival { at: u64::MAX, before });
        Self(arrivals)
    }

    /// All that came before a time: what the counters hold.
    fn total(&self, until: u64) -> Tally {
        let next = self.0.partition_point(|arrival| arrival.at < until);
        self.0.get(next).map_or(Tally::default(), |arrival| arrival.before)
    }

    /// What came from one time until another.
    fn between(&self, from: u64, until: u64) -> Tally {
        let (a, b) = (self.total(from), self.total(until.max(from)));
        Tally { events: b.events - a.events, bad: b.bad - a.bad }
    }
}

/// When the ticks come.
#[derive(Clone, Copy, Debug)]
enum Ticks {
    /// Every 10 s, on the slots' edges.
    Aligned,
    /// Every 10 s from anywhere, each a little late, as Envoy's timers are.
    Drifting,
    /// Every 60 s, and one in a hundred ten times as late.
    Late,
}

impl Ticks {
    fn next(self, random: &mut Random) -> u64 {
        match self {
            Self::Aligned => 10 * SECOND,
            Self::Drifting => 10 * SECOND + random.below(SECOND / 50),
            Self::Late => MINUTE * if random.below(100) == 0 { 10 } else { 1 },
        }
    }

    /// How far outside the slot in which a window begins its differences can come from: by what a tick can be
    /// later than a slot is long, or as far as what came late was spread.
    fn slack(self, slot: u64) -> u64 {
        match self {
            Self::Aligned => 0,
            Self::Drifting => (10 * SECOND + SECOND / 50).saturating_sub(slot),
            Self::Late if slot < 10 * MINUTE => 10 * MINUTE,
            Self::Late => 0,
        }
    }
}

fn slot_ns(window: Window) -> u64 {
    SLOT_SECONDS.get(window.place().0).copied().map_or(0, seconds)
}

/// One tick's windows are right: all differences come from the slot in which the window begins.
fn check(
    windows: &Windows,
    traffic: &Traffic,
    since: u64,
    now: u64,
    ticks: Ticks,
    period: Duration,
    what: &str,
) {
    for window in Window::ALL {
        let (length, slot) = (window.length(period).as_nanos(), slot_ns(window));
        let begin = now.saturating_sub(length);
        let exact = traffic.between(begin.max(since), now);
        let got = windows.tally(window);
        let edge = (now / slot * slot).saturating_sub(length / slot * slot);
        if matches!(ticks, Ticks::Aligned) && edge == begin {
            assert_eq!(got, exact, "{window:?} at {now}, {what}");
            continue;
        }
        // A period that is no whole number of hours begins in the slot before, too.
        let late = ticks.slack(slot).max(if length % slot == 0 { 0 } else { slot });
        let slack = traffic.between(edge.saturating_sub(late), edge + slot + late);
        let within = |a: u64, b: u64, slack: u64| a.abs_diff(b) <= slack;
        assert!(
            within(got.events, exact.events, slack.events) && within(got.bad, exact.bad, slack.bad),
            "{window:?} at {now}, {what}: {got:?} for {exact:?}, slack {slack:?}"
        );
    }
}

fn run(seed: u64, ticks: Ticks, period: Duration, mut checked: impl FnMut(&mut Random) -> bool) -> u64 {
    let what = format!("seed {seed}, {ticks:?}, {period}");
    let mut random = Random(seed);
    let traffic = Traffic::random(&mut random);
    let mut windows = Windows::new(period);
    let mut now = if matches!(ticks, Ticks::Aligned) { 0 } else { random.below(HOUR) };
    let since = now;
    let mut count = 0;
    windows.observe(now, traffic.total(now));
    let mut at = traffic.0.iter().peekable();
    let mut totals = Tally::default();
    while now < DAYS * 24 * HOUR {
        now += ticks.next(&mut random);
        while at.next_if(|arrival| arrival.at < now).is_some() {}
        if let Some(arrival) = at.peek() {
            totals = arrival.before;
        }
        windows.observe(now, totals);
        if checked(&mut random) {
            count += 1;
            check(&windows, &traffic, since, now, ticks, period, &what);
        }
    }
    count
}

#[test]
fn every_tick_of_forty_days_is_within_the_events_of_one_slot() {
    let days = Duration::from_days;
    let cases = [
        (Ticks::Aligned, days(30)),
        (Ticks::Aligned, days(7)),
        (Ticks::Drifting, days(30)),
        (Ticks::Late, days(28)),
        (Ticks::Drifting, Duration::from_secs(10 * 86_400 + 1234)),
    ];
    for (seed, (ticks, period)) in (1..).zip(cases) {
        let count = run(seed, ticks, period, |_| true);
        assert!(count > 40_000, "{count} ticks");
    }
}

#[test]
fn random_ticks_of_five_hundred_more_cases_are_within_the_events_of_one_slot() {
    for seed in 1000..1500 {
        let ticks = [Ticks::Aligned, Ticks::Drifting, Ticks::Late, Ticks::Late][(seed % 4) as usize];
        let all = match ticks {
            Ticks::Late => DAYS * 1440 * 100 / 109,
            _ => DAYS * 8640,
        };
        let period = Duration::from_days([7, 28, 30, 90][(seed / 4 % 4) as usize]);
        let count = run(seed, ticks, period, |random| random.below(all) < 600);
        assert!(count >= 500, "{count} ticks in case {seed}");
    }
}
