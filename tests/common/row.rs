//! Names the row of a table that a failure is of.

use std::fmt::Debug;

/// A row that is being tested.
pub struct Row(String);

/// To be kept while a row of a table is tested: a panic then names the row, whichever helper it comes from.
#[must_use]
pub fn row(what: impl Debug) -> Row {
    Row(format!("{what:?}"))
}

impl Drop for Row {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("in the row {}", self.0);
        }
    }
}
