//! Client programs: `chat_client` and the C client of c-compat/.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::{CLIENT, Program, Server};

/// The path of a program of c-compat/. Its Makefile runs once for each test program.
#[track_caller]
pub fn c_compat(program: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let build = BUILT.get_or_init(|| {
        let build = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c-compat");
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("c-compat");
        let made = Command::new("make")
            .arg("-C")
            .arg(sources)
            .arg(format!("BUILD={}", build.display()))
            .output()
            .expect("make is needed for the tests with C programs");
        assert!(made.status.success(), "make -C c-compat: {}", String::from_utf8_lossy(&made.stderr));
        build
    });
    build.join(program)
}

/// The C client, connected as `pseudo`; `variant` selects how it ends its messages.
#[track_caller]
pub fn c_client(server: &Server, pseudo: &str, variant: &str) -> Program {
    c_client_from(Command::new(c_compat("chat_client_c")), server, pseudo, variant)
}

/// Like [`c_client`], started by `command`, which may wrap the client in another program.
#[track_caller]
pub fn c_client_from(mut command: Command, server: &Server, pseudo: &str, variant: &str) -> Program {
    let address = server.reachable();
    command.args([&address.ip().to_string(), pseudo, &address.port().to_string(), variant]);
    let program = Program::start(&mut command);
    program.err.line_with(&["connected"]);
    program
}

/// `chat_client`, connected, with pipes instead of a terminal.
#[track_caller]
pub fn our_client(server: &Server, pseudo: &str) -> Program {
    let address = server.reachable();
    let program = Program::start(Command::new(CLIENT).args([
        &address.ip().to_string(),
        pseudo,
        "--port",
        &address.port().to_string(),
    ]));
    program.out.line_about(address);
    program
}
