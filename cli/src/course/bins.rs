//! A course in; what happened in each of a bounded number of bins out.

use super::grid::round_up;
use super::{Course, Mark, SloTotals};

/// What happened from one moment to another.
#[derive(Debug, Clone, PartialEq)]
pub struct Bin {
    /// Its beginning, nanoseconds since 1970.
    pub from_ns: u64,
    /// Its end.
    pub to_ns: u64,
    /// Requests that ended, by [`super::CLASSES`].
    pub classes: [u64; 6],
    /// Upper bounds and cumulative counts of the durations of those.
    pub durations: Vec<(f64, f64)>,
    /// Requests in flight at its end.
    pub in_flight: u64,
    /// Each SLO: events of this bin; what was left of the budget at its end, and the highest burn rates in it.
    pub slos: Vec<SloTotals>,
}

impl Bin {
    /// Requests that ended.
    pub fn requests(&self) -> u64 {
        self.classes.iter().sum()
    }

    /// Of those, answered with a 5xx or not at all.
    pub fn errors(&self) -> u64 {
        let [.., failed, none] = self.classes;
        failed.saturating_add(none)
    }

    /// How long it is; never 0.
    pub fn seconds(&self) -> f64 {
        self.to_ns.saturating_sub(self.from_ns) as f64 / 1e9
    }

    fn between(from: &Mark, to: &Mark) -> Self {
        let (before, after) = (&from.totals, &to.totals);
        let mut classes = after.classes;
        for (now, then) in classes.iter_mut().zip(before.classes) {
            *now = now.saturating_sub(then);
        }
        let then = |bound: f64| {
            let known = before.durations.iter().find(|(known, _)| *known == bound);
            known.map_or(0, |(_, count)| *count)
        };
        let durations = after.durations.iter();
        let slo = |(place, after): (usize, &SloTotals)| {
            let before = before.slos.get(place).copied().unwrap_or_default();
            SloTotals {
                events: after.events.saturating_sub(before.events),
                bad: after.bad.saturating_sub(before.bad),
                ..*after
            }
        };
        Self {
            from_ns: from.at_ns,
            to_ns: to.at_ns,
            classes,
            durations: durations
                .map(|(bound, count)| (*bound, count.saturating_sub(then(*bound)) as f64))
                .collect(),
            in_flight: after.in_flight,
            slos: after.slos.iter().enumerate().map(slo).collect(),
        }
    }
}

impl Course {
    /// Bins of one round length, at most `most`, and that length in nanoseconds. The first and the last end where the
    /// traffic does, and are half as long to one and a half times as long. None where everything fell in one moment.
    pub fn bins(&self, most: u64) -> (Vec<Bin>, u64) {
        let (Some(first), Some(last)) = (self.marks.first(), self.marks.last()) else {
            return (Vec::new(), 0);
        };
        let span = last.at_ns.saturating_sub(first.at_ns);
        // The ends may each open one more.
        let least = span / most.saturating_sub(1).max(1);
        let length = round_up(least.max(1), self.grid.length());
        let cell = |mark: &Mark| mark.at_ns / length;
        let mut chosen: Vec<Mark> = Vec::new();
        let mut peaks = Vec::new();
        for (place, mark) in self.marks.iter().enumerate() {
            let opens = chosen.last().is_none_or(|kept| cell(kept) != cell(mark));
            let mut mark = mark.clone();
            mark.totals.raise_peaks(&peaks);
            if opens || place.saturating_add(1) == self.marks.len() {
                peaks.clear();
                chosen.push(mark);
            } else {
                peaks = mark.totals.peaks();
            }
        }
        if self.complete {
            chosen = at_edges(&chosen, length);
        }
        drop_short(&mut chosen, length);
        let pairs = chosen.iter().zip(chosen.iter().skip(1));
        (pairs.map(|(from, to)| Bin::between(from, to)).collect(), length)
    }
}

/// The first marks of cells, and the last of all, as marks of every cell's beginning. The first and the last of all stay.
fn at_edges(marks: &[Mark], length: u64) -> Vec<Mark> {
    let mut edges: Vec<Mark> = marks.first().into_iter().cloned().collect();
    for (before, mark) in marks.iter().zip(marks.iter().skip(1)) {
        let cells = (before.at_ns / length).saturating_add(1)..=mark.at_ns / length;
        // What came after `before` came in its cell, so that it is in the totals of all the next cells' beginnings.
        edges.extend(
            cells.map(|cell| Mark { at_ns: cell.saturating_mul(length), totals: mark.totals.clone() }),
        );
    }
    if let (Some(end), Some(last)) = (marks.last(), edges.last())
        && last.at_ns < end.at_ns
    {
        edges.push(end.clone());
    }
    edges
}

/// Joins a first and a last bin that are shorter than half the others to their neighbours: rates over them jump.
fn drop_short(marks: &mut Vec<Mark>, length: u64) {
    let short = |from: Option<&Mark>, to: Option<&Mark>| match (from, to) {
        (Some(from), Some(to)) => to.at_ns.saturating_sub(from.at_ns) < length / 2,
        _ => false,
    };
    let join = |marks: &mut Vec<Mark>, place: usize| {
        let peaks = marks.remove(place).totals.peaks();
        if let Some(next) = marks.get_mut(place) {
            next.totals.raise_peaks(&peaks);
        }
    };
    if marks.len() > 2 && short(marks.first(), marks.get(1)) {
        join(marks, 1);
    }
    let last = marks.len().saturating_sub(1);
    if marks.len() > 2 && short(marks.get(last.saturating_sub(1)), marks.get(last)) {
        join(marks, last.saturating_sub(1));
    }
}
