//! A bounded run of the fuzzer's function: seeded inputs made of pieces that are known to hurt.

mod exercise;

use exercise::splits_do_not_matter;

const ROUNDS: usize = 20_000;
const PIECES: [&[u8]; 43] = [
    b"GET / HTTP/1.1\r\n",
    b"HEAD /stream HTTP/1.1\r\n",
    b"POST /echo HTTP/1.1\r\n",
    b"OPTIONS * HTTP/1.1\r\n",
    b"GET http://a/%41 HTTP/1.0\r\n",
    b"GET /fails HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /open HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /open-ahead HTTP/1.0\r\n",
    b"GET /tunnel HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /prebuilt HTTP/1.1\r\nHost: a\r\n\r\n",
    b"Host: a\r\n",
    b"Host: a\r\n\r\n",
    b"Content-Length: 3\r\n",
    b"Content-Length: 3\r\n\r\nabc",
    b"Content-Length: 99999999999999999999\r\n",
    b"Content-Length: 100\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n",
    b"Transfer-Encoding: gzip\r\n",
    b"Connection: close\r\n",
    b"Connection: keep-alive\r\n",
    b"Expect: 100-continue\r\n",
    b"X: y\r\n",
    b" folded\r\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\r",
    b"\n",
    b"\0",
    b" ",
    b":",
    b"\t",
    b"\xff",
    b"3\r\nabc\r\n",
    b"0\r\n\r\n",
    b"0\r\nA: b\r\n\r\n",
    b"ffffffffffffffff\r\n",
    b"1;x=\"y\"\r\nz\r\n",
    b"%",
    b"HTTP/1.1",
    b"HTTP/9.9\r\n",
    b"0123456789012345678901234567890123456789",
    b"\x16\x03\x01\x02",
];

/// xorshift64: the same inputs in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

#[test]
fn nothing_breaks_and_splits_do_not_matter() {
    let mut random = Random(0x5eed_1234_5678_9abc);
    for _ in 0..ROUNDS {
        let mut input = Vec::new();
        for _ in 0..random.below(12) {
            input.extend_from_slice(PIECES[random.below(PIECES.len())]);
        }
        if random.below(3) == 0 && !input.is_empty() {
            let at = random.below(input.len());
            match random.below(3) {
                0 => input[at] = random.below(256) as u8,
                1 => drop(input.remove(at)),
                _ => input.insert(at, random.below(256) as u8),
            }
        }
        let cuts: Vec<u8> = (0..5).map(|_| random.below(256) as u8).collect();
        splits_do_not_matter(&input, &cuts);
    }
}
