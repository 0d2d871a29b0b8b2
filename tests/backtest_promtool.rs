//! The alerts of a backtest are those that Prometheus' own promtool fires on the same series, evaluation for evaluation.

mod support;

use redline::config::Config;
use redline::metric::{DurationUnit, Metric};
use redline::slo::Tally;
use redline_cli::backtest::{Episode, Evaluator, Ranges, Timing};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use support::random::Random;
use support::tools::{read, rendered, run};

/// The alerts that a backtest evaluates; the other two about SLOs are about there being nothing to judge.
const ALERTS: [&str; 9] = [
    "SLOBurnRateFast",
    "SLOBurnRateMedium",
    "SLOBurnRateSlow",
    "SLOBurnRateSlowest",
    "SLOQuietErrors",
    "ErrorBudgetCritical",
    "ErrorBudgetLow",
    "ErrorBudgetBurnRateHigh",
    "SLOViolation",
];

/// Several SLOs that are scraped and evaluated alike; milliseconds.
#[derive(Clone, Copy)]
struct Batch {
    seed: u64,
    slos: usize,
    scale: u64,
    scrape_ms: u64,
    /// Between a multiple of that and a scrape; 0 or half of it.
    offset_ms: u64,
    evaluation_ms: u64,
    length_ms: u64,
    min_failures: u64,
}

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

/// Windows a sixtieth as long, so that days are over in minutes; scrapes at the instants of evaluations, and between them.
const SHORT: [Batch; 3] = [
    Batch { seed: 1, ..SCALED },
    Batch { seed: 2, offset_ms: 500, min_failures: 1, ..SCALED },
    Batch {
        seed: 3,
        offset_ms: 500,
        min_failures: 0,
        evaluation_ms: 5000,
        length_ms: 20 * MINUTE_MS,
        ..SCALED
    },
];
const SCALED: Batch = Batch {
    seed: 0,
    slos: 16,
    scale: 60,
    scrape_ms: 1000,
    offset_ms: 0,
    evaluation_ms: 20_000,
    length_ms: 80 * MINUTE_MS,
    min_failures: 10,
};
/// Windows as they are.
const LONG: [Batch; 2] = [
    Batch {
        seed: 4,
        slos: 5,
        scale: 1,
        scrape_ms: MINUTE_MS,
        offset_ms: 0,
        evaluation_ms: 5 * MINUTE_MS,
        length_ms: 13 * DAY_MS / 4,
        min_failures: 10,
    },
    Batch {
        seed: 5,
        slos: 6,
        scale: 1,
        scrape_ms: 15_000,
        offset_ms: 7500,
        evaluation_ms: MINUTE_MS,
        length_ms: DAY_MS / 4,
        min_failures: 10,
    },
];

impl Batch {
    fn config(&self) -> Config {
        let mut random = Random(self.seed);
        // Nothing but the counters that the alerts are made of, or promtool would evaluate all the others, too.
        let others =
            Metric::ALL.into_iter().filter(|m| !matches!(m, Metric::SloEvents | Metric::SloBadEvents));
        let others: Vec<&str> = others.map(|metric| metric.name(DurationUnit::Milliseconds)).collect();
        let min = self.min_failures;
        let mut text = format!("service: x\ndisable: {others:?}\nalerting: {{min_failures: {min}}}\nslos:\n");
        for n in 0..self.slos {
            let objective = random.pick(&["99.99", "99.9", "99.5", "99", "97", "90"]);
            // Periods are what costs promtool most of its time.
            let period = if n == 0 { "30d" } else { random.pick(&["7d", "7d", "8d", "10d"]) };
            let _infallible = writeln!(
                text,
                "- {{name: s{n}, objective: {objective}, period: {period}, sli: {{availability: {{}}}}}}"
            );
        }
        read(&text)
    }

    /// The totals of each SLO at each scrape: good traffic, errors that are few, outages, little traffic and silence, one
    /// after the other for random times.
    fn totals(&self) -> Vec<Vec<Tally>> {
        let scrapes = usize::try_from(self.length_ms / self.scrape_ms).expect("few") + 1;
        let mut random = Random(self.seed ^ 0xdead_beef);
        let one = |_| {
            let mut total = Tally::default();
            let (mut left, mut rate, mut errors) = (0, 0, 0);
            let mut totals = vec![total];
            while totals.len() < scrapes {
                if left == 0 {
                    left = 1 + random.mostly_below(scrapes / 200, 3, scrapes / 10);
                    // Events a scrape, and errors of a hundred thousand.
                    (rate, errors) = match random.below(8) {
                        0..=2 => (200 + random.below(300), 0),
                        3 => (100, 10 + random.below(3000)),
                        4 => (100, 100_000),
                        5 => (300, 10_000 + random.below(60_000)),
                        6 => (1, 50_000),
                        _ => (0, 0),
                    };
                }
                left -= 1;
                let events = if rate == 1 { random.below(10) / 9 } else { random.below(2 * rate + 1) };
                let bad = (0..events).filter(|_| random.below(100_000) < errors).count();
                total.events += events as u64;
                total.bad += bad as u64;
                totals.push(total);
            }
            totals
        };
        (0..self.slos).map(one).collect()
    }

    /// What backtest makes of it.
    fn episodes(&self, config: &Config, totals: &[Vec<Tally>], ranges: Ranges) -> Vec<Episode> {
        let mut evaluator = Evaluator::new(
            config,
            Timing {
                first_scrape_ms: self.offset_ms,
                scrape_ms: self.scrape_ms,
                often_ms: self.evaluation_ms,
                seldom_ms: self.evaluation_ms,
                phase_ms: 0,
                scale: self.scale,
                ranges,
            },
        );
        for scrape in 0..totals[0].len() {
            let now: Vec<Tally> = totals.iter().map(|totals| totals[scrape]).collect();
            evaluator.scrape(&now);
        }
        evaluator.finish().episodes
    }

    /// What promtool says to these episodes: at each instant at which one begins or ends, and at the evaluation before it,
    /// exactly the alerts of the episodes fire; and each fires at as many evaluations as its episodes have, and no other.
    fn ask_promtool(&self, config: &Config, totals: &[Vec<Tally>], episodes: &[Episode]) -> (bool, String) {
        let folder = rendered(config, self.scale);
        let tests = std::fs::read_to_string(folder.path().join("tests.yaml")).expect("the file");
        let order = tests.split_once("group_eval_order:").expect("the order").1;
        let order = order.split_once("tests:").expect("the tests").0;
        let interval = if self.offset_ms > 0 { self.scrape_ms / 2 } else { self.scrape_ms };
        let mut text = format!(
            "rule_files: [rules.yaml, alerts.yaml]\nevaluation_interval: {}ms\ngroup_eval_order:{order}tests:\n\
             - interval: {interval}ms\n  input_series:\n",
            self.evaluation_ms
        );
        for (slo, totals) in config.slos.iter().zip(totals) {
            for (name, pick) in [
                ("slo_events_total", (|t| t.events) as fn(&Tally) -> u64),
                ("slo_bad_events_total", |t| t.bad),
            ] {
                let before = if self.offset_ms > 0 { "_ " } else { "" };
                let values: Vec<String> = totals.iter().map(|t| format!("{before}{}", pick(t))).collect();
                let series = format!("{name}{{service=\"x\",slo=\"{}\",instance=\"a\"}}", slo.name);
                let _infallible =
                    writeln!(text, "  - {{series: '{series}', values: '{}'}}", values.join(" "));
            }
        }
        let firing = format!("ALERTS{{alertstate=\"firing\",alertname=~\"{}\"}}", ALERTS.join("|"));
        text.push_str("  promql_expr_test:\n");
        let mut expect = |at_s: u64, expr: String, samples: BTreeMap<(&str, &str), u64>| {
            let samples: Vec<String> = samples
                .into_iter()
                .map(|((alert, slo), n)| {
                    format!("{{labels: '{{alertname=\"{alert}\",slo=\"{slo}\"}}', value: {n}}}")
                })
                .collect();
            let _infallible = writeln!(
                text,
                "  - {{eval_time: {at_s}s, expr: '{expr}', exp_samples: [{}]}}",
                samples.join(", ")
            );
        };
        let (step, end) = (self.evaluation_ms / 1000, self.length_ms / 1000);
        let end = end - end % step;
        let edges: BTreeSet<u64> = episodes
            .iter()
            .flat_map(|episode| [Some(episode.firing_s), episode.resolved_s])
            .flatten()
            .flat_map(|edge| [edge - step, edge])
            .filter(|edge| *edge <= end)
            .collect();
        for at in edges {
            let now = episodes.iter().filter(|e| e.firing_s <= at && e.resolved_s.is_none_or(|to| at < to));
            let samples = now.map(|e| ((e.alert, e.slo.as_str()), 1)).collect();
            expect(at, format!("group by (alertname, slo) ({firing})"), samples);
        }
        let mut evaluations = BTreeMap::new();
        for e in episodes.iter().filter(|e| e.firing_s <= end) {
            let last = e.resolved_s.map_or(end, |to| end.min(to - step));
            *evaluations.entry((e.alert, e.slo.as_str())).or_default() += (last - e.firing_s) / step + 1;
        }
        let all = format!("sum by (alertname, slo) (count_over_time({firing}[{}s]))", end + 1);
        expect(end, all, evaluations);
        std::fs::write(folder.path().join("backtest.yaml"), text).expect("a file");
        run("promtool", folder.path(), &["test", "rules", "backtest.yaml"])
    }

    fn agrees(&self) -> Vec<Episode> {
        let (config, totals) = (self.config(), self.totals());
        let episodes = self.episodes(&config, &totals, ranges());
        let (good, said) = self.ask_promtool(&config, &totals, &episodes);
        assert!(good, "seed {}: {}", self.seed, said.chars().take(3000).collect::<String>());
        episodes
    }
}

/// From version 3 on a range does not hold its beginning.
fn ranges() -> Ranges {
    let (good, version) = run("promtool", support::root(), &["--version"]);
    assert!(good, "{version}");
    match version.contains("version 2.") {
        true => Ranges::Closed,
        false => Ranges::LeftOpen,
    }
}

fn names(episodes: &[Episode]) -> BTreeSet<&'static str> {
    episodes.iter().map(|episode| episode.alert).collect()
}

#[test]
fn the_start_and_end_of_every_alert_are_those_of_promtool_for_random_traffic() {
    let cases: usize = SHORT.iter().chain(&LONG).map(|batch| batch.slos).sum();
    assert!(cases >= 50, "{cases}");
    let episodes: Vec<Episode> = SHORT.iter().flat_map(Batch::agrees).collect();
    assert_eq!(names(&episodes), BTreeSet::from(ALERTS), "each of them fires");
    assert!(episodes.len() > 300, "{}", episodes.len());
    assert!(episodes.iter().any(|episode| episode.resolved_s.is_none()));
}

#[test]
fn they_are_at_windows_of_full_length_too() {
    let episodes: Vec<Episode> = LONG.iter().flat_map(Batch::agrees).collect();
    assert!(names(&episodes).len() >= 6, "{:?}", names(&episodes));
    assert!(episodes.len() > 40, "{}", episodes.len());
}

#[test]
fn promtool_would_not_agree_if_an_alert_came_or_went_one_evaluation_earlier_or_later_or_not_at_all() {
    let batch = Batch { slos: 2, length_ms: 15 * MINUTE_MS, ..SHORT[1] };
    let (config, totals) = (batch.config(), batch.totals());
    let episodes = batch.episodes(&config, &totals, ranges());
    let step = batch.evaluation_ms / 1000;
    let (good, said) = batch.ask_promtool(&config, &totals, &episodes);
    assert!(good, "{said}");
    let place = episodes
        .iter()
        .position(|episode| episode.resolved_s.is_some_and(|to| to > episode.firing_s + 4 * step))
        .expect("one that lasts");
    let mut changed: Vec<Vec<Episode>> = vec![episodes.clone(); 5];
    let resolved = episodes[place].resolved_s.expect("it ends");
    changed[0][place].firing_s += step;
    changed[1][place].firing_s -= step;
    changed[2][place].resolved_s = Some(resolved + step);
    changed[3][place].resolved_s = Some(resolved - step);
    changed[4].remove(place);
    for (n, wrong) in changed.iter().enumerate() {
        let (good, said) = batch.ask_promtool(&config, &totals, wrong);
        assert!(!good && said.contains("FAILED"), "{n}: {said}");
    }
}
