//! Tests that need most of the machine: thousands of connections, floods, shares of processor time. A crate of their own, so that no
//! other test runs beside them; cargo runs one crate at a time.

#[path = "../common/mod.rs"]
mod common;

mod many_clients;
mod paste;
mod resource_exhaustion;
mod signal_storm;
mod thousands;
