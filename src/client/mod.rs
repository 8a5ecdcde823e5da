//! What every client shares: a connection that is tried for a while, two processes that end together.

mod dial;
mod pair;

pub use dial::{DialError, PATIENCE, dial};
pub use pair::{Pulse, Screen};
