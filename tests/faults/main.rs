//! Failures of clients, children, the network and the system, and children under an attacker's control: the others lose nothing,
//! and nothing is left behind.

#[path = "../common/mod.rs"]
mod common;

#[cfg(target_os = "linux")]
mod invalid_records;
mod lost_peer;
mod partial_failures;
mod sandbox;
mod silent_name_server;
#[cfg(target_os = "linux")]
mod system_errors;
