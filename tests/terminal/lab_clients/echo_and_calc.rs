//! `echo_client` and `calc_client`: typed lines and their answers.

use super::*;

#[test]
fn each_line_and_its_answer_are_shown_above_the_prompt() {
    let (mut client, mut server) = with_fake_server(ECHO);
    let connected = format!("── connected · {}", place(&server));
    client.ends_with(&[&connected, ">"]);
    client.types("hello\r");
    server.hears("hello");
    // No answer yet, as from a server that serves another client first.
    client.ends_with(&["> hello", &format!("── 1 line has not come back · {}", place(&server)), ">"]);
    client.types("été\rdraft");
    server.hears("été");
    client.ends_with(&["> été", &format!("── 2 lines have not come back · {}", place(&server)), "> draft"]);
    server.sends("helloé");
    server.sends("té");
    client.ends_with(&["> hello", "> été", "hello", "été", &connected, "> draft"]);
}

#[test]
fn an_empty_line_is_answered_by_an_empty_line() {
    let (mut client, server) = with_fake_server(ECHO);
    client.types("\r");
    client.ends_with(&[">", "", &format!("── connected · {}", place(&server)), ">"]);
}

#[test]
fn a_long_answer_is_wrapped_by_the_terminal_itself() {
    let (mut client, mut server) = with_fake_server(ECHO);
    let line = "x".repeat(250);
    client.types(&format!("{line}\r"));
    server.hears(&line);
    server.sends(&line);
    client.sees("the answer, wrapped", |screen| {
        let end = (0..12).find(|&row| screen.contents_between(row, 0, row, 2) == "──")?;
        // The terminal wraps it, so that copied text is in one piece.
        (end >= 3 && screen.contents_between(end - 3, 0, end - 1, 100) == line).then_some(())
    });
}

#[test]
fn questions_and_sums_are_shown() {
    let server = Server::of(CALC_SERVER, &[]);
    let mut client = Emulator::start(SIZE, &[], CALC, &["--port", &server.port()]);
    client.sees("the question", |screen| screen.contents().contains("\nFirst number?\n").then_some(()));
    client.types("12\r");
    client.sees("the next", |screen| screen.contents().contains("\n> 12\nSecond number?\n").then_some(()));
    client.types("30\r");
    client.sees("the sum", |screen| screen.contents().contains("\n> 30\n\nThe sum is:\n42\n").then_some(()));
}

#[test]
fn a_question_without_a_newline_becomes_the_prompt() {
    let (mut client, mut server) = with_fake_server(CALC);
    let status = format!("── connected · {}", place(&server));
    server.sends("Bonjour\r\n\nPremier nombre : ");
    client.ends_with(&["Bonjour", "", &status, "Premier nombre :"]);
    client.types("12");
    client.cursor_is_behind("Premier nombre : 12");
    client.types("\r");
    server.hears("12\n");
    client.ends_with(&["Premier nombre : 12", &status, ">"]);
    server.sends("Deuxi\u{e8}me\x1b[2J\u{202e} : ");
    client.types("3");
    client.cursor_is_behind("Deuxième^[[2J<U+202E> : 3");
    client.types("\r");
    server.hears("3\n");
    server.sends("15");
    drop(server);
    let closed = "calc_client: the server closed the connection";
    client.ends_with(&["Deuxième^[[2J<U+202E> : 3", "15", closed]);
    assert_eq!(client.terminal.ends().code(), Some(0));
}

#[test]
fn a_question_too_long_for_a_prompt_is_shown_above_it() {
    let (listener, port) = listening();
    let mut client = Emulator::start((80, 24), &[], CALC, &arguments(CALC, &port));
    let mut server = accept(&listener);
    let question = "Entrez le premier nombre de votre calcul, puis Entree :";
    server.sends(format!("{question} "));
    let status = format!("── connected · {}", place(&server));
    client.ends_with(&[question, &status, ">"]);
    client.types("12\r");
    server.hears("12\n");
    client.ends_with(&[question, "> 12", &status, ">"]);
    // Also if the user answers before the question is known to be complete.
    client.types("3");
    server.sends(format!("{question} "));
    client.types("0\r");
    server.hears("30\n");
    server.sends("\n42\n");
    client.sees("the sum", |screen| screen.contents().contains("\n42\n").then_some(()));
    let asked = client.with_scrollback().iter().filter(|row| *row == question).count();
    assert_eq!(asked, 2);
}

#[test]
fn an_answer_in_pieces_is_shown_whole_although_the_user_types_meanwhile() {
    // The client gives up on the rest of an answer after 3 s. A busy machine may exceed that, not
    // ten times.
    let is_whole = (0..10).any(|_| {
        let (mut client, mut server) = with_fake_server(ECHO);
        client.types("hello\r");
        server.hears("hello");
        server.sends("hel");
        client.types("world\r");
        server.hears("world");
        client.sees("both lines", |screen| screen.contents().contains("\n> world\n").then_some(()));
        server.sends("lo");
        server.sends("world");
        let status = format!("── connected · {}", place(&server));
        let whole = ["> hello", "> world", "hello", "world", &status, ">"].map(str::to_string);
        client.sees("the answers, or a part of one", |screen| {
            let rows = rows_of(screen);
            let is_whole = rows.ends_with(&whole);
            (is_whole || rows.contains(&"hel".to_string())).then_some(is_whole)
        })
    });
    assert!(is_whole, "always in parts");
}

#[test]
fn a_short_answer_is_shown_after_a_while_and_the_next_one_starts_anew() {
    let (mut client, mut server) = with_fake_server(ECHO);
    client.types("hello\r");
    server.hears("hello");
    server.sends("OK");
    let status = format!("── connected · {}", place(&server));
    client.ends_with(&["> hello", "OK", &status, ">"]);
    client.types("un\r");
    server.hears("un");
    server.sends("un");
    client.ends_with(&["OK", "> un", "un", &status, ">"]);
}

#[test]
fn a_server_that_does_not_read_is_reported() {
    let (mut client, server) = with_fake_server(CALC);
    client.cursor_is_behind("> ");
    let line = "1".repeat(1000);
    let paste = format!("\x1b[200~{}\x1b[201~", format!("{line}\n").repeat(900));
    let told = "the server takes nothing";
    let mut tries = 0;
    while tries < 20 && !client.sees("the screen", |screen| Some(screen.contents().contains(told))) {
        tries += 1;
        client.types(&paste);
        client.sees("a question", |screen| screen.contents().contains("lines pasted").then_some(()));
        client.types("\r");
        client.sees("its answer", |screen| (!screen.contents().contains("lines pasted")).then_some(()));
    }
    client.sees("that it takes nothing", |screen| screen.contents().contains(told).then_some(()));
    drop(server);
}

#[test]
fn many_pasted_lines_are_sent_only_after_a_confirmation() {
    let (mut client, mut server) = with_fake_server(CALC);
    client.cursor_is_behind("> ");
    client.types("\x1b[200~1\n2\n\x1b[201~");
    client.sees("the question", |screen| screen.contents().contains("── 2 lines pasted").then_some(()));
    client.types("\r");
    server.hears("1\n2\n");
}
