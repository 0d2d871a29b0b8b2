//! What the pages say holds: links lead somewhere, YAML is accepted by whoever reads it, commands run.
//!
//! A block's info string says what it is. ` ```yaml ` is a configuration, or keys of one; with a second word it is a file
//! of that name (`redline.yaml`), Envoy's `http_filters` or `json_format`, or a `scenario`. ` ```sh run ` is run, in the
//! order of the page and beside its files; ` ```sh run live ` with an Envoy that has the filter. An example's page has the
//! files of its folder beside it.

mod support;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use redline_cli::document::Document;
use redline_cli::envoy::Installation;
use redline_cli::render::Bootstrap;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use support::client::{Call, send_all};
use support::{World, root, wasm};

/// A page, taken apart.
struct Page {
    /// From the root of the checkout.
    path: PathBuf,
    anchors: BTreeSet<String>,
    links: Vec<String>,
    blocks: Vec<Block>,
}

/// A fenced block.
struct Block {
    /// The words of its info string.
    info: Vec<String>,
    text: String,
}

impl Block {
    fn is(&self, words: &[&str]) -> bool {
        self.info.iter().map(String::as_str).eq(words.iter().copied())
    }
}

/// Every page that a reader may open.
fn pages() -> Vec<Page> {
    let mut found = Vec::new();
    for folder in ["docs", "monitoring", "examples"] {
        collect(&root().join(folder), &mut found);
    }
    for entry in std::fs::read_dir(root()).expect("the checkout") {
        found.extend(Some(entry.expect("an entry").path()).filter(|path| is_page(path)));
    }
    assert!(found.len() > 70, "{found:?}");
    found.iter().map(|path| Page::read(path)).collect()
}

fn is_page(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "md")
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, found);
        } else if is_page(&path) {
            found.push(path);
        }
    }
}

impl Page {
    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("a page");
        let mut page = Self {
            path: path.strip_prefix(root()).expect("it is in the checkout").to_owned(),
            anchors: BTreeSet::new(),
            links: Vec::new(),
            blocks: Vec::new(),
        };
        let (mut heading, mut block) = (None, None);
        for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let anchor = anchor(&heading.take().expect("it began"));
                    let nth = (1..).map(|n| format!("{anchor}-{n}"));
                    let mut names = std::iter::once(anchor.clone()).chain(nth);
                    let free = names.find(|name| !page.anchors.contains(name)).expect("a free name");
                    page.anchors.insert(free);
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(dest_url.into_string());
                }
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                    let info = info.split_whitespace().map(str::to_owned).collect();
                    block = Some(Block { info, text: String::new() });
                }
                Event::End(TagEnd::CodeBlock) => page.blocks.extend(block.take()),
                Event::Text(words) | Event::Code(words) => {
                    match (&mut block, &mut heading) {
                        (Some(block), _) => block.text.push_str(&words),
                        (None, Some(heading)) => heading.push_str(&words),
                        (None, None) => {}
                    };
                }
                _ => {}
            }
        }
        page
    }
}

/// A heading's anchor as GitHub and mdBook make it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>().to_lowercase()
}

#[test]
fn every_link_leads_to_a_file_and_every_anchor_to_a_heading() {
    let pages = pages();
    let anchors: BTreeMap<PathBuf, &BTreeSet<String>> = pages
        .iter()
        .map(|page| (root().join(&page.path).canonicalize().expect("a page"), &page.anchors))
        .collect();
    let mut broken = Vec::new();
    let mut followed = 0;
    for page in &pages {
        let folder = root().join(&page.path).parent().expect("a folder").to_owned();
        for link in &page.links {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            followed += 1;
            let (file, anchor) = link.split_once('#').map_or((link.as_str(), None), |(f, a)| (f, Some(a)));
            let target = if file.is_empty() { root().join(&page.path) } else { folder.join(file) };
            let leads = target.canonicalize().is_ok_and(|target| {
                anchor.is_none_or(|anchor| anchors.get(&target).is_some_and(|known| known.contains(anchor)))
            });
            if !leads {
                broken.push(format!("{}: {link}", page.path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(followed > 100, "{followed}");
}

/// Runs a block's check; says which one failed.
fn for_each_block(word: &str, mut check: impl FnMut(&Block) -> Result<(), String>) -> usize {
    let mut seen = 0;
    for page in pages() {
        for block in page.blocks.iter().filter(|block| block.info.first().is_some_and(|first| first == word))
        {
            seen += 1;
            if let Err(error) = check(block) {
                panic!("{}: {error}\n{}", page.path.display(), block.text);
            }
        }
    }
    seen
}

#[test]
fn every_yaml_block_is_accepted_by_whoever_reads_it() {
    let seen = for_each_block("yaml", |block| match block.info.get(1).map(String::as_str) {
        None | Some("redline.yaml") => configuration(&block.text),
        Some("bootstrap") => dynamic_listeners(parsed(&block.text)?),
        Some("http_filters") => http_filters(&parsed(&block.text)?),
        Some("json_format") => json_format(&parsed(&block.text)?),
        Some("scenario") => scenario(&block.text),
        Some(other) => Err(format!("nobody knows what `{other}` is")),
    });
    assert!(seen > 8, "{seen}");
}

fn parsed(text: &str) -> Result<Value, String> {
    serde_saphyr::from_str(text).map_err(|error| error.to_string())
}

/// A whole configuration, or some keys of one: then endpoints that it names exist, too.
fn configuration(text: &str) -> Result<(), String> {
    let mut value = parsed(text)?;
    if value.get("service").is_none() {
        let mut named = BTreeSet::new();
        for rule in ["metrics", "slos"].iter().filter_map(|key| value.get(key)?.as_array()).flatten() {
            let filter = rule.get("when").or(rule.get("where"));
            let endpoints = filter.and_then(|filter| filter.get("endpoint")?.as_array());
            named.extend(endpoints.into_iter().flatten().map(Value::to_string));
        }
        let templates: Vec<Value> =
            named.iter().map(|text| serde_json::from_str(text).expect("it was JSON")).collect();
        let whole = value.as_object_mut().ok_or("no keys of a configuration")?;
        whole.insert("service".to_owned(), json!("docs"));
        whole.entry("endpoints").or_insert(json!({ "templates": templates }));
        whole.entry("tenant").or_insert(json!({"sources": [{"header": "x-tenant-id"}]}));
    }
    Document::from_text("the block", &value.to_string()).map(drop).map_err(|error| error.to_string())
}

/// The bootstrap that is rendered for the least configuration, as plain data.
fn bootstrap() -> Value {
    let document = Document::from_text("the least", "service: shop").expect("it is right");
    let bootstrap = Bootstrap {
        document: &document,
        upstream: "127.0.0.1:8080".parse().expect("an address"),
        listen: "127.0.0.1:10000".parse().expect("an address"),
        admin: "127.0.0.1:9901".parse().expect("an address"),
        wasm: wasm().display().to_string(),
        flush_seconds: None,
    };
    serde_saphyr::from_str(&bootstrap.yaml()).expect("YAML")
}

fn manager(bootstrap: &mut Value) -> &mut Value {
    let manager = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
    bootstrap.pointer_mut(manager).expect("a connection manager")
}

fn http_filters(block: &Value) -> Result<(), String> {
    let mut bootstrap = bootstrap();
    let ours = manager(&mut bootstrap)["http_filters"].clone();
    let ours = ours.as_array().expect("filters");
    let mut filters = block.get("http_filters").unwrap_or(block).as_array().ok_or("no filters")?.clone();
    for filter in &mut filters {
        // One that is only named stands for what is rendered; ours is in a file of another name here.
        if filter.get("typed_config").is_none() {
            let same = ours.iter().find(|one| one["name"] == filter["name"]);
            *filter = same.ok_or_else(|| format!("{} is not rendered", filter["name"]))?.clone();
        } else if let Some(code) = filter.pointer_mut("/typed_config/config/vm_config/code/local/filename") {
            *code = json!(wasm().display().to_string());
        }
    }
    let is_router = |filter: &Value| filter["name"] == "envoy.filters.http.router";
    if !filters.iter().any(is_router) {
        filters.extend(ours.iter().find(|filter| is_router(filter)).cloned());
    }
    manager(&mut bootstrap)["http_filters"] = Value::Array(filters);
    envoy_accepts(&bootstrap)
}

/// Keys of a bootstrap whose listeners come out of a file.
fn dynamic_listeners(mut block: Value) -> Result<(), String> {
    let mut bootstrap = bootstrap();
    let mut listener = bootstrap["static_resources"]["listeners"].take()[0].take();
    listener["@type"] = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
    let file = tempfile::Builder::new().suffix(".json").tempfile().expect("a file");
    std::fs::write(file.path(), json!({"resources": [listener]}).to_string()).expect("a file");
    let path = block.pointer_mut("/dynamic_resources/lds_config/path_config_source/path");
    *path.ok_or("no file of listeners")? = json!(file.path());
    let static_resources = bootstrap["static_resources"].as_object_mut().expect("an object");
    static_resources.remove("listeners");
    bootstrap.as_object_mut().expect("an object").append(block.as_object_mut().ok_or("no keys")?);
    envoy_accepts(&bootstrap)
}

fn json_format(block: &Value) -> Result<(), String> {
    let mut bootstrap = bootstrap();
    let logger = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";
    let format = block.get("json_format").ok_or("no json_format")?;
    manager(&mut bootstrap)["access_log"] = json!([{
        "name": "envoy.access_loggers.file",
        "typed_config": {"@type": logger, "path": "/dev/null", "log_format": {"json_format": format}},
    }]);
    envoy_accepts(&bootstrap)
}

fn envoy_accepts(bootstrap: &Value) -> Result<(), String> {
    let file = tempfile::Builder::new().suffix(".json").tempfile().expect("a file");
    std::fs::write(file.path(), bootstrap.to_string()).expect("a file");
    let envoy = Installation::find_or_install().expect("an Envoy");
    let words = ["--mode", "validate", "--disable-hot-restart", "--log-level", "warning", "--config-path"];
    let output = Command::new(&envoy.path).args(words).arg(file.path()).output().expect("Envoy runs");
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn scenario(text: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("redline.yaml"), "service: shop").expect("a file");
    std::fs::write(folder.path().join("scenario.yaml"), text).expect("a file");
    let wasm = wasm().display();
    run(
        folder.path(),
        &format!("redline replay --config redline.yaml --format scenario --wasm {wasm} scenario.yaml"),
    )
}

/// Runs commands as a reader would, who has `redline` in the PATH.
fn run(folder: &Path, commands: &str) -> Result<(), String> {
    let own = Path::new(env!("CARGO_BIN_EXE_redline")).parent().expect("a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", commands])
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", own.display()))
        .output()
        .expect("bash runs");
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Err(format!("{}: {}", output.status, said.concat()))
}

const TRAFFIC: &str = r#"{"time":"2026-01-01T00:00:00Z","method":"GET","path":"/api/v1/models","status":200,"duration_ms":12.5}
{"time":"2026-01-01T00:00:01Z","method":"GET","path":"/api/v1/models/7","status":503,"duration_ms":3}
"#;

#[test]
fn every_command_that_is_marked_runs_as_the_page_says() {
    let mut ran = 0;
    for page in pages() {
        if !page.blocks.iter().any(|block| block.info.starts_with(&["sh".to_owned(), "run".to_owned()])) {
            continue;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let dist = folder.path().join("dist");
        std::fs::create_dir(&dist).expect("a folder");
        std::fs::copy(wasm(), dist.join("redline.wasm")).expect("a copy");
        std::fs::write(folder.path().join("traffic.jsonl"), TRAFFIC).expect("a file");
        let mut world = None;
        let mut configuration = "service: shop".to_owned();
        if page.path.starts_with("examples") {
            copy_files(root().join(&page.path).parent().expect("a folder"), folder.path());
            configuration =
                std::fs::read_to_string(folder.path().join("redline.yaml")).expect("its configuration");
        }
        for block in &page.blocks {
            let done = if block.is(&["yaml", "redline.yaml"]) {
                configuration.clone_from(&block.text);
                std::fs::write(folder.path().join("redline.yaml"), &block.text).map_err(|e| e.to_string())
            } else if block.is(&["sh", "run"]) {
                ran += 1;
                run(folder.path(), &block.text)
            } else if block.is(&["sh", "run", "live"]) {
                ran += 1;
                let world = world.get_or_insert_with(|| live(&configuration));
                let admin = format!("http://{}", world.envoy.admin());
                run(folder.path(), &block.text.replace("http://127.0.0.1:9901", &admin))
            } else {
                Ok(())
            };
            done.unwrap_or_else(|error| panic!("{}: {error}\n{}", page.path.display(), block.text));
        }
        if folder.path().join("compose.yaml").is_file() {
            what_is_mounted_is_there(folder.path());
        }
    }
    assert!(ran > 9, "{ran}");
}

fn copy_files(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            std::fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("a copy");
        }
    }
}

/// Each file that the containers get exists, and Prometheus reads its own as they stand there.
fn what_is_mounted_is_there(folder: &Path) {
    let text = std::fs::read_to_string(folder.join("compose.yaml")).expect("the file");
    let compose = parsed(&text).expect("YAML");
    let inside = tempfile::tempdir().expect("a folder");
    let mut mounted = 0;
    for (name, service) in compose["services"].as_object().expect("services") {
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let volume = volume.as_str().expect("a short form");
            let (source, place) = volume.split_once(':').expect("source:place");
            assert!(folder.join(source).exists(), "{name}: {volume}");
            mounted += 1;
            if let Some(file) = place.strip_prefix("/etc/prometheus/") {
                let file = file.trim_end_matches(":ro");
                std::fs::copy(folder.join(source), inside.path().join(file)).expect("a copy");
            }
        }
    }
    assert!(mounted > 8, "{mounted}");
    run(inside.path(), "promtool check config prometheus.yml").expect("Prometheus reads it");
}

/// An Envoy with the page's configuration that has seen some traffic, and published.
fn live(configuration: &str) -> World {
    let document = Document::from_text("the page's", configuration).expect("it is right");
    let mut value = document.value;
    value["tick"] = json!("200ms");
    let world = World::start(&value.to_string(), 1);
    let address = world.envoy.listener("ingress").expect("the listener");
    let call = Call::get("/api/v1/models").header("x-tenant-id", "acme");
    world.runtime.block_on(send_all(address, 2, &vec![call; 20]));
    let published = "slo_window_events{";
    support::eventually("it publishes", || {
        let text = redline_cli::http::Client::new(std::time::Duration::from_secs(5))
            .get(&format!("http://{}/stats/prometheus", world.envoy.admin()))
            .ok()?;
        text.lines().any(|line| line.starts_with(published) && !line.ends_with(" 0")).then_some(())
    });
    world
}
