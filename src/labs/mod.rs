//! The labs of the courses beside the messenger: a file or a folder each.
//!
//! `echo`, `calc` and `upload` are one function that serves a client ([`crate::server::ClientHandler`]); `relay` is one process that
//! polls two clients; `direct` is the messenger's hub with other rules ([`crate::hub::service::Service`]).

pub mod calc;
pub mod direct;
pub mod echo;
pub mod relay;
pub mod upload;
