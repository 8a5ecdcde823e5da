//! Upload ("simple FTP"): a client sends a file, the server keeps it under a safe name and never over another.
//!
//! `name` is what a file may be called, `header` what our own client says before the bytes: both pure. `store` is where
//! files land, whole or not at all. `client` sends: it reads its file through `source`, shows how far it is with
//! `progress`, and speaks to its user through `output`.

//pub mod client;
pub mod header;
pub mod name;
//pub mod output;
//pub mod progress;
//pub mod source;
pub mod receive;
pub mod server;
pub mod store;
