//! Counts and times requests the way tutorials do: by the SDK's getters, names built and metrics defined on each
//! request. The benchmark against Envoy shows what that costs.

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel, MetricType};
use std::time::SystemTime;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Warn);
    proxy_wasm::set_root_context(|_| Box::new(Root));
}}

struct Root;

impl Context for Root {}

impl RootContext for Root {
    fn create_http_context(&self, _context: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Request { method: String::new(), begin: SystemTime::UNIX_EPOCH, status: String::new() }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Request {
    method: String,
    begin: SystemTime,
    status: String,
}

impl Context for Request {}

impl HttpContext for Request {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        self.method = self.get_http_request_header(":method").unwrap_or_default();
        self.begin = self.get_current_time();
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end: bool) -> Action {
        self.status = self.get_http_response_header(":status").unwrap_or_default();
        Action::Continue
    }

    fn on_log(&mut self) {
        let took = self.get_current_time().duration_since(self.begin).unwrap_or_default();
        let name = format!("tutorial.requests.{}.{}", self.method, self.status);
        if let Ok(id) = hostcalls::define_metric(MetricType::Counter, &name) {
            let _counted = hostcalls::increment_metric(id, 1);
        }
        let name = format!("tutorial.duration.{}", self.method);
        if let Ok(id) = hostcalls::define_metric(MetricType::Histogram, &name) {
            let _timed = hostcalls::record_metric(id, u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        }
    }
}
