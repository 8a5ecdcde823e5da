//! Clients that are stopped by Ctrl+Z while they wait for the server to close, and continued later
//! than the server is given for that: what it sent meanwhile is shown.

use crate::common::*;

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

const LINES: usize = 100;

/// Longer than the server is given to close after the end of input.
const LONGER_THAN_GRACE: Duration = Duration::from_millis(6500);

#[test]
fn a_client_that_was_stopped_in_its_grace_period_shows_all() {
    let rows: [(&str, &[&str], &str, &str); 3] = [
        (CLIENT, &["HOST:PORT", "alice"], "alice> ", "hello\r"),
        (env!("CARGO_BIN_EXE_calc_client"), &["HOST:PORT"], "──", "1\r"),
        (env!("CARGO_BIN_EXE_direct_client"), &["alice", "HOST:PORT"], "──", "%bob%hello\r"),
    ];
    for_each_at_once(&rows, |_, (program, arguments, prompt, typed)| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let arguments: Vec<String> =
            arguments.iter().map(|argument| argument.replace("HOST:PORT", &address)).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let script = r#""$0" "$@"; echo "status $?."; read -r rest; fg; echo "status $?.""#;
        let mut shell = Terminal::start("bash", &[&["-m", "-c", script, program], &arguments[..]].concat());
        let mut server = Peer::adopt(listener.accept().unwrap().0);
        shell.shows(prompt);
        shell.types(typed);
        shell.types("\x04");
        // Its half-close.
        let heard = server.hears_the_end();
        shell.types("\x1a");
        // 128 and SIGTSTP.
        shell.shows("status 148.");
        let end = if heard.ends_with(&[0]) { '\0' } else { '\n' };
        let lines: String = (0..LINES).map(|i| format!("line {i}.{end}")).collect();
        server.sends(lines);
        server.sends(heard);
        drop(server);
        thread::sleep(LONGER_THAN_GRACE);
        shell.types("\r");
        assert!(shell.ends().success());
        let shown = shell.screen.to_the_end();
        let missing = (0..LINES).filter(|i| !shown.contains(&format!("line {i}.")));
        assert_eq!(missing.collect::<Vec<_>>(), Vec::<usize>::new());
        assert!(shown.contains("status 0."), "{shown:?}");
    });
}
