//! Status report on SIGUSR1: a row for each client, then their total, in 80 columns unless an
//! address or a number is longer.
//!
//! The report of a large room exceeds the buffer of standard output. So it is printed in parts, and
//! each continues where the last one ended once the buffer has drained.

use std::fmt::Display;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Local};

use super::client_state::ClientState;
use crate::client::terminal::width::{beginning, width};
use crate::hub::connection::{Connection, Lag};
use crate::hub::service::Context;
use crate::server::Output;
use crate::sys::Pid;
use crate::text::visible;

/// Column headings. Columns from [`NUMBERS`] on are aligned right.
const HEADS: [&str; COLUMNS] =
    ["client", "fils", "pseudo", "depuis", "durée", "a dit", "octets", "entendu", "octets", "retard"];
const COLUMNS: usize = 10;
const NUMBERS: usize = 4;
/// The last columns, which the total has too.
const TOTALS: usize = 5;

/// Smallest width of each column, in terminal cells.
const WIDTHS: [usize; COLUMNS] = [15, 4, 9, 6, 5, 5, 6, 7, 6, 6];

/// A report that is not yet printed to its end.
#[derive(Debug)]
pub(crate) struct Report {
    /// Last client printed; clients are printed in the order of their pids.
    after: Pid,
    widths: [usize; COLUMNS],
    /// Clients printed.
    clients: usize,
    /// The sums of their last columns.
    total: [u64; TOTALS],
}

impl Report {
    /// Prints the number of clients and the headings.
    pub fn begin(context: &mut Context<ClientState>) -> Report {
        let mut widths = WIDTHS;
        for (connection, _) in context.peers.after(Pid::from_raw(0)) {
            widths[0] = widths[0].max(connection.peer.to_string().len());
            widths[1] = widths[1].max(connection.pid.to_string().len());
        }
        let (count, time) = (context.channels.readers(), Local::now().format("%H:%M:%S"));
        let out = &mut context.supervisor.out;
        out.line(format_args!("(père) {count} en ligne à {time}"));
        out.line(row(&widths, HEADS));
        Report { after: Pid::from_raw(0), widths, clients: 0, total: [0; TOTALS] }
    }

    /// Prints rows until standard output has no room. True when the report is complete.
    pub fn resume(&mut self, context: &mut Context<ClientState>) -> bool {
        if !has_room(&mut context.supervisor.out) {
            return false;
        }
        let now = SystemTime::now();
        for (connection, client) in context.peers.after(self.after) {
            if !has_room(&mut context.supervisor.out) {
                return false;
            }
            self.after = connection.pid;
            if let Some(lag) = connection.lag(context.channels, context.now) {
                let row = self.row_of(connection, client, lag, now);
                context.supervisor.out.line(row);
            }
        }
        let mut texts: [String; COLUMNS - TOTALS] = Default::default();
        texts[0] = format!("total : {}", self.clients);
        context.supervisor.out.line(row(&self.widths, texts.into_iter().chain(self.total.map(short))));
        true
    }

    /// The row of a client, whose numbers are added to the total.
    fn row_of(&mut self, connection: &Connection, client: &ClientState, lag: Lag, now: SystemTime) -> String {
        let (said, delivered) = (client.said, connection.delivered);
        let numbers = [said.messages, said.bytes, delivered.messages, delivered.bytes, lag.bytes];
        self.clients += 1;
        self.total.iter_mut().zip(numbers).for_each(|(total, number)| *total += number);
        // Zero where the clock was set back since.
        let connected_for = now.duration_since(connection.since).unwrap_or_default();
        let texts = [
            connection.peer.to_string(),
            connection.pid.to_string(),
            truncated(&visible(client.nick.as_bytes()), self.widths[2]),
            since(connection.since.into(), now.into()),
            duration(connected_for),
        ];
        let blocked = connection.blocked_since.map(|_| format!(" bloqué depuis {}", duration(lag.since)));
        row(&self.widths, texts.into_iter().chain(numbers.map(short))) + &blocked.unwrap_or_default()
    }
}

/// Flushes first: a reader that keeps up gets the whole report at once.
fn has_room(out: &mut Output) -> bool {
    if !out.is_nearly_empty() {
        out.flush();
    }
    out.is_nearly_empty()
}

fn row(widths: &[usize; COLUMNS], cells: impl IntoIterator<Item: Display>) -> String {
    let aligned = |(at, cell): (usize, String)| {
        let padding = " ".repeat(widths[at].saturating_sub(width(&cell)));
        if at < NUMBERS { cell + &padding } else { padding + &cell }
    };
    cells.into_iter().map(|cell| cell.to_string()).enumerate().map(aligned).collect::<Vec<_>>().join(" ")
}

/// `text` in at most `columns` cells, with an ellipsis where it was longer.
fn truncated(text: &str, columns: usize) -> String {
    if width(text) > columns { format!("{}…", beginning(text, columns - 1)) } else { text.to_string() }
}

/// The time of day, or the date for another day.
fn since(joined: DateTime<Local>, now: DateTime<Local>) -> String {
    let is_today = joined.date_naive() == now.date_naive();
    joined.format(if is_today { "%H:%M" } else { "%d/%m" }).to_string()
}

/// At most five characters: `9999`, `12k`, `3456k`, `12M`.
fn short(number: u64) -> String {
    let (mut number, mut unit) = (number, 0);
    while number >= 10_000 && unit < 4 {
        number /= 1000;
        unit += 1;
    }
    format!("{number}{}", ["", "k", "M", "G", "T"][unit])
}

/// At most five characters up to 9999 days: `12s`, `5min`, `2h05`, `12j`.
fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match hours {
        0 if minutes == 0 => format!("{seconds}s"),
        0 => format!("{minutes}min"),
        1..48 => format!("{hours}h{:02}", minutes % 60),
        _ => format!("{}j", hours / 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_short() {
        let numbers = [0, 9999, 10_000, 9_999_999, u64::MAX].map(short);
        assert_eq!(numbers, ["0", "9999", "10k", "9999k", "18446744T"]);
        let times = [0, 59, 60, 3599, 3600, 172_799, 172_800].map(Duration::from_secs).map(duration);
        assert_eq!(times, ["0s", "59s", "1min", "59min", "1h00", "47h59", "2j"]);
    }

    #[test]
    fn a_client_of_another_day_shows_its_date() {
        use chrono::{Days, TimeZone};
        let now = Local.with_ymd_and_hms(2026, 11, 21, 12, 5, 0).unwrap();
        assert_eq!(since(now, now), "12:05");
        assert_eq!(since(now - Days::new(2), now), "19/11");
    }

    #[test]
    fn a_row_fits_80_columns_and_a_long_or_wide_name_its_column() {
        let mut widths = WIDTHS;
        widths[1] = 6;
        let shown = |name: &str| {
            let name = truncated(name, widths[2]);
            let cells =
                ["127.0.0.1:54050", "123456", &name, "16:58", "5min", "12", "340", "120", "3400", "0"];
            row(&widths, cells)
        };
        assert_eq!(
            [shown("Alice-Éléonore"), shown("日本日本日本"), row(&widths, HEADS)],
            [
                "127.0.0.1:54050 123456 Alice-Él… 16:58   5min    12    340     120   3400      0",
                "127.0.0.1:54050 123456 日本日本… 16:58   5min    12    340     120   3400      0",
                "client          fils   pseudo    depuis durée a dit octets entendu octets retard",
            ]
        );
        assert_eq!(["Alice-Éléonore", "日本日本日本", "a"].map(|name| width(&shown(name))), [80; 3]);
        assert_eq!(truncated("Éléonore9", 9), "Éléonore9");
    }
}
