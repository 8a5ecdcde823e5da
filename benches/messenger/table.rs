//! The table that is printed: a row for each thing measured, and notes under it.

use std::process::ExitCode;
use std::time::Instant;

/// Rounds of each measurement.
pub const ROUNDS: usize = 5;

/// One line of the table.
pub struct Row {
    pub what: &'static str,
    pub figure: String,
    pub compared: String,
    pub reach: &'static str,
    /// `None` where there was nothing to compare with.
    pub reached: Option<bool>,
    /// Further figures, printed under the table.
    pub notes: Vec<String>,
}

/// Prints rows as they come.
pub struct Table {
    began: Instant,
    notes: Vec<String>,
    whole: bool,
}

impl Table {
    /// Prints the heading.
    pub fn open() -> Table {
        println!("| what | figure | compared with | reach | reached |");
        println!("| --- | --- | --- | --- | --- |");
        Table { began: Instant::now(), notes: Vec::new(), whole: true }
    }

    /// Prints row `number`; `None`: it could not be measured.
    pub fn add(&mut self, number: usize, row: Option<Row>) {
        let Some(row) = row else {
            println!("| {number}. could not be measured (see standard error) | | | | |");
            self.whole = false;
            return;
        };
        let reached = row.reached.map_or("not compared", |reached| if reached { "yes" } else { "no" });
        let Row { what, figure, compared, reach, .. } = row;
        println!("| {what} | {figure} | {compared} | {reach} | {reached} |");
        self.notes.extend(row.notes.into_iter().map(|note| format!("- {number}: {note}")));
    }

    /// Prints the notes, and on what all of this was measured.
    pub fn close(self) -> ExitCode {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().unwrap_or_default();
        println!("\n{}", self.notes.join("\n"));
        println!(
            "- {cores} cores, Linux {}, load {load} at the end, {:.0} s; times are medians of {ROUNDS} rounds",
            kernel.trim(),
            self.began.elapsed().as_secs_f64()
        );
        if self.whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// The middle one; of an even number, the lower of the two in the middle.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() - 1) / 2]
}

/// `least to most`, with two decimals: how far the rounds lie apart.
pub fn spread(values: &[f64]) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{least:.2} to {most:.2}")
}

/// `1, 2, 3`.
pub fn list<T: ToString>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}
