//! Rows in; what stands in each column out.

use super::cell::{Cell, Column, Tone};
use super::rows::{EndpointRow, Rows, SloRow, TenantRow, WINDOWS};
use super::value::Value;
use crate::report::slo::status as status_in_words;
use redline::slo::SloStatus;

/// Columns, and the cells of each row; the first column is the service.
type Cells = (Vec<Column>, Vec<Vec<Cell>>);

pub(super) fn endpoints(rows: &Rows) -> Cells {
    (ENDPOINTS.to_vec(), rows.endpoints.iter().map(|row| endpoint(row, rows.seconds)).collect())
}

pub(super) fn tenants(rows: &Rows) -> Cells {
    (TENANTS.to_vec(), rows.tenants.iter().map(|row| tenant(row, rows.seconds)).collect())
}

pub(super) fn slos(rows: &Rows) -> Cells {
    (SLOS.to_vec(), rows.slos.iter().map(slo).collect())
}

const fn words(title: &'static str, least: usize) -> Column {
    Column { title, left: true, rank: 0, least, sparse: false }
}

const fn number(title: &'static str, rank: u8, least: usize) -> Column {
    Column { title, left: false, rank, least, sparse: false }
}

const SERVICE: Column = Column { rank: 2, ..words("SERVICE", 7) };

const ENDPOINTS: [Column; 11] = [
    SERVICE,
    words("METHOD", 6),
    words("ENDPOINT", 8),
    number("REQUESTS", 5, 8),
    number("RATE/S", 0, 6),
    number("ERR%", 0, 5),
    number("4XX%", 3, 5),
    number("P50", 4, 5),
    number("P95", 1, 5),
    number("P99", 0, 5),
    number("ACTIVE", 2, 6),
];

const TENANTS: [Column; 10] = [
    SERVICE,
    words("TENANT", 6),
    number("REQUESTS", 5, 8),
    number("RATE/S", 0, 6),
    number("ERR%", 0, 5),
    number("4XX%", 2, 5),
    number("LIMITED/S", 3, 9),
    number("IN-B/S", 4, 6),
    number("OUT-B/S", 4, 7),
    Column { sparse: true, ..number("USERS", 1, 5) },
];

const SLOS: [Column; 15] = [
    SERVICE,
    words("SLO", 8),
    words("STATUS", 9),
    number("LEFT%", 0, 5),
    number("5M", 0, 5),
    number("30M", 7, 5),
    number("1H", 0, 5),
    number("2H", 7, 5),
    number("6H", 1, 5),
    number("1D", 7, 5),
    number("3D", 3, 5),
    number("PERIOD", 6, 6),
    number("BAD", 2, 5),
    number("EVENTS", 5, 6),
    Column { sparse: true, ..number("P99", 4, 5) },
];

fn cell(value: Value) -> Cell {
    Cell { value, tone: Tone::Plain }
}

fn text(text: &str) -> Cell {
    cell(Value::Text(text.to_owned()))
}

/// One in a hundred is bad.
fn errors(part: f64, whole: f64) -> Cell {
    let value = Value::share(part, whole);
    let tone = match value {
        Value::Percent(p) if p >= 1.0 => Tone::Bad,
        Value::Percent(p) if p > 0.0 => Tone::Warning,
        _ => Tone::Plain,
    };
    Cell { value, tone }
}

fn per_second(n: f64, seconds: Option<f64>, value: fn(f64) -> Value) -> Cell {
    cell(seconds.map_or(Value::Missing, |seconds| value(n / seconds)))
}

fn endpoint(row: &EndpointRow, seconds: Option<f64>) -> Vec<Cell> {
    let traffic = &row.traffic;
    let duration = |q| cell(Value::quantile(traffic.duration(q)));
    vec![
        text(&row.service),
        text(&row.route.method),
        text(&row.route.endpoint),
        cell(Value::Count(row.total)),
        per_second(traffic.requests, seconds, Value::Rate),
        errors(traffic.errors, traffic.requests),
        cell(Value::share(traffic.refused, traffic.requests)),
        duration(0.5),
        duration(0.95),
        duration(0.99),
        cell(Value::Count(row.in_flight)),
    ]
}

fn tenant(row: &TenantRow, seconds: Option<f64>) -> Vec<Cell> {
    let traffic = &row.traffic;
    let limited = per_second(row.limited, seconds, Value::Rate);
    vec![
        text(&row.service),
        text(&row.tenant),
        cell(Value::Count(row.total)),
        per_second(traffic.requests, seconds, Value::Rate),
        errors(traffic.errors, traffic.requests),
        cell(Value::share(traffic.refused, traffic.requests)),
        Cell { tone: if row.limited > 0.0 { Tone::Warning } else { Tone::Plain }, ..limited },
        per_second(row.bytes_in, seconds, Value::Bytes),
        per_second(row.bytes_out, seconds, Value::Bytes),
        cell(row.users.map_or(Value::Missing, Value::Count)),
    ]
}

fn slo(row: &SloRow) -> Vec<Cell> {
    let (status, tone) = status(row.gauges.status);
    let left = row.left_percent();
    let left_tone = match left {
        Some(left) if left <= 0.0 => Tone::Bad,
        Some(left) if left < 25.0 => Tone::Warning,
        _ => Tone::Plain,
    };
    let burn = |name| cell_of_burn(row, name);
    let [m5, m30, h1, h2, h6, d1, d3] = WINDOWS;
    let period = row.window(None);
    let count = |n: Option<f64>| cell(n.map_or(Value::Missing, Value::Count));
    // 0 is what the gauge says of an hour without events.
    let p99 = row.gauges.p99_ms.filter(|ms| *ms > 0.0);
    vec![
        text(&row.service),
        text(&row.slo),
        Cell { tone, ..text(status) },
        Cell { value: left.map_or(Value::Missing, Value::Percent), tone: left_tone },
        burn(Some(m5)),
        burn(Some(m30)),
        burn(Some(h1)),
        burn(Some(h2)),
        burn(Some(h6)),
        burn(Some(d1)),
        burn(Some(d3)),
        burn(None),
        count(period.and_then(|period| period.bad)),
        count(period.and_then(|period| period.events)),
        cell(p99.map_or(Value::Missing, |ms| Value::Millis { ms, above: false })),
    ]
}

/// In red from where the fastest pair of windows is critical; the star says that the window has not been seen whole.
fn cell_of_burn(row: &SloRow, name: Option<&str>) -> Cell {
    let Some(window) = row.window(name) else { return cell(Value::Missing) };
    let Some(milli) = window.burn_milli.filter(|_| window.events != Some(0.0)) else {
        return cell(Value::Missing);
    };
    let whole = name.or_else(|| row.period()).and_then(seconds);
    let partly = whole.zip(window.coverage_s).is_some_and(|(whole, seen)| seen < whole);
    let rate = milli / 1000.0;
    let tone = match rate {
        rate if rate > 14.4 => Tone::Bad,
        rate if rate > 1.0 => Tone::Warning,
        _ => Tone::Plain,
    };
    Cell { value: Value::Burn { rate, partly }, tone }
}

/// The length of a window by its label.
fn seconds(window: &str) -> Option<f64> {
    let unit = window.chars().last()?;
    let count: f64 = window.strip_suffix(unit)?.parse().ok()?;
    let unit = match unit {
        's' => 1.0,
        'm' => 60.0,
        'h' => 3600.0,
        'd' => 86_400.0,
        _ => return None,
    };
    Some(count * unit)
}

fn status(code: Option<f64>) -> (&'static str, Tone) {
    use SloStatus::{AtRisk, Critical, Exhausted, Healthy, Unknown};
    let known = [
        (Healthy, Tone::Good),
        (AtRisk, Tone::Warning),
        (Critical, Tone::Bad),
        (Exhausted, Tone::Bad),
        (Unknown, Tone::Plain),
    ];
    let found = known.into_iter().find(|(status, _)| code == Some(status.code() as f64));
    found.map_or(("-", Tone::Plain), |(status, tone)| (status_in_words(status), tone))
}

#[cfg(test)]
mod tests {
    use super::super::reading::{SloGauges, WindowGauges};
    use super::*;

    fn burning(window: &str, milli: f64, events: f64, coverage: f64) -> SloRow {
        let gauges = WindowGauges {
            burn_milli: Some(milli),
            events: Some(events),
            bad: None,
            coverage_s: Some(coverage),
        };
        let windows = [(window.to_owned(), gauges)].into();
        let gauges = SloGauges { windows, ..SloGauges::default() };
        SloRow { service: String::new(), slo: "a".to_owned(), gauges }
    }

    #[test]
    fn a_burn_rate_says_whether_its_window_was_seen_whole() {
        let burn = |row: &SloRow, name| cell_of_burn(row, name);
        let cell = burn(&burning("1h", 14_401.0, 5.0, 3599.0), Some("1h"));
        assert_eq!((cell.value.short(), cell.tone), ("14.4*".to_owned(), Tone::Bad));
        let cell = burn(&burning("1h", 1500.0, 5.0, 3600.0), Some("1h"));
        assert_eq!((cell.value.short(), cell.tone), ("1.50".to_owned(), Tone::Warning));
        let cell = burn(&burning("28d", 500.0, 5.0, 60.0), None);
        assert_eq!((cell.value.short(), cell.tone), ("0.50*".to_owned(), Tone::Plain));
        assert_eq!(burn(&burning("1h", 0.0, 0.0, 60.0), Some("1h")).value, Value::Missing);
        assert_eq!(burn(&burning("1h", 0.0, 0.0, 60.0), Some("5m")).value, Value::Missing);
    }

    #[test]
    fn every_status_is_said_in_words() {
        let words = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0].map(|code| status(Some(code)).0);
        assert_eq!(words, ["healthy", "at risk", "critical", "exhausted", "unknown", "-"]);
        assert_eq!(status(None).0, "-");
    }

    #[test]
    fn windows_have_their_length_in_their_name() {
        assert_eq!(["30s", "5m", "6h", "30d"].map(seconds), [30.0, 300.0, 21_600.0, 2_592_000.0].map(Some));
        assert_eq!(["", "5", "d", "5w", "5µ"].map(seconds), [None; 5]);
    }
}
