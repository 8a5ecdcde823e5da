//! `upload_client FILE [HOST [PORT]]`: sends a file to an upload server.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use forklab::cli::number;
use forklab::labs::upload::client::{PROGRAM, upload};

const EXAMPLES: &str = "\
Examples:
  upload_client photo.jpg                 to the server of this machine, port 5555
  upload_client photo.jpg room-12         to another's, by its name
  upload_client photo.jpg 192.0.2.7 5556  to another port
  ls -l | upload_client - room-12         standard input, kept as stdin
  upload_client --text notes.txt room-12  as a text, to a course's own server

The server keeps the file under its own name and checks its SHA-256. Its answer is printed.
A course's own server may keep the first line only: it is sent one line of text, and no other file without --text.
The status is 0 only if the server has said [SUCCESS] to the whole file, else 1.
";

/// Sends a file, whatever is in it, to upload_serveur.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
struct Arguments {
    /// File or pipe to send; -: standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Address or name of the server's machine ({default} by default)
    #[arg(value_name = "HOST", default_value = "127.0.0.1", hide_default_value = true)]
    host: String,
    /// The server's port ({default} by default)
    #[arg(value_name = "PORT", default_value = "5555", hide_default_value = true, value_parser = number::<u16>(1, 65535))]
    port: u16,
    /// Send the file as a text, a space and a newline, without name and sum, whatever the server: the original server of a
    /// course keeps the first line of it
    #[arg(long)]
    text: bool,
}

fn main() -> ExitCode {
    PROGRAM.run(|Arguments { file, host, port, text }: Arguments| upload(&file, &host, port, text))
}
