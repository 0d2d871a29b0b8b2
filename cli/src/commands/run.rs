//! `redline run`: a real Envoy with the filter in front of an upstream, until Ctrl-C.

use super::{Done, Failure, warn};
use crate::address::{AddressError, HostPort, Upstream};
use crate::checkout;
use crate::demo;
use crate::document::Document;
use crate::doubts::doubts;
use crate::envoy::{Envoy, Launch};
use crate::render::{self, Bootstrap, envoy::LISTENER};
use crate::stop::Stop;
use redline::config::{Config, HostPattern, ValueSource};
use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

/// Run a real Envoy with the filter in front of an upstream; Ctrl-C stops all
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration, JSON or YAML; - reads standard input; without it, the demo's
    #[arg(long)]
    config: Option<PathBuf>,
    /// Where requests go; h2c:// is for HTTP/2 without TLS, which gRPC needs; without it, to a demo upstream of Redline's own
    #[arg(long, value_name = "[h2c://]HOST:PORT")]
    upstream: Option<Upstream>,
    /// Where requests come from; a port alone is on this machine only
    #[arg(long, value_name = "PORT|IP:PORT", default_value = "10000", value_parser = local)]
    listen: HostPort,
    /// Envoy's admin interface; a port alone is on this machine only
    #[arg(long, value_name = "PORT|IP:PORT", default_value = "9901", value_parser = local)]
    admin: HostPort,
    /// Envoy's worker threads; without it, as many as there are cores
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    workers: Option<u32>,
    /// The filter's module; without it, the one that `make wasm` builds
    #[arg(long, value_name = "PATH")]
    wasm: Option<PathBuf>,
}

/// How often Envoy is looked at.
const POLL: Duration = Duration::from_millis(200);

fn local(text: &str) -> Result<HostPort, AddressError> {
    HostPort::parse_with_host(text, "127.0.0.1")
}

/// Runs until Ctrl-C, or until Envoy ends by itself.
pub fn run(args: &Args, out: &mut impl Write) -> Result<Done, Failure> {
    let stop = Stop::on_signals().map_err(Failure::system("signals"))?;
    let document = match &args.config {
        Some(path) => Document::load(path)?,
        None => demo::document()?,
    };
    warnings(&document.config).for_each(|warning| warn(&warning));
    let wasm = checkout::wasm(args.wasm.as_deref())?;
    must_be_free(&args.listen, "--listen")?;
    must_be_free(&args.admin, "--admin")?;
    // Kept until the end, with what it listens on.
    let (_demo, upstream) = match &args.upstream {
        Some(upstream) => (None, upstream.clone()),
        None => {
            let demo = demo::Upstream::start().map_err(Failure::system("the demo upstream"))?;
            let address = demo.address().into();
            (Some(demo), address)
        }
    };
    let bootstrap = Bootstrap {
        document: &document,
        upstream: upstream.clone(),
        listen: args.listen.clone(),
        admin: args.admin.clone(),
        wasm: wasm.display().to_string(),
        flush_seconds: Some(1),
    };
    let mut launch = Launch::new(bootstrap.yaml());
    if let Some(workers) = args.workers {
        launch = launch.workers(workers);
    }
    let mut envoy = Envoy::start(&launch)?;
    let gateway = format!("http://{}", envoy.listener(LISTENER)?);
    let metrics = format!("http://{}/stats/prometheus", envoy.admin());
    let of_demo = if args.upstream.is_none() { " (the demo upstream)" } else { "" };
    let config = args.config.as_ref().map_or(demo::CONFIG.to_owned(), |path| path.display().to_string());
    let service = &document.config.service;
    writeln!(
        out,
        "Envoy {version} with {wasm} in front of {upstream}{of_demo}\n\
         \x20 gateway        {gateway}\n\
         \x20 metrics        {metrics}\n\
         \x20 configuration  {config}\n\n\
         {try_it}\n\
         \x20 curl -s {metrics} | grep 'service=\"{service}\"'\n\n\
         Ctrl-C stops all.",
        version = envoy.version(),
        wasm = wasm.display(),
        try_it = try_it(&document.config, &upstream, &gateway),
    )?;
    out.flush()?;
    let mut shown = 0;
    while !stop.wait(POLL) {
        shown = show_log(&envoy.log(), shown);
        if let Some(error) = envoy.ended() {
            return Err(error.into());
        }
    }
    envoy.stop();
    Ok(Done::Good)
}

/// What the filter takes, but `redline check` refuses or doubts.
fn warnings(config: &Config) -> impl Iterator<Item = String> {
    let refused = render::check(config).into_iter();
    refused.map(|mistake| format!("{mistake}; nothing can be rendered")).chain(doubts(config))
}

/// Envoys share a port without a word (SO_REUSEPORT), and each would count a part of the traffic.
fn must_be_free(address: &HostPort, option: &'static str) -> Result<(), Failure> {
    if address.port == 0 {
        return Ok(());
    }
    let bound = TcpListener::bind((address.host.as_str(), address.port));
    bound.map(drop).map_err(|source| Failure::Listen { address: address.to_string(), option, source })
}

/// A first request; gRPC's clients need to know more than an address, so they are on their own.
fn try_it(config: &Config, upstream: &Upstream, gateway: &str) -> String {
    if upstream.http2 {
        return format!("Call {}, HTTP/2 without TLS; then:", gateway.trim_start_matches("http://"));
    }
    format!("Try:\n  {}", example_request(config, gateway))
}

/// A command that asks for the first template of the configuration, as its first tenant.
fn example_request(config: &Config, gateway: &str) -> String {
    let path: String = match config.endpoints.templates.iter().find(|t| t.parameters().next().is_some()) {
        Some(template) => {
            let filled = |part: &str| if part.starts_with('{') { "1".to_owned() } else { part.to_owned() };
            template.as_str().split('/').map(filled).collect::<Vec<_>>().join("/")
        }
        None => config.endpoints.templates.first().map_or("/", |t| t.as_str()).to_owned(),
    };
    let named = config.tenant.sources.iter().find_map(|source| match source {
        ValueSource::Header(name) => Some((format!(" -H '{name}: acme'"), String::new())),
        ValueSource::Host(HostPattern { prefix, suffix }) => {
            Some((format!(" -H 'host: {prefix}acme{suffix}'"), String::new()))
        }
        ValueSource::Query(name)
            if name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) =>
        {
            Some((String::new(), format!("?{name}=acme")))
        }
        _ => None,
    });
    let (header, query) = named.unwrap_or_default();
    let url = format!("{gateway}{path}{query}");
    // A shell reads the question mark as a pattern.
    let url = if query.is_empty() { url } else { format!("'{url}'") };
    format!("curl -i{header} {url}")
}

/// Passes on what Envoy has logged since `shown` bytes; returns how many there are now.
fn show_log(log: &str, shown: usize) -> usize {
    if let Some(new) = log.get(shown..).filter(|new| !new.is_empty()) {
        // Nobody to tell where this fails.
        let _written = write!(std::io::stderr(), "{new}");
    }
    log.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_request_fills_a_template_and_names_a_tenant() {
        let config = Config::from_json(
            br#"{"service":"x","endpoints":{"templates":["/a","/a/{id}/b"]},"tenant":{"sources":[{"header":"X-T"}]}}"#,
        );
        assert_eq!(example_request(&config.unwrap(), "http://g"), "curl -i -H 'x-t: acme' http://g/a/1/b");
        for (source, expected) in [
            (r#"{"host":"{t}.example.com"}"#, "curl -i -H 'host: acme.example.com' http://g/"),
            (r#"{"query":"tenant"}"#, "curl -i 'http://g/?tenant=acme'"),
            (r#"{"jwt":{"header":"authorization","claim":"t"}}"#, "curl -i http://g/"),
        ] {
            let document = format!(r#"{{"service":"x","tenant":{{"sources":[{source}]}}}}"#);
            let config = Config::from_json(document.as_bytes());
            assert_eq!(example_request(&config.unwrap(), "http://g"), expected);
        }
        let config = Config::from_json(br#"{"service":"x"}"#);
        assert_eq!(example_request(&config.unwrap(), "http://g"), "curl -i http://g/");
    }

    #[test]
    fn what_check_refuses_or_doubts_is_said_and_runs() {
        let of =
            |document: &str| warnings(&Config::from_json(document.as_bytes()).unwrap()).collect::<Vec<_>>();
        assert_eq!(of(r#"{"service":"x"}"#), Vec::<String>::new());
        let slo = r#"{"service":"x","slos":[{"name":"a","objective":0.999,"sli":{"availability":{}}}],"#;
        let said = of(&format!(r#"{slo}"endpoints":{{"templates":["/:id"]}}}}"#));
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].ends_with("did you mean 99.9?; nothing can be rendered"), "{said:?}");
        assert!(said[1].ends_with("did you mean {id}?"), "{said:?}");
    }

    #[test]
    fn a_port_that_is_taken_is_refused_with_the_option_that_chose_it() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = HostPort::from(taken.local_addr().unwrap());
        let error = must_be_free(&address, "--listen").unwrap_err().to_string();
        assert!(error.contains(&address.to_string()) && error.contains("--listen"), "{error}");
        drop(taken);
        must_be_free(&address, "--listen").unwrap();
    }
}
