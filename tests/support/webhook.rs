//! A receiver of Alertmanager's webhook; it remembers what it was told.

use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

/// Keeps the bodies of what is posted to it.
pub struct Webhook {
    /// Where it listens.
    pub address: SocketAddr,
    told: Arc<Mutex<Vec<Value>>>,
}

impl Webhook {
    /// Listens on a free port until the test ends.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let told = Arc::new(Mutex::new(Vec::new()));
        let kept = told.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = kept.clone();
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(stream.try_clone().expect("the stream again"));
                    loop {
                        let mut length = 0;
                        let mut line = String::new();
                        while reader.read_line(&mut line).unwrap_or(0) > 2 {
                            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                                length = value.trim().parse().expect("a length");
                            }
                            line.clear();
                        }
                        let mut body = vec![0; length];
                        if length == 0 || reader.read_exact(&mut body).is_err() {
                            return;
                        }
                        kept.lock().expect("the list").push(serde_json::from_slice(&body).expect("JSON"));
                        let _sent = (&stream).write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
                    }
                });
            }
        });
        Self { address, told }
    }

    /// Every alert in every notification, with its status.
    pub fn alerts(&self) -> Vec<(String, BTreeMap<String, String>)> {
        let told = self.told.lock().expect("the list");
        let all = told.iter().flat_map(|body| body["alerts"].as_array().expect("alerts"));
        all.map(|alert| {
            let labels = serde_json::from_value(alert["labels"].clone()).expect("labels");
            (alert["status"].as_str().expect("a status").to_owned(), labels)
        })
        .collect()
    }
}
