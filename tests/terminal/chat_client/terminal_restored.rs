//! The terminal is restored however the client ends or stops.

use super::*;
use nix::sys::signal::Signal::{SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGSTOP, SIGTERM};
use nix::sys::termios::LocalFlags;
use std::io::Write;

/// The client as a part of a shell script, once it shows its prompt.
#[track_caller]
fn in_script(server: &Server, shell: &[&str], script: &str) -> Emulator {
    let port = server.port();
    let client = [CLIENT, "127.0.0.1", "alice", "--port", &port];
    let arguments = [&shell[1..], &["-c", script], &client].concat();
    let mut alice = Emulator::start((70, 12), &[], shell[0], &arguments);
    alice.sees("the prompt", |screen| screen.contents().contains("alice> ").then_some(()));
    alice
}

/// The first and the second process of the client.
#[track_caller]
fn both(alice: &Emulator) -> (i32, i32) {
    let first = eventually("the client", || children_of(alice.terminal.pid()).first().copied());
    let second = eventually("its second process", || children_of(first).first().copied());
    (first, second)
}

/// Ends the client by `end`, with half a line typed. Expects `shown` as the last rows, no process
/// left, and a terminal like a new one.
#[track_caller]
fn leaves_the_terminal_as_it_was(end: impl FnOnce(&mut Emulator, i32, i32), shown: &[&str]) {
    let server = Server::start(&[]);
    let mut alice = in_script(&server, &["sh"], r#"trap : INT; "$0" "$@"; echo "statut $?"; read -r reste"#);
    alice.types("texte en cours");
    alice.cursor_is_behind("alice> texte en cours");
    assert!(!alice.modes().local_flags.intersects(LocalFlags::ICANON | LocalFlags::ECHO));
    let (first, second) = both(&alice);
    end(&mut alice, first, second);
    alice.ends_with(shown);
    wait_for_death(&[first, second]);
    let fresh = Emulator::start((70, 12), &[], "cat", &[]);
    eventually("the modes of before", || (alice.modes() == fresh.modes()).then_some(()));
    alice.sees("no bracketed paste, and a cursor in a fresh row", |screen| {
        (!screen.bracketed_paste() && screen.cursor_position().1 == 0).then_some(())
    });
}

#[test]
fn after_ctrl_c_and_signals() {
    let last_line = "chat_client : interrompu, au revoir";
    leaves_the_terminal_as_it_was(|alice, _, _| alice.types("\x03"), &[last_line, "statut 0"]);
    leaves_the_terminal_as_it_was(|_, first, _| send(first, SIGTERM), &[last_line, "statut 0"]);
    leaves_the_terminal_as_it_was(|_, first, _| send(first, SIGINT), &[last_line, "statut 0"]);
    leaves_the_terminal_as_it_was(|_, first, _| send(first, SIGHUP), &["Hangup", "statut 129"]);
    leaves_the_terminal_as_it_was(|_, first, _| send(first, SIGQUIT), &["Quit", "statut 131"]);
}

#[test]
fn after_the_death_of_either_process() {
    let said = "chat_client : le second processus a été tué par SIGKILL";
    leaves_the_terminal_as_it_was(|_, _, second| send(second, SIGKILL), &[said, "statut 1"]);
    // The first process cannot act on SIGKILL: the second one restores the terminal.
    leaves_the_terminal_as_it_was(|_, first, _| send(first, SIGKILL), &["statut 137"]);
}

#[test]
fn after_the_end_of_the_server() {
    let server = Server::start(&[]);
    let mut alice = alice(&server);
    alice.types("texte");
    alice.cursor_is_behind("alice> texte");
    server.wait_for_children(1);
    server.program.signal(SIGTERM);
    alice.ends_with(&["chat_client : le serveur a fermé la connexion"]);
    assert_eq!(alice.terminal.ends().code(), Some(1));
}

/// The modes of a terminal that no program has changed.
#[track_caller]
fn fresh_modes() -> nix::sys::termios::Termios {
    Emulator::start((70, 12), &[], "cat", &[]).modes()
}

/// dash takes the terminal back at once and leaves the modes as the client had set them: a race
/// with the second process, hence several attempts.
#[test]
fn after_the_death_of_the_first_process_under_a_shell_that_restores_nothing() {
    let server = Server::start(&[]);
    let mut shell = Emulator::start((70, 12), &["PS1=dash> "], "dash", &["-i"]);
    let before = fresh_modes();
    for _ in 0..12 {
        shell.types(&format!("{CLIENT} 127.0.0.1 alice --port {}\r", server.port()));
        shell.cursor_is_behind("alice> ");
        let (first, second) = both(&shell);
        send(first, SIGKILL);
        wait_for_death(&[first, second]);
        shell.sees("the shell's prompt, no bracketed paste", |screen| {
            let prompts = rows_of(screen).iter().filter(|row| row.starts_with("dash>")).count();
            (prompts > 0 && !screen.bracketed_paste()).then_some(())
        });
        assert!(shell.modes() == before);
        shell.types("clear; echo entendu\r");
        shell.sees("an answer", |screen| rows_of(screen).contains(&"entendu".to_string()).then_some(()));
    }
}

#[test]
fn a_client_killed_while_stopped_leaves_another_programs_terminal_alone() {
    let server = Server::start(&[]);
    let mut shell = Emulator::start((70, 12), &["PS1=dash> "], "dash", &["-i"]);
    let start = format!("{CLIENT} 127.0.0.1 alice --port {}\r", server.port());
    shell.types(&start);
    shell.cursor_is_behind("alice> ");
    let (first, second) = both(&shell);
    shell.types("\x1a");
    shell.cursor_is_behind("dash> ");
    shell.types(&start);
    shell.cursor_is_behind("alice> ");
    let others = shell.modes();
    send(first, SIGKILL);
    wait_for_death(&[first, second]);
    assert!(shell.modes() == others);
    shell.sees("bracketed paste", |screen| screen.bracketed_paste().then_some(()));
}

#[test]
fn the_rest_of_a_paste_does_not_reach_the_shell() {
    // A paste that pauses for 500 ms is over. A busy machine may exceed that, not ten times.
    let is_swallowed = (0..10).any(|_| {
        let server = Server::start(&[]);
        let script = r#"trap : INT; "$0" "$@"; echo "statut $?"; read -r reste; echo "lu: $reste"; cat"#;
        let mut alice = in_script(&server, &["sh"], script);
        let (first, second) = both(&alice);
        send(first, SIGSTOP);
        // More than the terminal holds: the rest comes when the first process reads again.
        let mut keyboard = alice.terminal.master().try_clone().unwrap();
        let paste = format!("\x1b[200~{}\x1b[201~", "commande\r".repeat(5000));
        let typist = std::thread::spawn(move || keyboard.write_all(paste.as_bytes()).unwrap());
        server.wait_for_children(1);
        server.program.signal(SIGTERM);
        wait_for_death(&[second]);
        send(first, SIGCONT);
        alice.terminal.shows("statut 1");
        typist.join().unwrap();
        alice.types("moi\r");
        let is_swallowed = alice.terminal.screen.wait_for("what the shell has read", |bytes| {
            let read = String::from_utf8_lossy(bytes).split_once("lu: ")?.1.lines().next()?.to_string();
            Some(read == "moi")
        });
        if is_swallowed {
            alice.ends_with(&["statut 1", "moi", "lu: moi"]);
        }
        is_swallowed
    });
    assert!(is_swallowed, "the shell gets it each time");
}

#[test]
fn ctrl_c_ends_the_client_also_while_it_leaves() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let mut alice = Emulator::start((90, 10), &[], CLIENT, &["127.0.0.1", "alice", "--port", &port]);
    // The server does not close.
    let _server = listener.accept().unwrap();
    alice.cursor_is_behind("alice> ");
    alice.types("\x04");
    alice.sees("the goodbye", |screen| screen.contents().contains("── au revoir").then_some(()));
    alice.types("\x03");
    alice.ends_with(&["chat_client : interrompu, au revoir"]);
    assert_eq!(alice.terminal.ends().code(), Some(0));
}

/// A script with job control. It goes on when the client stops, and continues it after a line of
/// input.
const SHELL: &str = r#""$0" "$@"; echo "statut $?"; read -r reste; fg; echo "statut $?"; read -r reste"#;

#[test]
fn ctrl_z_gives_the_terminal_back_and_fg_takes_it_again() {
    let server = Server::start(&[]);
    let mut alice = in_script(&server, &["bash", "-m"], SHELL);
    alice.types("brouillon");
    alice.cursor_is_behind("alice> brouillon");
    alice.types("\x1a");
    // 128 and SIGTSTP.
    alice.sees("the shell", |screen| rows_of(screen).ends_with(&["statut 148".to_string()]).then_some(()));
    let fresh = Emulator::start((70, 12), &[], "cat", &[]);
    assert!(alice.modes() == fresh.modes());
    alice.sees("no bracketed paste", |screen| (!screen.bracketed_paste()).then_some(()));
    assert!(!alice.sees("the screen", |screen| Some(screen.contents())).contains("brouillon"));
    server.join().sends("bob : entre-temps\0");
    alice.types("\r");
    alice.ends_with(&["bob : entre-temps", &status(&server, "1 message"), "alice> brouillon"]);
    let rows = alice.sees("the rows", |screen| Some(rows_of(screen)));
    assert_eq!(rows.iter().filter(|row| row.starts_with("──")).count(), 1, "{rows:?}");
    alice.sees("bracketed paste", |screen| screen.bracketed_paste().then_some(()));
    alice.types("\x04\x03");
    alice.ends_with(&["chat_client : interrompu, au revoir", "statut 0"]);
    eventually("the modes of before", || (alice.modes() == fresh.modes()).then_some(()));
}

/// A shell without job control leads the job, and stops at once.
#[test]
fn ctrl_z_and_fg_work_where_a_script_has_started_the_client() {
    let server = Server::start(&[]);
    // In bash, a job that stops ends the loop around it.
    let script = [r#"sh -c '"$@"; true' sh "$0" "$@""#, &"; read -r reste; fg".repeat(10)].concat();
    let mut alice = in_script(&server, &["bash", "-m"], &script);
    let fresh = Emulator::start((70, 12), &[], "cat", &[]);
    for i in 0..10 {
        let _row = Row::of(&i);
        alice.types("\x1a");
        eventually("the modes of the shell", || (alice.modes() == fresh.modes()).then_some(()));
        alice.types("\r");
        alice.types("a");
        alice.cursor_is_behind(&format!("alice> {}", "a".repeat(i + 1)));
    }
}

#[test]
fn a_shell_can_end_the_client_while_it_is_stopped() {
    let server = Server::start(&[]);
    let script = r#""$0" "$@"; kill %1; read -r reste"#;
    let mut alice = in_script(&server, &["bash", "-m"], script);
    let (first, second) = both(&alice);
    alice.types("\x1a");
    alice.ends_with(&["chat_client : interrompu, au revoir"]);
    wait_for_death(&[first, second]);
}

#[test]
fn after_sigstop_and_fg_the_client_takes_the_terminal_again() {
    let server = Server::start(&[]);
    let script = r#""$0" "$@"; stty sane; echo "statut $?"; read -r reste; fg; read -r reste"#;
    let mut alice = in_script(&server, &["bash", "-m"], script);
    let (first, _) = both(&alice);
    alice.types("brouillon");
    alice.cursor_is_behind("alice> brouillon");
    let ours = alice.modes();
    send(first, SIGSTOP);
    alice.ends_with(&["statut 0"]);
    assert!(alice.modes() != ours);
    alice.types("\r");
    server.join().sends("bob : encore\0");
    alice.ends_with(&["bob : encore", &status(&server, "1 message"), "alice> brouillon"]);
    assert!(alice.modes() == ours);
}

#[test]
fn a_client_killed_while_stopped_leaves_the_shells_terminal_alone() {
    let server = Server::start(&[]);
    let script = r#""$0" "$@"; stty -echo; echo "statut $?"; read -r reste; echo fini; read -r reste"#;
    let mut alice = in_script(&server, &["bash", "-m"], script);
    let (first, second) = both(&alice);
    alice.types("\x1a");
    alice.ends_with(&["statut 0"]);
    let shells = alice.modes();
    send(first, SIGKILL);
    wait_for_death(&[first, second]);
    assert!(alice.modes() == shells, "the second process has touched the shell's terminal");
}

/// The kernel sends its group SIGHUP, and not SIGCONT, since the group is its leader's.
#[test]
fn a_client_that_is_stopped_ends_when_the_leader_of_its_session_is_killed() {
    let server = Server::start(&[]);
    for script in [r#""$0" "$@"; true"#, r#""$0" "$@" --plain; true"#] {
        let _row = Row::of(&script);
        let alice = in_script(&server, &["sh"], script);
        let (first, second) = both(&alice);
        stop(first);
        send(alice.terminal.pid(), SIGKILL);
        wait_for_death(&[first, second]);
    }
}

#[test]
fn without_a_shell_ctrl_z_does_not_stop_the_client() {
    let server = Server::start(&[]);
    // The client leads its session, without a shell.
    let mut alice = alice(&server);
    alice.types("un\x1a");
    alice.types("deux");
    alice.ends_with(&[&status(&server, "0 message"), "alice> undeux"]);
    assert!(!alice.modes().local_flags.contains(LocalFlags::ICANON));
}

#[test]
fn both_processes_share_descriptor_3() {
    let server = Server::start(&[]);
    let alice = alice(&server);
    let socket_of =
        |pid| descriptors_of(pid).into_iter().find(|(number, _)| *number == 3).expect("a descriptor 3").1;
    let second = second_of(&alice);
    assert!(socket_of(second).starts_with("socket:"));
    assert_eq!(socket_of(alice.terminal.pid()), socket_of(second));
    assert_eq!(children_of(alice.terminal.pid()), [second]);
}
