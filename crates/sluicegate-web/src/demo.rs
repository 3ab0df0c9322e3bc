//! The demo site, bundled into the program by the build script.

include!(concat!(env!("OUT_DIR"), "/demo.rs"));
