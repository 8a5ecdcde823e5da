//! Prints a summary of the tests that this run of `cargo test` skipped, and what each one needs.
//! cargo runs test crates in the order of their names, hence this name. No harness: it would hide
//! the output.

#[allow(dead_code)] // Recording is for the other crates.
#[path = "common/skip.rs"]
mod skip;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

fn main() {
    // IDEs and other runners ask every test program for its tests.
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    let records = fs::read_to_string(skip::file_of_this_run()).unwrap_or_default();
    print!("{}", summary(&records));
    delete_records();
}

/// Groups the skipped tests by need and reason.
fn summary(records: &str) -> String {
    let mut by_need: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for record in records.lines() {
        let mut fields = record.splitn(3, '\t');
        let (Some(needs), Some(test), Some(reason)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        by_need.entry((needs, reason)).or_default().insert(test);
    }
    if by_need.is_empty() {
        return "\nno test was skipped\n".into();
    }
    let tests: BTreeSet<&str> = by_need.values().flatten().copied().collect();
    let mut text = format!("\n{} tests were skipped, wholly or in part:\n", tests.len());
    for ((needs, reason), tests) in by_need {
        text += &format!("  for want of {needs} ({reason}):\n");
        for test in tests {
            text += &format!("    {test}\n");
        }
    }
    text
}

/// Deletes the records of this run, and those of earlier runs that ended without a summary.
fn delete_records() {
    let entries = fs::read_dir(skip::directory()).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("skipped-")) {
        let _ = fs::remove_file(entry.path());
    }
}
