//! The labs, servers and clients: echo, calculation, upload, relay for two, directed messages
//! (docs/PROTOCOLS.md, sections 2 to 7), and the code that the servers share.

#[path = "../common/mod.rs"]
mod common;

mod c_clients;
mod calc;
mod calc_client;
mod direct;
mod echo;
mod foreign_protocols;
mod foreign_servers;
mod fork_per_client;
mod forwarder;
mod one_buffer;
mod relay;
mod senders;
mod slow_output;
#[cfg(target_os = "linux")]
mod stopped_clients;
mod unread_errors;
mod upload;
mod upload_client;
