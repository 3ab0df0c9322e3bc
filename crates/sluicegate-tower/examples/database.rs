//! Handlers that ask a database: `cargo run -p sluicegate-tower --example database`.
//!
//! SQLite answers on threads for what blocks, by one of 4 connections. The gate lets in as many
//! calls as there are connections, has so many wait as will be answered in time, and refuses the
//! rest, where else all would wait for a connection. The example asks itself for too much, prints
//! what became of that and what the gate shows, and serves then.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request, StatusCode};
use axum::routing::get;
use rusqlite::{Connection, OpenFlags};
use sluicegate_tower::{Admin, Gate};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, spawn_blocking};
use tower::ServiceExt;

/// Connections to the database.
pub const CONNECTIONS: usize = 4;
/// Books in it, each tenth of which is about the sea.
pub const BOOKS: u32 = 20_000;
/// Within which time a search shall be answered.
const TARGET: Duration = Duration::from_millis(100);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let database = Database::make()?;
    let (app, admin) = app(database);
    for (clients, what) in [(1, "one client"), (200, "200 clients")] {
        println!("{what}, 20 searches each: {:?}", drive(&app, clients, 20).await);
    }
    println!("{}", admin.json());
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    println!("http://{0}/search/sea, and its gate: http://{0}/gates/", listener.local_addr()?);
    Ok(axum::serve(listener, app.nest_service("/gates/", admin)).await?)
}

/// The app before a database, and what shows its gate.
pub fn app(database: Database) -> (Router, Admin) {
    let gate = Gate::target(TARGET).concurrency(CONNECTIONS);
    let admin = Admin::new().gate("search", &gate);
    (Router::new().route("/search/{word}", get(search)).with_state(database).layer(gate), admin)
}

/// How many books have a word in their title.
async fn search(
    State(database): State<Database>,
    Path(word): Path<String>,
) -> Result<String, StatusCode> {
    let count = "SELECT count(*) FROM books WHERE title LIKE '%' || ?1 || '%'";
    let found = database
        .ask(move |connection| connection.query_row(count, [word], |row| row.get::<_, u32>(0)));
    let found = found.await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(format!("{found} found\n"))
}

/// A database in a file, and a pool of connections to it.
#[derive(Clone)]
pub struct Database {
    /// One for each connection.
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Database {
    /// Makes one with books.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn make() -> rusqlite::Result<Self> {
        let path = std::env::temp_dir().join(format!("sluicegate-{}.db", std::process::id()));
        let mut connection = Connection::open(&path)?;
        let books = connection.transaction()?;
        books.execute("CREATE TABLE books (title TEXT NOT NULL)", [])?;
        for number in 0..BOOKS {
            let about = if number % 10 == 0 { "the sea" } else { "the land" };
            let title = format!("Volume {number}, about {about}");
            books.execute("INSERT INTO books VALUES (?1)", [title])?;
        }
        books.commit()?;
        let open = |_| Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY);
        let idle = (0..CONNECTIONS).map(open).collect::<rusqlite::Result<Vec<_>>>()?;
        // It is there as long as a connection has it open.
        let _ = std::fs::remove_file(&path);
        let (permits, idle) = (Semaphore::new(CONNECTIONS), Mutex::new(idle));
        Ok(Self { permits: Arc::new(permits), idle: Arc::new(idle) })
    }

    /// Asks by a connection, on a thread where that may block.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn ask<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> rusqlite::Result<T> {
        // The gate lets in no more than there are connections. But what blocks goes on when its
        // client goes, and then the next one waits here.
        let permit = Arc::clone(&self.permits).acquire_owned().await.expect("it stays open");
        let idle = Arc::clone(&self.idle);
        let asked = spawn_blocking(move || {
            let connection = idle.lock().expect("no panic").pop().expect("there is a permit");
            let answer = query(&connection);
            idle.lock().expect("no panic").push(connection);
            drop(permit);
            answer
        });
        asked.await.expect("a query does not panic")
    }

    /// Connections that nobody uses.
    pub fn idle(&self) -> usize {
        self.idle.lock().expect("no panic").len()
    }
}

/// Has so many clients search at once, each so often, and counts the answers by status.
pub async fn drive(app: &Router, clients: usize, searches: usize) -> BTreeMap<u16, usize> {
    let mut asking = JoinSet::new();
    for _ in 0..clients {
        let app = app.clone();
        asking.spawn(async move {
            let mut answers = Vec::new();
            for _ in 0..searches {
                let request = Request::get("/search/sea").body(Body::empty());
                let answer = app.clone().oneshot(request.expect("a request")).await;
                answers.push(answer.expect("it cannot fail").status().as_u16());
            }
            answers
        });
    }
    let mut counts = BTreeMap::new();
    while let Some(answers) = asking.join_next().await {
        for status in answers.expect("no panic") {
            *counts.entry(status).or_default() += 1;
        }
    }
    counts
}
