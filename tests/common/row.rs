//! Names the row of a table that a failure is of.

use std::fmt::Debug;

/// A row that is being tested. While it lives, a panic names the row, whichever helper it comes from.
#[must_use]
pub struct Row(String);

impl Row {
    pub fn of(what: &dyn Debug) -> Row {
        Row(format!("{what:?}"))
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("in the row {}", self.0);
        }
    }
}
