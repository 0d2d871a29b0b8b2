//! Replaces the body of a response that has the word "secret" in it; waits for the whole body first.

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Root));
}}

struct Root;

impl Context for Root {}

impl RootContext for Root {
    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _context: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(BodyRewrite))
    }
}

struct BodyRewrite;

impl Context for BodyRewrite {}

impl HttpContext for BodyRewrite {
    fn on_http_response_headers(&mut self, _count: usize, _end: bool) -> Action {
        // The new body has another length.
        self.set_http_response_header("content-length", None);
        Action::Continue
    }

    fn on_http_response_body(&mut self, body_size: usize, end_of_stream: bool) -> Action {
        if !end_of_stream {
            return Action::Pause;
        }
        if let Some(body) = self.get_http_response_body(0, body_size)
            && String::from_utf8_lossy(&body).contains("secret")
        {
            let rewritten = format!("Original message of {body_size} bytes redacted.\n");
            self.set_http_response_body(0, body_size, rewritten.as_bytes());
        }
        Action::Continue
    }
}
