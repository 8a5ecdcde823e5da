//! The table that is printed: a row for each thing measured, and notes under it.

use std::process::ExitCode;
use std::time::Instant;

/// Rounds of each measurement.
pub const ROUNDS: usize = 5;

/// One line of the table.
pub struct Row {
    pub what: String,
    pub figure: String,
    pub compared: String,
    pub reach: &'static str,
    /// `None` where there was nothing to compare with, or nothing is to be reached.
    pub reached: Option<bool>,
    /// Further figures, printed under the table.
    pub notes: Vec<String>,
}

impl Row {
    /// A row that this machine is too small for, which is no fault of what is measured.
    pub fn beyond_the_machine(what: &str, reach: &'static str, reason: &str) -> Row {
        Row {
            what: what.to_string(),
            figure: "could not be measured here".to_string(),
            compared: reason.to_string(),
            reach,
            reached: None,
            notes: Vec::new(),
        }
    }
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
        let reached = row.reached.map_or("-", |reached| if reached { "yes" } else { "no" });
        let Row { what, figure, compared, reach, .. } = row;
        println!("| {number}. {what} | {figure} | {compared} | {reach} | {reached} |");
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

/// `12.3 µs`, `1234 µs`: as many digits as mean something.
pub fn micros(time: f64) -> String {
    if time < 100.0 { format!("{time:.1} µs") } else { format!("{time:.0} µs") }
}

/// What divides the numbers ordered by size, `part` of them below it: 0.5 the median, the lower of the two in the middle.
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * part) as usize]
}

/// The middle one; of an even number, the lower of the two in the middle.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
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
