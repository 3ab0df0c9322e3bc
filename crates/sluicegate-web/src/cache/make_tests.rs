//! The making of variants on real directories.
use super::*;
