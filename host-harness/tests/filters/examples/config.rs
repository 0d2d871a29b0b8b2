//! Adds its configuration as a header, and counts its ticks in shared data and a metric.

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel, MetricType};
use std::time::Duration;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Root { header: String::new(), ticks: 0 }));
}}

struct Root {
    header: String,
    ticks: u32,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        match self.get_plugin_configuration().map(String::from_utf8) {
            Some(Ok(header)) if !header.is_empty() => self.header = header,
            _ => {
                log::error!("a header's value is wanted");
                return false;
            }
        }
        self.ticks = hostcalls::define_metric(MetricType::Counter, "config_ticks").unwrap_or(0);
        self.set_tick_period(Duration::from_secs(5));
        true
    }

    fn on_tick(&mut self) {
        let (value, cas) = self.get_shared_data("ticks");
        let ticks = value.and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes) + 1;
        let kept = self.set_shared_data("ticks", Some(&ticks.to_le_bytes()), cas);
        log::info!("tick {ticks}, {:?}", kept.is_ok());
        let _counted = hostcalls::increment_metric(self.ticks, 1);
    }

    fn create_http_context(&self, _context: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(AddHeader { value: self.header.clone() }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct AddHeader {
    value: String,
}

impl Context for AddHeader {}

impl HttpContext for AddHeader {
    fn on_http_response_headers(&mut self, _count: usize, _end: bool) -> Action {
        self.add_http_response_header("custom-header", &self.value);
        Action::Continue
    }
}
