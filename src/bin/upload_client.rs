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
  upload_client --text notes.txt room-12  to a course's own server, which knows texts only

The server keeps the file under its own name and checks its SHA-256. Its answer is printed.
The status is 0 only if it has said [SUCCESS] to the whole file, else 1.
";

/// Sends a file, whatever is in it, to upload_serveur.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
struct Arguments {
    /// File to send
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Address or name of the server's machine ({default} by default)
    #[arg(value_name = "HOST", default_value = "127.0.0.1", hide_default_value = true)]
    host: String,
    /// The server's port ({default} by default)
    #[arg(value_name = "PORT", default_value = "5555", hide_default_value = true, value_parser = number::<u16>(1, 65535))]
    port: u16,
    /// Send the file as a text, a space and a newline, without name and sum: for the original server of a course, which
    /// does not know ours. It keeps the first line only
    #[arg(long)]
    text: bool,
}

fn main() -> ExitCode {
    PROGRAM.run(|Arguments { file, host, port, text }: Arguments| upload(&file, &host, port, text))
}
