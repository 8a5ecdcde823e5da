//! `chat_serveur` and `chat_client`: the wire format, admission, processes, status report,
//! transcript. Clients on a real terminal are in `terminal`, WebSockets and browsers in `web`,
//! failures in `faults`.

#[path = "../common/mod.rs"]
mod common;

mod client;
mod client_connect;
mod client_losses;
mod hostile_clients;
mod interoperability;
mod line_clients;
#[cfg(target_os = "linux")]
mod process_titles;
#[cfg(target_os = "linux")]
mod processes;
mod senders;
mod status_report;
#[cfg(target_os = "linux")]
mod transcript;
mod wire;
