//! The terminal is restored however the clients end or stop.

use super::*;
use nix::sys::signal::Signal::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use nix::sys::termios::LocalFlags;

/// A client as a part of a shell script, connected to a server that the test plays.
#[track_caller]
fn in_script(client: &str, shell: &[&str], script: &str) -> (Emulator, Peer) {
    let (listener, port) = listening();
    let arguments = [&shell[1..], &["-c", script, client], &arguments(client, &port)].concat();
    let emulator = Emulator::start(SIZE, &[], shell[0], &arguments);
    (emulator, accept(&listener))
}

/// The client's prompt before any message has arrived.
fn prompt_of(client: &str) -> &str {
    match client {
        RELAY => "attendez> ",
        DIRECT => "alice> ",
        _ => "> ",
    }
}

#[track_caller]
fn line_of(client: &str, [french, english]: [&str; 2]) -> String {
    let name = client.rsplit('/').next().unwrap();
    if client == RELAY { format!("{name} : {french}") } else { format!("{name}: {english}") }
}

#[track_caller]
fn is_as_new(emulator: &mut Emulator) {
    let fresh = Emulator::start(SIZE, &[], "cat", &[]);
    eventually("the modes of before", || (emulator.modes() == fresh.modes()).then_some(()));
    emulator.sees("no bracketed paste, and a cursor in a fresh row", |screen| {
        (!screen.bracketed_paste() && screen.cursor_position().1 == 0).then_some(())
    });
    let rows = emulator.sees("the screen", |screen| Some(rows_of(screen)));
    assert!(!rows.iter().any(|row| row.starts_with("──") || row.contains("half a line")), "{rows:?}");
}

/// Ends the client by `end`, with half a line typed. Expects `shown` as the last rows and a
/// terminal like a new one.
#[track_caller]
fn leaves_the_terminal_as_it_was(client: &str, end: impl FnOnce(&mut Emulator, Peer, i32), shown: &[&str]) {
    let script = r#"trap : INT; "$0" "$@"; echo "status $?"; read -r rest"#;
    let (mut emulator, server) = in_script(client, &["sh"], script);
    emulator.types("half a line");
    emulator.cursor_is_behind(&format!("{}half a line", prompt_of(client)));
    assert!(!emulator.modes().local_flags.intersects(LocalFlags::ICANON | LocalFlags::ECHO));
    let pid = eventually("the client", || children_of(emulator.terminal.pid()).first().copied());
    end(&mut emulator, server, pid);
    emulator.ends_with(shown);
    is_as_new(&mut emulator);
}

const INTERRUPTED: [&str; 2] = ["interrompu, au revoir", "interrupted, goodbye"];
const ENDED: [&str; 2] = ["fin de l'entrée, au revoir", "end of input, goodbye"];
const CLOSED: [&str; 2] = ["le serveur a fermé la connexion", "the server closed the connection"];

#[test]
fn after_ctrl_c_and_signals() {
    for client in [RELAY, DIRECT, ECHO, CALC] {
        let _row = Row::of(&client);
        let last_line = line_of(client, INTERRUPTED);
        leaves_the_terminal_as_it_was(client, |it, _, _| it.types("\x03"), &[&last_line, "status 0"]);
        for signal in [SIGINT, SIGTERM] {
            let _row = Row::of(&signal);
            leaves_the_terminal_as_it_was(client, |_, _, pid| send(pid, signal), &[&last_line, "status 0"]);
        }
    }
    leaves_the_terminal_as_it_was(RELAY, |_, _, pid| send(pid, SIGHUP), &["Hangup", "status 129"]);
    leaves_the_terminal_as_it_was(DIRECT, |_, _, pid| send(pid, SIGQUIT), &["Quit", "status 131"]);
}

#[test]
fn a_hangup_sends_fin() {
    let (emulator, mut server) = with_fake_server(RELAY);
    eventually("its signals to be caught", || catches_sigterm(emulator.terminal.pid()).then_some(()));
    send(emulator.terminal.pid(), SIGHUP);
    assert_eq!(server.hears_the_end(), b"fin\0");
}

#[test]
fn after_ctrl_d_and_the_servers_end() {
    for client in [RELAY, DIRECT, ECHO, CALC] {
        let _row = Row::of(&client);
        let closed = line_of(client, CLOSED);
        let close = |_: &mut Emulator, mut server: Peer, _| {
            server.half_closes();
            server.hears_the_end();
        };
        leaves_the_terminal_as_it_was(client, close, &[&closed, "status 1"]);
        let leave = |emulator: &mut Emulator, mut server: Peer, _| {
            server.sends("1\0emi\0\n");
            emulator.types("\x15\x04");
            server.hears_the_end();
        };
        leaves_the_terminal_as_it_was(client, leave, &[&line_of(client, ENDED), "status 0"]);
    }
}

#[test]
fn after_the_end_of_the_relays_server() {
    let goodbye = "relay_client : le serveur s'arrête (exit), au revoir";
    leaves_the_terminal_as_it_was(RELAY, |_, mut server, _| server.sends("exit\0"), &[goodbye, "status 0"]);
}

/// A script with job control. It goes on when the client stops, and continues it after a line of
/// input.
const SHELL: &str = r#""$0" "$@"; echo "status $?"; read -r rest; fg; echo "status $?"; read -r rest"#;

#[test]
fn ctrl_z_gives_the_terminal_back_and_fg_takes_it_again() {
    let (mut emulator, mut server) = in_script(RELAY, &["bash", "-m"], SHELL);
    server.sends("2\0rec\0");
    emulator.types("half a line");
    emulator.cursor_is_behind("attendez> half a line");
    emulator.types("\x1a");
    // 128 and SIGTSTP.
    emulator.ends_with(&["status 148"]);
    is_as_new(&mut emulator);
    server.sends("entre-temps\0");
    emulator.types("\r");
    let status = format!("── à vous de parler · client 2 · {}", place(&server));
    emulator.ends_with(&["Reçu : entre-temps", &status, "à vous> half a line"]);
    emulator.types("\r");
    server.hears("half a line\0");
    emulator.types("\x03");
    emulator.ends_with(&["relay_client : interrompu, au revoir", "status 0"]);
    let fresh = Emulator::start(SIZE, &[], "cat", &[]);
    eventually("the modes of before", || (emulator.modes() == fresh.modes()).then_some(()));
}

#[test]
fn a_shell_can_end_the_client_while_it_is_stopped() {
    let script = r#""$0" "$@"; kill %1; read -r rest"#;
    let (mut emulator, mut server) = in_script(RELAY, &["bash", "-m"], script);
    emulator.cursor_is_behind("attendez> ");
    emulator.types("\x1a");
    assert_eq!(server.hears_the_end(), b"fin\0");
    emulator.ends_with(&["relay_client : interrompu, au revoir"]);
    is_as_new(&mut emulator);
}
