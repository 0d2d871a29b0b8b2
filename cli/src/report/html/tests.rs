use super::*;
use crate::course::{Course, Totals};
use crate::scrape::Scrape;
use crate::slo::{SloStates, from_scrape};
use redline::config::{Config, Duration};
use redline::slo::{Report, Tally, Window};
use std::collections::BTreeSet;

const S: u64 = 1_000_000_000;
const BEGIN: u64 = 1_767_225_600 * S;
const HOSTILE: &str = "</th><script>alert('x')</script>&\"";

fn config() -> Config {
    let slos = r#"{"name":"availability","objective":99.9,"sli":{"availability":{}}}"#;
    Config::from_json(format!(r#"{{"service":"shop","slos":[{slos}]}}"#).as_bytes()).unwrap()
}

/// A scrape after so many requests, of which the tenth part failed.
fn text(requests: u64) -> String {
    let failed = requests / 10;
    let good = requests - failed;
    let name = HOSTILE.replace('"', "\\\"");
    let mut text = format!(
        r#"
http_requests_total{{service="shop",method="GET",endpoint="{name}",status="200"}} {good}
http_requests_total{{service="shop",method="GET",endpoint="/a",status="503"}} {failed}
http_request_duration_milliseconds_bucket{{service="shop",method="GET",endpoint="{name}",le="10"}} {good}
http_request_duration_milliseconds_bucket{{service="shop",method="GET",endpoint="{name}",le="1000"}} {requests}
http_request_duration_milliseconds_bucket{{service="shop",method="GET",endpoint="{name}",le="+Inf"}} {requests}
http_request_duration_milliseconds_count{{service="shop",method="GET",endpoint="{name}"}} {requests}
tenant_requests_total{{service="shop",tenant="{name}",code_class="2xx"}} {good}
slo_events_total{{service="shop",slo="availability"}} {requests}
slo_bad_events_total{{service="shop",slo="availability"}} {failed}
slo_error_budget_remaining_ppm{{service="shop",slo="availability"}} 0
slo_error_budget_overspent_ppm{{service="shop",slo="availability"}} 250000
redline_build_info{{service="shop",version="9.9.9"}} 1
"#
    );
    for window in ["5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d"] {
        for (name, value) in [
            ("slo_window_events", requests),
            ("slo_window_bad_events", failed),
            ("slo_window_coverage_seconds", 60),
            ("slo_burn_rate_milli", 100_000),
        ] {
            let labels = format!("service=\"shop\",slo=\"availability\",window=\"{window}\"");
            text.push_str(&format!("{name}{{{labels}}} {value}\n"));
        }
    }
    text
}

struct World {
    config: Config,
    scrape: Scrape,
    course: Course,
    slos: SloStates,
    firings: Vec<Firing>,
}

impl World {
    fn new(seconds: u64) -> Self {
        let config = config();
        let scrape = |requests| Scrape::parse(&text(requests)).unwrap();
        let mut course = Course::new(S);
        for n in 0..seconds {
            course.note(BEGIN + n * S, Totals::of_scrape(&config, &scrape(n * 100)));
        }
        let scrape = scrape(seconds * 100);
        course.end(BEGIN + seconds * S, Totals::of_scrape(&config, &scrape));
        let slos = from_scrape(&config, "here", scrape.clone(), 0).unwrap();
        let firing = |alert: &str, severity: &str, from, to| Firing {
            alert: alert.to_owned(),
            slo: "availability".to_owned(),
            severity: severity.to_owned(),
            from_s: BEGIN / S + from,
            to_s: to,
        };
        let firings = vec![
            firing("BudgetBurnsFast", "critical", 5, Some(BEGIN / S + 20)),
            firing("BudgetBurnsFast", "critical", 30, None),
            firing(HOSTILE, "warning", 10, Some(BEGIN / S + 10)),
        ];
        Self { config, scrape, course, slos, firings }
    }

    fn input(&self) -> Input<'_> {
        Input {
            config: &self.config,
            title: format!("Replay of {HOSTILE}"),
            span_ns: Some((BEGIN, BEGIN + 60 * S)),
            scrape: Some(&self.scrape),
            course: Some(&self.course),
            most_in_flight: Some(7),
            slos: Some(&self.slos),
            firings: Some(&self.firings),
            sources: vec![],
            remarks: vec![format!("a.log:3: {HOSTILE}")],
            made: Made { version: "1.2.3".to_owned(), at_ns: BEGIN },
        }
    }

    fn html(&self) -> String {
        Page::of(&self.input()).unwrap().html().unwrap()
    }
}

#[test]
fn a_page_needs_neither_script_nor_network_and_forbids_both() {
    let html = World::new(60).html();
    let policy = "<meta http-equiv=\"Content-Security-Policy\" \
                  content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">";
    assert!(html.contains(policy));
    for forbidden in ["<script", "http://", "https://", "//www", "@import", "javascript:", " onload", " src="]
    {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    let links: BTreeSet<&str> =
        html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(links.iter().all(|link| link.starts_with('#')), "{links:?}");
    assert!(links.iter().all(|link| html.contains(&format!("id=\"{}\"", &link[1..]))), "{links:?}");
}

#[test]
fn text_of_clients_and_configurations_is_text() {
    let html = World::new(60).html();
    assert!(!html.contains("alert('x')"));
    // Title, heading, an endpoint, a tenant, an alert, a remark.
    assert!(html.matches("script&#62;alert(&#39;x").count() >= 6, "{html}");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    assert_eq!(World::new(60).html(), World::new(60).html());
}

#[test]
fn every_chart_has_its_finding_as_its_name_and_its_numbers_in_a_table() {
    let page = Page::of(&World::new(60).input()).unwrap();
    let mut captions = BTreeSet::new();
    let mut charts = 0;
    for part in page.sections.iter().flat_map(|section| &section.parts) {
        if let Part::Table(table) = part {
            assert!(captions.insert(table.caption.clone()), "{}", table.caption);
        }
        let Part::Charts(drawn) = part else { continue };
        for Chart { title, finding, drawing, data, .. } in drawn {
            charts += 1;
            assert!(captions.insert(data.caption.clone()), "{}", data.caption);
            assert!(!data.rows.is_empty() && data.rows.len() < 60, "{title}");
            assert!(data.rows.iter().all(|row| row.len() == data.columns.len()), "{title}");
            assert!(finding.len() > 20, "{title}");
            for svg in [&drawing.wide, &drawing.narrow] {
                assert!(svg.contains("role=\"img\" aria-label=\""), "{title}");
            }
        }
    }
    assert_eq!(charts, 8);
}

#[test]
fn a_page_says_what_was_measured_when_and_by_whom() {
    let html = World::new(60).html();
    for said in [
        "2026-01-01 00:00:00 to 2026-01-01 00:01:00 UTC, 1m",
        "<dt>Requests</dt><dd class=\"value\">6,000</dd><dd>100.0/s</dd>",
        "<dt>Errors</dt><dd class=\"value\">10.00\u{a0}%</dd>",
        "<dt>In flight, most</dt><dd class=\"value\">7</dd>",
        "Measured by the Redline filter 9.9.9",
        "Made by redline 1.2.3 on 2026-01-01 00:00 UTC",
        "Each step of a chart is 1 s",
        "-25.00 % left at the end",
        "still firing",
        "3 fired",
    ] {
        assert!(html.contains(said) || said == "3 fired" && html.contains(">3</dd>"), "{said}");
    }
}

#[test]
fn what_is_not_there_leaves_no_hole() {
    let world = World::new(60);
    let empty = Scrape::default();
    let nothing = Input {
        span_ns: None,
        scrape: Some(&empty),
        course: None,
        slos: None,
        firings: None,
        remarks: vec![],
        ..world.input()
    };
    let page = Page::of(&nothing).unwrap();
    assert_eq!(page.sections.len(), 1);
    assert!(page.html().unwrap().contains("There were no requests."));

    let none_fired = Input { firings: Some(&[]), ..nothing.clone() };
    assert!(Page::of(&none_fired).unwrap().html().unwrap().contains("No alert would have fired."));

    // One moment: totals, but no course.
    let mut course = Course::new(1);
    course.end(BEGIN, Totals::default());
    let moment = Input { course: Some(&course), span_ns: Some((BEGIN, BEGIN)), ..world.input() };
    let html = Page::of(&moment).unwrap().html().unwrap();
    assert!(html.contains("All requests fell in one moment") && html.contains("Status mix"));

    // How SLOs stand, and nothing else.
    let slos = Input { scrape: None, course: None, span_ns: None, firings: None, ..world.input() };
    let html = Page::of(&slos).unwrap().html().unwrap();
    assert!(html.contains("How the SLOs stand now") && !html.contains("id=\"traffic\""));
}

#[test]
fn long_tables_are_cut_and_say_so() {
    let rows = (0..30).map(|n| vec![Cell::from(n.to_string())]).collect();
    let table = Table::new("t", &["n"], rows).cut(20);
    assert_eq!((table.rows.len(), table.more.as_str()), (20, "and 10 more"));
}

/// How an SLO stands that has seen so many events, none of them bad, for so long.
fn seen(world: &World, name: &str, events: u64, seconds: u64) -> crate::slo::SloState {
    let mut state = world.slos.slos[0].clone();
    state.slo.name = name.to_owned();
    let seen = Window::ALL.map(|window| {
        let coverage = Duration::from_secs(seconds).min(window.length(state.slo.period));
        (Tally { events, bad: 0 }, coverage)
    });
    state.report = Report::of(seen, state.slo.period, state.slo.objective);
    state
}

#[test]
fn an_slo_without_events_is_not_counted_as_healthy() {
    let mut world = World::new(60);
    world.slos.slos = vec![seen(&world, "busy", 100, 7200), seen(&world, "silent", 0, 7200)];
    let html = world.html();
    for said in [
        "<dt>SLOs healthy</dt><dd class=\"value\">1\u{a0}of\u{a0}2</dd><dd>least budget left: 100.0\u{a0}%; 1 had no events</dd>",
        "busy: healthy",
        "silent: no events",
    ] {
        assert!(html.contains(said), "{said}");
    }
    assert!(!html.contains("silent: healthy"));
    world.slos.slos.remove(0);
    assert!(world.html().contains("0\u{a0}of\u{a0}1</dd><dd>1 had no events</dd>"));
}

#[test]
fn windows_that_were_not_seen_whole_have_a_star_and_the_rules_of_the_status_stand_above_them() {
    let mut world = World::new(60);
    world.slos.slos = vec![seen(&world, "young", 100, 3600)];
    let windows = |world: &World| {
        let page = Page::of(&world.input()).unwrap();
        let parts = page.sections.iter().flat_map(|section| section.parts.clone());
        let charts =
            parts.filter_map(|part| if let Part::Charts(charts) = part { Some(charts) } else { None });
        charts.flatten().find(|chart| chart.title.starts_with("Burn rate by window")).unwrap()
    };
    let chart = windows(&world);
    let rates: Vec<&str> = chart.data.rows.iter().map(|row| row[1].text.as_str()).collect();
    assert_eq!(rates, ["0", "0", "0", "0*", "0*", "0*", "0*", "0*"]);
    assert!(chart.drawing.wide.contains("0*") && chart.drawing.narrow.contains("0*"));
    let html = world.html();
    let star = "* not seen whole yet";
    for said in
        [star, "less than 25 % of the budget left", "thresholds of the status", "factors of their own"]
    {
        assert!(html.contains(said), "{said}");
    }
    world.slos.slos = vec![seen(&world, "old", 100, 90 * 86_400)];
    assert!(!world.html().contains(star));
    assert!(windows(&world).data.rows.iter().all(|row| !row[1].text.contains('*')));
}

#[test]
fn the_highest_rates_are_shown_where_any_are_known() {
    let world = World::new(60);
    let highest = "Highest so far";
    assert!(world.html().contains(highest));
    let now = Input { scrape: None, course: None, span_ns: None, firings: None, ..world.input() };
    let page = Page::of(&now).unwrap();
    assert!(!page.html().unwrap().contains(highest));
    let charts = page.sections.iter().flat_map(|section| &section.parts).filter_map(|part| match part {
        Part::Charts(charts) => Some(charts),
        _ => None,
    });
    let tables: Vec<&Table> = charts.flatten().map(|chart| &chart.data).collect();
    assert!(!tables.is_empty());
    assert!(tables.iter().all(|table| table.rows.iter().all(|row| row.len() == table.columns.len())));
}
