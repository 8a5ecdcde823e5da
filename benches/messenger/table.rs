//! The printed table: one row per measurement, notes below.

use std::process::ExitCode;
use std::time::Instant;

/// Rounds of each measurement.
pub const ROUNDS: usize = 5;

pub struct Row {
    pub measurement: String,
    pub figure: String,
    /// The baseline of a ratio, or "-".
    pub compared: String,
    pub target: &'static str,
    /// `None`: there is no target, or no baseline on this machine.
    pub met: Option<bool>,
    /// Further figures, printed under the table.
    pub notes: Vec<String>,
}

impl Row {
    /// A row that this machine cannot measure (limits, a program not installed). It fails nothing.
    pub fn not_measurable_here(measurement: &str, target: &'static str, reason: &str) -> Row {
        Row {
            measurement: measurement.to_string(),
            figure: "could not be measured here".to_string(),
            compared: reason.to_string(),
            target,
            met: None,
            notes: Vec::new(),
        }
    }
}

/// Prints each row as soon as it is measured.
pub struct Table {
    began: Instant,
    notes: Vec<String>,
    complete: bool,
}

impl Table {
    /// Prints the heading.
    pub fn open() -> Table {
        println!("| measurement | figure | compared with | target | met |");
        println!("| --- | --- | --- | --- | --- |");
        Table { began: Instant::now(), notes: Vec::new(), complete: true }
    }

    /// Prints row `number`. `None`: the measurement failed, and so does the run.
    pub fn add(&mut self, number: usize, row: Option<Row>) {
        let Some(row) = row else {
            println!("| {number}. could not be measured (see standard error) | | | | |");
            self.complete = false;
            return;
        };
        let met = row.met.map_or("-", |met| if met { "yes" } else { "no" });
        let Row { measurement, figure, compared, target, .. } = row;
        println!("| {number}. {measurement} | {figure} | {compared} | {target} | {met} |");
        self.notes.extend(row.notes.into_iter().map(|note| format!("- {number}: {note}")));
    }

    /// Prints the notes and a line about the machine. Returns failure if a row is missing.
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
        if self.complete { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// `12.3 µs` below 100, `1234 µs` above: three significant digits or more.
pub fn micros(time: f64) -> String {
    if time < 100.0 { format!("{time:.1} µs") } else { format!("{time:.0} µs") }
}

/// The `part` quantile (0.5: the median); between two values, the lower.
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * part) as usize]
}

/// Of an even number of values, the lower of the middle two.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// `LEAST to MOST` of the rounds, with two decimals.
pub fn spread(values: &[f64]) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{least:.2} to {most:.2}")
}

/// `1, 2, 3`.
pub fn list<T: ToString>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}
