//! Files by tower-http.

use crate::apps::static_files;
use crate::client::Client;
use crate::servers::Under;
use std::path::PathBuf;

pub async fn a_directory(under: Under) {
    let directory = Directory::new(under);
    let page = "x".repeat(300_000);
    std::fs::write(directory.0.join("page.txt"), &page).expect("it can be written");
    std::fs::write(directory.0.join("index.html"), "<p>index").expect("it can be written");
    let serving = under.serve(static_files::app(&directory.0)).await;
    let mut client = Client::to(serving.addr).await;
    assert_eq!(client.get("/api").await.text(), "not a file\n");
    assert_eq!(client.get("/").await.text(), "<p>index");
    assert_eq!(client.get("/none").await.head.status, 404);
    let answer = client.get("/page.txt").await;
    assert_eq!(answer.head.field("content-type"), Some("text/plain"));
    assert!(answer.text() == page);
    let modified = answer.head.field("last-modified").expect("a date").to_owned();
    let ask = |method: &str, field: &str| {
        format!("{method} /page.txt HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n")
    };
    client.send(ask("HEAD", "X: y")).await;
    assert_eq!(client.head().await.field("content-length"), Some("300000"));
    client.send(ask("GET", &format!("If-Modified-Since: {modified}"))).await;
    assert_eq!(client.answer().await.head.status, 304);
    client.send(ask("GET", "Range: bytes=10-19")).await;
    let answer = client.answer().await;
    assert_eq!((answer.head.status, answer.body.len()), (206, 10));
    assert_eq!(answer.head.field("content-range"), Some("bytes 10-19/300000"));
    serving.over().await;
}

/// A directory of its own for each server; it is gone with this.
struct Directory(PathBuf);

impl Directory {
    fn new(under: Under) -> Directory {
        let name = format!("sluicegate-serve-{}-{under:?}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("it can be made");
        Directory(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
