//! `upload_serveur`: receives files.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use forklab::cli::{ServerArgs, number, timeout};
use forklab::labs::upload::server::{PROGRAM, serve};

const EXAMPLES: &str = "\
Examples:
  upload_serveur                              files land in the current directory
  upload_serveur --dir /tmp/works             in another one, which must exist
  upload_serveur --port 5556 --max-bytes 1000000
  upload_client report.pdf 127.0.0.1          in another terminal
  (cat notes.txt; echo ' ') | nc 127.0.0.1 5555    as a course's client: lands as received.txt

A name that is there already gets a number: report-2.pdf. Ctrl+C stops the server and all its children.
";

/// Upload server: each client sends a file, which lands whole or not at all.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
struct Arguments {
    #[command(flatten)]
    server: ServerArgs<5555, 100>,
    /// Directory for the files (the current one by default)
    #[arg(long, value_name = "DIR", default_value = ".", hide_default_value = true)]
    dir: PathBuf,
    /// The most bytes of a file ({default} by default, 100 MiB)
    #[arg(long, value_name = "N", default_value_t = 100 << 20, hide_default_value = true, value_parser = number::<u64>(1, 1 << 50))]
    max_bytes: u64,
    /// Seconds that a client may be silent ({default} by default; 0: for ever)
    #[arg(long, value_name = "S", default_value_t = 60, hide_default_value = true, value_parser = number::<u64>(0, 86400))]
    idle_timeout: u64,
}

fn main() -> ExitCode {
    PROGRAM.run(|Arguments { server, dir, max_bytes, idle_timeout }: Arguments| {
        serve(&server.options(), &dir, max_bytes, timeout(idle_timeout))
    })
}
