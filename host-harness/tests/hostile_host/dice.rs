//! A seed in, what a hostile host answers out: header maps, properties and configurations, fitting and unfit.

use redline::memory_host::encode_pairs;

const DOCUMENTS: [&str; 5] = [
    r#"{"service":"shop"}"#,
    r#"{"service":"shop","endpoints":{"templates":["/a/{id}","/a/{id}/b","/static/{file*}","/"],"exclude":["/healthz",{"header":"x-health-check"}]},"tenant":{"sources":[{"header":"x-tenant-id"}],"max":2}}"#,
    r#"{"service":"shop","limits":{"max_series":100,"max_label_bytes":8},"tenant":{"sources":[{"header":"x-tenant-id"},{"header":"host"}],"max":50}}"#,
    r#"{"service":"shop","endpoints":{"source":"route_name"},"duration_unit":"us","metric_prefix":"edge_"}"#,
    r#"{"service":"shop","disable":["http_requests_total","http_requests_in_progress","redline_dropped_total"],"tick":"1s"}"#,
];

/// SplitMix64.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.next() % sides
    }

    pub(crate) fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.roll(choices.len() as u64) as usize]
    }

    fn bytes(&mut self, length: u64) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }

    /// A number near a bound of some type, or any.
    pub(crate) fn number(&mut self) -> u64 {
        match self.roll(4) {
            0 => self.roll(1000),
            1 => self.next(),
            2 => (1u64 << self.roll(64)).wrapping_sub(self.roll(3)),
            _ => u64::MAX - self.roll(3),
        }
    }

    /// A header's value: fitting, numeric or any bytes.
    pub(crate) fn value(&mut self) -> Vec<u8> {
        let known = [
            "GET",
            "/a/1",
            "/a/%2e%2E/static/x?y",
            "/healthz",
            "/%zz",
            "",
            "application/grpc",
            "application/grpc+proto",
            "acme",
            "_other",
            "0",
            "14",
            "99999999999999999999",
        ];
        match self.roll(8) {
            0..=3 => self.of(&known).as_bytes().to_vec(),
            4 => self.number().to_string().into_bytes(),
            5 => b"/.".repeat(self.roll(2000) as usize),
            _ => {
                let length = self.roll(40);
                self.bytes(length)
            }
        }
    }

    /// A header map as a host encodes it, and what is none.
    pub(crate) fn header_map(&mut self) -> Vec<u8> {
        let names = [
            ":method",
            ":path",
            ":authority",
            "content-type",
            "x-tenant-id",
            "x-health-check",
            "host",
            "grpc-status",
            "x-envoy-upstream-service-time",
            "x-envoy-attempt-count",
            "",
        ];
        let count = match self.roll(200) {
            0 => 5000,
            1..20 => 0,
            _ => self.roll(16),
        };
        let mut pair = |_| (self.of(&names).as_bytes().to_vec(), self.value());
        let mut bytes = encode_pairs(&(0..count).map(&mut pair).collect::<Vec<_>>());
        match self.roll(8) {
            // Cut short.
            0 => bytes.truncate(self.roll(bytes.len() as u64 + 1) as usize),
            // Another count, or lengths that reach into what follows and past the end.
            1 | 2 => {
                for _ in 0..=self.roll(4) {
                    let word = self.roll(bytes.len() as u64 / 4).min(self.roll(24)) as usize * 4;
                    let number = (self.number() as u32).to_le_bytes();
                    bytes[word..word + 4].copy_from_slice(&number);
                }
            }
            3 => {
                let length = self.roll(64);
                bytes = self.bytes(length);
            }
            4 => {
                let (more, length) = (self.of(&[1, 100, 300_000]), self.roll(8));
                bytes.extend(self.bytes(length).repeat(more));
            }
            _ => {}
        }
        bytes
    }

    pub(crate) fn property(&mut self) -> Vec<u8> {
        match self.roll(8) {
            0 => self.value(),
            1 => {
                let length = self.of(&[0, 1, 4, 7, 9, 16, 1000]);
                self.bytes(length)
            }
            _ => self.number().to_le_bytes().to_vec(),
        }
    }

    pub(crate) fn document(&mut self) -> Vec<u8> {
        let document = self.of(&DOCUMENTS).as_bytes().to_vec();
        match self.roll(10) {
            0 => {
                let length = self.roll(64);
                [b"\n".to_vec(), self.bytes(length)].concat()
            }
            1 => [b"{\"service\":", &b"[".repeat(self.roll(100_000) as usize)[..]].concat(),
            2 => nested_struct(self.roll(3000)),
            3 => {
                let mut broken = document;
                let place = self.roll(broken.len() as u64) as usize;
                broken[place] = self.next() as u8;
                broken
            }
            _ => document,
        }
    }
}

/// A protobuf Struct: lists in lists, or structs in structs.
fn nested_struct(depth: u64) -> Vec<u8> {
    let message = |tag: u8, bytes: Vec<u8>| {
        let length = bytes.len() as u32;
        let varint = [length | 0x80, length >> 7 | 0x80, length >> 14 & 0x7f].map(|byte| byte as u8);
        [&[tag][..], &varint, &bytes].concat()
    };
    let mut value = Vec::new();
    for _ in 0..depth {
        value = match depth % 2 {
            0 => message(0x32, message(0x0a, value)),
            _ => message(0x2a, message(0x0a, message(0x12, value))),
        };
    }
    message(0x0a, message(0x12, value))
}
