//! The invariants of each codec for any input: a function over bytes per codec, which panics when
//! one is broken.
//!
//! Two callers: the targets in `fuzz_targets/`, which search for a failing input, and
//! `tests/codecs.rs`, which includes this file and runs some inputs in each `cargo test`. The
//! oracles here are slow and simple versions of the codecs.

pub mod batch;
pub mod calc;
pub mod direct;
pub mod framing;
pub mod input;
pub mod keyboard;
pub mod keys;
pub mod lines;
pub mod names;
pub mod record;
pub mod relay;
pub mod request;
pub mod senders;
pub mod text;
pub mod upload;
pub mod ws_decode;
