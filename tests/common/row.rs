//! Names the row of a table test in its failure.

use std::fmt::Debug;

/// The row under test. A panic while it lives prints the row, whichever helper panics.
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
