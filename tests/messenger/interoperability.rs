//! Every pair talks both ways: {our server, the C server} with {our client, the C client in each of its forms}.

use crate::common::*;

/// What `pseudo` typing `text` puts into the room, in each form that the students' clients have.
const FORMS: [(&str, &str); 7] = [
    ("course", "bob : salut"),
    ("newline", "bob : salut\n"),
    ("arrow", "bob > salut\n"),
    ("bare", "salut\n"),
    ("newline-nul", "bob : salut\n"),
    ("padded", "bob : salut"),
    ("nul-run", "bob : salut"),
];

/// As both clients show a message: newline, text, newline, prompt.
#[track_caller]
fn shows(program: &Program, text: &str, prompt: &str) {
    let shown = format!("\n{text}\n{prompt}> ");
    program.out.wait_for(&format!("{shown:?} on the screen"), |bytes| {
        String::from_utf8_lossy(bytes).contains(&shown).then_some(())
    });
}

/// Our client as alice, and the C client as bob, in one room: each hears the other.
#[track_caller]
fn talk(server: &Server, variant: &str, form: &str) {
    let mut alice = our_client(server, "alice");
    let mut bob = c_client(server, "bob", variant);
    server.settle(2);
    bob.types("salut\n");
    shows(&alice, form, "alice");
    if server.echoes() {
        // Two messages in one read are one too many for this client: it gets the second after it has shown the first.
        shows(&bob, form, "bob");
    }
    alice.types("bonjour\n");
    shows(&bob, "alice : bonjour", "bob");
    alice.end_of_keyboard();
    assert!(alice.ends().success());
    bob.end_of_keyboard();
    assert!(bob.ends().success());
}

#[test]
fn our_client_and_each_c_client_talk_through_our_server() {
    for (variant, form) in FORMS {
        let _row = Row::of(&(&variant, &form));
        talk(&Server::start(&[]), variant, form);
    }
}

#[test]
fn our_client_and_each_c_client_talk_through_the_c_server() {
    for (variant, form) in FORMS {
        let _row = Row::of(&(&variant, &form));
        talk(&Server::in_c(), variant, form);
    }
}

#[test]
fn two_of_our_clients_talk_through_both_servers() {
    for server in [Server::start(&[]), Server::in_c()] {
        let _row = Row::of(&name_of(server.pid()));
        let (mut alice, mut carole) = (our_client(&server, "alice"), our_client(&server, "carole"));
        server.settle(2);
        alice.types("un\n");
        shows(&carole, "alice : un", "carole");
        carole.types("deux\n");
        shows(&alice, "carole : deux", "alice");
    }
}

#[test]
fn two_c_clients_of_any_form_talk_through_our_server() {
    let server = Server::start(&[]);
    let listener = c_client(&server, "zoe", "course");
    for (i, (variant, form)) in FORMS.iter().enumerate() {
        let _row = Row::of(&variant);
        let mut bob = c_client(&server, "bob", variant);
        server.settle(2);
        bob.types("salut\n");
        shows(&bob, form, "bob");
        let heard = format!("\n{form}\nzoe> ");
        listener.out.wait_for("each once", |bytes| {
            let text = String::from_utf8_lossy(bytes);
            (text.matches(&heard).count() == FORMS[..=i].iter().filter(|(_, f)| f == form).count())
                .then_some(())
        });
        bob.end_of_keyboard();
        assert!(bob.ends().success());
        server.settle(1);
    }
}
