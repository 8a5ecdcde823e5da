//! Parts shared by the measurements.

pub mod cleanup;
pub mod flood;
pub mod large_room;
pub mod procfs;
pub mod reader_process;
pub mod readers;
pub mod room;
pub mod servers;
pub mod stream_check;
