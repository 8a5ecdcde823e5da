//! The web listener: a page over HTTP, and the room as a WebSocket (docs/PROTOCOLS.md, section 8).
//!
//! A browser's connection has a child like any other. `worker` reads its socket: first the head of
//! a request, which `request` parses and routes (`site`: its Host and Origin; `proxies`: where it
//! comes from), then WebSocket frames, decoded by `ws_decode`. The child sends records and writes
//! nothing to the socket. The hub does, through `endpoint`: an HTTP `response`, or messages encoded
//! by `ws_encode`.

pub(crate) mod endpoint;
pub mod proxies;
pub mod request;
pub mod response;
pub mod site;
pub(crate) mod worker;
pub mod ws_decode;
pub(crate) mod ws_encode;
