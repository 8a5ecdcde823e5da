//! The third door: a page in the browser, and the room behind it as a WebSocket (docs/PROTOCOLS.md, section 8).
//!
//! A visitor is a client like any other: a child of its own, a record for each thing that it wants. The child reads and decodes:
//! `request` is the head of what a browser asks, `frames` what it says once it is in the room, and `child` reads both from its
//! socket. It writes no byte there. The hub has the `answer` to each request, and the `encoding` of what is said in the room;
//! `door` is what its rules know of visitors.
//!
//! `request`, `frames`, `answer` and `encoding` are pure.

pub mod endpoint;
pub mod request;
pub mod response;
pub mod worker;
pub mod ws_decode;
pub mod ws_encode;
