//! The transcript: what is said in the room, in a file, one JSON object a line. What anybody hears stands there first: the hub writes
//! the lines of a turn of its loop before it sends, so that they stay whatever becomes of it the next instant.
//!
//! A file that cannot be written to any more costs the room nothing but the transcript: it stops, that is told, and SIGHUP, which
//! opens the file anew for whoever has moved it away (logrotate(8)), tries again.

mod file;
mod line;

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::Local;

use self::line::Stamp;
use super::messages;
use crate::hub::record::Record;
use crate::server::Supervisor;
use crate::sys::{discard_in_child, dontfork_vec};

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

impl Transcript {
    /// Nothing is opened yet.
    ///
    /// # Errors
    /// That the present directory, from which the path goes, has no name.
    pub fn new(options: Options) -> io::Result<Transcript> {
        let path = std::path::absolute(&options.path)?;
        let options = Options { path, ..options };
        Ok(Transcript { options, file: None, lines: dontfork_vec(), time: None })
    }

    /// Where it goes.
    pub fn path(&self) -> &Path {
        &self.options.path
    }

    /// Opens the file, or makes it; a last line that was cut is ended. What was open until now stays so where that fails.
    ///
    /// # Errors
    /// Those of open(2); that it is no file of our own alone; of fsync(2), with the directory's name.
    pub fn open(&mut self, supervisor: &mut Supervisor) -> anyhow::Result<()> {
        self.take(supervisor).with_context(|| messages::cannot_transcribe(self.path()))?;
        let others = self.file.as_ref().map_or(0, file::open_to_others);
        if others != 0 {
            supervisor.err.line(messages::transcript_is_open_to_others(self.path(), others));
        }
        // The rules of the time zone are read now: in memory that no child has yet a copy of.
        let _ = Local::now();
        Ok(())
    }

    fn take(&mut self, supervisor: &Supervisor) -> anyhow::Result<()> {
        let Options { path, sync } = &self.options;
        let Some(file) = file::open(path, *sync, self.file.as_ref())? else { return Ok(()) };
        let file: File =
            supervisor.move_high_numbered(OwnedFd::from(file)).map_err(|error| file::reason(&error))?.into();
        if file::ends_within_a_line(&file).map_err(|error| file::reason(&error))? {
            self.lines.insert(0, b'\n');
        }
        self.file = Some(file);
        Ok(())
    }

    /// Opens the file by its name once more.
    pub fn reopen(&mut self, supervisor: &mut Supervisor) {
        let line = match self.open(supervisor) {
            Ok(()) => return supervisor.out.line(messages::transcript_reopened(self.path())),
            Err(error) => messages::transcript_not_reopened(&error, self.file.is_some()),
        };
        supervisor.err.line(line);
    }

    /// Takes a message that is passed on, from the client at `peer`.
    pub fn note(&mut self, record: &Record, peer: SocketAddr, supervisor: &mut Supervisor) {
        if self.file.is_none() {
            return;
        }
        let time = self.time.get_or_insert_with(|| line::stamp(Local::now()));
        line::push_line(&mut self.lines, time, record, peer);
        if self.lines.len() > GATHERED {
            self.write(supervisor);
        }
    }

    /// Writes all that was taken. To be called before any of it is sent.
    pub fn write(&mut self, supervisor: &mut Supervisor) {
        let Some(file) = self.file.as_ref().filter(|_| !self.lines.is_empty()) else { return };
        let written = file::write_lines(file, &self.lines);
        let written = written.and_then(|()| if self.options.sync { file.sync_data() } else { Ok(()) });
        self.lines.clear();
        self.time = None;
        if let Err(error) = written {
            self.file = None;
            supervisor.err.line(messages::transcript_stops(self.path(), &error));
        }
    }

    /// Gives its memory back, in a child, which has no use for it.
    pub fn forget(&mut self) {
        discard_in_child(&mut self.lines);
    }
}
