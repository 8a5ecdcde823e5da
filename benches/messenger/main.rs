//! `cargo bench --bench messenger`: what the chat server does, in figures, against what it set out to reach.
//!
//! It prints one table. Whatever is a time is a ratio of two things measured in turn in this same run (A B A B, the
//! median of the rounds), because the machine is shared and a time alone would tell of its other work. A row that falls
//! short says "no" and fails nothing: the status is 1 only when something could not be measured.
//!
//! `cargo bench --bench messenger -- 3 4` measures those rows alone (some rows are of one measurement, and come together).
//! `cargo bench --bench messenger -- --plot docs/cost.svg` draws the plot of the costs as well, which is not done unasked.

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
    if let [reader_process::CROWD, address] = arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        reader_process::obey(address);
        return ExitCode::SUCCESS;
    }
    if !arguments.iter().any(|argument| argument == "--bench") {
        // `cargo test --all-targets` runs this too, without optimization.
        println!("no figures without `cargo bench --bench messenger`");
        return ExitCode::SUCCESS;
    }
    cleanup::leave_nothing_behind();
    if arguments.iter().any(|argument| argument == PLOT) && plot_asked_for().is_none() {
        eprintln!("{PLOT} FILE: where should the plot go?");
        return ExitCode::from(2);
    }
    let asked: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let mut table = Table::open();
    let mut number = 1;
    for (rows, measure) in MEASUREMENTS {
        let numbers = number..number + rows;
        number += rows;
        if asked.is_empty() || asked.iter().any(|asked| numbers.contains(asked)) {
            // A panic has said on standard error what could not be measured, and has ended its programs.
            match catch_unwind(measure) {
                Ok(rows) => numbers.zip(rows).for_each(|(number, row)| table.add(number, Some(row))),
                Err(_) => numbers.for_each(|number| table.add(number, None)),
            }
        }
    }
    table.close()
}

const PLOT: &str = "--plot";

/// The file that `--plot` asks for: as seen from the root of the project, where cargo starts this program.
fn plot_asked_for() -> Option<PathBuf> {
    std::env::args().skip_while(|argument| argument != PLOT).nth(1).map(PathBuf::from)
}
