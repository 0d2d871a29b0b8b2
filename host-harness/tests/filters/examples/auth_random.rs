//! Asks another service for a number; lets even ones pass.

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, LogLevel};
use std::time::Duration;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_http_context(|_, _| Box::new(AuthRandom));
}}

struct AuthRandom;

impl HttpContext for AuthRandom {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        let headers = vec![(":method", "GET"), (":path", "/bytes/1"), (":authority", "numbers.example")];
        match self.dispatch_http_call("numbers", headers, None, vec![], Duration::from_secs(1)) {
            Ok(_) => Action::Pause,
            Err(status) => {
                log::error!("cannot ask: {status:?}");
                self.send_http_response(500, vec![], None);
                Action::Pause
            }
        }
    }

    fn on_http_response_headers(&mut self, _count: usize, _end: bool) -> Action {
        self.set_http_response_header("powered-by", Some("proxy-wasm"));
        Action::Continue
    }
}

impl Context for AuthRandom {
    fn on_http_call_response(&mut self, _token: u32, _headers: usize, body_size: usize, _trailers: usize) {
        let asked = self.get_http_call_response_header(":status");
        if asked.as_deref() == Some("200")
            && let Some(body) = self.get_http_call_response_body(0, body_size)
            && body.first().is_some_and(|number| number % 2 == 0)
        {
            log::info!("access granted");
            self.resume_http_request();
            return;
        }
        log::info!("access forbidden");
        self.send_http_response(403, vec![("powered-by", "proxy-wasm")], Some(b"Access forbidden.\n"));
    }
}
