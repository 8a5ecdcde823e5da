//! Parts shared by the measurements, from the outside in: the servers, the clients that read, the
//! load put on a room, the system's own counts.

/// Children killed when the benchmark is interrupted.
pub mod cleanup;
/// Four senders as fast as they can, and readers that check every byte.
pub mod flood;
/// A server for ten thousand clients.
pub mod large_room;
/// Counters of /proc.
pub mod procfs;
/// Readers in a process of their own, with its own descriptor limit.
pub mod reader_process;
/// Many sockets read by one thread.
pub mod readers;
/// The latency of one message to a room.
pub mod room;
/// `ncat`, `socat`, C fork_server and ours, started alike.
pub mod servers;
/// The byte streams of all readers, compared with each other.
pub mod stream_check;
