//! `redline top`: what it shows of a real Envoy, once and live in a real terminal, over Envoy's restart.

mod support;

use pty_process::blocking::{Command as PtyCommand, Pty};
use redline_cli::document::Document;
use redline_cli::envoy::{Envoy, Launch};
use redline_cli::render::envoy::Bootstrap;
use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroU16;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use support::client::{Call, send_all};
use support::load::Load;
use support::{World, eventually};

const CONFIGURATION: &str = r#"{"service": "shop", "tick": "200ms",
    "endpoints": {"templates": ["/api/v1/models", "/api/v1/models/{id}"]},
    "tenant": {"sources": [{"header": "x-tenant-id"}]},
    "slos": [{"name": "availability", "objective": "99.9", "sli": {"availability": {}}}]}"#;

fn get(path: &str, status: u16, tenant: &str) -> Call {
    Call::get(path).header("x-do", &format!("status={status} size=7")).header("x-tenant-id", tenant)
}

fn ingress(world: &World) -> SocketAddr {
    world.envoy.listener("ingress").expect("the listener")
}

fn top(admin: SocketAddr, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redline"));
    command.args(["top", "--envoy", &format!("http://{admin}")]).args(arguments);
    command
}

fn text(output: Output) -> String {
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// The cell of a row, which begins with `name`, below a title.
fn cell(text: &str, name: &str, title: &str) -> String {
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    let name: Vec<&str> = name.split(' ').collect();
    let row =
        lines.iter().position(|line| line.starts_with(&name)).unwrap_or_else(|| panic!("{name:?}: {text}"));
    let titles = lines[..row].iter().rev().find(|line| line.contains(&title)).expect("the titles");
    let column = titles.iter().position(|t| *t == title).expect("the column");
    lines[row][column].to_owned()
}

fn number(text: &str, name: &str, title: &str) -> f64 {
    cell(text, name, title).parse().unwrap_or_else(|_| panic!("{name} {title}: {text}"))
}

#[test]
fn once_shows_exact_counts_and_the_rates_of_its_interval() {
    // Prefix and unit are told by the names.
    let configuration =
        CONFIGURATION.replacen('{', r#"{"metric_prefix": "edge_", "duration_unit": "us","#, 1);
    let world = World::start(&configuration, 2);
    let admin = world.envoy.admin();
    let send = |call: Call, count| {
        world.runtime.block_on(send_all(ingress(&world), 2, &vec![call; count]));
    };
    // Long before: none of it is in a rate.
    send(get("/api/v1/models/1", 200, "acme"), 40);
    eventually("a tick", || {
        let metrics = world.envoy.scrape().expect("Envoy answers");
        metrics.contains("edge_slo_status{service=\"shop\",slo=\"availability\"}").then_some(())
    });

    // The first scrape is one more request that the admin interface has had than those of ours.
    let asked = || {
        let text =
            world.envoy.admin_get("/stats?filter=^http.admin.downstream_rq_total$").expect("Envoy answers");
        text.trim().rsplit_once(": ").and_then(|(_, count)| count.parse::<u64>().ok()).expect("a count")
    };
    let mut before = asked();
    let once =
        top(admin, &["--once", "--interval", "4s"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let once = once.expect("redline runs");
    eventually("the first scrape", || {
        let now = asked();
        let others = now - before - 1;
        before = now;
        (others > 0).then_some(())
    });
    send(get("/api/v1/models/1", 200, "acme"), 60);
    send(get("/api/v1/models/1", 503, "acme"), 20);
    send(get("/api/v1/models/1", 404, "globex"), 20);
    send(get("/elsewhere", 200, "globex"), 10);
    let text = text(once.wait_with_output().expect("it ends"));

    let seconds: f64 = text
        .split("over ")
        .nth(1)
        .and_then(|t| t.split(' ').next())
        .expect("a time")
        .parse()
        .expect("a number");
    assert!((4.0..8.0).contains(&seconds), "{text}");
    let model = |title| number(&text, "GET /api/v1/models/{id}", title);
    let is_rate = |rate: f64, count: f64| (rate * seconds / count - 1.0).abs() < 0.05;
    assert_eq!((model("REQUESTS"), model("ERR%"), model("4XX%"), model("ACTIVE")), (140.0, 20.0, 20.0, 0.0));
    assert!(is_rate(model("RATE/S"), 100.0), "{text}");
    assert_eq!(number(&text, "GET _other", "REQUESTS"), 10.0);
    assert!(is_rate(number(&text, "acme", "RATE/S"), 80.0), "{text}");
    assert_eq!((number(&text, "acme", "ERR%"), number(&text, "globex", "REQUESTS")), (25.0, 30.0));
    assert!(is_rate(number(&text, "globex", "OUT-B/S"), 30.0 * 7.0), "{text}");
    assert_eq!(cell(&text, "availability", "STATUS"), "critical");
    assert!(model("P50") < model("P99"), "{text}");
    assert!(text.starts_with("Service shop, ") && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn an_envoy_that_does_not_answer_a_service_that_is_not_there_and_no_terminal_are_errors() {
    let failed = |mut command: Command, reason: &str| {
        let output = command.output().expect("redline runs");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{error}");
        assert!(error.contains(reason), "{error}");
    };
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    failed(top(nobody, &["--once"]), &format!("cannot reach http://{nobody}/stats/prometheus: "));
    failed(top(nobody, &[]), "--once");
    failed(top(nobody, &["--once", "--interval", "100ms"]), "from 250ms to 1h");
    let world = World::start(CONFIGURATION, 1);
    let arguments = ["--once", "--interval", "250ms", "--service", "cart"];
    failed(top(world.envoy.admin(), &arguments), "no service cart");
}

/// `redline top` in a terminal.
struct Terminal {
    pty: Arc<Pty>,
    child: Child,
    screen: Arc<Mutex<vt100::Parser>>,
}

/// `redline top` in a terminal of so many columns and lines, of which this is the other end.
fn spawn(admin: SocketAddr, columns: u16, lines: u16, no_color: &str) -> (Pty, Child) {
    let (pty, child_end) = pty_process::blocking::open().expect("a terminal");
    pty.resize(pty_process::Size::new(lines, columns)).expect("a size");
    let url = format!("http://{admin}");
    let command = PtyCommand::new(env!("CARGO_BIN_EXE_redline"))
        .args(["top", "--envoy", &url, "--interval", "250ms"])
        .env("TERM", "xterm-256color")
        .env("NO_COLOR", no_color);
    (pty, command.spawn(child_end).expect("redline runs"))
}

fn size(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).expect("not 0")
}

impl Terminal {
    /// With colours, unless `no_color` says something.
    fn open(admin: SocketAddr, columns: u16, lines: u16, no_color: &str) -> Self {
        let (pty, child) = spawn(admin, columns, lines, no_color);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(size(lines), size(columns), 0)));
        let pty = Arc::new(pty);
        let (reader, parser) = (pty.clone(), screen.clone());
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The end of the terminal is an error.
            while let Ok(n @ 1..) = (&*reader).read(&mut bytes) {
                parser.lock().expect("no panic").process(&bytes[..n]);
            }
        });
        Self { pty, child, screen }
    }

    fn text(&self) -> String {
        self.screen.lock().expect("no panic").screen().contents()
    }

    /// How many places have a colour.
    fn colours(&self) -> usize {
        let parser = self.screen.lock().expect("no panic");
        let cells = (0..24).flat_map(|y| (0..80).map(move |x| (y, x)));
        let cells = cells.filter_map(|(y, x)| parser.screen().cell(y, x));
        cells.filter(|cell| [cell.fgcolor(), cell.bgcolor()] != [vt100::Color::Default; 2]).count()
    }

    fn press(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).expect("keys");
    }

    fn resize(&self, columns: u16, lines: u16) {
        self.screen.lock().expect("no panic").set_size(size(lines), size(columns));
        self.pty.resize(pty_process::Size::new(lines, columns)).expect("a size");
    }

    /// Waits until the screen has all of `texts`.
    #[track_caller]
    fn shows(&self, texts: &[&str]) -> String {
        self.until(&format!("{texts:?}"), |screen| texts.iter().all(|text| screen.contains(text)))
    }

    /// Waits until the screen is so; returns it.
    fn until(&self, what: &str, mut is_so: impl FnMut(&str) -> bool) -> String {
        let seen = Cell::new(String::new());
        let found = catch_unwind(AssertUnwindSafe(|| {
            eventually(what, || {
                let screen = self.text();
                let found = is_so(&screen);
                seen.set(screen);
                found.then_some(())
            });
        }));
        let seen = seen.take();
        assert!(found.is_ok(), "not {what}:\n{seen}");
        seen
    }

    /// Waits for its end; the terminal has to be as it was.
    fn ends(mut self) {
        let status = eventually("its end", || self.child.try_wait().expect("a child"));
        eventually("the screen from before", || {
            let parser = self.screen.lock().expect("no panic");
            (!parser.screen().alternate_screen() && !parser.screen().hide_cursor()).then_some(())
        });
        assert_eq!(status.code(), Some(0));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Where an assertion failed before it ended.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

/// The line that has `text`.
fn line<'t>(screen: &'t str, text: &str) -> &'t str {
    screen.lines().find(|line| line.contains(text)).unwrap_or_else(|| panic!("no {text}: {screen}"))
}

#[test]
fn the_screen_follows_keys_and_traffic_and_survives_a_restart_of_envoy() {
    let world = World::start(CONFIGURATION, 2);
    let admin = world.envoy.admin();
    let calls = [get("/api/v1/models/1", 200, "acme"), get("/api/v1/models", 404, "globex")];
    let load = Load::start(&world, ingress(&world), 2, &calls);
    let terminal = Terminal::open(admin, 80, 24, "");
    terminal.shows(&["live, every 0.25 s", "[1 Endpoints 2]", "/api/v1/models/{id}"]);
    // Rates, as soon as there were two scrapes.
    let moving = terminal.until("rates", |screen| {
        let row = |endpoint: &str, title: &str| cell(screen, &format!("GET {endpoint}"), title);
        let refused = ["/api/v1/models", "/api/v1/models/{id}"].map(|endpoint| row(endpoint, "4XX%"));
        refused == ["100", "0"] && row("/api/v1/models", "RATE/S") != "0"
    });
    assert!(!line(&moving, "req/s").starts_with(" 0 "), "{moving}");

    terminal.press("\t");
    terminal.shows(&["[2 Tenants 2]", "acme", "globex", "OUT-B/S"]);
    terminal.press("3");
    terminal.shows(&["[3 SLOs 1]", "availability", "LEFT%"]);
    terminal.press("1/{id}\r");
    terminal.shows(&["[1 Endpoints 1]", "only \"{id}\""]);
    terminal.press("\x1b");
    terminal.shows(&["[1 Endpoints 2]"]);
    terminal.resize(160, 50);
    terminal.shows(&["[Endpoints 2]", "Tenants 2", "SLOs 1", "acme", "availability"]);
    terminal.resize(20, 5);
    terminal.shows(&["q quit"]);
    terminal.resize(80, 24);
    terminal.shows(&["[1 Endpoints 2]"]);
    terminal.press("p");
    terminal.shows(&["PAUSED"]);
    terminal.press("p");
    terminal.shows(&["live"]);

    load.stop(&world);
    let World { envoy, upstream, runtime } = world;
    envoy.stop();
    let lost = terminal.shows(&[
        "NOT REACHED",
        "! cannot reach http://",
        "retrying, last seen",
        "/api/v1/models/{id}",
    ]);
    assert!(lost.contains("ago"), "{lost}");

    let document = Document::from_text("test", CONFIGURATION).expect("a configuration");
    let bootstrap = Bootstrap {
        document: &document,
        upstream: upstream.addresses().scripted.into(),
        listen: "127.0.0.1:0".parse().expect("an address"),
        admin: admin.into(),
        wasm: support::wasm().display().to_string(),
        flush_seconds: Some(1),
    };
    let envoy = Envoy::start(&Launch::new(bootstrap.yaml()).workers(2)).expect("Envoy starts again");
    terminal.shows(&["live", "Envoy or its filter restarted", "[1 Endpoints 0]"]);
    let world = World { envoy, upstream, runtime };
    world.runtime.block_on(send_all(ingress(&world), 2, &vec![calls[0].clone(); 30]));
    terminal.shows(&["live", "[1 Endpoints 1]", "/api/v1/models/{id}"]);
    terminal.press("2j");
    terminal.until("all requests since the restart", |screen| {
        screen.contains(">acme") && number(screen, ">acme", "REQUESTS") == 30.0
    });
    terminal.press("q");
    terminal.ends();
}

#[test]
fn ctrl_c_and_sigterm_give_the_terminal_back_and_a_closed_terminal_ends_it() {
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let open = |no_color| {
        let terminal = Terminal::open(nobody, 80, 24, no_color);
        terminal.shows(&["NOT REACHED", "never seen"]);
        terminal
    };
    let terminal = open("");
    assert!(terminal.colours() > 0);
    terminal.press("\x03");
    terminal.ends();

    let terminal = open("1");
    assert_eq!(terminal.colours(), 0);
    let id = terminal.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill").success());
    terminal.ends();

    // As where a window is closed: nobody has the other end any more.
    let (pty, mut child) = spawn(nobody, 80, 24, "");
    let mut parser = vt100::Parser::new(size(24), size(80), 0);
    let mut bytes = [0; 4096];
    while !parser.screen().contents().contains("never seen") {
        let n = (&pty).read(&mut bytes).expect("it draws each second");
        parser.process(&bytes[..n]);
    }
    drop(pty);
    eventually("its end", || child.try_wait().expect("a child"));
}
