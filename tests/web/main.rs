//! `chat_serveur --web`: HTTP and WebSocket as bytes (`protocol`), and its page in a real browser
//! (`page`).

#[path = "../common/mod.rs"]
mod common;

mod page;
mod protocol;
