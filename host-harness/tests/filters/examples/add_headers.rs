//! Adds a header to each request and response, and answers `/hello` itself.

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_http_context(|context_id, _root| Box::new(AddHeaders { context_id }));
}}

struct AddHeaders {
    context_id: u32,
}

impl Context for AddHeaders {}

impl HttpContext for AddHeaders {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        for (name, value) in self.get_http_request_headers() {
            log::info!("#{} -> {name}: {value}", self.context_id);
        }
        if self.get_http_request_header(":path").as_deref() == Some("/hello") {
            self.send_http_response(
                200,
                vec![("hello", "world"), ("powered-by", "proxy-wasm")],
                Some(b"Hello!\n"),
            );
            return Action::Pause;
        }
        self.add_http_request_header("x-filter", "request");
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end: bool) -> Action {
        self.set_http_response_header("server", None);
        self.add_http_response_header("x-filter", "response");
        Action::Continue
    }

    fn on_log(&mut self) {
        log::info!("#{} completed", self.context_id);
    }
}
