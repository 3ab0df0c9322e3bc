//! The manual. Read in this order:
//!
//! 1. [`concepts`]: the words, and what always holds.
//! 2. [`first_service`]: a service in one page, on threads and in virtual time.
//! 3. [`domains`]: who runs what, and which replica gets an event.
//! 4. [`overload`]: what happens when more comes than can be done, and where to say it.
//! 5. [`testing`]: one stage, a whole net, many seeds.
//! 6. [`operating`]: what can be seen, and how a service ends.

pub mod concepts;
pub mod domains;
pub mod first_service;
pub mod operating;
pub mod overload;
pub mod testing;
