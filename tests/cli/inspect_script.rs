//! `scripts/inspect.sh` on real servers: its report matches the system, number for number; its
//! count is right; and an error is one line and a status.

use crate::common::*;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::File;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/inspect.sh");

/// Exit status and output of the script.
struct Shown {
    status: Option<i32>,
    out: String,
    err: String,
}

impl Shown {
    #[track_caller]
    fn by(command: &mut Command) -> Shown {
        let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Shown { status: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// The lines of one part: between the title that starts with `number` and the explanation.
    #[track_caller]
    fn part(&self, number: &str) -> Vec<&str> {
        let lines = self.out.lines().skip_while(|line| !line.starts_with(number)).skip(1);
        lines.take_while(|line| !line.starts_with('→')).collect()
    }

    fn last_line(&self) -> &str {
        self.out.lines().last().unwrap_or_default()
    }

    /// Asserts an empty report, and one line on standard error with all of `parts`.
    #[track_caller]
    fn is_refused(&self, status: i32, parts: &[&str]) {
        assert_eq!((self.status, self.out.as_str()), (Some(status), ""), "{}", self.err);
        assert_eq!(self.err.lines().count(), 1, "{}", self.err);
        assert!(parts.iter().all(|part| self.err.contains(part)), "{parts:?} in {}", self.err);
    }
}

#[track_caller]
fn inspect(arguments: &[&str]) -> Shown {
    Shown::by(Command::new(SCRIPT).args(arguments))
}

#[track_caller]
fn inspect_pid(pid: i32) -> Shown {
    let shown = inspect(&[&pid.to_string()]);
    assert_eq!((shown.status, shown.err.as_str()), (Some(0), ""), "{}", shown.out);
    shown
}

/// A server, its clients and their children, each of which has closed the descriptors that it does
/// not keep.
#[track_caller]
fn server_with_clients(count: usize) -> (Server, Vec<Peer>, Vec<i32>) {
    let server = Server::start(&[]);
    let clients: Vec<Peer> = (0..count).map(|_| server.join()).collect();
    let children: Vec<i32> = clients.iter().map(|client| server.child_of(client)).collect();
    for &child in &children {
        descriptors_of_child(child);
    }
    (server, clients, children)
}

/// Parses the rows of parts 4 and 5: each descriptor number, with the text behind the numbers of
/// its row.
#[track_caller]
fn numbered(rows: &[&str]) -> Vec<(i32, String)> {
    let mut all = Vec::new();
    for row in rows {
        let words: Vec<&str> = row.split_whitespace().collect();
        let many = words.iter().take_while(|word| word.parse::<i32>().is_ok()).count();
        all.extend(words[..many].iter().map(|number| (number.parse().unwrap(), words[many..].join(" "))));
    }
    all.sort();
    all
}

/// Asserts that the rows are exactly the descriptors in /proc, with their targets.
#[track_caller]
fn are_those_of_proc(rows: &[(i32, String)], pid: i32) {
    let open = descriptors_of(pid);
    assert_eq!(rows.len(), open.len(), "{rows:?}\n{open:?}");
    for ((number, row), (expected, target)) in rows.iter().zip(&open) {
        assert!(
            number == expected && row.starts_with(target.as_str()),
            "{number} {row}: {expected} {target}"
        );
    }
}

#[test]
fn three_clients_are_four_processes_of_one_name_and_one_parent() {
    let (server, _clients, children) = server_with_clients(3);
    let parent = server.pid();
    let shown = inspect_pid(parent);
    let rows: Vec<Vec<&str>> =
        shown.part("1.")[1..].iter().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows.len(), 4, "{}", shown.out);
    assert!(rows.iter().all(|row| row[3] == "chat_serveur"), "{}", shown.out);
    let of = |pid: i32| rows.iter().find(|row| row[0] == pid.to_string()).expect("a row for each process");
    assert_eq!(of(parent)[1], std::process::id().to_string());
    assert!(children.iter().all(|&child| of(child)[1] == parent.to_string()), "{}", shown.out);
    assert_eq!(shown.last_line(), "Compte : 3 clients, 4 processus : n clients, n+1 processus, c'est juste.");
}

#[test]
fn the_listener_is_descriptor_5_of_the_parent_alone_with_its_backlog() {
    let (server, _clients, _) = server_with_clients(3);
    let shown = inspect_pid(server.pid());
    let rows = shown.part("2.");
    assert_eq!(rows.len(), 2, "{}", shown.out);
    let fields: Vec<&str> = rows[1].split_whitespace().collect();
    let holder = format!("users:((\"chat_serveur\",pid={},fd=5))", server.pid());
    assert_eq!(fields, ["LISTEN", "0", "128", &server.address.to_string(), "0.0.0.0:*", &holder]);
}

#[test]
fn each_connection_is_held_by_the_parent_and_its_child_under_one_number() {
    let (server, clients, children) = server_with_clients(3);
    let shown = inspect_pid(server.pid());
    let rows = shown.part("3.");
    assert_eq!(rows.len(), 4, "{}", shown.out);
    for ((client, child), fd) in clients.iter().zip(children).zip(6..) {
        let there = client.stream.local_addr().unwrap().to_string();
        let row = rows.iter().find(|row| row.contains(&format!(" {there} "))).expect("a row for each client");
        assert_eq!(row.matches("pid=").count(), 2, "{row}");
        for pid in [server.pid(), child] {
            let _row = Row::of(&pid);
            assert!(row.contains(&format!("(\"chat_serveur\",pid={pid},fd={fd})")), "{row}");
        }
    }
}

#[test]
fn the_descriptors_shown_match_proc_and_each_is_explained() {
    let (server, clients, children) = server_with_clients(3);
    let shown = inspect_pid(server.pid());

    let of_parent = numbered(&shown.part("4."));
    are_those_of_proc(&of_parent, server.pid());
    let client = |at: usize| format!("client {}", clients[at].stream.local_addr().unwrap());
    let listener = format!("socket d'écoute, {}", server.address);
    let (reads, writes) = ("tube des fils au père, lecture", "tube des fils au père, écriture");
    let standard = "standard : 0 entrée, 1 sortie, 2 erreur";
    let expected =
        [standard, standard, standard, reads, writes, &listener, &client(0), &client(1), &client(2)];
    for ((number, row), what) in of_parent.iter().zip(expected) {
        assert!(row.ends_with(what), "{number} {row}: {what}");
    }
    let (signals, output) = ("tube des signaux, à l'écart", "sortie, ouverte à part, sans attente");
    let explained = [signals, output, "entrée et sortie des fils"];
    assert!(
        of_parent[9..].iter().all(|(_, row)| explained.iter().any(|what| row.ends_with(what))),
        "{of_parent:?}"
    );
    assert_eq!(of_parent[9..].iter().filter(|(_, row)| row.ends_with(output)).count(), 2, "{of_parent:?}");

    let child = *children.iter().min().unwrap();
    assert!(shown.out.contains(&format!("5. Descripteurs d'un fils : ls -lv /proc/{child}/fd\n")));
    let of_child = numbered(&shown.part("5."));
    are_those_of_proc(&of_child, child);
    let at = children.iter().position(|&pid| pid == child).unwrap();
    for ((number, row), what) in of_child.iter().zip([standard, standard, standard, writes, &client(at)]) {
        assert!(row.ends_with(what), "{number} {row}: {what}");
    }
}

#[test]
fn a_server_without_clients_is_one_process_without_connections() {
    let server = Server::start(&[]);
    let shown = inspect_pid(server.pid());
    assert_eq!(shown.part("3."), ["(aucune)"]);
    assert!(!shown.out.contains("5. "), "{}", shown.out);
    assert!(shown.last_line().starts_with("Compte : 0 client, 1 processus : "), "{}", shown.out);
}

#[test]
fn the_pid_of_a_child_shows_its_server() {
    let (server, _clients, children) = server_with_clients(1);
    let title = format!("===== chat_serveur, processus {} =====\n", server.pid());
    let shown = inspect_pid(children[0]);
    assert!(shown.out.starts_with(&title), "{}", shown.out);
    assert!(shown.last_line().starts_with("Compte : 1 client, 2 processus"), "{}", shown.out);
}

#[test]
fn without_argument_every_chat_serveur_is_shown() {
    let servers = [Server::start(&[]), Server::start(&[])];
    let shown = inspect(&[]);
    assert_eq!(shown.status, Some(0), "{}", shown.err);
    for server in servers {
        let title = format!("===== chat_serveur, processus {} =====\n", server.pid());
        assert_eq!(shown.out.matches(&title).count(), 1, "{}", shown.out);
    }
}

#[test]
fn two_servers_of_another_name_each_have_their_own_part() {
    // A name that no other process has, longer than the 15 bytes of comm (proc_pid_comm(5)).
    let directory = tempfile::tempdir().unwrap();
    let name = format!("s{}_another_name", std::process::id());
    let program = directory.path().join(&name);
    symlink(SERVER, &program).unwrap();
    let start = || Server::from(Command::new(&program).args(["--bind", "127.0.0.1", "--port", "0"]));
    let servers = [start(), start()];
    let _client = servers[1].join();

    let shown = inspect(&[&name]);
    assert_eq!((shown.status, shown.err.as_str()), (Some(0), ""));
    let parts: Vec<&str> = shown.out.split("===== s").skip(1).collect();
    assert_eq!(parts.len(), 2, "{}", shown.out);
    for (server, count) in servers.iter().zip(["Compte : 0 client, 1", "Compte : 1 client, 2"]) {
        let _row = Row::of(&count);
        let mine = |part: &&&str| part.contains(&format!("processus {} =====\n", server.pid()));
        let part = parts.iter().find(mine).expect("a part for each server");
        assert!(part.contains(count) && part.contains(&server.address.to_string()), "{part}");
    }
}

#[test]
fn a_server_that_does_not_fork_has_a_wrong_count() {
    // A name that no other process has.
    let directory = tempfile::tempdir().unwrap();
    let name = format!("s{}_select", std::process::id());
    let program = directory.path().join(&name);
    symlink(c_compat("select_server"), &program).unwrap();
    let server = Server::from(Command::new(&program).arg("0"));
    let _client = server.connect();
    server.wait_for_clients(1);
    assert_eq!(
        inspect(&[&name]).last_line(),
        "Compte faux : 1 client mais 1 processus (et zombies : 0), au lieu de 2. Relancez ?"
    );
}

#[test]
fn a_zombie_is_counted_separately() {
    let (server, _clients, children) = server_with_clients(2);
    // A stopped parent reaps no child.
    server.program.signal(Signal::SIGSTOP);
    let stat = format!("/proc/{}/stat", server.pid());
    eventually("the stop", || std::fs::read_to_string(&stat).unwrap().contains(") T ").then_some(()));
    kill(Pid::from_raw(children[0]), Signal::SIGKILL).unwrap();
    eventually("the child's end", || (!is_alive(children[0])).then_some(()));
    let shown = inspect_pid(server.pid());
    assert_eq!(
        shown.last_line(),
        "Compte faux : 2 clients mais 2 processus (et zombies : 1), au lieu de 3. Relancez ?"
    );
    // The child shown in detail is not the zombie.
    assert!(shown.out.contains(&format!("5. Descripteurs d'un fils : ls -lv /proc/{}/fd\n", children[1])));
}

/// The output of the script on a terminal of `columns` columns.
#[track_caller]
fn on_a_terminal(columns: u32, server: &Server) -> Vec<String> {
    let command = format!("stty cols {columns} && exec \"$0\" \"$1\"");
    let mut terminal = Terminal::start("sh", &["-c", &command, SCRIPT, &server.pid().to_string()]);
    assert!(terminal.ends().success());
    terminal.screen.to_the_end().lines().map(str::to_string).collect()
}

#[test]
fn on_a_terminal_lines_are_wrapped_and_nothing_of_ss_is_lost() {
    let (server, _clients, children) = server_with_clients(3);
    let pair = |line: &str| children.iter().any(|child| line.contains(&format!("pid={child},fd=")));
    for (columns, holders_below) in [(80, true), (200, false)] {
        let _row = Row::of(&(&columns, &holders_below));
        let lines = on_a_terminal(columns, &server);
        assert!(lines.iter().all(|line| line.chars().count() <= columns as usize), "{lines:#?}");
        let pairs: Vec<&String> = lines.iter().filter(|line| pair(line)).collect();
        assert_eq!(pairs.len(), 3, "{lines:#?}");
        assert!(pairs.iter().all(|line| line.starts_with("  users:((") == holders_below), "{lines:#?}");
        assert!(lines.last().unwrap().starts_with("Compte : 3 clients, 4 processus"), "{lines:#?}");
    }
    // Too narrow for two holders on a line.
    let lines = on_a_terminal(60, &server);
    assert_eq!(lines.iter().filter(|line| line.starts_with("         (\"chat_serveur\",pid=")).count(), 3);
    assert!(lines.iter().filter(|line| line.contains("pid=")).all(|line| line.len() <= 60), "{lines:#?}");
}

#[test]
fn hidden_parts_of_another_users_server_are_reported_with_a_hint() {
    if !is_root() {
        return;
    }
    let (server, _clients, _) = server_with_clients(1);
    // On standard input: another user may lack access to this directory.
    let mut command = Command::new("sh");
    command.args(["-s", "--", &server.pid().to_string()]).stdin(File::open(SCRIPT).unwrap());
    let shown = Shown::by(command.current_dir("/").uid(65534).gid(65534));
    assert_eq!((shown.status, shown.err.as_str()), (Some(0), ""));
    assert_eq!(shown.part("1.").len(), 3, "{}", shown.out);
    assert!(shown.out.contains("cachés : ce serveur est à l'utilisateur root."), "{}", shown.out);
    assert!(shown.last_line().contains("sudo "), "{}", shown.out);
    assert!(!shown.out.contains("Compte"), "{}", shown.out);
}

#[test]
fn without_a_server_one_line_says_how_to_start_one() {
    let hint = "cargo run --release --bin chat_serveur";
    inspect(&["chat_serveu"]).is_refused(1, &["aucun serveur chat_serveu ne tourne", "n'en a pas", "chat"]);
    // Above the largest process ID, 2^22: proc_sys_kernel(5).
    inspect(&["4194305"]).is_refused(1, &["aucun serveur 4194305 ne tourne", hint]);
}

#[test]
fn the_pid_of_another_program_is_refused_in_one_line() {
    // Two processes of one name, as a server and its child.
    let mut shell =
        Command::new("sh").args(["-c", "sh -c 'read line; :'; :"]).stdin(Stdio::piped()).spawn().unwrap();
    let child = eventually("the second process", || children_of(shell.id() as i32).first().copied());
    for pid in [shell.id() as i32, child] {
        inspect(&[&pid.to_string()])
            .is_refused(1, &[&format!("le processus {pid} ("), "un des serveurs de ce dépôt", "NOM"]);
    }
    drop(shell.stdin.take());
    shell.wait().unwrap();
}

#[test]
fn a_missing_tool_is_named_with_its_package() {
    for (missing, package) in [("ps", "procps"), ("ss", "iproute2"), ("awk", "mawk")] {
        let _row = Row::of(&(&missing, &package));
        let directory = tempfile::tempdir().unwrap();
        for tool in ["ps", "ss", "awk", "grep", "sort", "ls", "stty"] {
            let _row = Row::of(&tool);
            let found = std::env::split_paths(&std::env::var_os("PATH").unwrap())
                .map(|path| path.join(tool))
                .find(|file| file.is_file())
                .unwrap_or_else(|| panic!("{tool} is needed for this test"));
            if tool != missing {
                symlink(found, directory.path().join(tool)).unwrap();
            }
        }
        let shown = Shown::by(Command::new(SCRIPT).arg("no_such_server").env("PATH", directory.path()));
        shown.is_refused(1, &[&format!("commande {missing} "), &format!("paquet {package}")]);
    }
}

#[test]
fn an_invalid_argument_is_one_line_and_status_2() {
    inspect(&["--unknown"]).is_refused(2, &["option inconnue « --unknown »", "--help"]);
    inspect(&["chat_serveur", "more"]).is_refused(2, &["un seul argument", "--help"]);
    inspect(&[""]).is_refused(2, &["nom de programme vide", "--help"]);
}

#[test]
fn help_ends_with_status_0() {
    for option in ["-h", "--help"] {
        let _row = Row::of(&option);
        let shown = inspect(&[option]);
        assert_eq!((shown.status, shown.err.as_str()), (Some(0), ""));
        assert!(shown.out.starts_with("Usage : inspect.sh [NOM | PID]\n"), "{}", shown.out);
    }
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = Command::new(SCRIPT).arg("--help").stdout(full).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
}

#[track_caller]
fn echo_server(options: &[&str]) -> Server {
    Server::from(Command::new(env!("CARGO_BIN_EXE_echo_serveur")).args(["--port", "0"]).args(options))
}

#[test]
fn a_server_that_hands_connections_to_its_children_is_explained() {
    let server = echo_server(&[]);
    let _clients = [server.connect(), server.connect()];
    for child in server.wait_for_children(2) {
        // Three standard streams, its socket, the pipe that reports the death of the parent, and a
        // second descriptor of standard output.
        eventually("the child to serve", || (descriptors_of(child).len() == 6).then_some(()));
    }
    let shown = inspect_pid(server.pid());
    assert!(shown.out.contains("chaque connexion est à un seul fils"), "{}", shown.out);
    assert_eq!(shown.part("3.").iter().filter(|row| row.contains("fd=")).count(), 2, "{}", shown.out);
    assert!(shown.last_line().contains("2 clients, 3 processus"), "{}", shown.out);
    assert!(shown.last_line().contains("c'est juste"), "{}", shown.out);
}

#[test]
fn an_iterative_server_is_one_process() {
    let server = echo_server(&["--iterative"]);
    let mut client = server.connect();
    client.sends("a");
    client.hears("a");
    let shown = inspect_pid(server.pid());
    assert!(shown.out.contains("un seul processus (serveur itératif)"), "{}", shown.out);
    assert_eq!(shown.last_line(), "Compte : 1 client, 1 processus (et zombies : 0).");
}

#[test]
fn a_server_in_another_network_namespace_is_named_with_the_command_that_shows_it() {
    if !Command::new("unshare").args(["--net", "true"]).status().is_ok_and(|done| done.success()) {
        return skip(skip::NETWORK_NAMESPACE, "unshare --net failed");
    }
    let mut unshare = Command::new("unshare");
    let server = Server::from(unshare.args(["--net", env!("CARGO_BIN_EXE_chat_serveur"), "--port", "0"]));
    let pid = server.pid().to_string();
    let command = format!("nsenter -t {pid} -n {SCRIPT} {pid}");
    inspect(&[&pid]).is_refused(1, &["un autre espace réseau", &command]);
    let shown = Shown::by(Command::new("sh").args(["-c", &command]));
    assert_eq!((shown.status, shown.part("2.").len()), (Some(0), 2), "{}{}", shown.out, shown.err);
}
