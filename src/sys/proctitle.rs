//! What `ps -f` shows of a process, as sshd and PostgreSQL have it: a child writes it over its own copy of the memory that held the
//! command line. No system call, so that it works behind any wall.
//!
//! Linux shows what lies from the start of the arguments to their end; but where the last byte of that is no NUL, the string at the
//! start, also one that goes on into the environment: `get_mm_cmdline` in the kernel's fs/proc/base.c. The C library still points
//! into both. It finds other words there, and a NUL behind each, for the last byte of all stays what it is.

use std::fmt::{self, Display, Write};
use std::fs::File;
use std::io::Read;

/// The most bytes of a title: what is worth a column, and little enough to lie in one page, as a rule.
const MAX_LEN: usize = 160;

/// The memory of the command line, as the kernel knows it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Title {
    area: Option<Area>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Area {
    /// Where the arguments begin.
    start: usize,
    /// How many bytes they have, with their NULs.
    arguments: usize,
    /// How many of them and of the environment behind them may be written.
    room: usize,
}

impl Title {
    /// That of this process; none where the system does not tell, and then [`Title::show`] does nothing. In the first process, before
    /// it becomes another user.
    pub fn find() -> Title {
        // 52 numbers. On the stack: a hole in the heap is a page that the hub writes to later, and each child pays for.
        let mut stat = [0; 2048];
        let read =
            File::open("/proc/self/stat").and_then(|mut file| file.read(&mut stat)).unwrap_or_default();
        Title { area: if cfg!(target_os = "linux") { area(&stat[..read]) } else { None } }
    }

    /// Makes `title` what is shown of this process, as much of it as has room. In a child alone: its parent keeps its own.
    ///
    /// It costs no memory but that page.
    pub fn show(&self, title: impl Display) {
        let Some(Area { start, arguments, room }) = self.area else { return };
        let mut line = Line { bytes: [0; MAX_LEN + 2], length: 0, most: MAX_LEN.min(room - 1) };
        // What has no room is left out.
        let _ = write!(line, "{title}");
        if line.length == arguments - 1 {
            // Its NUL would be where none may be. Behind the arguments there is room for it, or the title would be shorter.
            line.bytes[line.length] = b' ';
            line.length += 1;
        }
        let shown = &line.bytes[..=line.length];
        let at = std::ptr::with_exposed_provenance_mut::<u8>(start);
        // SAFETY: `shown` has at most `room` bytes. Those of the area are on the stack of this process, mapped and writable from exec(2)
        // to the end; it has one thread, and Rust no reference to them: std and the C library keep pointers.
        unsafe { at.copy_from_nonoverlapping(shown.as_ptr(), shown.len()) };
        if line.length < arguments {
            let last = std::ptr::with_exposed_provenance_mut::<u8>(start + arguments - 1);
            // SAFETY: the same; it is the last byte of the arguments.
            unsafe { last.write(b'.') };
        }
    }
}

/// The area that proc_pid_stat(5) tells of, in the fields 48 to 51; `None` for one too small to be of use.
fn area(stat: &[u8]) -> Option<Area> {
    // The name of the program, which may hold anything, ends with the last parenthesis; field 3 follows.
    let name_end = stat.iter().rposition(|&byte| byte == b')')?;
    let mut fields = str::from_utf8(&stat[name_end + 1..])
        .ok()?
        .split_whitespace()
        .skip(48 - 3)
        .map_while(|field| field.parse::<usize>().ok());
    let [start, end, environment, last] = std::array::from_fn(|_| fields.next().unwrap_or_default());
    let arguments = end.checked_sub(start)?;
    let room = match environment == end && last > end {
        true => last - start,
        // Nothing follows: the last byte is to be no NUL, and the one before it ends the title.
        false => arguments.checked_sub(1)?,
    };
    (start != 0 && arguments > 3).then_some(Area { start, arguments, room })
}

/// So much of what is written as has room, whole characters.
struct Line {
    bytes: [u8; MAX_LEN + 2],
    length: usize,
    most: usize,
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.most - self.length;
        let taken =
            (0..=room.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or_default();
        self.bytes[self.length..self.length + taken].copy_from_slice(&text.as_bytes()[..taken]);
        self.length += taken;
        if taken == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_goes_on_into_the_environment_where_that_follows() {
        let stat = |fields: [u64; 4]| {
            let [a, b, c, d] = fields;
            [b"7 (a\xff) b (c) S ", format!("{}{a} {b} {c} {d} 0\n", "1 ".repeat(44)).as_bytes()].concat()
        };
        let of = |start, arguments, room| Some(Area { start, arguments, room });
        assert_eq!(area(&stat([1000, 1020, 1020, 1100])), of(1000, 20, 100));
        assert_eq!(area(&stat([1000, 1020, 1020, 1020])), of(1000, 20, 19));
        assert_eq!(area(&stat([1000, 1020, 2000, 2100])), of(1000, 20, 19));
        for none in [[0, 0, 0, 0], [1000, 900, 900, 1000], [1000, 1003, 1003, 1100]] {
            assert_eq!(area(&stat(none)), None, "{none:?}");
        }
        assert_eq!(area(b"nothing like it"), None);
    }

    /// What the kernel would show of `memory` after each of `titles` in turn.
    fn shown(arguments: usize, environment: usize, titles: &[&str]) -> Vec<String> {
        let mut memory = [vec![b'a'; arguments + environment], vec![0]].concat();
        (memory[arguments - 1], memory[arguments + environment - 1]) = (0, 0);
        let start = memory.as_mut_ptr().expose_provenance();
        let room = if environment > 0 { arguments + environment } else { arguments - 1 };
        let title = Title { area: Some(Area { start, arguments, room }) };
        let look = |text: &&str| {
            title.show(text);
            assert_ne!(memory[arguments - 1], 0, "{text}");
            assert_eq!(memory[arguments + environment..], [0], "{text}");
            assert!(environment == 0 || memory[arguments + environment - 1] == 0, "{text}");
            let end = memory.iter().position(|&byte| byte == 0).unwrap();
            String::from_utf8(memory[..end].to_vec()).unwrap()
        };
        titles.iter().map(look).collect()
    }

    #[test]
    fn a_title_is_shown_whole_whether_it_is_longer_than_the_arguments_or_shorter() {
        for titles in [["x", "xxxx: 1.2.3.4"], ["xxxx: 1.2.3.4", "x"]] {
            assert_eq!(shown(8, 20, &titles), titles);
        }
        // One byte less than the arguments: a space parts it from its end.
        assert_eq!(shown(8, 20, &["1234567", "12345678", "123456"]), ["1234567 ", "12345678", "123456"]);
        assert_eq!(shown(8, 1, &["1234567", "12345678", "é345678"]), ["1234567 ", "12345678", "é345678"]);
    }

    #[test]
    fn a_title_is_cut_between_characters_where_there_is_no_more_room() {
        assert_eq!(shown(8, 0, &["123456789", "12345é"]), ["123456", "12345"]);
        assert_eq!(shown(8, 3, &["123456789é"]), ["123456789"]);
        let long = "é".repeat(MAX_LEN);
        assert_eq!(shown(8, 9999, &[&long]), ["é".repeat(MAX_LEN / 2)]);
    }

    #[test]
    fn where_nothing_is_known_nothing_is_done() {
        Title::default().show("nothing");
    }
}
