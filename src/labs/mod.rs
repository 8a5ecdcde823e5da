//! The labs of the courses beside the messenger, a folder each.
//!
//! `echo`, `calc` and `upload` serve each client by one function
//! ([`crate::server::ClientHandler`]); `relay` polls two clients in one process; `direct` is
//! another service of the messenger's hub ([`crate::hub::service::Service`]).

pub mod calc;
pub mod direct;
pub mod echo;
pub mod relay;
pub mod upload;
