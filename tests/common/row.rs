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

/// Calls `test` for every row, with its number, some rows at a time. For rows that mostly wait.
pub fn for_each_at_once<R: Debug + Sync>(rows: &[R], test: impl Fn(usize, &R) + Sync) {
    let numbered: Vec<(usize, &R)> = rows.iter().enumerate().collect();
    for some in numbered.chunks(12) {
        std::thread::scope(|scope| {
            for &(number, row) in some {
                let test = &test;
                scope.spawn(move || {
                    let _row = Row::of(row);
                    test(number, row);
                });
            }
        });
    }
}
