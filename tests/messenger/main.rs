//! `chat_serveur` and `chat_client`: the wire format, who may connect, what is shown of the server's processes, the transcript.
//! What either does on a real terminal is in `terminal`, with a WebSocket or in a browser in `web`, when something fails in `faults`.

#[path = "../common/mod.rs"]
mod common;

mod client;
mod client_connect;
mod hostile_clients;
mod interoperability;
mod line_clients;
#[cfg(target_os = "linux")]
mod process_titles;
#[cfg(target_os = "linux")]
mod processes;
mod status_report;
#[cfg(target_os = "linux")]
mod transcript;
mod wire;
