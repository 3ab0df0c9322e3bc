//! A real browser, driven over WebDriver: Debian's chromium, by its `chromedriver`.

use crate::common::Client;
use crate::program::{Program, which};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::path::Path;
use std::process::ChildStdout;

/// The key of an element in the protocol.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// How often the driver is started. It listens on a port that is free for one kind of address and
/// ends at once where the same port is not for the other kind.
const STARTS: usize = 10;

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub struct View {
    pub width: u32,
    pub height: u32,
    pub dark: bool,
}

/// A desk with a light page.
pub const DESK: View = View { width: 1280, height: 900, dark: false };

/// A browser with one page; both programs end with it.
pub struct Browser {
    client: Client<TcpStream>,
    session: String,
    /// Open as long as it may say something.
    _out: BufReader<ChildStdout>,
    /// With the browser, which it starts.
    _driver: Program,
}

impl Browser {
    /// Opens one; none where the programs are not installed, which is said.
    pub fn open(view: View) -> Option<Browser> {
        let (chromium, driver) = (which("chromium"), which("chromedriver"));
        let (Some(chromium), Some(driver)) = (chromium, driver) else {
            eprintln!("skipped: Debian's chromium and chromium-driver are not installed");
            return None;
        };
        let (driver, out, port) = (0..STARTS).find_map(|_| start(&driver)).expect("it starts");
        let client = Client::connect(&format!("127.0.0.1:{port}"));
        let mut browser = Browser { client, session: String::new(), _out: out, _driver: driver };
        let options = json!({
            "binary": chromium,
            "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
                "--disable-background-networking", "--disable-component-update",
                "--disable-sync", "--lang=en-US", "--hide-scrollbars",
                format!("--window-size={},{}", view.width, view.height),
            ],
        });
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        }}});
        let session = browser.ask("POST", "/session", &wanted);
        browser.session = session["sessionId"].as_str().expect("a session").to_owned();
        browser.look(view);
        Some(browser)
    }

    /// Has the page looked at in another way.
    pub fn look(&mut self, view: View) {
        let View { width, height, dark } = view;
        let mobile = width < 600;
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile,
        });
        self.command("Emulation.setDeviceMetricsOverride", &size);
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.command("Emulation.setEmulatedMedia", &media);
    }

    pub fn go(&mut self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    /// What a script returns.
    pub fn script(&mut self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// What a script hands to its last argument.
    pub fn later(&mut self, script: &str) -> Value {
        self.post("/execute/async", &json!({ "script": script, "args": [] }))
    }

    /// The text of an element; empty where there is none.
    pub fn text(&mut self, css: &str) -> String {
        let css = Value::from(css);
        let text = self.script(&format!("return document.querySelector({css})?.textContent"));
        text.as_str().unwrap_or_default().to_owned()
    }

    /// An attribute of an element.
    pub fn attribute(&mut self, css: &str, name: &str) -> Option<String> {
        let (css, name) = (Value::from(css), Value::from(name));
        let read = format!("return document.querySelector({css})?.getAttribute({name})");
        self.script(&read).as_str().map(ToOwned::to_owned)
    }

    /// Clicks as a hand does: what is covered or out of reach is an error.
    pub fn click(&mut self, css: &str) {
        let element = self.element(css);
        self.post(&format!("/element/{element}/click"), &json!({}));
    }

    /// Types into a field, in the place of what is there.
    pub fn fill(&mut self, css: &str, text: &str) {
        let element = self.element(css);
        self.post(&format!("/element/{element}/clear"), &json!({}));
        self.post(&format!("/element/{element}/value"), &json!({ "text": text }));
    }

    /// Presses a key where the focus is; `key` as WebDriver codes it.
    pub fn press(&mut self, key: char) {
        let keys = json!([{ "type": "keyDown", "value": key }, { "type": "keyUp", "value": key }]);
        let keys = json!({ "actions": [{ "type": "key", "id": "keys", "actions": keys }] });
        self.post("/actions", &keys);
    }

    /// What the page complained about since the last call.
    pub fn complaints(&mut self) -> Vec<String> {
        let log = self.post("/se/log", &json!({ "type": "browser" }));
        let log = log.as_array().cloned().unwrap_or_default();
        let severe = log.iter().filter(|line| matches!(line["level"].as_str(), Some("SEVERE")));
        severe.map(|line| line["message"].to_string()).collect()
    }

    /// The addresses that the page asked since the last call.
    pub fn requests(&mut self) -> Vec<String> {
        let log = self.post("/se/log", &json!({ "type": "performance" }));
        let log = log.as_array().cloned().unwrap_or_default();
        let asked = log.iter().filter_map(|line| {
            let event: Value = serde_json::from_str(line["message"].as_str()?).ok()?;
            let event = &event["message"];
            (event["method"] == "Network.requestWillBeSent")
                .then(|| event["params"]["request"]["url"].as_str().map(ToOwned::to_owned))?
        });
        asked.collect()
    }

    /// A picture of what is seen, as WebP.
    pub fn picture(&mut self) -> Vec<u8> {
        let how = json!({ "format": "webp", "quality": 82 });
        let shot = self.command("Page.captureScreenshot", &how);
        BASE64_STANDARD.decode(shot["data"].as_str().expect("a picture")).expect("base64")
    }

    fn element(&mut self, css: &str) -> String {
        let how = json!({ "using": "css selector", "value": css });
        let found = self.post("/element", &how);
        found[ELEMENT].as_str().unwrap_or_else(|| panic!("no {css}: {found}")).to_owned()
    }

    /// A command of the browser's own protocol.
    fn command(&mut self, name: &str, params: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({ "cmd": name, "params": params }))
    }

    fn post(&mut self, what: &str, body: &Value) -> Value {
        let path = format!("/session/{}{what}", self.session);
        self.ask("POST", &path, body)
    }

    fn ask(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        self.client.send(format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        let response = self.client.response(false);
        let mut said: Value = serde_json::from_slice(&response.body).expect("JSON");
        assert_eq!(response.status, 200, "{method} {path} {body}: {said}");
        said["value"].take()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // So that it takes its files with it; who failed within a question has nobody to ask.
        if !std::thread::panicking() {
            let session = format!("/session/{}", self.session);
            self.ask("DELETE", &session, &json!({}));
        }
    }
}

/// Starts the driver: what it says, and the port on which it listens; nothing where it ends.
fn start(driver: &Path) -> Option<(Program, BufReader<ChildStdout>, String)> {
    let mut driver = Program::run(driver, &["--port=0"]);
    let mut out = BufReader::new(driver.stdout());
    let port = out.by_ref().lines().map_while(Result::ok).find_map(|line| {
        let (_, port) = line.split_once("started successfully on port ")?;
        Some(port.trim_end_matches('.').to_owned())
    })?;
    Some((driver, out, port))
}
