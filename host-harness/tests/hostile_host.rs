//! Random answers of a host and random callbacks into Redline's own filter; no trap comes out, ever.
//!
//! The host is this test's own, unlike the harness, which answers as Envoy does: any status, bytes of any length and
//! content, in the module's own memory. Only `_initialize` is answered kindly. The callbacks are those that Envoy
//! could make: contexts that live, any of their callbacks, any number of times, many streams at once.
//!
//! The filter is `$REDLINE_WASM`, else `dist/redline.wasm`. Each run is the same one, unless `PROPTEST_RNG_SEED` or
//! `PROPTEST_CASES` says otherwise; a failure prints the host's seed and the fewest callbacks that lead to it.

#[path = "hostile_host/dice.rs"]
mod dice;

use dice::Dice;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use std::collections::HashSet;
use std::path::PathBuf;
use wasmtime::{
    Caller, Engine, Instance, InstancePre, Linker, Memory, Module, Store, TypedFunc, Val, WasmParams,
};

/// What a hostcall gives back besides its status, by the place of its out-parameter.
#[derive(Clone, Copy)]
enum Gives {
    U32(usize),
    U64(usize),
    /// Address here, length in the next.
    Bytes(usize),
}
use Gives::{Bytes, U32, U64};

/// Proxy-wasm ABI 0.2.1 and WASI preview 1; `None` for a function that nobody has told this host about.
fn gives(name: &str) -> Option<&'static [Gives]> {
    Some(match name {
        "proxy_get_header_map_pairs" | "proxy_dequeue_shared_queue" => &[Bytes(1)],
        "proxy_get_property" => &[Bytes(2)],
        "proxy_get_buffer_bytes" | "proxy_get_header_map_value" => &[Bytes(3)],
        "proxy_call_foreign_function" => &[Bytes(4)],
        "proxy_get_shared_data" => &[Bytes(2), U32(4)],
        "proxy_get_status" => &[U32(0), Bytes(1)],
        "proxy_get_buffer_status" => &[U32(1), U32(2)],
        "proxy_get_log_level" => &[U32(0)],
        "proxy_get_header_map_size" => &[U32(1)],
        "proxy_register_shared_queue" => &[U32(2)],
        "proxy_define_metric" => &[U32(3)],
        "proxy_resolve_shared_queue" => &[U32(4)],
        "proxy_grpc_stream" => &[U32(8)],
        "proxy_http_call" => &[U32(9)],
        "proxy_grpc_call" => &[U32(11)],
        "proxy_get_current_time_nanoseconds" => &[U64(0)],
        "proxy_get_metric" => &[U64(1)],
        "clock_time_get" => &[U64(2)],
        "proxy_log"
        | "proxy_set_tick_period_milliseconds"
        | "proxy_set_buffer_bytes"
        | "proxy_add_header_map_value"
        | "proxy_replace_header_map_value"
        | "proxy_remove_header_map_value"
        | "proxy_set_header_map_pairs"
        | "proxy_set_property"
        | "proxy_increment_metric"
        | "proxy_record_metric"
        | "proxy_set_shared_data"
        | "proxy_enqueue_shared_queue"
        | "proxy_continue_stream"
        | "proxy_close_stream"
        | "proxy_send_local_response"
        | "proxy_set_effective_context"
        | "proxy_done"
        | "proxy_grpc_send"
        | "proxy_grpc_cancel"
        | "proxy_grpc_close"
        | "random_get"
        | "environ_get"
        | "environ_sizes_get"
        | "fd_write" => &[],
        _ => return None,
    })
}

const STATUSES: [i32; 10] = [1, 2, 3, 4, 6, 7, 8, 10, 12, 99];

struct Host {
    dice: Dice,
    /// Of a hundred answers, how many are errors.
    refusals: u64,
    starting: bool,
    memory: Option<Memory>,
    allocate: Option<TypedFunc<u32, u32>>,
    ids: HashSet<u32>,
    in_progress: HashSet<u32>,
    /// Sum of the in-progress gauges: what streams moved up for certain less what they asked to move down. What a tick
    /// settles after random shared data is not among it.
    open: i64,
    ticking: bool,
    last_log: String,
}

type Called<T = ()> = wasmtime::Result<T>;

/// One hostcall: what it gives back and its status, both by chance.
fn answer(caller: &mut Caller<'_, Host>, name: &str, arguments: &[u32], metric_delta: i64) -> Called<i32> {
    let host = caller.data_mut();
    if host.starting {
        return Ok(0);
    }
    let refuses = host.dice.roll(100) < host.refusals;
    let status = if refuses { host.dice.of(&STATUSES) } else { 0 };
    // A host that refuses may have written something before.
    let writes = status == 0 || host.dice.roll(8) == 0;
    for place in gives(name).unwrap_or_default().iter().filter(|_| writes) {
        match *place {
            U32(at) => {
                let mut value = caller.data_mut().dice.number() as u32;
                // Metric ids are unique, so that the gauges can be told from the rest.
                while name == "proxy_define_metric" && !caller.data_mut().ids.insert(value) {
                    value = value.wrapping_add(1);
                }
                write(caller, arguments[at], &value.to_le_bytes())?;
                if name == "proxy_define_metric"
                    && status == 0
                    && text(caller, arguments[1], arguments[2])?.contains("http_requests_in_progress.")
                {
                    caller.data_mut().in_progress.insert(value);
                }
            }
            U64(at) => {
                let value = caller.data_mut().dice.number();
                write(caller, arguments[at], &value.to_le_bytes())?;
            }
            Bytes(at) => {
                let dice = &mut caller.data_mut().dice;
                let bytes = match name {
                    "proxy_get_header_map_pairs" => dice.header_map(),
                    "proxy_get_buffer_bytes" => dice.document(),
                    "proxy_get_header_map_value" => dice.value(),
                    _ => dice.property(),
                };
                give(caller, &bytes, arguments[at], arguments[at + 1])?;
            }
        }
    }
    match name {
        "proxy_increment_metric"
            if caller.data().in_progress.contains(&arguments[0]) && !caller.data().ticking =>
        {
            let moved = metric_delta < 0 || status == 0;
            caller.data_mut().open += if moved { metric_delta } else { 0 };
        }
        "proxy_log" => {
            caller.data_mut().last_log = text(caller, arguments[1], arguments[2])?;
        }
        "proc_exit" => return Err(wasmtime::Error::msg("the filter called proc_exit")),
        _ => {}
    }
    Ok(status)
}

/// Into memory of the module's own allocator, address and length told; for no bytes, any of the ways to say so.
fn give(caller: &mut Caller<'_, Host>, bytes: &[u8], address_at: u32, length_at: u32) -> Called {
    let quiet = if bytes.is_empty() { caller.data_mut().dice.roll(3) } else { 3 };
    if quiet == 0 {
        return Ok(());
    }
    let mut address = 0;
    if quiet > 1 {
        let allocate = caller.data().allocate.clone().unwrap();
        address = allocate.call(&mut *caller, bytes.len() as u32)?;
        write(caller, address, bytes)?;
    }
    write(caller, address_at, &address.to_le_bytes())?;
    write(caller, length_at, &(bytes.len() as u32).to_le_bytes())
}

fn write(caller: &mut Caller<'_, Host>, at: u32, bytes: &[u8]) -> Called {
    let memory = caller.data().memory.unwrap();
    Ok(memory.write(caller, at as usize, bytes)?)
}

fn text(caller: &Caller<'_, Host>, at: u32, length: u32) -> Called<String> {
    let range = at as usize..at as usize + length as usize;
    let bytes = caller.data().memory.unwrap().data(caller).get(range);
    let bytes =
        bytes.ok_or_else(|| wasmtime::Error::msg("the filter passed an address outside its memory"))?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

/// Every import of the module, whatever they are, answered by [`answer`].
fn compile() -> (Engine, InstancePre<Host>) {
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../dist/redline.wasm");
    let path = std::env::var_os("REDLINE_WASM").map_or_else(default, PathBuf::from);
    let wasm = std::fs::read(&path);
    let wasm = wasm.unwrap_or_else(|e| panic!("{}: {e}; `make wasm` builds the filter", path.display()));
    let engine = Engine::default();
    let module = Module::from_binary(&engine, &wasm).unwrap();
    let mut linker: Linker<Host> = Linker::new(&engine);
    for import in module.imports() {
        let name = import.name().to_owned();
        let known = gives(&name).is_some() || name == "proc_exit";
        assert!(known, "{name}: a new import; say in `gives` what it gives back");
        let signature = import.ty().func().unwrap().clone();
        linker
            .func_new(import.module(), import.name(), signature, move |mut caller, arguments, results| {
                // An i64 is a metric's delta or value: never an address.
                let numbers: Vec<u32> = arguments.iter().map(|a| a.i32().unwrap_or(0) as u32).collect();
                let delta = arguments.iter().find_map(Val::i64).unwrap_or(0);
                let status = answer(&mut caller, &name, &numbers, delta)?;
                if let Some(result) = results.first_mut() {
                    *result = Val::I32(status);
                }
                Ok(())
            })
            .unwrap();
    }
    let linked = linker.instantiate_pre(&module).unwrap();
    (engine, linked)
}

/// A VM and the contexts that live in it.
struct Vm {
    store: Store<Host>,
    instance: Instance,
    last_context: u32,
    roots: Vec<u32>,
    streams: Vec<u32>,
}

/// What went wrong, with the callback and the last line of the log.
type Outcome<T> = Result<T, TestCaseError>;

impl Vm {
    fn start(engine: &Engine, linked: &InstancePre<Host>, seed: u64) -> Outcome<Self> {
        let mut dice = Dice(seed);
        let host = Host {
            refusals: dice.of(&[0, 5, 20, 50, 100]),
            dice,
            starting: true,
            memory: None,
            allocate: None,
            ids: HashSet::new(),
            in_progress: HashSet::new(),
            open: 0,
            ticking: false,
            last_log: String::new(),
        };
        let mut store = Store::new(engine, host);
        let instance = linked.instantiate(&mut store).unwrap();
        store.data_mut().memory = instance.get_memory(&mut store, "memory");
        let allocate = instance.get_typed_func(&mut store, "proxy_on_memory_allocate").unwrap();
        store.data_mut().allocate = Some(allocate);
        let mut vm = Self { store, instance, last_context: 0, roots: Vec::new(), streams: Vec::new() };
        vm.call("_initialize", ())?;
        vm.store.data_mut().starting = false;
        vm.add_root()?;
        Ok(vm)
    }

    /// Calls an export that answers nothing or one number; no trap may come of it.
    fn call(&mut self, name: &str, arguments: impl WasmParams + Copy) -> Outcome<()> {
        let function = self.instance.get_func(&mut self.store, name).unwrap();
        let called = match function.ty(&self.store).results().len() {
            0 => function.typed::<_, ()>(&self.store).unwrap().call(&mut self.store, arguments),
            _ => function.typed::<_, u32>(&self.store).unwrap().call(&mut self.store, arguments).map(drop),
        };
        called.map_err(|trap| {
            TestCaseError::fail(format!("{name} trapped: {trap:?}\nlog: {}", self.store.data().last_log))
        })
    }

    fn add_context(&mut self, root: u32) -> Outcome<u32> {
        self.last_context += 1;
        self.call("proxy_on_context_create", (self.last_context, root))?;
        Ok(self.last_context)
    }

    fn add_root(&mut self) -> Outcome<()> {
        let root = self.add_context(0)?;
        self.call("proxy_on_vm_start", (root, 0u32))?;
        self.roots.push(root);
        self.configure(root)
    }

    fn configure(&mut self, root: u32) -> Outcome<()> {
        let size = self.store.data_mut().dice.number() as u32;
        self.call("proxy_on_configure", (root, size))
    }

    /// Delete, after which a context is gone.
    fn end(&mut self, context: u32) -> Outcome<()> {
        self.call("proxy_on_delete", context)
    }

    /// One step: `what` says which callback, `which` which context.
    fn step(&mut self, what: u8, which: u8) -> Outcome<()> {
        let root = self.roots[usize::from(which) % self.roots.len()];
        if what < 20 || self.streams.is_empty() {
            let stream = self.add_context(root)?;
            self.streams.push(stream);
            return Ok(());
        }
        let place = usize::from(which) % self.streams.len();
        let stream = self.streams[place];
        let (number, flag) = (self.store.data_mut().dice.number() as u32, u32::from(which) % 2);
        match what {
            20..45 => self.call("proxy_on_request_headers", (stream, number, flag)),
            45..60 => self.call("proxy_on_response_headers", (stream, number, flag)),
            60..70 => self.call("proxy_on_response_trailers", (stream, number)),
            70..78 => self.call("proxy_on_log", stream),
            // Calls for what is gone may follow.
            78..82 => self.end(stream),
            82..94 => {
                self.streams.swap_remove(place);
                self.end(stream)
            }
            94..97 => {
                self.store.data_mut().ticking = true;
                let ticked = self.call("proxy_on_tick", root);
                self.store.data_mut().ticking = false;
                ticked
            }
            97 => self.configure(root),
            98 => self.add_root(),
            _ if self.roots.len() > 1 => {
                self.roots.retain(|live| *live != root);
                self.end(root)
            }
            _ => Ok(()),
        }
    }
}

#[test]
fn no_answer_of_the_host_makes_the_filter_trap() {
    let (engine, linked) = compile();
    let fixed = match Config::default().rng_seed {
        RngSeed::Random => RngSeed::Fixed(3),
        said => said,
    };
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { Config::default().cases } else { 2000 };
    let config = Config { cases, rng_seed: fixed, failure_persistence: None, ..Config::default() };
    let steps = proptest::collection::vec((0u8..100, any::<u8>()), 0..400);
    let result = TestRunner::new(config).run(&(any::<u64>(), steps), |(seed, steps)| {
        let mut vm = Vm::start(&engine, &linked, seed)?;
        for (what, which) in steps {
            vm.step(what, which)?;
        }
        for stream in std::mem::take(&mut vm.streams) {
            vm.end(stream)?;
        }
        prop_assert_eq!(vm.store.data().open, 0, "requests in progress, when all are over");
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}
