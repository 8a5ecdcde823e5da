//! `cargo bench --bench messenger`: what the chat server does, in figures, against what it set out to reach.
//!
//! It prints one table. Whatever is a time is a ratio of two things measured in turn in this same run (A B A B, the
//! median of the rounds), because the machine is shared and a time alone would tell of its other work. A row that falls
//! short says "no" and fails nothing: the status is 1 only when something could not be measured.
//!
//! `cargo bench --bench messenger -- 3 4` measures those rows alone.

#[path = "messenger/broker.rs"]
mod broker;
#[path = "../tests/common/mod.rs"]
mod common;
#[path = "messenger/delivery.rs"]
mod delivery;
#[path = "messenger/fanout.rs"]
mod fanout;
#[path = "messenger/flood.rs"]
mod flood;
#[path = "messenger/memory.rs"]
mod memory;
#[path = "messenger/readers.rs"]
mod readers;
#[path = "messenger/stop.rs"]
mod stop;
#[path = "messenger/stream.rs"]
mod stream;
#[path = "messenger/table.rs"]
mod table;
#[path = "messenger/throughput.rs"]
mod throughput;

use std::panic::catch_unwind;
use std::process::ExitCode;

use table::{Row, Table};

const ROWS: [fn() -> Row; 5] =
    [delivery::burst, delivery::paste, fanout::latency, throughput::deliveries, memory::of_a_child];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        // `cargo test --all-targets` runs this too, without optimization.
        println!("no figures without `cargo bench --bench messenger`");
        return ExitCode::SUCCESS;
    }
    stop::leave_nothing_behind();
    let asked: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let mut table = Table::open();
    for (row, number) in ROWS.into_iter().zip(1..) {
        if asked.is_empty() || asked.contains(&number) {
            // A panic has said on standard error what could not be measured, and has ended its row's programs.
            table.add(number, catch_unwind(row).ok());
        }
    }
    table.close()
}
