//! A replay's stats, looked at while it runs, in; its course out.

use super::totals::{Names, Totals};
use super::{Course, SloTotals};
use host_harness::stats::{MetricType, StatStore};
use redline::config::Config;

/// Notes the totals whenever virtual time passes an edge of the course's grid.
#[derive(Debug, Clone)]
pub struct Recorder {
    names: Names,
    /// Of each SLO the stat names of its burn rates.
    burn_stats: Vec<[String; 4]>,
    /// The highest burn rates since the last mark.
    burn_milli: Vec<[u64; 4]>,
    course: Course,
    /// No edge lies before this.
    next_ns: u64,
}

/// Finer than this nobody logs.
const FINEST_NS: u64 = 1_000_000;

impl Recorder {
    /// Nothing yet of what `config`'s service counts.
    pub fn new(config: &Config) -> Self {
        let names = Names::of(config);
        Self {
            burn_stats: names.burn_stats(),
            burn_milli: vec![[0; 4]; config.slos.len()],
            names,
            course: Course::complete(FINEST_NS),
            next_ns: 0,
        }
    }

    /// Timers have fired.
    pub fn ticked(&mut self, now_ns: u64, stats: &StatStore) {
        for (burns, names) in self.burn_milli.iter_mut().zip(&self.burn_stats) {
            for (burn, name) in burns.iter_mut().zip(names) {
                *burn = (*burn).max(stats.value(MetricType::Gauge, name).unwrap_or(0));
            }
        }
        self.look(now_ns, stats);
    }

    /// Something is about to happen: up to now the totals were these.
    pub fn look(&mut self, now_ns: u64, stats: &StatStore) {
        if now_ns < self.next_ns {
            return;
        }
        let totals = self.totals(stats);
        if self.next_ns == 0 {
            // The first moment of all is no edge.
            self.course.note(now_ns, totals);
        } else {
            // Nothing was counted since the first edge that was passed: up to the last one nothing happened.
            self.course.note(self.next_ns, totals.clone());
            let last = self.course.edge(now_ns);
            self.course.note(last, totals);
        }
        self.next_ns = self.course.next_edge(now_ns);
    }

    /// The course, with what the stats hold at the end, which was at `now_ns`.
    pub fn finish(mut self, now_ns: u64, stats: &StatStore) -> Course {
        let totals = self.totals(stats);
        self.course.end(now_ns, totals);
        self.course
    }

    fn totals(&mut self, stats: &StatStore) -> Totals {
        let mut totals = Totals::of_stats(&self.names, stats);
        let before: Vec<SloTotals> = self.course.last().map(|last| last.slos.clone()).unwrap_or_default();
        for (place, slo) in totals.slos.iter_mut().enumerate() {
            if let Some(burns) = self.burn_milli.get_mut(place) {
                // What it is now counts for this stretch and, at least until the next tick, for the next.
                let now = slo.burn_milli;
                slo.burn_milli = std::array::from_fn(|at| {
                    burns.get(at).copied().unwrap_or(0).max(now.get(at).copied().unwrap_or(0))
                });
                *burns = now;
            }
            // A budget that no tick has published since is what it was.
            slo.left_ppm = slo.left_ppm.or_else(|| before.get(place)?.left_ppm);
        }
        totals
    }
}
