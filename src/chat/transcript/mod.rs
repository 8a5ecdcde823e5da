//! Transcript of the room: a file with one JSON object per message and line. It is a write-ahead
//! log: the hub writes the lines of a turn of its loop before it sends those messages, so that a
//! message that a client has received survives SIGKILL.
//!
//! A failed write stops the transcript, not the room. SIGHUP opens the file again by its name:
//! after logrotate(8) has moved it away, or to retry.

mod file;
mod line;

use std::fmt::Display;
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::Local;

use self::line::Stamp;
use super::messages;
use crate::hub::record::Record;
use crate::server::Supervisor;
use crate::sys::{self, discard_in_child, dontfork_vec};

/// Lines are written once they exceed this many bytes, even if nothing is sent yet.
const MAX_BUFFERED: usize = 128 * 1024;

#[derive(Clone, Debug)]
pub struct Options {
    pub path: PathBuf,
    /// fdatasync(2) after each write, to survive a power cut.
    pub sync: bool,
}

#[derive(Debug)]
pub struct Transcript {
    /// With an absolute path.
    options: Options,
    /// `None` before the start and after a failed write.
    file: Option<File>,
    /// Not yet written.
    lines: Vec<u8>,
    /// Time of all `lines`: that of the first.
    time: Option<Stamp>,
}

impl Transcript {
    /// Opens nothing yet. Fails where the path is relative and the working directory has no name.
    pub fn new(options: Options) -> anyhow::Result<Transcript> {
        let path = std::path::absolute(&options.path);
        let path = path.with_context(|| messages::cannot_transcribe(&options.path))?;
        let options = Options { path, ..options };
        Ok(Transcript { options, file: None, lines: dontfork_vec(), time: None })
    }

    pub fn path(&self) -> &Path {
        &self.options.path
    }

    /// Opens or creates the file and ends a line that was cut off. On failure, an open file stays.
    pub fn open(&mut self, supervisor: &mut Supervisor) -> anyhow::Result<()> {
        self.open_file(supervisor).with_context(|| messages::cannot_transcribe(self.path()))?;
        let others = self.file.as_ref().map_or(0, file::open_to_others);
        if others != 0 {
            supervisor.err.line(messages::transcript_is_open_to_others(self.path(), others));
        }
        // Reads the time zone before the first fork: its heap pages are shared (copy-on-write).
        let _ = Local::now();
        Ok(())
    }

    fn open_file(&mut self, supervisor: &Supervisor) -> anyhow::Result<()> {
        let Options { path, sync } = &self.options;
        let Some(file) = file::open(path, *sync, self.file.as_ref())? else { return Ok(()) };
        let file = File::from(supervisor.move_high_numbered(file.into())?);
        if file::ends_within_a_line(&file)? {
            self.lines.insert(0, b'\n');
        }
        self.file = Some(file);
        Ok(())
    }

    pub fn reopen(&mut self, supervisor: &mut Supervisor) {
        match self.open(supervisor) {
            Ok(()) => supervisor.out.line(messages::transcript_reopened(self.path())),
            Err(error) => supervisor.err.line(messages::transcript_not_reopened(&error, self.file.is_some())),
        }
    }

    /// Adds the line of a message from the client at `peer`.
    pub fn note(&mut self, record: &Record, peer: impl Display, supervisor: &mut Supervisor) {
        if self.file.is_none() {
            return;
        }
        let time = self.time.get_or_insert_with(|| line::stamp(Local::now()));
        line::push_line(&mut self.lines, time, record, peer);
        if self.lines.len() > MAX_BUFFERED {
            self.write(supervisor);
        }
    }

    /// Writes the lines. Must be called before any of these messages is sent.
    pub fn write(&mut self, supervisor: &mut Supervisor) {
        let Some(file) = self.file.as_ref().filter(|_| !self.lines.is_empty()) else { return };
        let written = file::write_lines(file, &self.lines);
        let written = written.and_then(|()| if self.options.sync { sys::sync_data(file) } else { Ok(()) });
        self.lines.clear();
        self.time = None;
        if let Err(error) = written {
            self.file = None;
            supervisor.err.line(messages::transcript_stops(self.path(), &error));
        }
    }

    pub fn forget(&mut self) {
        discard_in_child(&mut self.lines);
    }
}
