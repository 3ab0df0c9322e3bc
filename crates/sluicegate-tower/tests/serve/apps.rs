//! The examples' apps.

#[path = "../../examples/form.rs"]
#[allow(dead_code, reason = "the example's own entry point")]
pub mod form;
#[path = "../../examples/hello.rs"]
#[allow(dead_code, reason = "the example's own entry point")]
pub mod hello;
#[path = "../../examples/json.rs"]
#[allow(dead_code, reason = "the example's own entry point")]
pub mod json;
#[path = "../../examples/static_files.rs"]
#[allow(dead_code, reason = "the example's own entry point")]
pub mod static_files;
#[path = "../../examples/stream.rs"]
#[allow(dead_code, reason = "the example's own entry point")]
pub mod stream;
#[path = "../../examples/websocket.rs"]
#[allow(dead_code, reason = "the example's own entry point")]
pub mod websocket;
