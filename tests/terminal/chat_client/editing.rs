//! Editing keys, history, pastes, completion of names.

use super::*;

#[test]
fn keys_edit_the_line() {
    let server = Server::start(&[]);
    let mut alice = alice(&server);
    let mut bob = server.join();
    // Home, End, arrows, word motion, Backspace, Delete, and killed text yanked elsewhere.
    alice.types("deux trois\x01un \x05\x7f\x7fis quatre\x1b[1;5D\x17\x05 \x19");
    alice.cursor_is_behind("alice> un deux quatre trois ");
    alice.types("\x1b[H\x1b[3~\x1b[C\x1b[D\x06\x02U\r");
    assert_eq!(bob.strings(1), ["alice : Un deux quatre trois "]);
    // rxvt's Shift+Home, Ctrl+Right and Shift+Delete; a number pad in application mode.
    alice.types("un deux trois\x1b[7$\x1bOc\x1bOc\x1b[3$\x1bOk\x1bOq\x1bOy\x1bOM");
    assert_eq!(bob.strings(1), ["alice : un deux+19trois"]);
    alice.types("a\x1bb\x1b[D\x1b");
    // A lone Escape does nothing, and swallows no key.
    alice.types("c");
    alice.sees("both", |screen| {
        let contents = screen.contents();
        (contents.contains("alice> ca") || contents.contains("alice> a")).then_some(())
    });
}

#[test]
fn wide_and_combining_characters_have_their_width() {
    let server = Server::start(&[]);
    let mut alice = alice(&server);
    let mut bob = server.join();
    alice.types("日本e\u{301}🦀");
    alice
        .sees("the cursor behind them", |screen| (screen.cursor_position().1 == 7 + 4 + 1 + 2).then_some(()));
    alice.types("\x1b[D\x1b[D");
    alice.sees("the cursor between them", |screen| (screen.cursor_position().1 == 7 + 4).then_some(()));
    alice.types("x\x1b[D\x1b[D\x7f\r");
    assert_eq!(bob.strings(1), ["alice : 本xe\u{301}🦀"]);
}

#[test]
fn a_line_longer_than_its_row_scrolls_with_the_cursor() {
    let server = Server::start(&[]);
    let mut alice = alice_in(&server, (20, 5), &[], &[]);
    let mut bob = server.join();
    alice.types("abcdefghijklmnopqrstuvwxyz");
    alice.sees("its end", |screen| {
        let (row, _) = screen.cursor_position();
        let shown = screen.rows(0, 20).nth(row.into())?;
        (shown.starts_with("alice> <") && shown.ends_with("xyz") && !screen.row_wrapped(row)).then_some(())
    });
    alice.types("\x01");
    alice.ends_with(&["alice> abcdefghij>"]);
    alice.cursor_is_behind("alice> ");
    alice.types("\r");
    assert_eq!(bob.strings(1), ["alice : abcdefghijklmnopqrstuvwxyz"]);
}

#[test]
fn earlier_lines_can_be_recalled_and_searched() {
    let server = Server::start(&[]);
    let mut alice = alice(&server);
    alice.types("premier\rsecond\rbrouillon\x1b[A");
    alice.cursor_is_behind("alice> second");
    alice.types("\x10\x0e\x1b[B");
    alice.cursor_is_behind("alice> brouillon");
    alice.types("\x12prem");
    alice.cursor_is_behind("(recherche « prem ») premier");
    alice.types("\x05 fois\r");
    alice.sees("what was found and more", |screen| {
        screen.contents().contains("» alice : premier fois").then_some(())
    });
}

#[test]
fn tab_completes_the_names_of_earlier_messages() {
    let server = Server::start(&[]);
    let mut alice = alice(&server);
    let mut others = server.join();
    others.sends("Bob : salut\0bernard : moi aussi\0eve\x1b[2J : non\0");
    alice.sees("three messages", |screen| screen.contents().contains("3 messages").then_some(()));
    alice.types("b\t");
    alice.cursor_is_behind("alice> bernard, ");
    alice.types("\t");
    alice.cursor_is_behind("alice> Bob, ");
    alice.types("\t\t\tet b\t");
    alice.cursor_is_behind("alice> Bob, et bernard ");
    // A name with control characters is not offered.
    alice.types("\x15e\t");
    alice.cursor_is_behind("alice> e");
}

#[test]
fn one_pasted_line_is_inserted_and_not_sent() {
    let server = Server::start(&[]);
    let mut alice = alice(&server);
    let mut bob = server.join();
    alice.types("il dit \x1b[200~un\tdeux\x1b[A\x07\r\x1b[201~!");
    alice.cursor_is_behind("alice> il dit un    deux[A!");
    alice.types("\r");
    assert_eq!(bob.strings(1), ["alice : il dit un    deux[A!"]);
}

#[test]
fn many_pasted_lines_are_sent_only_after_a_confirmation() {
    let server = Server::start(&[]);
    let mut alice = alice_in(&server, (90, 10), &[], &[]);
    let mut bob = server.join();
    let question = "── 3 lignes collées : Entrée envoie chacune comme un message, Échap renonce";
    alice.types("brouillon\x1b[200~un\rdeux\r\rtrois\r\x1b[201~");
    alice.ends_with(&[question, "alice> brouillon"]);
    alice.types("\x1b");
    alice.ends_with(&[&status(&server, "0 message"), "alice> brouillon"]);
    alice.types("\x1b[200~un\r\ndeux\r\n\r\ntrois\x1b[201~");
    alice.ends_with(&[question, "alice> brouillon"]);
    alice.types("\r");
    assert_eq!(bob.strings(3), ["alice : un", "alice : deux", "alice : trois"]);
    alice.ends_with(&["» alice : trois", &status(&server, "3 messages"), "alice> brouillon"]);
    // Enter is LF for some.
    alice.types("\x1b[200~quatre\rcinq\x1b[201~\n");
    assert_eq!(bob.strings(2), ["alice : quatre", "alice : cinq"]);
    // Escape and Enter in one read.
    alice.types("\x1b[200~un\rdeux\x1b[201~\x1b\r");
    assert_eq!(bob.strings(1), ["alice : brouillon"]);
}

#[test]
fn a_paste_has_a_limit_which_is_reported() {
    let server = Server::start(&[]);
    let mut alice = alice_in(&server, (90, 10), &[], &[]);
    alice.types(&format!("\x1b[200~{}\x1b[201~", "x\n".repeat(10_001)));
    alice.sees("the question", |screen| {
        screen.contents().contains("── 10000 lignes collées (le reste est perdu)").then_some(())
    });
}

#[test]
fn the_question_fits_a_narrow_terminal() {
    let server = Server::start(&[]);
    for (size, question) in [((36, 10), "── 2 lignes : Entrée ou Échap ?"), ((20, 3), "── Entrée ou Échap")]
    {
        let _row = Row::of(&(&size, &question));
        let mut alice = alice_in(&server, size, &[], &[]);
        alice.types("\x1b[200~un\ndeux\x1b[201~");
        alice.ends_with(&[question, "alice>"]);
    }
}

#[test]
fn the_user_can_type_on_while_the_question_is_shown() {
    let server = Server::start(&[]);
    let mut alice = alice_in(&server, (36, 10), &[], &[]);
    let mut bob = server.join();
    alice.types("\x1b[200~un\rdeux\x1b[201~bonjour");
    alice.ends_with(&["── 2 lignes : Entrée ou Échap ?", "alice> bonjour"]);
    alice.types("\r\r");
    assert_eq!(bob.strings(3), ["alice : un", "alice : deux", "alice : bonjour"]);
    alice.types("\x1b[200~un\rdeux\x1b[201~\x04");
    assert_eq!(alice.terminal.ends().code(), Some(0));
}

#[test]
fn a_paste_too_long_for_a_line_is_cut_and_that_is_reported() {
    let server = Server::start(&[]);
    let mut alice = alice_in(&server, (90, 10), &[], &[]);
    alice.types(&format!("\x1b[200~{}fin\x1b[201~", "x".repeat(16 * 1024)));
    alice.sees("what has become of it", |screen| {
        let rows = rows_of(screen);
        let [.., status, line] = &rows[..] else { return None };
        let told = status == "── ligne pleine : la fin de ce qui a été collé n'y est pas";
        (told && line.ends_with("xxx")).then_some(())
    });
    alice.types("\x7f");
    alice.sees("the status again", |screen| {
        rows_of(screen).contains(&status(&server, "0 message")).then_some(())
    });
}

#[test]
fn ctrl_c_in_a_paste_is_not_a_key() {
    let server = Server::start(&[]);
    let mut alice = alice_in(&server, (90, 10), &[], &[]);
    let mut bob = server.join();
    alice.types("\x1b[200~un\x03\x1a\x1cdeux\x1b[201~");
    alice.cursor_is_behind("alice> undeux");
    alice.types(&format!("\x1b[200~\x03{}\x1b[201~", "#\n".repeat(5000)));
    alice.sees("the question", |screen| screen.contents().contains("5000 lignes collées").then_some(()));
    alice.types("\x1b");
    alice.ends_with(&[&status(&server, "0 message"), "alice> undeux"]);
    alice.types("\r");
    assert_eq!(bob.strings(1), ["alice : undeux"]);
    // Between two pastes, it is a key.
    alice.types("\x03");
    alice.ends_with(&["chat_client : interrompu, au revoir"]);
    assert_eq!(alice.terminal.ends().code(), Some(0));
}

#[test]
fn without_bracketed_paste_each_line_is_sent_as_if_typed() {
    let server = Server::start(&[]);
    let mut alice = alice(&server);
    let mut bob = server.join();
    alice.types("un\ndeux\rtrois");
    assert_eq!(bob.strings(2), ["alice : un", "alice : deux"]);
    alice.cursor_is_behind("alice> trois");
}

#[test]
fn ctrl_l_redraws_a_clean_screen() {
    let server = Server::start(&[]);
    let mut alice = alice(&server);
    alice.types("texte\x0c");
    alice.sees("a clean screen", |screen| {
        let rows: Vec<String> = screen.rows(0, 60).take(3).collect();
        (rows == [status(&server, "0 message"), "alice> texte".to_string(), String::new()]).then_some(())
    });
}

#[test]
fn ctrl_d_deletes_a_character_and_leaves_on_an_empty_line() {
    let server = Server::start(&[]);
    let mut alice = alice(&server);
    alice.types("ab\x02\x04\x7f\x04");
    assert_eq!(alice.terminal.ends().code(), Some(0));
    alice.ends_with(&["chat_client : fin de l'entrée, au revoir"]);
}

/// The replies to questions of a program that ran before, one in each form: OSC, DCS, APC, private
/// CSI, nF, the mouse.
#[test]
fn what_the_terminal_reports_is_not_typed() {
    let server = Server::start(&[]);
    let mut alice = alice(&server);
    let mut bob = server.join();
    let reports = [
        "\x1b]11;rgb:0000/0000/0000\x07",
        "\x1bP1+r544e=787465726d\x1b\\",
        "\x1b_Gi=31;OK\x1b\\",
        "\x1b[>0;276;0c",
        "\x1b/Z",
        "\x1b[<0;0;0M",
        "\x1b[M \u{90}\u{100}",
        "\x1bP1$rune ligne\r\nune autre\n\x1b\\",
        "\x1bX\x01\n\x03\x1b\\",
    ];
    for report in reports {
        let _row = Row::of(&report);
        alice.types(&format!("un{report} deux\r"));
        assert_eq!(bob.strings(1), ["alice : un deux"]);
    }
    // One without its end: the next control key that it cannot have counts, and what follows it.
    alice.types("quatre\x1b]11;rgb\x1b\r");
    assert_eq!(bob.strings(1), ["alice : quatre"]);
    alice.types("cinq\x1bP1+r\x03");
    assert_eq!(alice.terminal.ends().code(), Some(0));
}
