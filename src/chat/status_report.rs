//! Who is connected, as SIGUSR1 has it printed: a line for each client, and the sum of them. Made to be read on 80 columns, as far as
//! addresses and numbers allow.
//!
//! A large room's list is longer than what a console keeps. So it goes on from where it was, as soon as the console has room again.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Local};

use super::client_state::ClientState;
use crate::client::terminal::width::{beginning, width};
use crate::hub::connection::{Connection, Lag, Traffic};
use crate::hub::service::Context;
use crate::server::Output;
use crate::sys::Pid;
use crate::text::visible;

/// The columns' heads; those from [`NUMBERS`] on are numbers.
const HEADS: [&str; COLUMNS] =
    ["client", "fils", "pseudo", "depuis", "durée", "a dit", "octets", "entendu", "octets", "retard"];
const COLUMNS: usize = 10;
const NUMBERS: usize = 4;

/// The least width of each, in columns of the screen.
const WIDTHS: [usize; COLUMNS] = [15, 4, 9, 6, 5, 5, 6, 7, 6, 6];

/// A list on its way.
#[derive(Debug)]
pub(crate) struct Report {
    /// The last that was shown, in the order of their numbers.
    after: Pid,
    widths: [usize; COLUMNS],
    sum: Sum,
}

#[derive(Debug, Default)]
struct Sum {
    clients: usize,
    said: Traffic,
    heard: Traffic,
    lag: u64,
}

impl Report {
    /// Prints how many there are, and the heads of the columns.
    pub fn begin(context: &mut Context<ClientState>) -> Report {
        let mut widths = WIDTHS;
        for (connection, _) in context.peers.after(Pid::from_raw(0)) {
            widths[0] = widths[0].max(connection.peer.to_string().len());
            widths[1] = widths[1].max(connection.pid.to_string().len());
        }
        let (count, time) = (context.channels.readers(), Local::now().format("%H:%M:%S"));
        let out = &mut context.supervisor.out;
        out.line(format_args!("(père) {count} en ligne à {time}"));
        out.line(row(&widths, &HEADS.map(str::to_string)));
        Report { after: Pid::from_raw(0), widths, sum: Sum::default() }
    }

    /// Prints as much of the rest as the console takes now. True when that was all.
    pub fn goes_on(&mut self, context: &mut Context<ClientState>) -> bool {
        let now = SystemTime::now();
        let mut clients = context.peers.after(self.after);
        loop {
            // Before a client is looked at.
            if !has_room(&mut context.supervisor.out) {
                return false;
            }
            let Some((connection, client)) = clients.next() else { break };
            self.after = connection.pid;
            if let Some(lag) = context.channels.lag(connection, context.now) {
                self.sum.add(connection, client, lag);
                context.supervisor.out.line(line(&self.widths, connection, client, lag, now));
            }
        }
        context.supervisor.out.line(row(&self.widths, &self.sum.cells()));
        true
    }
}

/// What waits is written first where that is possible: so whoever reads gets all, and who does not gets the rest once he does.
fn has_room(out: &mut Output) -> bool {
    if !out.is_nearly_empty() {
        out.flush();
    }
    out.is_nearly_empty()
}

impl Sum {
    fn add(&mut self, connection: &Connection, client: &ClientState, lag: Lag) {
        self.clients += 1;
        self.said.add(client.said);
        self.heard.add(connection.received);
        self.lag += lag.bytes;
    }

    fn cells(&self) -> [String; COLUMNS] {
        let Sum { clients, said, heard, lag } = self;
        let none = String::new;
        let [said, heard] = [said, heard].map(|traffic| [traffic.messages, traffic.bytes].map(short));
        let ([messages, bytes], [sent, sent_bytes]) = (said, heard);
        [
            format!("total : {clients}"),
            none(),
            none(),
            none(),
            none(),
            messages,
            bytes,
            sent,
            sent_bytes,
            short(*lag),
        ]
    }
}

fn line(
    widths: &[usize; COLUMNS],
    connection: &Connection,
    client: &ClientState,
    lag: Lag,
    now: SystemTime,
) -> String {
    // A clock that was set back since then says nothing.
    let for_so_long = now.duration_since(connection.since).unwrap_or_default();
    let blocked = match connection.blocked_since {
        Some(_) => format!(" bloqué depuis {}", duration(lag.since)),
        None => String::new(),
    };
    let Traffic { messages, bytes } = client.said;
    let cells = [
        connection.peer.to_string(),
        connection.pid.to_string(),
        cut(&visible(client.nick.as_bytes()), widths[2]),
        since(connection.since.into(), now.into()),
        duration(for_so_long),
        short(messages),
        short(bytes),
        short(connection.received.messages),
        short(connection.received.bytes),
        short(lag.bytes),
    ];
    row(widths, &cells) + &blocked
}

/// Texts from the left, numbers from the right.
fn row(widths: &[usize; COLUMNS], cells: &[String; COLUMNS]) -> String {
    let cell = |at: usize| {
        let (cell, blank) = (&cells[at], " ".repeat(widths[at].saturating_sub(width(&cells[at]))));
        if at < NUMBERS { format!("{cell}{blank}") } else { format!("{blank}{cell}") }
    };
    (0..COLUMNS).map(cell).collect::<Vec<_>>().join(" ")
}

/// The front of a text that is longer than its column, and a sign that it goes on.
fn cut(text: &str, room: usize) -> String {
    if width(text) > room { format!("{}…", beginning(text, room - 1)) } else { text.to_string() }
}

/// The time, on the same day, else the day.
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

/// At most five characters for a hundred days: `12s`, `5min`, `2h05`, `12j`.
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
        for (number, shown) in
            [(0, "0"), (9999, "9999"), (10_000, "10k"), (9_999_999, "9999k"), (u64::MAX, "18446744T")]
        {
            assert_eq!(short(number), shown);
        }
        for (seconds, shown) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1min"),
            (3599, "59min"),
            (3600, "1h00"),
            (172_799, "47h59"),
            (172_800, "2j"),
        ] {
            assert_eq!(duration(Duration::from_secs(seconds)), shown);
        }
    }

    #[test]
    fn who_came_on_another_day_is_shown_with_that() {
        use chrono::{Days, TimeZone};
        let now = Local.with_ymd_and_hms(2026, 11, 21, 12, 5, 0).unwrap();
        assert_eq!(since(now, now), "12:05");
        assert_eq!(since(now - Days::new(2), now), "19/11");
    }

    #[test]
    fn a_row_fits_80_columns_and_a_long_or_wide_name_its_own() {
        let mut widths = WIDTHS;
        widths[1] = 6;
        let shown = |name: &str| {
            let name = cut(name, widths[2]);
            let cells =
                ["127.0.0.1:54050", "123456", &name, "16:58", "5min", "12", "340", "120", "3400", "0"];
            row(&widths, &cells.map(str::to_string))
        };
        assert_eq!(
            [shown("Alice-Éléonore"), shown("日本日本日本"), row(&widths, &HEADS.map(str::to_string))],
            [
                "127.0.0.1:54050 123456 Alice-Él… 16:58   5min    12    340     120   3400      0",
                "127.0.0.1:54050 123456 日本日本… 16:58   5min    12    340     120   3400      0",
                "client          fils   pseudo    depuis durée a dit octets entendu octets retard",
            ]
        );
        assert_eq!(
            [shown("Alice-Éléonore"), shown("日本日本日本"), shown("a")].map(|row| width(&row)),
            [80; 3]
        );
        assert_eq!(cut("Éléonore9", 9), "Éléonore9");
    }
}
