//! Upload ("simple FTP"): a client sends a file, the server keeps it under a safe name and never over another.
//!
//! `name` is what a file may be called, `header` what our own client says before the bytes: both pure. `store` is where
//! files land, whole or not at all. `server` receives, each file by `receive`. `client` sends: it reads its file through `source`, speaks with the server
//! through `exchange` and with its user through `progress` and `output`.

pub mod client;
pub mod header;
pub mod name;
pub mod output;
pub mod progress;
pub mod receive;
pub mod server;
pub mod source;
pub mod store;
pub mod transfer;
