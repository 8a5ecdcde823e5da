//! The web listener: a page over HTTP, and the room as a WebSocket (docs/PROTOCOLS.md, section 8).
//!
//! A browser's connection has a child like any other. `worker` reads its socket: first the head of
//! a request, which `request` parses and routes, then WebSocket frames, decoded by `ws_decode`. The
//! child sends records and writes nothing to the socket. The hub does, through `endpoint`: an HTTP
//! `response`, or messages encoded by `ws_encode`.

pub(crate) mod endpoint;
pub mod request;
pub mod response;
pub(crate) mod worker;
pub mod ws_decode;
pub(crate) mod ws_encode;
