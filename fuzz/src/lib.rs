//! What holds of each codec, whatever bytes come: a function over bytes each, which panics where it does not.
//!
//! Two callers: the targets in `fuzz_targets/`, which look for bytes that break it, and `tests/codecs.rs`, which includes
//! this file and tries some in each `cargo test`. Where there is a slow way to say what a codec does, the slow way stands here.

pub mod batch;
pub mod calc;
pub mod direct;
pub mod framing;
pub mod input;
pub mod keyboard;
pub mod lines;
pub mod names;
pub mod record;
pub mod relay;
pub mod request;
pub mod text;
pub mod upload;
pub mod ws_decode;
