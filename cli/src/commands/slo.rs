//! `redline slo`: proxies or a Prometheus in; how each SLO stands out.

use super::{Done, Failure};
use crate::document::Document;
use crate::harmless::harmless_lines;
use crate::http::Client;
use crate::report;
use crate::report::html::{Destination, Made};
use crate::slo::{from_envoys, from_prometheus};
use jiff::Timestamp;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

/// Show how each SLO stands: budget, burn rates and status, of live proxies or of a Prometheus
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("source").required(true))]
pub struct Args {
    /// The configuration, JSON or YAML; - reads standard input
    #[arg(long, value_name = "CONFIG")]
    config: PathBuf,
    /// Envoy's admin interface, such as http://127.0.0.1:9901; of several, the proxies are summed
    #[arg(long, value_name = "URL", group = "source")]
    envoy: Vec<String>,
    /// A Prometheus that scrapes the proxies, such as http://127.0.0.1:9090
    #[arg(long, value_name = "URL", group = "source", conflicts_with = "envoy")]
    prometheus: Option<String>,
    /// What to print
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// Write a page with charts, too: one file that needs no network
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// For people
    Table,
    /// For programs
    Json,
}

/// Envoy answers at once; a month of a large Prometheus takes a while.
const ENVOY_WITHIN: Duration = Duration::from_secs(10);
const PROMETHEUS_WITHIN: Duration = Duration::from_secs(30);

/// Prints the report; a bad status is no failure of the command.
pub fn run(args: &Args, out: &mut impl Write) -> Result<Done, Failure> {
    let config = Document::load(&args.config)?.config;
    let destination =
        args.report.as_deref().map(|path| Destination::prepare(path, &[&args.config])).transpose()?;
    let client = Client::new(if args.prometheus.is_some() { PROMETHEUS_WITHIN } else { ENVOY_WITHIN });
    let now = Timestamp::now();
    let (source, states) = match &args.prometheus {
        Some(url) => (json!({"prometheus": url}), from_prometheus(&config, url, &client)?),
        None => {
            let now_s = u64::try_from(now.as_second()).unwrap_or_default();
            (json!({"envoy": args.envoy}), from_envoys(&config, &args.envoy, &client, now_s)?)
        }
    };
    if let Some(destination) = destination {
        let urls = args.prometheus.iter().chain(&args.envoy).map(|url| place(url));
        let page = report::page::slos(&config, &states, urls.collect(), Made::now())?;
        destination.write(&page.html()?)?;
    }
    match args.output {
        Output::Table => {
            writeln!(out, "Service {}, {now:.0}\n", config.service)?;
            // Names of targets are what Prometheus was told.
            write!(out, "{}", harmless_lines(&report::slo::table(&states)))?;
        }
        Output::Json => {
            let value = report::slo::json(&config.service, source, &format!("{now:.3}"), &states);
            writeln!(out, "{value:#}")?;
        }
    }
    Ok(Done::Good)
}

/// What was asked, without what it was asked with: a page is passed on, and a URL may have a password in it.
fn place(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("Read from {host}")
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn a_source_is_shown_without_its_password() {
        let table = ["http://u:p@host:9901/stats?x=y", "host:9901", "https://host:9901/"];
        for url in table {
            assert_eq!(place(url), "Read from host:9901");
        }
    }
}
