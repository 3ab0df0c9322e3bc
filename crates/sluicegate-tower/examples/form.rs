//! A form and what becomes of it: `cargo run -p sluicegate-tower --example form`.

use axum::response::Html;
use axum::routing::get;
use axum::{Form, Router};
use serde::Deserialize;
use tokio::net::TcpListener;

const PAGE: &str = "<!doctype html>
<title>Form</title>
<form method=post>
<label>Name <input name=name></label>
<label>Age <input name=age type=number></label>
<button>Send</button>
</form>
";

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("http://{}/", listener.local_addr()?);
    // Was: axum::serve(listener, app).await
    sluicegate_tower::serve(listener, app()).await
}

/// The app.
pub fn app() -> Router {
    Router::new().route("/", get(|| async { Html(PAGE) }).post(accept))
}

#[derive(Deserialize)]
struct Person {
    name: String,
    age: u8,
}

async fn accept(Form(person): Form<Person>) -> String {
    format!("{} is {}\n", person.name, person.age)
}
