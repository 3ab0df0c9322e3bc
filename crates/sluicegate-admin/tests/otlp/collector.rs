//! A collector: takes requests over HTTP and answers as it is told to.
#![allow(dead_code, reason = "each test uses its own part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// What a request is answered with.
#[derive(Clone, Copy)]
pub enum Answer {
    /// All is well.
    Take,
    /// A status, fields and a body.
    Status(u16, &'static str, &'static str),
    /// Nothing: the connection is closed within the answer.
    Close,
    /// What is no HTTP.
    Garbage,
    /// Nothing for as long as the collector lasts.
    Hang,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub head: String,
    pub body: String,
}

type Answers = Box<dyn FnMut(usize) -> Answer + Send>;

struct Shared {
    requests: Mutex<Vec<Request>>,
    answers: Mutex<Answers>,
    over: AtomicBool,
}

pub struct Collector {
    at: String,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Collector {
    /// Answers the request with this number so.
    pub fn new(answers: impl FnMut(usize) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("an address");
        let at = listener.local_addr().expect("it is bound").to_string();
        let shared = Arc::new(Shared {
            requests: Mutex::default(),
            answers: Mutex::new(Box::new(answers)),
            over: AtomicBool::default(),
        });
        let own = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let mut hanging = Vec::new();
            for stream in listener.incoming() {
                if own.over.load(SeqCst) {
                    return;
                }
                hanging.extend(own.serve(stream.expect("a connection")));
            }
        });
        Self { at, shared, thread: Some(thread) }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.at)
    }

    /// Answers so from now on.
    pub fn answer(&self, answers: impl FnMut(usize) -> Answer + Send + 'static) {
        *self.shared.answers.lock().expect("no panic") = Box::new(answers);
    }

    /// All that came.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().expect("no panic").clone()
    }
}

impl Shared {
    /// Serves one request; gives back a connection that is to hang.
    fn serve(&self, stream: TcpStream) -> Option<TcpStream> {
        let mut from = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if from.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        let mut body = vec![0; length.expect("it is said")];
        from.read_exact(&mut body).ok()?;
        let body = String::from_utf8(body).expect("text");
        let mut stream = from.into_inner();
        let n = {
            let mut requests = self.requests.lock().expect("no panic");
            requests.push(Request { head, body });
            requests.len() - 1
        };
        let answer = (self.answers.lock().expect("no panic"))(n);
        let text = match answer {
            Answer::Take => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".to_owned(),
            Answer::Status(status, fields, body) => format!(
                "HTTP/1.1 {status} Told\r\n{fields}Content-Length: {}\r\n\r\n{body}",
                body.len()
            ),
            Answer::Close => "HTTP/1.1 200 OK\r\nContent-".to_owned(),
            Answer::Garbage => "SSH-2.0-collector\r\n\r\n".to_owned(),
            Answer::Hang => return Some(stream),
        };
        // Who asked may be gone.
        let _ = stream.write_all(text.as_bytes());
        None
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.shared.over.store(true, SeqCst);
        let _ = TcpStream::connect(&self.at);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
