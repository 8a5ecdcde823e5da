//! Failures of clients, workers, the network and the system, and workers under the control of an
//! attacker: other clients lose nothing, and no process or descriptor is left behind.

#[path = "../common/mod.rs"]
mod common;

mod addresses;
#[cfg(target_os = "linux")]
mod client_calls;
#[cfg(target_os = "linux")]
mod clients;
#[cfg(target_os = "linux")]
mod container;
#[cfg(target_os = "linux")]
mod endless_errors;
#[cfg(target_os = "linux")]
mod first_process;
#[cfg(target_os = "linux")]
mod forged_records;
#[cfg(target_os = "linux")]
mod interfaces;
#[cfg(target_os = "linux")]
mod invalid_records;
#[cfg(target_os = "linux")]
mod labs;
#[cfg(target_os = "linux")]
mod lost_peer;
#[cfg(target_os = "linux")]
mod network;
#[cfg(target_os = "linux")]
mod out_of_memory;
mod partial_failures;
#[cfg(target_os = "linux")]
mod pipe;
#[cfg(target_os = "linux")]
mod reconnect;
#[cfg(target_os = "linux")]
mod relay_gap;
#[cfg(target_os = "linux")]
mod sandbox;
#[cfg(target_os = "linux")]
mod silent_name_server;
#[cfg(target_os = "linux")]
mod slow_path;
#[cfg(target_os = "linux")]
mod system_errors;
