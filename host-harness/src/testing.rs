//! Small guests for tests: callbacks written as lists of hostcalls, turned into a module by way of WAT.
//!
//! A hostcall is its name without `proxy_` and its arguments: numbers, `1:i64`, `'text'` (address and length; `|` is a
//! zero byte), `{name=value,name=value}` (a header map, address and
//! length; `@` is a blank), the places OUT, LEN, CAS and BAD (outside
//! the memory), `@OUT` (the number that is there) and `$0` (a callback's parameter). At the end a callback logs one
//! letter for each call's status, `A` for 0. `show` logs the bytes that OUT and LEN point to, `raw N` the N bytes at
//! OUT, `wasi.NAME` calls WASI, `number N` parameter N in decimal, at most three digits.
//!
//! The test against a real Envoy (tests/hostcalls.rs) includes this file too: it names the crate from outside.

// As a path: that other test finds it so, too.
#[path = "testing/probes.rs"]
pub(crate) mod probes;

use host_harness::abi::HOSTCALLS;
use host_harness::{Filter, Gateway, GatewayConfig, HostError};
use std::collections::BTreeSet;
use std::fmt::Write;

const OUT: u32 = 1024;
const DATA: u32 = 2048;
const STATUSES: u32 = 6144;

#[derive(Default, Clone)]
pub(crate) struct Guest {
    callbacks: Vec<(String, Vec<String>)>,
    answers: Vec<(String, u32)>,
    extra: String,
    imports: String,
}

impl Guest {
    pub(crate) fn on(mut self, callback: &str, calls: &[&str]) -> Self {
        self.callbacks.push((callback.to_owned(), calls.iter().map(|c| (*c).to_owned()).collect()));
        self
    }

    /// What a callback answers where that is not "go on": 1 pauses a stream, or takes what 0 refuses.
    pub(crate) fn answering(mut self, callback: &str, answer: u32) -> Self {
        self.answers.push((callback.to_owned(), answer));
        self
    }

    /// Adds WAT definitions.
    pub(crate) fn with(mut self, wat: &str) -> Self {
        self.extra.push_str(wat);
        self
    }

    /// Adds a WAT import.
    pub(crate) fn import(mut self, wat: &str) -> Self {
        self.imports.push_str(wat);
        self
    }

    pub(crate) fn wasm(&self) -> Vec<u8> {
        let mut text = String::from("(module\n");
        for name in HOSTCALLS {
            writeln!(
                text,
                "(import \"env\" \"{name}\" (func ${name} (param {}) (result i32)))",
                parameters(name)
            )
            .unwrap();
        }
        let mut data = Vec::new();
        let mut bodies = String::new();
        let mut wasi = BTreeSet::new();
        for (callback, calls) in &self.callbacks {
            let body: String =
                calls.iter().enumerate().map(|(at, call)| statement(call, at, &mut data)).collect();
            for call in calls.iter().filter_map(|call| call.strip_prefix("wasi.")) {
                let (name, arguments) = call.split_once(' ').unwrap_or((call, ""));
                let types: Vec<&str> = split(arguments)
                    .iter()
                    .map(|argument| match argument.split_once(':') {
                        _ if argument.starts_with(['\'', '{']) => "i32 i32",
                        Some(_) => "i64",
                        None => "i32",
                    })
                    .collect();
                wasi.insert(format!(
                    "(import \"wasi_snapshot_preview1\" \"{name}\" (func $wasi_{name} (param {}) (result i32)))\n",
                    types.join(" ")
                ));
            }
            let (parameters, result, usual) = shape(callback);
            let given = self.answers.iter().find(|(name, _)| name == callback);
            let answer = match (result, given) {
                ("", _) => String::new(),
                (_, Some((_, answer))) => format!("(i32.const {answer})"),
                (_, None) => format!("(i32.const {usual})"),
            };
            let log = format!(
                "(drop (call $proxy_log (i32.const 2) (i32.const {STATUSES}) (i32.const {})))",
                calls.len()
            );
            writeln!(
                bodies,
                "(func (export \"{callback}\") (param {parameters}) {result}\n{body}{log}\n{answer})"
            )
            .unwrap();
        }
        text.extend(wasi);
        let initialize =
            if bodies.contains("\"_initialize\"") { "" } else { "(func (export \"_initialize\"))" };
        let escaped: String = data.iter().map(|b: &u8| format!("\\{b:02x}")).collect();
        write!(
            text,
            r#"{imports}(memory (export "memory") 1) (data (i32.const {DATA}) "{escaped}") (global $heap (mut i32) (i32.const 8192))
            {initialize} (func (export "proxy_abi_version_0_2_1"))
            (func (export "proxy_on_memory_allocate") (param i32) (result i32)
                (if (i32.gt_u (global.get $heap) (i32.const 60000)) (then (global.set $heap (i32.const 8192))))
                (global.get $heap) (global.set $heap (i32.add (global.get $heap) (local.get 0))))
            {extra}{bodies})"#,
            imports = self.imports,
            extra = self.extra,
        )
        .unwrap();
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    pub(crate) fn start(&self, config: GatewayConfig) -> Result<Gateway, HostError> {
        Gateway::start(&Filter::compile(&self.wasm())?, config)
    }
}

/// The statuses in a log line.
pub(crate) fn statuses(line: &str) -> Vec<u8> {
    line.bytes().map(|letter| letter - b'A').collect()
}

fn parameters(name: &str) -> &'static str {
    match name {
        "proxy_done" => "",
        "proxy_increment_metric" | "proxy_record_metric" => "i32 i64",
        "proxy_get_log_level"
        | "proxy_get_current_time_nanoseconds"
        | "proxy_set_tick_period_milliseconds"
        | "proxy_continue_stream"
        | "proxy_close_stream"
        | "proxy_set_effective_context"
        | "proxy_grpc_cancel"
        | "proxy_grpc_close" => "i32",
        "proxy_get_header_map_size" | "proxy_get_metric" => "i32 i32",
        "proxy_log"
        | "proxy_get_buffer_status"
        | "proxy_get_header_map_pairs"
        | "proxy_remove_header_map_value"
        | "proxy_set_header_map_pairs"
        | "proxy_register_shared_queue"
        | "proxy_dequeue_shared_queue"
        | "proxy_enqueue_shared_queue"
        | "proxy_get_status" => "i32 i32 i32",
        "proxy_get_property" | "proxy_set_property" | "proxy_define_metric" | "proxy_grpc_send" => {
            "i32 i32 i32 i32"
        }
        "proxy_call_foreign_function" => "i32 i32 i32 i32 i32 i32",
        "proxy_send_local_response" => "i32 i32 i32 i32 i32 i32 i32 i32",
        "proxy_grpc_stream" => "i32 i32 i32 i32 i32 i32 i32 i32 i32",
        "proxy_http_call" => "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32",
        "proxy_grpc_call" => "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32",
        _ => "i32 i32 i32 i32 i32",
    }
}

/// A callback's parameters, its result, and what it answers as a rule.
fn shape(callback: &str) -> (&'static str, &'static str, u32) {
    match callback {
        "proxy_on_vm_start" | "proxy_on_configure" => ("i32 i32", "(result i32)", 1),
        "proxy_on_request_headers"
        | "proxy_on_response_headers"
        | "proxy_on_request_body"
        | "proxy_on_response_body" => ("i32 i32 i32", "(result i32)", 0),
        "proxy_on_request_trailers" | "proxy_on_response_trailers" => ("i32 i32", "(result i32)", 0),
        "proxy_on_done" => ("i32", "(result i32)", 1),
        "proxy_on_context_create" | "proxy_on_queue_ready" => ("i32 i32", "", 0),
        "proxy_on_http_call_response" => ("i32 i32 i32 i32 i32", "", 0),
        "_initialize" => ("", "", 0),
        _ => ("i32", "", 0),
    }
}

/// One line of a callback as WAT.
fn statement(call: &str, at: usize, data: &mut Vec<u8>) -> String {
    let (name, arguments) = call.split_once(' ').unwrap_or((call, ""));
    let status = STATUSES as usize + at;
    let log = |address: &str, length: &str| {
        let skipped = format!("(i32.store8 (i32.const {status}) (i32.const 46))\n");
        format!("{skipped}(drop (call $proxy_log (i32.const 2) {address} {length}))\n")
    };
    match name {
        "show" => {
            log(&format!("(i32.load (i32.const {OUT}))"), &format!("(i32.load (i32.const {}))", OUT + 4))
        }
        "raw" => log(&format!("(i32.const {OUT})"), &format!("(i32.const {arguments})")),
        "number" => {
            let digit = |power: u32, at: u32| {
                format!(
                    "(i32.store8 (i32.const {}) (i32.add (i32.const 48)
                        (i32.rem_u (i32.div_u (local.get {arguments}) (i32.const {power})) (i32.const 10))))\n",
                    OUT + at
                )
            };
            let digits = [digit(100, 0), digit(10, 1), digit(1, 2)].concat();
            digits + &log(&format!("(i32.const {OUT})"), "(i32.const 3)")
        }
        "trap" => "unreachable\n".to_owned(),
        _ => {
            let function = match name.strip_prefix("wasi.") {
                Some(name) => format!("wasi_{name}"),
                None => format!("proxy_{name}"),
            };
            let arguments: String = split(arguments).iter().map(|a| argument(a, data)).collect();
            format!(
                "(i32.store8 (i32.const {status}) (i32.add (i32.const 65) (call ${function} {arguments})))\n"
            )
        }
    }
}

/// Splits at spaces outside quotes.
fn split(arguments: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in arguments.chars() {
        quoted ^= c == '\'';
        if c == ' ' && !quoted {
            words.push(String::new());
        } else {
            words.last_mut().unwrap().push(c);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Where a literal is in the memory.
fn placed(literal: &[u8], data: &mut Vec<u8>) -> i64 {
    let known = data.windows(literal.len().max(1)).position(|window| window == literal);
    let at = known.unwrap_or(data.len());
    if known.is_none() {
        data.extend_from_slice(literal);
    }
    assert!(data.len() < (STATUSES - DATA) as usize, "too many literals");
    i64::from(DATA) + at as i64
}

fn argument(argument: &str, data: &mut Vec<u8>) -> String {
    let number = |n: i64| format!("(i32.const {n}) ");
    if let Some(text) = argument.strip_prefix('\'') {
        let text = text.trim_end_matches('\'').replace('|', "\0");
        return number(placed(text.as_bytes(), data)) + &number(text.len() as i64);
    }
    if let Some(pairs) = argument.strip_prefix('{') {
        let pairs: Vec<(&str, &str)> =
            pairs.trim_end_matches('}').split(',').filter_map(|pair| pair.split_once('=')).collect();
        let count = pairs.len() as u32;
        let lengths = pairs.iter().flat_map(|(name, value)| [name.len() as u32, value.len() as u32]);
        let mut bytes: Vec<u8> = std::iter::once(count).chain(lengths).flat_map(u32::to_le_bytes).collect();
        for part in pairs.iter().flat_map(|(name, value)| [name, value]) {
            bytes.extend_from_slice(part.replace('@', " ").as_bytes());
            bytes.push(0);
        }
        return number(placed(&bytes, data)) + &number(bytes.len() as i64);
    }
    if let Some(parameter) = argument.strip_prefix('$') {
        return format!("(local.get {parameter}) ");
    }
    match argument {
        "@OUT" => format!("(i32.load (i32.const {OUT})) "),
        "OUT" => number(OUT.into()),
        "LEN" => number((OUT + 4).into()),
        "CAS" => number((OUT + 8).into()),
        "BAD" => number(0x7fff_0000),
        _ => match argument.split_once(':') {
            Some((value, kind)) => format!("({kind}.const {value}) "),
            None => number(argument.parse().unwrap()),
        },
    }
}
