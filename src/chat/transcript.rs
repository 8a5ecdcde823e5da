//! The transcript: what is said in the room, in a file, one JSON object a line. What anybody hears stands there first: the hub writes
//! the lines of a turn of its loop before it sends, so that they stay whatever becomes of it the next instant.
//!
//! A file that cannot be written to any more costs the room nothing but the transcript: it stops, that is told, and SIGHUP, which
//! opens the file anew for whoever has moved it away (logrotate(8)), tries again.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use chrono::{DateTime, Datelike, Local, Timelike};

use super::record::Record;
use super::speaker::Spoken;
use super::words;
use crate::server::Parent;
use crate::sys::{abandon, large};
use crate::text::is_plain;

/// For its owner and nobody else: it holds what people said.
const MODE: u32 = 0o600;

/// So many bytes of lines are gathered at most, and then written although nothing is sent yet.
const GATHERED: usize = 128 * 1024;

/// Where it goes; the command line's options.
#[derive(Clone, Debug)]
pub struct Options {
    /// The file.
    pub path: PathBuf,
    /// Each write is waited for until the disk has it, fdatasync(2): it outlives a power cut.
    pub sync: bool,
}

/// The file, and what is to be written there before anything is sent.
#[derive(Debug)]
pub struct Transcript {
    /// The same, wherever the process may go.
    options: Options,
    /// `None`: before the start, and once it has stopped.
    file: Option<File>,
    lines: Vec<u8>,
    /// The time that the lines bear, from the first on.
    time: Option<Stamp>,
}

/// A time as in RFC 3339, local, to the millisecond: `2026-11-21T16:58:07.123+01:00`.
type Stamp = [u8; 29];

impl Transcript {
    /// Nothing is opened yet.
    ///
    /// # Errors
    /// That the present directory, from which the path goes, has no name.
    pub fn new(options: Options) -> io::Result<Transcript> {
        let path = std::path::absolute(&options.path)?;
        let options = Options { path, ..options };
        Ok(Transcript { options, file: None, lines: large(), time: None })
    }

    /// Where it goes.
    pub fn path(&self) -> &Path {
        &self.options.path
    }

    /// Opens the file, or makes it; a last line that was cut is ended. What was open until now stays so where that fails.
    ///
    /// # Errors
    /// Those of open(2); that it is no ordinary file, but one that could hold a write for ever.
    pub fn open(&mut self, parent: &Parent) -> anyhow::Result<()> {
        let file = self.opened(parent).with_context(|| words::cannot_transcribe(self.path()))?;
        if ends_within_a_line(&file).context("read")? {
            self.lines.insert(0, b'\n');
        }
        self.file = Some(file);
        // The rules of the time zone are read now: in memory that no child has yet a copy of.
        let _ = Local::now();
        Ok(())
    }

    fn opened(&self, parent: &Parent) -> anyhow::Result<File> {
        let Options { path, sync } = &self.options;
        // Neither a terminal's hold nor a pipe's missing reader may stop us here.
        let flags = libc::O_NOCTTY | libc::O_NONBLOCK;
        let mut how = OpenOptions::new();
        let file = how.read(true).append(true).create(true).mode(MODE).custom_flags(flags).open(path)?;
        ensure!(file.metadata()?.is_file(), words::no_ordinary_file());
        if *sync {
            // Or a power cut could leave the file without its name.
            let directory = File::open(path.parent().unwrap_or(path))?;
            directory.sync_all().or_else(|error| match error.kind() {
                // A file system without such a thing.
                ErrorKind::InvalidInput => Ok(()),
                _ => Err(error),
            })?;
        }
        Ok(parent.out_of_the_way(OwnedFd::from(file))?.into())
    }

    /// Opens the file by its name once more.
    pub fn reopen(&mut self, parent: &mut Parent) {
        let line = match self.open(parent) {
            Ok(()) => return parent.out.line(words::transcript_reopened(self.path())),
            Err(error) => words::transcript_not_reopened(&error, self.file.is_some()),
        };
        parent.err.line(line);
    }

    /// Takes a message that is passed on, from the client at `peer`.
    pub fn note(&mut self, record: &Record, peer: SocketAddr, parent: &mut Parent) {
        if self.file.is_none() {
            return;
        }
        let time = self.time.get_or_insert_with(|| stamp(Local::now()));
        push_line(&mut self.lines, time, record, peer);
        if self.lines.len() > GATHERED {
            self.write(parent);
        }
    }

    /// Writes all that was taken. To be called before any of it is sent.
    pub fn write(&mut self, parent: &mut Parent) {
        let Some(file) = self.file.as_ref().filter(|_| !self.lines.is_empty()) else { return };
        let written = write_lines(file, &self.lines);
        let written = written.and_then(|()| if self.options.sync { file.sync_data() } else { Ok(()) });
        self.lines.clear();
        self.time = None;
        if let Err(error) = written {
            self.file = None;
            parent.err.line(words::transcript_stops(self.path(), &error));
        }
    }

    /// Gives its memory back, in a child, which has no use for it.
    pub fn forget(&mut self) {
        abandon(&mut self.lines);
    }
}

/// True where the last line has no end, as a power cut or a full disk may leave it.
fn ends_within_a_line(file: &File) -> io::Result<bool> {
    let mut last = [b'\n'];
    if let Some(at) = file.metadata()?.len().checked_sub(1) {
        file.read_at(&mut last, at)?;
    }
    Ok(last != *b"\n")
}

/// Writes whole lines, or as many of them as the system takes: of one that it took in part, nothing stays.
fn write_lines(mut file: &File, lines: &[u8]) -> io::Result<()> {
    let mut done = 0;
    while done < lines.len() {
        match file.write(&lines[done..]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => done += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                let whole = lines[..done].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
                // Where even that fails, the next one to open it ends the line.
                let _ = cut_off(file, (done - whole) as u64);
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Takes the last bytes away; not where somebody has emptied the file meanwhile.
fn cut_off(file: &File, bytes: u64) -> io::Result<()> {
    match file.metadata()?.len().checked_sub(bytes) {
        Some(length) if bytes > 0 => file.set_len(length),
        _ => Ok(()),
    }
}

/// By hand: chrono would take memory from the heap for it, and each page of that which the hub writes to costs every child a page.
fn stamp(now: DateTime<Local>) -> Stamp {
    let mut stamp: Stamp = [b' '; 29];
    let (millis, offset) = (now.timestamp_subsec_millis(), now.offset());
    // A year of five digits would be cut.
    let _ = write!(
        &mut stamp[..],
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{millis:03}{offset}",
        now.year(),
        now.month(),
        now.day(),
        now.hour(),
        now.minute(),
        now.second()
    );
    stamp
}

/// Adds the object of one message. Writing to a Vec cannot fail.
fn push_line(lines: &mut Vec<u8>, time: &Stamp, record: &Record, peer: SocketAddr) {
    let Spoken { name, text } = Spoken::of(record.body);
    lines.extend_from_slice(br#"{"time":""#);
    lines.extend_from_slice(time);
    let _ = write!(lines, r#"","pid":{},"address":"{peer}""#, record.pid);
    if let Some(name) = name {
        lines.extend_from_slice(br#","name":"#);
        push_string(lines, name);
    }
    lines.extend_from_slice(br#","text":"#);
    push_string(lines, text);
    if std::str::from_utf8(record.body).is_err() {
        lines.extend_from_slice(br#","bytes":""#);
        record.body.iter().for_each(|byte| drop(write!(lines, "{byte:02x}")));
        lines.push(b'"');
    }
    lines.extend_from_slice(b"}\n");
}

/// Adds a string of JSON, in which besides what JSON wants (RFC 8259, 7) nothing stands as it is that a terminal would obey or that
/// misleads a reader. What is not UTF-8 is U+FFFD.
fn push_string(lines: &mut Vec<u8>, bytes: &[u8]) {
    let start = lines.len();
    // As writing to a Vec, it cannot fail.
    let _ = serde_json::to_writer(&mut *lines, &*String::from_utf8_lossy(bytes));
    if lines[start..].iter().all(|byte| matches!(byte, b' '..=b'~')) {
        // The usual case, at the price of a look.
        return;
    }
    let string = lines.split_off(start);
    for c in String::from_utf8_lossy(&string).chars() {
        let mut buffer = [0; 4];
        let plain = c.encode_utf8(&mut buffer);
        if is_plain(plain) {
            lines.extend_from_slice(plain.as_bytes());
        } else {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| drop(write!(lines, "\\u{unit:04x}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::record::Kind;
    use crate::sys::Pid;
    use proptest::prelude::*;
    use serde_json::Value;

    fn object(body: &[u8]) -> (String, Value) {
        let mut lines = Vec::new();
        let record = Record { pid: Pid::from_raw(7), kind: Kind::Message, body };
        push_line(&mut lines, b"2026-11-21T16:58:07.123+01:00", &record, "127.0.0.1:54050".parse().unwrap());
        let line = String::from_utf8(lines).unwrap();
        let value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
        (line, value)
    }

    #[test]
    fn a_message_is_one_object_on_one_line() {
        let expected = r#"{"time":"2026-11-21T16:58:07.123+01:00","pid":7,"address":"127.0.0.1:54050","name":"alice","text":"bon \"jour\""}"#;
        assert_eq!(object(b"alice : bon \"jour\"\0\0").0, format!("{expected}\n"));
        let (_, nameless) = object(b"bonjour\n\0");
        assert_eq!(
            (nameless.get("name"), &nameless["text"], nameless.get("bytes")),
            (None, &"bonjour".into(), None)
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_there_as_they_came() {
        let (_, object) = object(b"\xe9ve : \xff\0");
        assert_eq!((&object["name"], &object["text"]), (&"\u{fffd}ve".into(), &"\u{fffd}".into()));
        assert_eq!(object["bytes"], "e97665203a20ff00");
    }

    #[test]
    fn a_time_is_that_of_rfc_3339() {
        let now = Local::now();
        let expected = now.to_rfc3339_opts(chrono::SecondsFormat::Millis, false);
        assert_eq!(String::from_utf8_lossy(&stamp(now)), expected);
    }

    proptest! {
        #[test]
        fn whatever_is_said_it_is_one_plain_line_that_parses_to_it(body in "(al : )?([a-z\"\\\\\u{0}-\u{ff}\u{202e}\u{2028}\u{e0041}👍]{0,40})\0") {
            let (line, object) = object(body.as_bytes());
            prop_assert!(is_plain(line.strip_suffix('\n').unwrap()), "{line:?}");
            let Spoken { name, text } = Spoken::of(body.as_bytes());
            prop_assert_eq!(object["text"].as_str().unwrap().as_bytes(), text);
            prop_assert_eq!(object["name"].as_str().map(str::as_bytes), name);
        }
    }

    #[test]
    fn a_last_line_without_its_end_is_seen_and_what_was_cut_goes() {
        let file = tempfile::tempfile().unwrap();
        assert!(!ends_within_a_line(&file).unwrap());
        write_lines(&file, b"un\ndeu").unwrap();
        assert!(ends_within_a_line(&file).unwrap());
        cut_off(&file, 3).unwrap();
        assert!(!ends_within_a_line(&file).unwrap());
        // Somebody has emptied it.
        file.set_len(1).unwrap();
        cut_off(&file, 3).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 1);
    }
}
