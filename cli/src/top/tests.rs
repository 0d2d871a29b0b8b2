use super::cell::Tone;
use super::draw::draw;
use super::table::Kind;
use super::*;
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyModifiers};
use ratatui::style::{Color, Modifier};

const URL: &str = "http://127.0.0.1:9901";

fn source() -> Source {
    Source { url: URL.to_owned(), interval: Duration::from_secs(1), service: None }
}

fn top() -> Top {
    Top::new(source(), View::new(false))
}

fn now(seconds: u64) -> Now {
    Now { steady: Duration::from_secs(seconds), unix_s: 1_700_000_000 + seconds }
}

/// What a shop of several endpoints, tenants and SLOs has counted after so many seconds.
fn shop(seconds: u64) -> String {
    let mut text = format!(
        "envoy_server_uptime{{}} {}\nredline_build_info{{service=\"shop\",version=\"0.1.0\"}} 1\n\
         redline_series{{service=\"shop\"}} 184\nredline_label_values{{service=\"shop\",label=\"tenant\"}} 3\n\
         redline_label_values_max{{service=\"shop\",label=\"tenant\"}} 100\n\
         redline_last_publish_timestamp_seconds{{service=\"shop\"}} {}\n",
        600 + seconds,
        1_700_000_000 + seconds
    );
    let endpoints = [
        ("GET", "/api/v1/models/{id}", 80),
        ("POST", "/api/v1/models/{id}/predict", 40),
        ("GET", "_other", 1),
    ];
    for (method, endpoint, rate) in endpoints {
        let route = format!("service=\"shop\",method=\"{method}\",endpoint=\"{endpoint}\"");
        let total = 1000 + rate * seconds * 10;
        for (status, percent) in [("200", 90), ("404", 8), ("503", 2)] {
            text +=
                &format!("http_requests_total{{{route},status=\"{status}\"}} {}\n", total * percent / 100);
        }
        for (bound, percent) in [("5", 0), ("10", 50), ("50", 95), ("250", 99), ("+Inf", 100)] {
            let count = total * percent / 100;
            text += &format!("http_request_duration_milliseconds_bucket{{{route},le=\"{bound}\"}} {count}\n");
        }
        text += &format!("http_requests_in_progress{{{route}}} {}\n", rate / 20);
    }
    for (tenant, rate) in [("acme", 700), ("globex", 400), ("_none", 110)] {
        let total = rate * seconds;
        let label = format!("service=\"shop\",tenant=\"{tenant}\"");
        text += &format!("tenant_requests_total{{{label},code_class=\"2xx\"}} {}\n", total * 9 / 10);
        text += &format!("tenant_requests_total{{{label},code_class=\"4xx\"}} {}\n", total / 10);
        text += &format!("tenant_request_bytes_total{{{label}}} {}\n", total * 100);
        text += &format!("tenant_response_bytes_total{{{label}}} {}\n", total * 2000);
        text += &format!("tenant_rate_limited_total{{{label}}} {}\n", total / 1000);
    }
    for (slo, status, left, burn) in [("availability", 2, 412_300, 14_800), ("latency", 0, 991_000, 400)] {
        let label = format!("service=\"shop\",slo=\"{slo}\"");
        text +=
            &format!("slo_status{{{label}}} {status}\nslo_error_budget_remaining_ppm{{{label}}} {left}\n");
        text += &format!("slo_error_budget_overspent_ppm{{{label}}} 0\n");
        for (window, coverage) in [
            ("5m", 300),
            ("30m", 1800),
            ("1h", 3600),
            ("2h", 7200),
            ("6h", 9000),
            ("1d", 9000),
            ("3d", 9000),
            ("30d", 9000),
        ] {
            let label = format!("{label},window=\"{window}\"");
            text += &format!("slo_burn_rate_milli{{{label}}} {burn}\nslo_window_events{{{label}}} 5000\n");
            text += &format!(
                "slo_window_bad_events{{{label}}} 74\nslo_window_coverage_seconds{{{label}}} {coverage}\n"
            );
        }
    }
    text + "slo_http_request_latency_p99_milliseconds{service=\"shop\",slo=\"latency\"} 188\n"
}

fn scrape(text: &str) -> Scrape {
    Scrape::parse(text).unwrap()
}

/// Eleven scrapes, a second apart.
fn watched(mut top: Top) -> Top {
    for second in 0..=10 {
        top.answered(now(second), &scrape(&shop(second)));
    }
    top
}

fn buffer(top: &Top, width: u16, height: u16) -> ratatui::buffer::Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, top)).unwrap();
    terminal.backend().buffer().clone()
}

/// The lines of a screen without blanks at their ends.
fn screen(top: &Top, width: u16, height: u16) -> String {
    let buffer = buffer(top, width, height);
    let line = |y| {
        let text: String = (0..width).map(|x| buffer[(x, y)].symbol()).collect();
        format!("{}\n", text.trim_end())
    };
    (0..height).map(line).collect()
}

fn press(top: &mut Top, keys: &str) {
    for c in keys.chars() {
        let code = match c {
            '\n' => KeyCode::Enter,
            '\t' => KeyCode::Tab,
            '\u{1b}' => KeyCode::Esc,
            c => KeyCode::Char(c),
        };
        assert!(top.key(view::Key::new(code, KeyModifiers::NONE)), "{c:?} left");
    }
}

#[track_caller]
fn golden(name: &str, actual: &str) {
    let path = format!("{}/src/top/screens/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(std::path::Path::new(&path).parent().unwrap()).unwrap();
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(actual, expected, "{path}; BLESS=1 writes it anew");
}

#[test]
fn a_small_screen_has_one_table_and_the_names_of_the_others() {
    let mut top = watched(top());
    golden("endpoints_80x24", &screen(&top, 80, 24));
    press(&mut top, "\t");
    golden("tenants_80x24", &screen(&top, 80, 24));
    press(&mut top, "3");
    golden("slos_80x24", &screen(&top, 80, 24));
    press(&mut top, "?");
    golden("help_80x24", &screen(&top, 80, 24));
}

#[test]
fn a_large_screen_has_all_three() {
    let mut top = watched(top());
    press(&mut top, "jj");
    golden("all_160x50", &screen(&top, 160, 50));
}

#[test]
fn plain_tables_have_no_escape_codes() {
    let text = watched(top()).text("2026-01-01T00:00:10Z");
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
    golden("once", &text);
}

#[test]
fn a_filter_is_typed_kept_and_cleared() {
    let mut top = watched(top());
    press(&mut top, "/PREDq");
    assert!(screen(&top, 80, 24).contains("show only: PREDq_"));
    top.key(view::Key::new(KeyCode::Backspace, KeyModifiers::NONE));
    press(&mut top, "\n");
    let shown = screen(&top, 80, 24);
    assert!(shown.contains("[1 Endpoints 1]") && shown.contains("only \"PRED\""), "{shown}");
    press(&mut top, "\u{1b}");
    assert!(screen(&top, 80, 24).contains("[1 Endpoints 3]"));
    press(&mut top, "/nowhere\n");
    assert!(screen(&top, 80, 24).contains("nothing has this text"));
}

#[test]
fn the_order_can_be_chosen_and_turned() {
    let mut top = watched(top());
    let first = |top: &Top| {
        let table = top.table(Kind::Endpoints);
        table.identity(&table.rows[0])
    };
    assert_eq!(first(&top), "GET /api/v1/models/{id}");
    press(&mut top, "r");
    assert_eq!(first(&top), "GET _other");
    // Back to ENDPOINT: words are in their own order at first.
    press(&mut top, "<<");
    assert_eq!(
        (top.view.sort(Kind::Endpoints).column, first(&top)),
        ("ENDPOINT", "GET /api/v1/models/{id}".to_owned())
    );
    press(&mut top, "r");
    assert_eq!(first(&top), "GET _other");
    press(&mut top, "oo");
    assert_eq!(top.view.sort(Kind::Endpoints), Kind::Endpoints.first_sort());
}

#[test]
fn what_is_selected_stays_so_when_the_order_changes_and_is_shown_in_whole() {
    let mut top = watched(top());
    press(&mut top, "jj");
    assert_eq!(top.view.selected(Kind::Endpoints), Some("POST /api/v1/models/{id}/predict"));
    press(&mut top, "r");
    let shown = screen(&top, 40, 24);
    assert!(shown.lines().any(|line| line.starts_with(">POST")), "{shown}");
    assert!(screen(&top, 80, 24).contains("POST /api/v1/models/{id}/predict  requests 5000"), "{shown}");
    // A table that is longer than the screen scrolls to what is selected.
    top.key(view::Key::new(KeyCode::End, KeyModifiers::NONE));
    let shown = screen(&top, 80, 8);
    assert!(shown.lines().any(|line| line.starts_with(">GET    /api")), "{shown}");
}

#[test]
fn while_it_pauses_nothing_moves_and_afterwards_everything_is_up_to_date() {
    let mut top = watched(top());
    press(&mut top, "p");
    let before = top.rows().clone();
    for second in 11..=15 {
        top.answered(now(second), &scrape(&shop(second)));
    }
    assert_eq!(top.rows(), &before);
    assert!(screen(&top, 80, 24).contains("PAUSED"));
    press(&mut top, " ");
    assert_eq!(top.rows().endpoints[0].total, 13_000.0);
}

#[test]
fn an_envoy_that_is_away_is_named_with_the_reason_and_its_values_are_dimmed() {
    let mut top = watched(top());
    top.failed(now(11), "Connection \u{1b}[31mrefused");
    top.at(now(22));
    let shown = screen(&top, 120, 24);
    let expected =
        "! cannot reach http://127.0.0.1:9901: Connection \u{fffd}[31mrefused, retrying, last seen 12 s ago";
    assert!(shown.contains(expected) && shown.contains("NOT REACHED"), "{shown}");
    let buffer = buffer(&top, 120, 24);
    let row = (0..24)
        .find(|y| (0..120).map(|x| buffer[(x, *y)].symbol()).collect::<String>().contains("predict"))
        .unwrap();
    assert!(buffer[(1, row)].modifier.contains(Modifier::DIM));
    top.answered(now(23), &scrape(&shop(23)));
    let shown = screen(&top, 120, 24);
    assert!(!shown.contains("! cannot") && shown.contains("live, every 1 s"), "{shown}");
}

#[test]
fn an_answer_that_takes_long_is_spoken_of() {
    let mut top = watched(top());
    top.at(now(12));
    assert!(screen(&top, 80, 24).contains("live, every 1 s"));
    top.at(now(17));
    assert!(screen(&top, 80, 24).contains("NO ANSWER for 6 s, every 1 s"));
}

#[test]
fn a_restart_gives_no_rates_of_its_own_and_is_spoken_of_for_a_while() {
    let mut top = watched(top());
    let restarted = |seconds| shop(seconds).replace("envoy_server_uptime{} 6", "envoy_server_uptime{} ");
    top.answered(now(20), &scrape(&restarted(11)));
    assert_eq!((top.rows().seconds, top.rows().all.requests), (None, 0.0));
    assert!(screen(&top, 80, 24).contains("Envoy or its filter restarted 0 s ago"));
    top.answered(now(21), &scrape(&restarted(12)));
    assert_eq!((top.rows().seconds, top.rows().all.requests), (Some(1.0), 1210.0));
    top.at(now(60));
    assert!(!screen(&top, 80, 24).contains("restarted"));
}

#[test]
fn what_must_not_be_missed_is_said_loudly() {
    let mut top = top();
    let text = shop(0)
        + "redline_dropped_total{service=\"shop\",reason=\"hostcall\"} 12\n\
           redline_dropped_total{service=\"shop\",reason=\"value_range\"} 0\n\
           redline_series_overflow_total{service=\"shop\",label=\"max_series\"} 3400\n\
           redline_label_values{service=\"shop\",label=\"model\"} 45\n\
           redline_label_values_max{service=\"shop\",label=\"model\"} 50\n";
    top.answered(now(200), &scrape(&text));
    let notices: Vec<_> = top.notices().into_iter().map(|notice| (notice.tone, notice.text)).collect();
    let expected = [
        (Tone::Bad, "DROPPED: 12 hostcall could not be recorded since Envoy's start"),
        (Tone::Warning, "OVERFLOW: 3,400 max_series sent to _other by a limit since Envoy's start"),
        (Tone::Warning, "NEAR LIMIT: model has 45 of 50 values"),
        (Tone::Bad, "STALE: gauges are 3m 20s old, nobody publishes them"),
    ];
    assert_eq!(notices, expected.map(|(tone, text)| (tone, text.to_owned())));
    let shown = screen(&top, 80, 24);
    assert!(expected.iter().all(|(_, text)| shown.contains(&format!(" ! {text}"))), "{shown}");
}

#[test]
fn many_notices_leave_room_for_the_tables() {
    let near = |n| {
        let label = format!("service=\"shop\",label=\"label_{n}\"");
        format!("redline_label_values{{{label}}} 50\nredline_label_values_max{{{label}}} 50\n")
    };
    let mut top = top();
    top.answered(now(0), &scrape(&(shop(0) + &(0..30).map(near).collect::<String>())));
    let shown = screen(&top, 80, 24);
    assert!(shown.contains(" ! 23 more lines; --once shows all") && shown.contains("/predict"), "{shown}");
    assert_eq!(top.text("").matches("\n! NEAR LIMIT").count(), 30);
}

#[test]
fn where_there_is_nothing_it_says_whom_to_ask() {
    let mut top = top();
    top.answered(now(0), &Scrape::default());
    let expected = "no metrics of Redline at http://127.0.0.1:9901; `redline doctor --envoy http://127.0.0.1:9901` says why";
    assert_eq!(top.missing().as_deref(), Some(expected));
    let other = Source { service: Some("cart".to_owned()), ..source() };
    let mut top = Top::new(other, View::new(false));
    top.answered(now(0), &scrape(&shop(0)));
    assert_eq!(top.missing().as_deref(), Some("no service cart at http://127.0.0.1:9901; there is shop"));
}

#[test]
fn without_colours_there_are_none_and_states_are_words() {
    let colours = |colour| {
        let mut top = watched(Top::new(source(), View::new(colour)));
        press(&mut top, "3");
        let cells = buffer(&top, 120, 40).content;
        cells.into_iter().filter(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset).count()
    };
    assert_eq!(colours(false), 0);
    assert!(colours(true) > 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_metrics_and_any_size_and_any_keys_give_a_screen(
        width in 0u16..200, height in 0u16..60,
        values in proptest::collection::vec((0usize..12, "\\PC{0,20}|_other|/a", prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(1.8446744073709552e19), -5.0f64..1e7]), 0..40),
        keys in "[jkGg123prohq?/x<>\n\t\u{1b} ]{0,30}",
    ) {
        const NAMES: [&str; 12] = ["http_requests_total", "http_request_duration_milliseconds_bucket",
            "http_request_duration_microseconds_bucket", "http_requests_in_progress", "tenant_requests_total",
            "tenant_rate_limited_total", "slo_burn_rate_milli", "slo_error_budget_overspent_ppm",
            "slo_error_budget_remaining_ppm", "redline_last_publish_timestamp_seconds", "redline_dropped_total",
            "redline_label_values_max"];
        let mut top = top();
        for half in [values.split_at(values.len() / 2).0, &values] {
            let mut scrape = scrape("envoy_server_uptime{} 5\nredline_series{service=\"shop\"} 1\n");
            for (name, text, value) in half {
                let labels = ["method", "endpoint", "status", "tenant", "code_class", "slo", "window", "reason", "label"];
                let mut labels: std::collections::BTreeMap<_, _> =
                    labels.iter().map(|label| ((*label).to_owned(), text.clone())).collect();
                labels.insert("service".to_owned(), "shop".to_owned());
                labels.insert("le".to_owned(), value.to_string());
                scrape.samples.push(crate::scrape::Sample { name: NAMES[*name].to_owned(), labels, value: *value });
            }
            top.answered(now(half.len() as u64), &scrape);
            let drawn = buffer(&top, width, height);
            prop_assert_eq!(drawn.content.len(), usize::from(width) * usize::from(height));
        }
        for c in keys.chars() {
            let code = match c { '\n' => KeyCode::Enter, '\t' => KeyCode::Tab, '\u{1b}' => KeyCode::Esc, c => KeyCode::Char(c) };
            top.key(view::Key::new(code, KeyModifiers::NONE));
            buffer(&top, width, height);
        }
        top.failed(now(100), "gone");
        buffer(&top, width, height);
        let text = top.text("now");
        prop_assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    }
}
