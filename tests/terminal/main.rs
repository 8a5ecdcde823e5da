//! The clients on a terminal: the bytes that they write go to an emulator, whose screen is compared.

#[path = "../common/mod.rs"]
mod common;

mod chat_client;
mod lab_clients;
