//! Small guests for tests: callbacks written as lists of hostcalls, turned into a module by way of WAT.
//!
//! A hostcall is its name without `proxy_` and its arguments: numbers, `1:i64`, `'text'` (address and length; `|` is a
//! zero byte), and the places OUT, LEN, CAS and BAD (outside the memory). At the end a callback logs one letter
//! for each call's status, `A` for 0. `show` logs the bytes that OUT and LEN point to, `raw N` the N bytes at OUT.

use crate::abi::HOSTCALLS;
use crate::workers::{Gateway, GatewayConfig};
use crate::{Filter, HostError};
use std::fmt::Write;

const OUT: u32 = 1024;
const STATUSES: u32 = 4096;

#[derive(Default)]
pub(crate) struct Guest {
    callbacks: Vec<(String, Vec<String>)>,
    extra: String,
    imports: String,
}

impl Guest {
    pub(crate) fn on(mut self, callback: &str, calls: &[&str]) -> Self {
        self.callbacks.push((callback.to_owned(), calls.iter().map(|c| (*c).to_owned()).collect()));
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
        for (callback, calls) in &self.callbacks {
            let body: String =
                calls.iter().enumerate().map(|(at, call)| statement(call, at, &mut data)).collect();
            let (parameters, result, answer) = shape(callback);
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
        let escaped: String = data.iter().map(|b: &u8| format!("\\{b:02x}")).collect();
        write!(
            text,
            r#"{imports}(memory (export "memory") 1) (data (i32.const 2048) "{escaped}") (global $heap (mut i32) (i32.const 8192))
            (func (export "_initialize")) (func (export "proxy_abi_version_0_2_1"))
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

fn shape(callback: &str) -> (&'static str, &'static str, &'static str) {
    match callback {
        "proxy_on_vm_start" | "proxy_on_configure" => ("i32 i32", "(result i32)", "(i32.const 1)"),
        "proxy_on_request_headers" | "proxy_on_response_headers" => {
            ("i32 i32 i32", "(result i32)", "(i32.const 0)")
        }
        "proxy_on_response_trailers" => ("i32 i32", "(result i32)", "(i32.const 0)"),
        "proxy_on_done" => ("i32", "(result i32)", "(i32.const 1)"),
        "proxy_on_context_create" => ("i32 i32", "", ""),
        _ => ("i32", "", ""),
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
        "trap" => "unreachable\n".to_owned(),
        _ => {
            let arguments: String = split(arguments).iter().map(|a| argument(a, data)).collect();
            format!(
                "(i32.store8 (i32.const {status}) (i32.add (i32.const 65) (call $proxy_{name} {arguments})))\n"
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

fn argument(argument: &str, data: &mut Vec<u8>) -> String {
    let number = |n: i64| format!("(i32.const {n}) ");
    if let Some(text) = argument.strip_prefix('\'') {
        let text = text.trim_end_matches('\'').replace('|', "\0");
        let at = 2048 + data.len();
        data.extend_from_slice(text.as_bytes());
        return number(at as i64) + &number(text.len() as i64);
    }
    match argument {
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
