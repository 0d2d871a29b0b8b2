//! `redline doctor`: a live Envoy in; what is wrong with how it runs the filter, and the mend, out.

use super::{Done, Failure};
use crate::doctor::{Expected, Live, examine};
use crate::document::Document;
use crate::http::Client;
use jiff::Timestamp;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

/// Find what is wrong with how a live Envoy runs the filter, with the mend of each fault
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Envoy's admin interface, such as http://127.0.0.1:9901
    #[arg(long, value_name = "URL")]
    envoy: String,
    /// The configuration that should run there, JSON or YAML; - reads standard input
    #[arg(long, value_name = "CONFIG")]
    config: Option<PathBuf>,
}

/// The dump of a large proxy takes a while.
const WITHIN: Duration = Duration::from_secs(30);

/// Prints each finding; the check fails where there is one.
pub fn run(args: &Args, out: &mut impl Write) -> Result<Done, Failure> {
    let document = args.config.as_deref().map(Document::load).transpose()?;
    let live = Live::read(&Client::new(WITHIN), &args.envoy)?;
    let now_s = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
    let findings = examine(&live, Expected { document: document.as_ref(), version: redline::VERSION, now_s });
    let version = live.version().map_or("of an unknown version".to_owned(), |version| version.to_string());
    writeln!(out, "Envoy {version} at {}", args.envoy)?;
    for (service, versions) in live.filters() {
        let versions =
            if versions.is_empty() { "that says no version".to_owned() } else { versions.join(", ") };
        writeln!(out, "Service {service}, filter {versions}")?;
    }
    writeln!(out)?;
    for finding in &findings {
        writeln!(out, "{finding}\n")?;
    }
    match findings.len() {
        0 => writeln!(out, "No finding: all is well.")?,
        1 => writeln!(out, "1 finding.")?,
        n => writeln!(out, "{n} findings.")?,
    }
    Ok(if findings.is_empty() { Done::Good } else { Done::CheckFailed })
}
