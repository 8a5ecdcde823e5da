//! What every server shares: listen, accept, print without waiting, take leave.

mod console;
mod door;
mod farewell;

pub use console::Console;
pub use door::{Door, Knock};
pub use farewell::Farewells;
