//! `upload_client FILE [HOST [PORT]]`: sends a file to an upload server.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use forklab::cli::ServerArg;
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
#[command(after_help = EXAMPLES, mut_arg("server_port", |port| port.long(None).value_name("PORT")))]
#[command(mut_arg("wait", |wait| wait.default_value("3")))]
struct Arguments {
    /// File or pipe to send; -: standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    // A script reads its status: it waits without end only if asked to.
    #[command(flatten)]
    server: ServerArg<5555>,
    /// Send the file as a text, a space and a newline, without name and sum, whatever the server: the original server of a
    /// course keeps the first line of it
    #[arg(long)]
    text: bool,
}

fn main() -> ExitCode {
    PROGRAM.run(|Arguments { file, server, text }: Arguments| upload(&file, &server.address(), text))
}
