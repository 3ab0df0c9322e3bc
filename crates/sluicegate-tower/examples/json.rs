//! Notes that are made and read as JSON: `cargo run -p sluicegate-tower --example json`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("http://{}/notes", listener.local_addr()?);
    // Was: axum::serve(listener, app).await
    sluicegate_tower::serve(listener, app()).await
}

/// The app, without any notes.
pub fn app() -> Router {
    Router::new()
        .route("/notes", post(make))
        .route("/notes/{id}", get(read))
        .with_state(Notes::default())
}

type Notes = Arc<Mutex<Vec<String>>>;

#[derive(Deserialize)]
struct NewNote {
    text: String,
}

#[derive(Serialize)]
struct Note {
    id: usize,
    text: String,
}

async fn make(State(notes): State<Notes>, Json(new): Json<NewNote>) -> (StatusCode, Json<Note>) {
    let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
    notes.push(new.text.clone());
    (StatusCode::CREATED, Json(Note { id: notes.len() - 1, text: new.text }))
}

async fn read(State(notes): State<Notes>, Path(id): Path<usize>) -> Result<Json<Note>, StatusCode> {
    let notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
    let text = notes.get(id).cloned().ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(Note { id, text }))
}
