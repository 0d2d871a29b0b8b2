use super::*;

const START_NS: u64 = 1_767_225_603_000_000_000;

fn config(more: &str) -> Config {
    let text = format!(
        r#"{{"service":"x","slos":[{{"name":"a","objective":99.9,"period":"7d","sli":{{"availability":{{}}}}}}]{more}}}"#
    );
    Config::from_json(text.as_bytes()).unwrap()
}

/// A hundred events a scrape, of which so many are bad.
fn traffic(evaluator: &mut Evaluator, total: &mut Tally, scrapes: u64, bad: u64) {
    for _ in 0..scrapes {
        *total = Tally { events: total.events + 100, bad: total.bad + bad };
        evaluator.scrape(&[*total]);
    }
}

const HOUR: u64 = 240;

#[test]
fn scrapes_begin_before_the_traffic_and_rules_are_evaluated_between_them() {
    let mut evaluator = Evaluator::new(&config(""), Timing::of_replay(START_NS));
    assert_eq!(evaluator.next_scrape_ms(), 1_767_225_600_000);
    traffic(&mut evaluator, &mut Tally::default(), 5, 0);
    // Scrapes at 0, 15, 30, 45 and 60 s.
    let evaluated = evaluator.finish();
    assert_eq!(evaluated.span_s, (1_767_225_607, 1_767_225_667));
    assert_eq!(evaluated.episodes, []);
    assert_eq!(evaluated.slos[0].total, Tally { events: 500, bad: 0 });
}

#[test]
fn silence_that_no_window_remembers_is_left_out_and_nothing_else_changes() {
    let run = |silence: &dyn Fn(&mut Evaluator, Tally)| {
        let mut evaluator = Evaluator::new(&config(""), Timing::of_replay(START_NS));
        let mut total = Tally::default();
        traffic(&mut evaluator, &mut total, 3 * HOUR, 0);
        traffic(&mut evaluator, &mut total, 20, 70);
        silence(&mut evaluator, total);
        traffic(&mut evaluator, &mut total, 3 * HOUR, 0);
        traffic(&mut evaluator, &mut total, 20, 70);
        traffic(&mut evaluator, &mut total, HOUR, 0);
        (evaluator.skipped_ms, evaluator.finish())
    };
    const SCRAPES: u64 = 40 * 24 * HOUR + 17;
    let (skipped, jumped) = run(&|evaluator, total| evaluator.steady(&[total], SCRAPES));
    let (none, plain) = run(&|evaluator, total| (0..SCRAPES).for_each(|_| evaluator.scrape(&[total])));
    assert!(skipped > 30 * 24 * HOUR_MS && none == 0, "{skipped}");
    assert!(plain.episodes.len() > 8, "{:?}", plain.episodes);
    assert_eq!(jumped.episodes, plain.episodes);
    assert_eq!(jumped.span_s, plain.span_s);
    assert_eq!(jumped.slos[0].budget_left, plain.slos[0].budget_left);
}

#[test]
fn a_disabled_alert_is_not_evaluated() {
    let names = |more: &str| {
        let mut evaluator = Evaluator::new(&config(more), Timing::of_replay(START_NS));
        let mut total = Tally::default();
        traffic(&mut evaluator, &mut total, HOUR, 0);
        traffic(&mut evaluator, &mut total, HOUR, 50);
        let fired = evaluator.finish().episodes.into_iter().map(|episode| episode.alert);
        fired.collect::<std::collections::BTreeSet<_>>()
    };
    let all = names("");
    let fewer = names(r#","alerting":{"disable":["SLOBurnRateSlow/a","ErrorBudgetBurnRateHigh"]}"#);
    let left_out: Vec<_> = all.difference(&fewer).copied().collect();
    assert_eq!(left_out, ["ErrorBudgetBurnRateHigh", "SLOBurnRateSlow"]);
    assert!(fewer.contains("SLOBurnRateFast"));
}
