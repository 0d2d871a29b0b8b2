//! What a user loads: dist/redline.wasm exports what Envoy must call and no more, imports what Envoy has, is small.

mod support;

use std::collections::BTreeSet;
use wasmparser::{ExternalKind, Parser, Payload};

/// Envoy enters the VM for every callback that exists, a body callback once a chunk: this list is exact.
const EXPORTS: [&str; 13] = [
    "memory",
    "_initialize",
    "proxy_abi_version_0_2_1",
    "proxy_on_memory_allocate",
    "proxy_on_vm_start",
    "proxy_on_configure",
    "proxy_on_tick",
    "proxy_on_context_create",
    "proxy_on_request_headers",
    "proxy_on_response_headers",
    "proxy_on_response_trailers",
    "proxy_on_log",
    "proxy_on_delete",
];

/// What it asks of its host: all of it is called.
const IMPORTS: [&str; 18] = [
    "env.proxy_log",
    "env.proxy_get_buffer_bytes",
    "env.proxy_get_header_map_pairs",
    "env.proxy_get_header_map_value",
    "env.proxy_get_property",
    "env.proxy_define_metric",
    "env.proxy_increment_metric",
    "env.proxy_record_metric",
    "env.proxy_get_metric",
    "env.proxy_get_shared_data",
    "env.proxy_set_shared_data",
    "env.proxy_set_tick_period_milliseconds",
    "wasi_snapshot_preview1.fd_write",
    "wasi_snapshot_preview1.environ_get",
    "wasi_snapshot_preview1.environ_sizes_get",
    "wasi_snapshot_preview1.proc_exit",
    "wasi_snapshot_preview1.random_get",
    "wasi_snapshot_preview1.clock_time_get",
];

/// Bytes; each issue that makes the module grow says why. Shared data, the lease and in-progress
/// rows: 18 KB; tenants from tokens, hosts and queries: 15 KB; active
/// users: 18 KB; SLOs: 35 KB; custom metrics and their signals: 66 KB. Exports of our own instead of the SDK's: -27 KB.
const MOST_BYTES: u64 = 400_000;

struct Module {
    exports: BTreeSet<String>,
    imports: BTreeSet<String>,
    custom_sections: BTreeSet<String>,
}

fn read(bytes: &[u8]) -> Module {
    let mut module =
        Module { exports: BTreeSet::new(), imports: BTreeSet::new(), custom_sections: BTreeSet::new() };
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.expect("a valid module") {
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export.expect("a valid export");
                    assert!(matches!(export.kind, ExternalKind::Func | ExternalKind::Memory), "{export:?}");
                    module.exports.insert(export.name.to_owned());
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import.expect("a valid import");
                    module.imports.insert(format!("{}.{}", import.module, import.name));
                }
            }
            Payload::CustomSection(section) => {
                module.custom_sections.insert(section.name().to_owned());
            }
            _ => {}
        }
    }
    module
}

#[test]
fn the_module_has_the_exports_that_envoy_must_call_and_no_others() {
    let module = read(&std::fs::read(support::wasm()).expect("dist/redline.wasm"));
    assert_eq!(module.exports, EXPORTS.map(str::to_owned).into());
    assert_eq!(module.imports, IMPORTS.map(str::to_owned).into());
}

#[test]
fn the_shipped_module_cannot_be_made_to_trap_and_the_one_for_tests_can() {
    let says = |path: &std::path::Path, words: &[u8]| {
        let module = std::fs::read(path).expect("the module");
        module.windows(words.len()).any(|window| window == words)
    };
    // Beside these two, the feature has no code that could be told apart from its compiled form.
    for words in ["fault: a request asked for a trap", "fault: the leader traps"] {
        assert!(says(support::faulty_wasm(), words.as_bytes()), "{words}");
        assert!(!says(support::wasm(), words.as_bytes()), "{words}");
    }
}

#[test]
fn the_shipped_module_is_small_and_nameless_and_its_twin_has_the_names() {
    let shipped = std::fs::read(support::wasm()).expect("dist/redline.wasm");
    assert!(shipped.len() as u64 <= MOST_BYTES, "{} bytes", shipped.len());
    let sections = read(&shipped).custom_sections;
    assert!(!sections.contains("name") && !sections.iter().any(|s| s.starts_with(".debug")), "{sections:?}");
    let home = std::env::var("HOME").expect("a home folder");
    for path in [home.as_str(), support::root().canonicalize().expect("a path").to_str().expect("a path")] {
        let found = path.len() > 1 && shipped.windows(path.len()).any(|w| w == path.as_bytes());
        assert!(!found, "a path of the machine that built it: {path}");
    }
    let debug = std::fs::read(support::wasm().with_file_name("redline.debug.wasm")).expect("the twin");
    let twin = read(&debug);
    assert!(twin.custom_sections.contains("name"), "{:?}", twin.custom_sections);
    assert_eq!(twin.exports, read(&shipped).exports);
}
