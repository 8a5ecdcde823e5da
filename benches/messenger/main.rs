//! `cargo bench --bench messenger`: figures of the chat server, beside the targets set for them.
//!
//! Prints one table. Every time is a ratio of two measurements that alternate within the run
//! (A B A B, median of the rounds): an absolute time on a shared machine depends on its other load.
//! A missed target prints "no" and fails nothing; the status is 1 only when a row could not be
//! measured.
//!
//! `cargo bench --bench messenger -- 3 4` measures those rows alone; rows of one measurement come
//! together. `-- --plot docs/cost.svg` also draws the plot of row 17.
//!
//! Reading order: `rows/mod.rs` lists the measurements, one file each; `harness/` holds what they
//! share (servers, readers, load, /proc); `table` and `plot` print the results.

#[path = "../../tests/common/mod.rs"]
mod common;
mod harness;
mod plot;
mod rows;
mod table;

use std::panic::catch_unwind;
use std::path::PathBuf;
use std::process::ExitCode;

use harness::{cleanup, reader_process};
use rows::MEASUREMENTS;
use table::Table;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [reader_process::FLAG, address] = arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        reader_process::run(address);
        return ExitCode::SUCCESS;
    }
    if !arguments.iter().any(|argument| argument == "--bench") {
        // `cargo test --all-targets` runs this too, without optimization.
        println!("no figures without `cargo bench --bench messenger`");
        return ExitCode::SUCCESS;
    }
    if !cfg!(target_os = "linux") {
        println!("no figures on this system: they are read from /proc as Linux has it");
        return ExitCode::SUCCESS;
    }
    cleanup::kill_children_on_signal();
    if arguments.iter().any(|argument| argument == PLOT) && plot_path().is_none() {
        eprintln!("{PLOT} FILE: where should the plot go?");
        return ExitCode::from(2);
    }
    let selected: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let mut table = Table::open();
    let mut first = 1;
    for (rows, measure) in MEASUREMENTS {
        let numbers = first..first + rows;
        first += rows;
        if selected.is_empty() || selected.iter().any(|number| numbers.contains(number)) {
            // The panic message is on standard error already, and unwinding has stopped the
            // programs.
            match catch_unwind(measure) {
                Ok(rows) => numbers.zip(rows).for_each(|(number, row)| table.add(number, Some(row))),
                Err(_) => numbers.for_each(|number| table.add(number, None)),
            }
        }
    }
    table.close()
}

const PLOT: &str = "--plot";

/// The argument of `--plot`, relative to the root of the project, where cargo starts this program.
fn plot_path() -> Option<PathBuf> {
    std::env::args().skip_while(|argument| argument != PLOT).nth(1).map(PathBuf::from)
}
