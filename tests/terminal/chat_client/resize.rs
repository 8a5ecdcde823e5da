//! Terminals that change their size.

use super::*;

/// The emulator cuts rows at a resize, as xterm does: with its environment variable, and without
/// it, as over ssh.
#[test]
fn after_each_new_size_the_rows_are_drawn_once() {
    for variables in [&["XTERM_VERSION=1"][..], &[]] {
        let _row = Row::of(&variables);
        let server = Server::start(&[]);
        let mut alice = alice_in(&server, (60, 10), variables, &[]);
        server.join().sends("bob : un\0bob : deux\0bob : trois\0");
        alice.types("brouillon");
        let wide = status(&server, "3 messages");
        alice.ends_with(&["bob : trois", &wide, "alice> brouillon"]);
        for (columns, rows, line) in
            [(30, 10, "alice> brouillon"), (12, 10, "> <"), (100, 30, "alice> brouillon")]
        {
            let _row = Row::of(&(&columns, &rows, &line));
            alice.resizes_to(columns, rows);
            alice.sees("the rows, once", |screen| {
                let all = screen.contents();
                let shown = all.lines().rev().nth(1)?;
                // The old row, cut, would reach the last column.
                let fits = shown.starts_with("── connecté") && shown.chars().count() < columns.into();
                let is_right = if columns < 60 { fits } else { shown == wide };
                let is_drawn = is_right && all.lines().last()?.starts_with(line);
                // Messages are never erased.
                let is_whole = all.matches("bob :").count() == 3 && all.matches("──").count() == 1;
                (is_drawn && is_whole).then_some(())
            });
        }
        server.join().sends("bob : encore\0");
        alice.ends_with(&["bob : encore", &status(&server, "4 messages"), "alice> brouillon"]);
    }
}

#[test]
fn no_size_is_too_small() {
    let server = Server::start(&[]);
    let mut alice = alice(&server);
    let mut bob = server.join();
    alice.types("日本語 e\u{301} texte");
    for (columns, rows) in [(1, 1), (2, 2), (20, 3), (3, 20), (60, 1), (5, 5)] {
        let _row = Row::of(&(&columns, &rows));
        alice.resizes_to(columns, rows);
        bob.sends("bob : salut 日本\0");
        bob.strings(1);
        alice.types("x\x7f\x01\x05");
        // As much as fits: the end of the line, and at most one status row.
        alice.sees(&format!("rows of {columns}"), |screen| {
            let (row, _) = screen.cursor_position();
            let shown = screen.rows(0, columns).nth(row.into())?;
            let is_ours = columns < 10 || shown.ends_with("texte");
            let statuses = rows_of(screen).iter().filter(|row| row.starts_with("──")).count();
            (is_ours && statuses <= 1 && !screen.row_wrapped(row)).then_some(())
        });
    }
    alice.resizes_to(60, 10);
    alice.ends_with(&[&status(&server, "6 messages"), "alice> 日本語 e\u{301} texte"]);
    alice.types("\x03");
    assert_eq!(alice.terminal.ends().code(), Some(0));
}

#[test]
fn a_terminal_that_becomes_wider_shows_more_of_the_line() {
    let server = Server::start(&[]);
    let mut alice = alice_in(&server, (15, 6), &[], &[]);
    let draft: String = ('a'..='z').cycle().take(127).collect();
    alice.types(&draft);
    alice.cursor_is_behind("alice> <tuvw");
    alice.resizes_to(100, 30);
    alice.cursor_is_behind(&format!("alice> <{}", &draft[127 - 89..]));
    alice.resizes_to(150, 30);
    alice.cursor_is_behind(&format!("alice> {draft}"));
    // After a deletion, the rest of the line fills the row behind the mark.
    alice.resizes_to(30, 30);
    alice.types(" fin\x17\x7f\x7f");
    alice.cursor_is_behind(&format!("alice> <{}", &draft[126 - 19..126]));
}

#[test]
fn a_terminal_that_starts_with_one_cell_can_be_used() {
    let server = Server::start(&[]);
    let mut alice = Emulator::start((1, 1), &[], CLIENT, &["127.0.0.1", "alice", "--port", &server.port()]);
    let mut bob = server.join();
    server.wait_for_clients(2);
    alice.types("salut\r");
    assert_eq!(bob.strings(1), ["alice : salut"]);
}
