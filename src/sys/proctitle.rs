//! The title that `ps -f` shows of a process, as sshd and PostgreSQL set it: a child overwrites its
//! own copy of the command line. It needs no system call, so it works in any sandbox.
//!
//! Linux shows the bytes from the start of the arguments to their end. Where the last of them is no
//! NUL, it shows the C string at the start instead, which may continue into the environment:
//! `get_mm_cmdline` in the kernel's fs/proc/base.c. The C library's pointers into both areas stay
//! valid: they find other text, but still a NUL, since the last byte of all is never written.

use std::fmt::Display;
use std::fs::File;
use std::io::{Read, Write};

/// Longest title in bytes: one page, as a rule.
const MAX_LEN: usize = 160;

/// The memory of the command line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Title(Option<Area>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Area {
    /// Address of the first argument.
    start: usize,
    /// Bytes of the arguments, with their NULs.
    arguments: usize,
    /// Bytes of them and of the environment behind them that may be written.
    room: usize,
}

impl Title {
    /// Reads /proc/self/stat, if any. To be called before privileges are dropped.
    pub fn find() -> Title {
        // 52 numbers. On the stack: the hub would reuse freed heap memory, copying pages.
        let mut stat = [0; 2048];
        let read =
            File::open("/proc/self/stat").and_then(|mut file| file.read(&mut stat)).unwrap_or_default();
        Title(area(&stat[..read]).filter(|_| cfg!(target_os = "linux")))
    }

    /// Sets the title, cut to the room there is. For children alone. It costs one page of memory.
    pub fn show(&self, title: impl Display) {
        let Some(Area { start, arguments, room }) = self.0 else { return };
        let mut line = [0; MAX_LEN + 2];
        let most = MAX_LEN.min(room - 1);
        let mut free = &mut line[..most];
        // An error means that it was cut, perhaps inside a character.
        let _ = write!(free, "{title}");
        let written = most - free.len();
        let mut length = str::from_utf8(&line[..written]).map_or_else(|cut| cut.valid_up_to(), str::len);
        line[length..].fill(0);
        if length == arguments - 1 {
            // Its NUL would be the last byte of the arguments, which must not be one. There is room
            // behind it, or the title would have been cut shorter.
            line[length] = b' ';
            length += 1;
        }
        let shown = &line[..=length];
        let at = std::ptr::with_exposed_provenance_mut::<u8>(start);
        // SAFETY: `shown` has at most `room` bytes. The area is on the initial stack, mapped and
        // writable from exec(2) on; there is one thread, and no Rust reference to it: std and the C
        // library keep pointers.
        unsafe { at.copy_from_nonoverlapping(shown.as_ptr(), shown.len()) };
        if length < arguments {
            let last = std::ptr::with_exposed_provenance_mut::<u8>(start + arguments - 1);
            // SAFETY: as above; it is the last byte of the arguments.
            unsafe { last.write(b'.') };
        }
    }
}

/// The area in fields 48 to 51 of proc_pid_stat(5); `None` for one too small to be of use.
fn area(stat: &[u8]) -> Option<Area> {
    // The program's name may hold any byte and ends at the last parenthesis; field 3 follows.
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
        // No environment behind: the last byte must not be NUL, the one before it is.
        false => arguments.checked_sub(1)?,
    };
    (start != 0 && arguments > 3).then_some(Area { start, arguments, room })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_includes_an_environment_right_behind_it() {
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

    /// The C string at the start of the area, as the kernel shows it, after each of `titles`.
    #[track_caller]
    fn shown(arguments: usize, environment: usize, titles: &[&str]) -> Vec<String> {
        let mut memory = [vec![b'a'; arguments + environment], vec![0]].concat();
        (memory[arguments - 1], memory[arguments + environment - 1]) = (0, 0);
        let start = memory.as_mut_ptr().expose_provenance();
        let room = if environment > 0 { arguments + environment } else { arguments - 1 };
        let title = Title(Some(Area { start, arguments, room }));
        let show = |text: &&str| {
            title.show(text);
            assert_ne!(memory[arguments - 1], 0, "{text}");
            assert_eq!(memory[arguments + environment..], [0], "{text}");
            assert!(environment == 0 || memory[arguments + environment - 1] == 0, "{text}");
            let end = memory.iter().position(|&byte| byte == 0).unwrap();
            String::from_utf8(memory[..end].to_vec()).unwrap()
        };
        titles.iter().map(show).collect()
    }

    #[test]
    fn a_title_may_be_longer_or_shorter_than_the_arguments() {
        for titles in [["x", "xxxx: 1.2.3.4"], ["xxxx: 1.2.3.4", "x"]] {
            assert_eq!(shown(8, 20, &titles), titles);
        }
        // One byte shorter than the arguments: padded with a space.
        assert_eq!(shown(8, 20, &["1234567", "12345678", "123456"]), ["1234567 ", "12345678", "123456"]);
        assert_eq!(shown(8, 1, &["1234567", "12345678", "é345678"]), ["1234567 ", "12345678", "é345678"]);
    }

    #[test]
    fn a_long_title_is_cut_between_characters() {
        assert_eq!(shown(8, 0, &["123456789", "12345é"]), ["123456", "12345"]);
        assert_eq!(shown(8, 3, &["123456789é"]), ["123456789"]);
        let long = "é".repeat(MAX_LEN);
        assert_eq!(shown(8, 9999, &[&long]), ["é".repeat(MAX_LEN / 2)]);
    }

    #[test]
    fn an_unknown_area_is_not_written() {
        Title::default().show("nothing");
    }
}
