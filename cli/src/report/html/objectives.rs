//! How SLOs stand, and how they came to that, in; their table, budgets over time and burn rates out.

use super::chart::ChartError;
use super::chart::{Axis, Bar, Ink, Layer, Plot, bars, steps};
use super::input::Input;
use super::input::{over_time, time_of};
use super::parts::{Cell, Chart, Key, Part, Section, Table};
use crate::course::length::in_words;
use crate::course::{BURN_WINDOWS, Bin, SloTotals};
use crate::report::numbers::count;
use crate::report::slo::{self, burn, percent};
use crate::slo::{SloState, window_name};
use redline::slo::{BurnMilli, BurnPair, SloStatus, Window};

/// SLOs that have charts: with 300 jagged steps in each a page stays below 1 MB.
const MOST_CHARTS: usize = 8;
/// Burn rates are drawn up to here; what is faster is cut, and its number stands beside it.
const MOST_BURN: f64 = 20.0;
/// Where the highest rates stand in the table of windows.
const HIGHEST: usize = 2;
const INKS: [Ink; 4] = [Ink::Third, Ink::Second, Ink::First, Ink::Fourth];

/// What the charts' thresholds are.
const RULES: &str = "A burn rate of 1 uses up the budget in just the period. An SLO is critical where both windows of a \
     pair burn faster than its factor: 1h and 5m over 14.4, or 6h and 30m over 6; at risk over 3 in 1d and 2h, or over 1 in 3d \
     and 6h, or with less than 25 % of the budget left. These are the thresholds of the status; alerts of a period other than \
     30d have factors of their own.";
const PARTLY_SEEN: &str = " * not seen whole yet: the window holds what came so far.";

/// A table of all, and for each its budget and its burn rates.
pub(super) fn section(input: &Input<'_>) -> Result<Option<Section>, ChartError> {
    let Some(states) = input.slos.filter(|states| !states.slos.is_empty()) else { return Ok(None) };
    let mut parts = vec![Part::Table(table(&states.slos, input.when()))];
    let (bins, length) = input.bins();
    let all = || states.slos.iter().flat_map(|state| Window::ALL.map(|window| (state, window)));
    let partly = all().any(|(state, window)| slo::partly_seen(state, window));
    parts.push(Part::Text(format!("{RULES}{}", if partly { PARTLY_SEEN } else { "" })));
    for (place, state) in states.slos.iter().enumerate().take(MOST_CHARTS) {
        let mut charts = Vec::new();
        if let Some(time) = time_of(&bins) {
            let seen = |bin: &Bin| bin.slos.get(place).copied().unwrap_or_default();
            let slo = OverTime { input, state, bins: &bins, length, time, seen: &seen };
            charts.extend(slo.budget()?);
            charts.extend(slo.burn()?);
        }
        charts.push(windows(state, bins.iter().filter_map(|bin| bin.slos.get(place)), input.when())?);
        parts.push(Part::Heading(format!("{}: {}", state.slo.name, slo::standing(state))));
        parts.push(Part::Charts(charts));
    }
    if states.slos.len() > MOST_CHARTS {
        let more = states.slos.len().saturating_sub(MOST_CHARTS);
        parts.push(Part::Text(format!("The table has {more} more, without charts.")));
    }
    Ok(Some(Section { id: "slos", title: "Service level objectives", parts }))
}

fn table(states: &[SloState], when: &str) -> Table {
    let columns = [
        "SLO",
        "Status",
        "SLI",
        "Objective",
        "Period",
        "Events",
        "Bad",
        "Budget left",
        "Minutes left",
        "Exhausted in",
    ];
    let mut table =
        Table::new(format!("How the SLOs stand {when}"), &columns, states.iter().map(row).collect());
    if let Some((_, number)) = table.columns.get_mut(1) {
        *number = false;
    }
    table
}

fn row(state: &SloState) -> Vec<Cell> {
    let report = &state.report;
    let period = report.window(Window::Period).tally;
    let left = slo::budget_left_ppm(state);
    vec![
        state.slo.name.clone().into(),
        Cell::toned(slo::standing(state), tone(state)),
        if period.events == 0 { "-".into() } else { Cell::from(slo::sli(state)) },
        format!("{} %", state.slo.objective).into(),
        state.slo.period.to_string().into(),
        count(period.events).into(),
        count(period.bad).into(),
        Cell::toned(percent(left, 2), if left <= 0 { "bad" } else { "" }),
        slo::minutes_left(state).into(),
        slo::exhausted_in(state).into(),
    ]
}

fn tone(state: &SloState) -> &'static str {
    match state.report.status {
        SloStatus::Healthy if !slo::had_events(state) => "",
        SloStatus::Healthy => "good",
        SloStatus::AtRisk => "warning",
        SloStatus::Critical | SloStatus::Exhausted => "bad",
        SloStatus::Unknown => "",
    }
}

/// One SLO over time.
struct OverTime<'a> {
    input: &'a Input<'a>,
    state: &'a SloState,
    bins: &'a [Bin],
    length: u64,
    time: (u64, u64),
    seen: &'a dyn Fn(&Bin) -> SloTotals,
}

impl OverTime<'_> {
    fn rows(&self, cells: impl Fn(&SloTotals) -> Vec<Cell>) -> (Vec<Vec<Cell>>, String) {
        let (bins, length) = self.input.coarse_bins();
        let row = |bin: &Bin| {
            std::iter::once(self.input.moment(bin.to_ns).into()).chain(cells(&(self.seen)(bin))).collect()
        };
        (bins.iter().map(row).collect(), in_words(length))
    }

    /// What is left of the budget; nothing where the filter has not published it.
    fn budget(&self) -> Result<Option<Chart>, ChartError> {
        let name = &self.state.slo.name;
        let left = |bin: &Bin| (self.seen)(bin).left_ppm;
        let values: Vec<i64> = self.bins.iter().filter_map(left).collect();
        let (Some(least), Some(last)) = (values.iter().min().copied(), values.last()) else {
            return Ok(None);
        };
        let at = self.bins.iter().find(|bin| left(bin) == Some(least)).map_or(0, |bin| bin.to_ns);
        let finding = format!(
            "Error budget of {name}: {} left at the end; least {}, at {}.",
            percent(*last, 2),
            percent(least, 2),
            self.input.moment(at),
        );
        let share = |bin: &Bin| left(bin).map(|ppm| ppm as f64 / 10_000.0);
        let lowest = least as f64 / 10_000.0;
        let label = |value: f64| format!("{value} %");
        let values = match lowest {
            lowest if lowest >= 0.0 => Axis::with_marks((0.0, 100.0), [0.0, 25.0, 50.0, 75.0, 100.0], label),
            // Overspent: as far below as it went, in whole hundreds.
            lowest => {
                let hundreds = (-lowest / 100.0).ceil();
                let step = 100.0 * ((hundreds + 1.0) / 5.0).ceil();
                let below = (hundreds * 100.0 / step).ceil() as i32;
                let marks: Vec<f64> = (-below..=0).map(|n| f64::from(n) * step).chain([100.0]).collect();
                Axis::with_marks((-f64::from(below) * step, 100.0), marks, label)
            }
        };
        let line = steps(over_time(self.bins, share));
        let areas = line.iter().map(|line| {
            let ends = line.first().into_iter().chain(line.last());
            let base = ends.map(|(x, _)| (*x, 0.0)).collect();
            Layer::Area(Ink::Main, line.clone(), base)
        });
        let mut layers: Vec<Layer> = areas.collect();
        layers.push(Layer::Lines(Ink::Main, line));
        let limits = if lowest < 0.0 { vec![(0.0, "exhausted".to_owned())] } else { Vec::new() };
        let plot = Plot { time: self.time, values, layers, limits };
        let (rows, every) = self.rows(|seen| {
            let left = seen.left_ppm.map_or_else(|| "-".to_owned(), |ppm| percent(ppm, 2));
            vec![left.into(), count(seen.events).into(), count(seen.bad).into()]
        });
        let caption = format!("Error budget of {name}, every {every}");
        Ok(Some(Chart {
            title: "Error budget left, percent of the period's".to_owned(),
            drawing: plot.draw(&finding)?,
            finding,
            keys: Vec::new(),
            data: Table::new(caption, &["At (UTC)", "Budget left", "Events since", "Bad since"], rows),
        }))
    }

    /// The highest burn rates in each bin; nothing where nothing burnt.
    fn burn(&self) -> Result<Option<Chart>, ChartError> {
        let name = &self.state.slo.name;
        let burnt = |bin: &Bin, place: usize| (self.seen)(bin).burn_milli.get(place).copied().unwrap_or(0);
        let peaks: Vec<u64> = (0..INKS.len())
            .map(|place| self.bins.iter().map(|bin| burnt(bin, place)).max().unwrap_or(0))
            .collect();
        if peaks.iter().all(|peak| *peak == 0) {
            return Ok(None);
        }
        let windows = BURN_WINDOWS.map(|window| window_name(&self.state.slo, window));
        let most =
            windows.iter().zip(&peaks).map(|(window, peak)| format!("{window} {}", short(BurnMilli(*peak))));
        let finding = format!(
            "Burn rates of {name}, highest in each {}: at most {}.",
            in_words(self.length),
            most.collect::<Vec<_>>().join(", ")
        );
        let layers = INKS.iter().enumerate().rev().map(|(place, ink)| {
            let value = |bin: &Bin| Some((burnt(bin, place) as f64 / 1000.0).min(MOST_BURN));
            Layer::Lines(*ink, steps(over_time(self.bins, value)))
        });
        let limits = BurnPair::ALL.map(|pair| {
            let factor = pair.factor.0 as f64 / 1000.0;
            (factor, format!("{} over {}", window_name(&self.state.slo, pair.long), burn(pair.factor)))
        });
        let plot =
            Plot { time: self.time, values: burn_axis(), layers: layers.collect(), limits: limits.into() };
        let (rows, every) =
            self.rows(|seen| seen.burn_milli.iter().map(|milli| short(BurnMilli(*milli)).into()).collect());
        let columns: Vec<&str> =
            ["Up to (UTC)"].into_iter().chain(windows.iter().map(String::as_str)).collect();
        let caption = format!("Highest burn rates of {name}, every {every}");
        Ok(Some(Chart {
            title: format!("Burn rates, highest in each {}", in_words(self.length)),
            drawing: plot.draw(&finding)?,
            finding,
            keys: windows.iter().zip(INKS).map(|(window, ink)| Key::line(window.clone(), ink)).collect(),
            data: Table::new(caption, &columns, rows),
        }))
    }
}

/// A burn rate as far as it matters.
fn short(milli: BurnMilli) -> String {
    let rate = milli.0 as f64 / 1000.0;
    match rate {
        rate if rate >= 100.0 => count(rate.round() as u64),
        rate if rate >= 10.0 => format!("{rate:.1}"),
        rate if rate >= 0.01 || milli.0 == 0 => burn(BurnMilli(milli.0.saturating_add(5) / 10 * 10)),
        _ => burn(milli),
    }
}

fn burn_axis() -> Axis {
    Axis::from_zero(
        MOST_BURN,
        |value| if value == MOST_BURN { format!("{value}+") } else { value.to_string() },
    )
}

/// The burn rate of each window at the end, with what it should not exceed.
fn windows<'a>(
    state: &SloState,
    seen: impl Iterator<Item = &'a SloTotals>,
    when: &str,
) -> Result<Chart, ChartError> {
    let name = &state.slo.name;
    let peaks = seen.fold([0; 4], |peaks: [u64; 4], seen| {
        let mut now = seen.burn_milli.into_iter();
        peaks.map(|peak| peak.max(now.next().unwrap_or(0)))
    });
    let peak_of = |window| {
        let place = BURN_WINDOWS.iter().position(|known| *known == window)?;
        peaks.get(place).filter(|peak| **peak > 0).map(|peak| BurnMilli(*peak))
    };
    let mut rows = Vec::new();
    let mut cells = Vec::new();
    for window in Window::ALL {
        let seen = state.report.window(window);
        let pairs = BurnPair::ALL.into_iter().filter(|pair| pair.long == window || pair.short == window);
        let limits: Vec<BurnMilli> = pairs.map(|pair| pair.factor).collect();
        let over = limits.iter().any(|limit| seen.burn > *limit);
        let star = if slo::partly_seen(state, window) { "*" } else { "" };
        let text = if seen.tally.events == 0 {
            "no events".to_owned()
        } else {
            format!("{}{star}", short(seen.burn))
        };
        let peak = peak_of(window);
        let limited: Vec<String> = limits.iter().map(|limit| burn(*limit)).collect();
        cells.push(vec![
            window_name(&state.slo, window).into(),
            Cell::toned(text.clone(), if over { "bad" } else { "" }),
            peak.map_or_else(|| "-".to_owned(), short).into(),
            if limited.is_empty() { "-".to_owned() } else { limited.join(", ") }.into(),
            count(seen.tally.events).into(),
            count(seen.tally.bad).into(),
        ]);
        let words = [
            text,
            if over { ", over its threshold".to_owned() } else { String::new() },
            peak.map_or_else(String::new, |peak| format!("; highest {}", short(peak))),
        ];
        rows.push(Bar {
            name: window_name(&state.slo, window),
            value: seen.burn.0 as f64 / 1000.0,
            text: words.concat(),
            ink: if over { Ink::Failed } else { Ink::Main },
            limits: limits.iter().map(|limit| limit.0 as f64 / 1000.0).collect(),
            peak: peak.map(|peak| peak.0 as f64 / 1000.0),
        });
    }
    let over: Vec<String> = slo::pairs_over(state);
    let finding = match over.is_empty() {
        true => format!("Burn rates of {name} {when}, by window: no pair is over its threshold."),
        false => format!("Burn rates of {name} {when}, by window: {}.", over.join(", ")),
    };
    let keys = [
        ("burn rate", Ink::Main, true),
        ("threshold", Ink::Mark, false),
        ("highest so far", Ink::Peak, false),
    ];
    let peaked = peaks.iter().any(|peak| *peak > 0);
    let keys = keys.into_iter().filter(|(_, ink, _)| *ink != Ink::Peak || peaked);
    let mut columns = vec!["Window", "Burn rate", "Highest so far", "Thresholds", "Events", "Bad"];
    // Of one moment nothing higher is known.
    if !peaked {
        columns.remove(HIGHEST);
        for row in &mut cells {
            row.remove(HIGHEST);
        }
    }
    Ok(Chart {
        title: format!("Burn rate by window, {when}"),
        drawing: bars(&finding, &rows, &burn_axis())?,
        finding,
        keys: keys.map(|(name, ink, area)| Key { name: name.to_owned(), ink, area }).collect(),
        data: Table::new(format!("Burn rates of {name} by window"), &columns, cells),
    })
}
