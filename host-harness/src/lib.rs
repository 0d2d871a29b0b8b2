//! Hosts a proxy-wasm HTTP filter as Envoy does and replays recorded traffic through it.
