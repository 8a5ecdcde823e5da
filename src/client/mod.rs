//! Client side, shared by every program: connection attempts, event loop, terminal, pair of
//! processes.
//!
//! | file | holds |
//! | --- | --- |
//! | `target`, `connector`, `connect` | name lookup; attempts with back-off; the first connection |
//! | `event_loop`, `signals` | the poll loop: readiness, signals, grace period after the input |
//! | `protocol`, `session` | `ClientProtocol` of each lab; the one-process client that runs it |
//! | `line_buffer` | typed bytes, cut into lines |
//! | `send_buffer` | bytes for the server, and the lines that it has not got whole |
//! | `ui` | keyboard and screen: plain bytes, or a terminal with an input line |
//! | `terminal` | that terminal: raw mode, line editor, inline viewport, job control |
//! | `process_pair` | two processes on one connection, neither of which outlives the other |

mod connect;
mod connector;
mod event_loop;
mod line_buffer;
mod messages;
mod process_pair;
mod protocol;
mod send_buffer;
mod session;
mod signals;
mod target;
pub(crate) mod terminal;
#[cfg(test)]
mod test_support;
mod ui;

pub(crate) use connect::{Connecting, connect_at_once, connect_while_idle, connect_with};
pub(crate) use connector::Connector;
pub(crate) use event_loop::{EventLoop, Exit, Ready, Sources, UiSources};
pub use line_buffer::LineBuffer;
pub(crate) use messages::Messages;
pub(crate) use process_pair::{PeerProcess, PeerStatus};
pub(crate) use protocol::{Awaits, ClientProtocol};
use send_buffer::SendBuffer;
pub(crate) use session::run_client;
pub(crate) use signals::{FATAL, end_at_once, prepare, prepare_keeping, prepare_with_terminal};
pub use target::ServerAddress;
pub(crate) use target::Target;
pub use terminal::KeyDecoder;
#[cfg(test)]
pub(crate) use test_support::{Event, screen_after};
pub(crate) use ui::{Prompt, Ui, UiMode};
