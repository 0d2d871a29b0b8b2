//! `--report` writes one page whose numbers are the filter's, and which people can use in a browser, on a telephone,
//! in the dark and on paper, also where they do not see.

mod support;

use host_harness::traffic::{self, Format, Merged};
use redline_cli::document::Document;
use redline_cli::replay::{self, Module, Outcome, Settings};
use redline_cli::report::html::{Firing, Made};
use redline_cli::report::page;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Two SLOs, endpoints, tenants and a metric.
const CONFIGURATION: &str = r#"
service: shop
endpoints: {templates: [/api/v1/models, "/api/v1/models/{id}", "/t/{tenant}/orders/{id}"]}
tenant: {sources: [{header: x-tenant-id}]}
slos:
  - {name: availability, objective: 99.9, sli: {availability: {}}}
  - {name: latency, objective: 99, sli: {latency: {threshold: 300ms}}}
metrics:
  - {name: models_created_total, type: counter, when: {method: [POST]}, labels: {tenant: tenant}}
"#;

const DAY: &str = r#"
start: 2026-01-01T00:00:00Z
duration: 26h
rate: [{at: 0h, per_second: 0.2}, {at: 13h, per_second: 1.5}, {at: 26h, per_second: 0.2}]
tenants: {count: 30, zipf: 1.1, header: x-tenant-id, prefix: tenant-}
requests:
  - {path: "/api/v1/models/{id}", weight: 9, latency: {p50: 12ms, p99: 180ms}, status: {200: 970, 404: 25, 301: 5}}
  - {path: /api/v1/models, method: POST, latency: {p50: 40ms, p99: 900ms}, status: {201: 99, 429: 1}}
episodes:
  - {from: 9h, to: 9h40m, path: "/api/v1/models/{id}", errors: {share: 0.3, status: 503, flags: UH}}
  - {from: 15h, to: 15h10m, path: /api/v1/models, errors: {share: 0.5, status: 0, flags: DC}}
"#;

struct Files {
    folder: tempfile::TempDir,
    config: PathBuf,
}

fn files() -> Files {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("redline.yaml");
    std::fs::write(&config, CONFIGURATION).expect("a file");
    Files { folder, config }
}

impl Files {
    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }

    fn replay(&self, input: &Path, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redline"));
        command.arg("replay").arg("--config").arg(&self.config).arg("--wasm").arg(support::wasm());
        command.args(arguments).arg(input).output().expect("redline runs")
    }

    /// The page of an input, as the command writes it.
    fn report(&self, name: &str, input: &str) -> PathBuf {
        let page = self.folder.path().join(format!("{name}.html"));
        let input = self.write(name, input);
        let done = self.replay(&input, &["--report", &page.to_string_lossy()]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        page
    }
}

/// A replay in this process, with its course.
fn outcome(document: &Document, name: &str, input: &str) -> Outcome {
    let bytes = std::fs::read(support::wasm()).expect("the filter");
    let module = Module { name: "the filter".to_owned(), bytes };
    let records = traffic::read(name, input.as_bytes(), Format::Auto);
    let settings = Settings { workers: 2, skip_bad: false, verify: false, course: true };
    let inputs = Merged::new(vec![records]);
    replay::run(document, &module, inputs, settings, |_| {}).expect("it goes through")
}

#[test]
fn every_step_of_a_course_has_the_requests_that_ended_in_it() {
    let document = Document::from_text("test", CONFIGURATION).expect("a configuration");
    let outcome = outcome(&document, "day", DAY);
    let course = outcome.course.expect("a course");
    let ends: Vec<u64> = traffic::read("day", DAY.as_bytes(), Format::Scenario)
        .map(|record| record.expect("a record"))
        .map(|record| record.time_ns + record.duration_ns.unwrap_or(0))
        .collect();
    let (bins, _) = course.bins(300);
    assert!(bins.len() > 100, "{}", bins.len());
    let last = bins.last().expect("a bin").to_ns;
    for bin in &bins {
        // What ends at an edge belongs to the bin that begins there; nothing is left over at the end.
        let inside = |end: &&u64| **end >= bin.from_ns && (**end < bin.to_ns || bin.to_ns == last);
        let expected = ends.iter().filter(inside).count() as u64;
        assert_eq!(bin.requests(), expected, "{} to {}", bin.from_ns, bin.to_ns);
    }
    let [all, coarse] = [300, 48].map(|most| {
        let (bins, _) = course.bins(most);
        bins.iter()
            .map(|bin| [bin.requests(), bin.errors(), bin.slos[0].bad])
            .fold([0; 3], |sum, bin| [sum[0] + bin[0], sum[1] + bin[1], sum[2] + bin[2]])
    });
    assert_eq!(all, coarse);
    assert_eq!(all[0], outcome.summary.exchanges);
    assert!(all[1] > 0 && all[2] > 0, "{all:?}");
    let burnt = bins.iter().map(|bin| bin.slos[0].burn_milli[0]).max().expect("a bin");
    let lowest = bins.iter().filter_map(|bin| bin.slos[0].left_ppm).min().expect("a budget");
    assert!(burnt > 14_400 && lowest < 1_000_000, "{burnt} {lowest}");
}

#[test]
fn a_report_is_written_beside_the_same_output_and_is_small() {
    let files = files();
    let input = files.write("day.yaml", DAY);
    let page = files.folder.path().join("report.html");
    let plain = files.replay(&input, &[]);
    let with = files.replay(&input, &["--report", &page.to_string_lossy()]);
    assert!(with.status.success(), "{}", String::from_utf8_lossy(&with.stderr));
    assert_eq!(String::from_utf8_lossy(&plain.stdout), String::from_utf8_lossy(&with.stdout));
    let html = std::fs::read_to_string(&page).expect("a page");
    assert!(html.len() < 1_000_000, "{}", html.len());
    for said in ["Replay of day.yaml", "Top tenants", "and 10 more", "availability", "exchanges replayed"] {
        assert!(html.contains(said), "{said}");
    }
}

#[test]
fn a_log_without_durations_says_that_no_latency_was_counted() {
    let files = files();
    let line = "{\"time\":\"2026-01-01T00:00:00Z\",\"path\":\"/\",\"status\":200}\n";
    let input = files.write("log.jsonl", &line.repeat(3));
    let page = files.folder.path().join("report.html");
    let done = files.replay(&input, &["--report", &page.to_string_lossy()]);
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    let note = "3 of 3 exchanges had no duration: latency SLOs count them nowhere";
    assert!(said.ends_with(&format!("note: {note}\n")), "{said}");
    assert!(said.lines().any(|line| line.starts_with("latency ") && line.contains(" no events ")), "{said}");
    let html = std::fs::read_to_string(&page).expect("a page");
    for part in [note, "latency: no events", "1 had no events"] {
        assert!(html.contains(part), "{part}");
    }
}

#[test]
fn a_place_that_cannot_be_written_is_said_before_anything_is_read() {
    let files = files();
    let bad = files.write("bad.jsonl", "no exchange\n");
    let nowhere = files.folder.path().join("nowhere/report.html");
    for place in [nowhere.to_string_lossy().into_owned(), "-".to_owned()] {
        let done = files.replay(&bad, &["--format", "exchanges", "--report", &place]);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(2), "{said}");
        assert!(said.starts_with(&format!("redline: --report {place}: ")), "{said}");
        assert!(done.stdout.is_empty());
    }
}

#[test]
fn a_bad_line_leaves_the_report_of_before_as_it_was() {
    let files = files();
    let page = files.write("report.html", "of before");
    let bad =
        files.write("bad.jsonl", "{\"time\":\"2026-01-01T00:00:00Z\",\"path\":\"/\",\"status\":200}\nbad\n");
    let done = files.replay(&bad, &["--format", "exchanges", "--report", &page.to_string_lossy()]);
    assert_eq!(done.status.code(), Some(2));
    assert_eq!(std::fs::read_to_string(&page).expect("a file"), "of before");
    let left = std::fs::read_dir(files.folder.path()).expect("a folder").count();
    assert_eq!(left, 3, "the configuration, the input and the page");
}

/// What the browser says of a page; pictures are kept where `REDLINE_PICTURES` says.
fn looked_at(page: &Path) -> Option<Value> {
    let chromium = support::tools::tool("chromium");
    let starts = Command::new(&chromium).arg("--version").output().is_ok_and(|done| done.status.success());
    let modules = support::root().join(".tools");
    let modules = std::fs::read_dir(modules).ok()?.flatten().map(|entry| entry.path());
    let modules = modules
        .filter(|path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("playwright-core-"))
        })
        .find(|path| path.join("node_modules/axe-core").is_dir());
    let (true, Some(modules)) = (starts, modules) else {
        eprintln!(
            "NOT CHECKED: reports in a browser: Chromium or playwright-core is missing; see `make setup`"
        );
        return None;
    };
    let pictures = tempfile::tempdir().expect("a folder");
    let kept = std::env::var_os("REDLINE_PICTURES").map(PathBuf::from);
    let folder = kept.map_or(pictures.path().to_owned(), |kept| kept.join(page.file_stem().expect("a name")));
    std::fs::create_dir_all(&folder).expect("a folder");
    let done = Command::new(support::tools::tool("node"))
        .arg(support::root().join("tests/support/browser.mjs"))
        .arg(&chromium)
        .args([page, folder.as_path()])
        .env("NODE_MODULES", modules.join("node_modules"))
        .output()
        .expect("node runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    for picture in ["390-light", "390-dark", "1440-light", "1440-dark", "print"] {
        let bytes = std::fs::read(folder.join(format!("{picture}.png"))).expect("a picture");
        assert!(bytes.len() > 5000, "{picture}");
    }
    Some(serde_json::from_slice(&done.stdout).expect("JSON"))
}

/// What must hold of every page; `charts` is how many it has.
fn assert_usable(found: &Value, charts: usize) {
    let nothing = Value::Array(Vec::new());
    assert_eq!(found["console"], nothing, "with its own policy in force");
    assert_eq!(found["paper"], "rgb(255, 255, 255)", "dark mode is not for paper");
    assert_eq!(found["print"]["charts"].as_array().map(Vec::len), Some(charts));
    let views = found["views"].as_array().expect("views");
    assert_eq!(views.len(), 4);
    for view in views {
        let at = format!("{} {}", view["width"], view["scheme"]);
        assert_eq!((&view["console"], &view["requests"]), (&nothing, &nothing), "{at}");
        assert_eq!(view["violations"], nothing, "{at}: {:#}", view["violations"]);
        assert_eq!((&view["overflow"], &view["overflowOpened"]), (&Value::from(0), &Value::from(0)), "{at}");
        let drawn = view["charts"].as_array().expect("charts");
        assert_eq!((drawn.len(), &view["figures"]), (charts, &Value::from(charts)), "{at}");
        for chart in drawn {
            let at = format!("{at}: {chart}");
            assert!(chart["name"].as_str().is_some_and(|name| name.len() > 20), "{at}");
            assert!(chart["width"].as_f64() >= Some(300.0) && chart["height"].as_f64() >= Some(60.0), "{at}");
            assert!(chart["marks"].as_f64() >= Some(5.0) && chart["letters"].as_f64() >= Some(2.0), "{at}");
            assert!(chart["smallest"].as_f64() >= Some(10.0), "letters that can be read: {at}");
            assert!(chart["outside"].as_f64() <= Some(0.0), "letters in their box: {at}");
        }
    }
}

#[test]
fn a_day_in_a_browser_is_legible_complete_and_accessible() {
    let document = Document::from_text("test", CONFIGURATION).expect("a configuration");
    let outcome = outcome(&document, "day", DAY);
    let firing = |alert: &str, severity: &str, from: u64, to: Option<u64>| Firing {
        alert: alert.to_owned(),
        slo: "availability".to_owned(),
        severity: severity.to_owned(),
        from_s: 1_767_225_600 + from * 60,
        to_s: to.map(|to| 1_767_225_600 + to * 60),
    };
    let firings = [
        firing("SloBudgetBurnsVeryFast", "critical", 545, Some(590)),
        firing("SloBudgetBurnsFast", "critical", 560, Some(900)),
        firing("SloBudgetBurnsSlowly", "warning", 600, None),
    ];
    let made = Made { version: "1.2.3".to_owned(), at_ns: 1_767_225_600_000_000_000 };
    let title = "Backtest of day.yaml".to_owned();
    let page = page::replay(&document.config, &outcome, title, Some(&firings), made).expect("a page");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("day.html");
    std::fs::write(&path, page.html().expect("a page")).expect("a file");
    if let Some(found) = looked_at(&path) {
        // Rates, failures, percentiles, statuses; three for each SLO; alerts.
        assert_usable(&found, 4 + 6 + 1);
    }
}

#[test]
fn pages_of_little_are_as_good() {
    let files = files();
    let exchange = |time: &str, duration: &str| {
        format!("{{\"time\":\"2026-01-01T00:00:0{time}Z\",\"path\":\"/<i>\",\"status\":200{duration}}}\n")
    };
    let one = exchange("0", "");
    let three = exchange("0", ",\"duration_ms\":12")
        + &exchange("1.5", ",\"duration_ms\":99999999")
        + &exchange("3", "");
    // One moment: the statuses, and the windows of two SLOs. A little longer: everything but burn rates where nothing burnt.
    for (name, input, charts) in [("one.jsonl", one, 3), ("three.jsonl", three, 9)] {
        if let Some(found) = looked_at(&files.report(name, &input)) {
            assert_usable(&found, charts);
        }
    }
}
