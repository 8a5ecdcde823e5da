//! What every server shares: listen, accept, fork a child per client, print without waiting, take leave.
//!
//! `parent` is the first process, as every lab's loop uses it. `forking` is the whole server of the labs whose clients share
//! nothing: `session` is what the function that serves one of them gets.

mod console;
mod door;
mod farewell;
mod forking;
mod guard;
mod lab;
mod options;
mod parent;
mod prepare;
mod session;
mod words;

pub use console::Console;
pub use door::{Door, Knock};
pub use farewell::Farewells;
pub use forking::run;
pub use guard::Guard;
pub use lab::{Lab, Way};
pub use options::Options;
pub use parent::{ACCEPTED_AT_ONCE, Event, Parent, Visitor};
pub use prepare::{lowest_own_descriptor, prepare};
pub use session::{End, Session};
pub use words::Words;
