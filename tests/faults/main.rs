//! Failures of clients, workers, the network and the system, and workers under the control of an
//! attacker: other clients lose nothing, and no process or descriptor is left behind.

#[path = "../common/mod.rs"]
mod common;

#[cfg(target_os = "linux")]
#[cfg(target_os = "linux")]
mod clients;
mod invalid_records;
#[cfg(target_os = "linux")]
mod lost_peer;
#[cfg(target_os = "linux")]
mod network;
mod partial_failures;
#[cfg(target_os = "linux")]
mod sandbox;
#[cfg(target_os = "linux")]
mod silent_name_server;
#[cfg(target_os = "linux")]
mod system_errors;
