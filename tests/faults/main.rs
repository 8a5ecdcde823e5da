//! Failures of clients, children, the network and the system, and children under an attacker's control: the others lose nothing,
//! and nothing is left behind.

#[path = "../common/mod.rs"]
mod common;

#[cfg(target_os = "linux")]
mod invalid_records;
#[cfg(target_os = "linux")]
mod lost_peer;
mod partial_failures;
#[cfg(target_os = "linux")]
mod sandbox;
#[cfg(target_os = "linux")]
mod silent_name_server;
#[cfg(target_os = "linux")]
mod system_errors;
