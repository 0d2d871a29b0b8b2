//! What a request costs a real Envoy, by what stands in its way: CPU time of the Envoy process per request.
//!
//! Every variant has an Envoy of its own with one worker, pinned to core 0; load and upstream are on core 1. The
//! variants take turns, and the figures are medians over the rounds of differences within a round, so that what else the
//! machine does hits all of them. `cargo bench --package redline-cli --bench envoy -- --rounds 9 --requests 40000`;
//! `--only NAME,…` and `--scenario NAME` leave out the others, `--wasm NAME=PATH` adds a build of the filter.

#[path = "envoy/bootstrap.rs"]
mod bootstrap;
#[path = "envoy/load.rs"]
mod load;

use bootstrap::{Answer, Variant, bootstrap};
use load::Protocol;
use redline_cli::document::Document;
use redline_cli::envoy::{Envoy, Launch};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// RED, sizes, in-flight, tenants, and one SLO of each kind.
const DEFAULT: &str = r#"
service: shop
endpoints: {templates: [/api/v1/models, "/api/v1/models/{id}", "/api/v1/models/{id}/predict"]}
tenant: {sources: [{header: x-tenant-id}]}
slos:
  - {name: availability, objective: 99.9, sli: {availability: {}}}
  - {name: latency, objective: 99, sli: {latency: {threshold: 300ms}}}
"#;

struct Options {
    rounds: usize,
    requests: usize,
    only: Option<Vec<String>>,
    scenario: Option<String>,
    builds: Vec<(String, PathBuf)>,
    modules: Vec<(String, PathBuf)>,
}

impl Options {
    fn read() -> Self {
        let mut options = Self {
            rounds: 7,
            requests: 30_000,
            only: None,
            scenario: None,
            builds: Vec::new(),
            modules: Vec::new(),
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            // What cargo adds.
            if word == "--bench" {
                continue;
            }
            let value = words.next().unwrap_or_else(|| panic!("{word} wants a value"));
            match word.as_str() {
                "--rounds" => options.rounds = value.parse().expect("a number of rounds"),
                "--requests" => options.requests = value.parse().expect("a number of requests"),
                "--only" => options.only = Some(value.split(',').map(str::to_owned).collect()),
                "--scenario" => options.scenario = Some(value),
                "--wasm" => options.builds.push(named(&value)),
                "--module" => options.modules.push(named(&value)),
                _ => panic!("{word} is unknown: --rounds, --requests, --only, --scenario, --wasm, --module"),
            }
        }
        options
    }
}

/// `NAME=PATH`.
fn named(word: &str) -> (String, PathBuf) {
    let (name, path) = word.split_once('=').expect("NAME=PATH");
    (name.to_owned(), std::path::absolute(path).expect("a path"))
}

fn main() {
    let options = Options::read();
    pin(std::process::id(), 1);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let upstream = runtime.block_on(load::upstream());
    let modules = tempfile::tempdir().expect("a folder");
    let variants = variants(&options, modules.path());
    let scenarios = [
        ("direct", Answer::Direct, Protocol::Http1),
        ("upstream", Answer::Upstream(upstream), Protocol::Http1),
        ("http2", Answer::Upstream(upstream), Protocol::Http2),
    ];
    for (name, answer, protocol) in scenarios {
        if options.scenario.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let mut costs: Vec<Vec<f64>> = vec![Vec::new(); variants.len()];
        let mut starts = costs.clone();
        for round in 0..options.rounds {
            for (((variant, setup), costs), starts) in variants.iter().zip(&mut costs).zip(&mut starts) {
                let (start, cost) = measure(&runtime, &bootstrap(setup, answer), protocol, options.requests);
                eprintln!("{name}, round {}: {variant} {cost:.2} us, started in {start:.0} ms", round + 1);
                costs.push(cost);
                starts.push(start);
            }
        }
        report(name, &variants, &costs, &starts);
    }
}

/// Milliseconds until Envoy listens, to the next ten; microseconds of CPU per request.
fn measure(
    runtime: &tokio::runtime::Runtime,
    bootstrap: &str,
    protocol: Protocol,
    requests: usize,
) -> (f64, f64) {
    let launch = Launch::new(bootstrap).workers(1).log_level("error");
    let began = Instant::now();
    let envoy = Envoy::start(&launch).unwrap_or_else(|error| panic!("{error}"));
    let started = began.elapsed().as_secs_f64() * 1000.0;
    pin(envoy.pid(), 0);
    let address = envoy.listener("ingress").expect("it listens");
    let paths: Arc<[String]> = [String::from("/api/v1/models/42?x=1")].into();
    runtime.block_on(load::send(address, protocol, paths.clone(), requests / 4));
    let before = cpu_ns(envoy.pid());
    runtime.block_on(load::send(address, protocol, paths, requests));
    (started, (cpu_ns(envoy.pid()) - before) as f64 / 1000.0 / requests as f64)
}

/// How long the threads of a process have run.
fn cpu_ns(pid: u32) -> u64 {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).expect("a process");
    let run = |thread: std::io::Result<std::fs::DirEntry>| {
        let stat = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        stat.split(' ').next()?.parse::<u64>().ok()
    };
    threads.filter_map(run).sum()
}

/// Binds every thread of a process to a core.
fn pin(pid: u32, core: u32) {
    let words = ["--all-tasks", "--cpu-list", "--pid", &core.to_string(), &pid.to_string()];
    let done = Command::new("taskset").args(words).output().expect("taskset, of util-linux");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn variants(options: &Options, folder: &Path) -> Vec<(String, Variant)> {
    let root = Path::new(ROOT);
    let wasm = root.join("dist/redline.wasm");
    let module = |name: &str, source: &Path| {
        let path = folder.join(name).with_extension("wasm");
        let text = std::fs::read(source).expect("its source");
        std::fs::write(&path, wat::parse_bytes(&text).expect("a module")).expect("it can be written");
        Variant::Module(path)
    };
    let default = Rc::new(Document::from_text("the benchmark", DEFAULT).expect("it is right"));
    let profile = root.join("envoy/profiles/ml-platform.yaml");
    let profile = std::fs::read_to_string(&profile).expect("the profile");
    let profile = Rc::new(Document::from_text("the profile", &profile).expect("it is right"));
    let redline =
        |document: &Rc<Document>| Variant::Redline { wasm: wasm.clone(), document: document.clone() };
    let wanted = |name: &str| options.only.as_ref().is_none_or(|only| only.iter().any(|one| one == name));
    let mut variants = vec![
        ("bare".to_owned(), Variant::Bare),
        ("native".to_owned(), Variant::Native),
        ("floor".to_owned(), module("floor", &root.join("benches/modules/floor.wat"))),
    ];
    if wanted("tutorial") {
        variants.push(("tutorial".to_owned(), Variant::Module(tutorial())));
    }
    variants.push(("redline".to_owned(), redline(&default)));
    variants.push(("profile".to_owned(), redline(&profile)));
    variants.retain(|(name, _)| matches!(name.as_str(), "bare" | "native") || wanted(name));
    for (name, path) in &options.modules {
        variants.push((name.clone(), module(name, path)));
    }
    for (name, path) in &options.builds {
        variants.push((name.clone(), Variant::Redline { wasm: path.clone(), document: default.clone() }));
    }
    variants
}

/// Builds the filter that a tutorial would end with.
fn tutorial() -> PathBuf {
    let package = Path::new(ROOT).join("host-harness/tests/filters");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("filters");
    let words = ["build", "--locked", "--release", "--example", "tutorial", "--target", "wasm32-wasip1"];
    let done = Command::new(env!("CARGO"))
        .args(words)
        .current_dir(package)
        .arg("--target-dir")
        .arg(&target)
        .status();
    assert!(done.expect("cargo").success());
    target.join("wasm32-wasip1/release/examples/tutorial.wasm")
}

/// What each variant adds to a bare Envoy, and how that compares with the native logger.
fn report(scenario: &str, variants: &[(String, Variant)], costs: &[Vec<f64>], starts: &[Vec<f64>]) {
    let (bare, native) = (&costs[0], &costs[1]);
    println!(
        "\n{scenario}\n{:10} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "variant", "us", "added us", "x native", "spread us", "least us", "start ms"
    );
    for (((name, _), cost), start) in variants.iter().zip(costs).zip(starts) {
        let added: Vec<f64> = cost.iter().zip(bare).map(|(cost, bare)| cost - bare).collect();
        let times: Vec<f64> = added
            .iter()
            .zip(native)
            .zip(bare)
            .map(|((added, native), bare)| added / (native - bare))
            .collect();
        let spread = quantile(&added, 0.75) - quantile(&added, 0.25);
        println!(
            "{name:10} {:9.2} {:9.2} {:9.2} {spread:9.2} {:9.2} {:9.0}",
            quantile(cost, 0.5),
            quantile(&added, 0.5),
            quantile(&times, 0.5),
            quantile(cost, 0.0),
            quantile(start, 0.5)
        );
    }
}

fn quantile(values: &[f64], at: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * at).round() as usize]
}
