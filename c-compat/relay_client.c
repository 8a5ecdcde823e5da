/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * relay_client_c: imitates the course's client of the relay for two, as a peer in tests.
 * In: lines on standard input, C strings on the socket. Out: `text\0` in one write on the socket; on standard output
 * `numéro N`, `rôle emi` or `rôle rec`, `reçu : text` for each message, `au revoir` when the server says `exit`; on
 * standard error the line `connected`, then errors only.
 *
 * Deliberate, because the server must live with it: ONE recv for its number (3 bytes at most), one for its role (4),
 * one for each message (1024), and of each only what stands before the first NUL, so that whatever a server glues
 * together is lost or mistaken for something else; while it waits for a message it does not read its keyboard; a line
 * of more than 1023 bytes goes in pieces, one a turn; what comes is printed as it is.
 * Deliberately unlike the course's client: Ctrl+C sends `fin` from the main flow, not inside the handler; the
 * keyboard's end counts as `fin`; a role that is neither is an error; at its keyboard it also hears the socket, so that
 * `exit` and a lost server end it there too (a message out of turn is printed, and the turn stays).
 *
 * Status: 0 after `exit`, `fin` or Ctrl+C, 1 when the server is gone or on any error, 2 for wrong arguments.
 */
#include "common.h"
#include "io.h"
#include "connector.h"
#include "line_buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RELAY_PORT = 44573, NUMBER_MAX = 3, ROLE_MAX = 4, MESSAGE_MAX = 1024, TEXT_MAX = MESSAGE_MAX - 1 };

static const char PROGRAM[] = "relay_client_c";

enum ending { IN_ORDER, INTERRUPTED, FAILED };

struct client {
    int socket;
    int interrupted; /* readable once SIGINT has come: the `stop` of io.h */
    struct lines keyboard;
    enum ending ending; /* set by leave() */
};

/* All steps below return true to go on, and leave by this. */
static bool leave(struct client *client, enum ending ending)
{
    client->ending = ending;
    return false;
}

/* After a call of io.h that failed. */
static bool leave_because_of(struct client *client, const char *doing, const char *whom)
{
    if (errno == 0)
        return leave(client, INTERRUPTED);
    complain(PROGRAM, doing, whom);
    return leave(client, FAILED);
}

static bool say(struct client *client, const char *label, const char *text)
{
    return put_line(label, text, client->interrupted) || leave_because_of(client, "writing to", "standard output");
}

static bool send_text(struct client *client, const char *text)
{
    return put_all(client->socket, text, strlen(text) + 1, client->interrupted)
        || leave_because_of(client, "writing to", "the server");
}

/* One recv, whatever it brings; `text` has room for `most` bytes and a NUL. */
static bool receive(struct client *client, char *text, size_t most)
{
    while (ready(client->socket, POLLIN, client->interrupted)) {
        ssize_t got = recv(client->socket, text, most, 0);
        if (got > 0) {
            text[got] = '\0';
            return true;
        }
        if (got < 0 && try_again())
            continue;
        complain_that(PROGRAM, "reading from", "the server", got == 0 ? "closed the connection" : strerror(errno));
        return leave(client, FAILED);
    }
    return leave(client, INTERRUPTED);
}

static bool is_exit(struct client *client, const char *text)
{
    if (strcmp(text, "exit") != 0)
        return false;
    if (say(client, "au revoir", ""))
        leave(client, IN_ORDER);
    return true;
}

static bool hear(struct client *client)
{
    char text[MESSAGE_MAX + 1];
    return receive(client, text, MESSAGE_MAX) && !is_exit(client, text) && say(client, "reçu : ", text);
}

/* Brings more of the keyboard, or tells what the server says meanwhile. */
static bool wait_at_keyboard(struct client *client)
{
    struct pollfd awaited[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                               {.fd = client->socket, .events = POLLIN},
                               {.fd = client->interrupted, .events = POLLIN}};
    if (poll(awaited, 3, -1) < 0)
        return try_again() || leave_because_of(client, "waiting for", "standard input");
    if (awaited[2].revents != 0)
        return leave(client, INTERRUPTED);
    if (awaited[1].revents != 0)
        return hear(client);
    return fill(&client->keyboard, STDIN_FILENO) || leave_because_of(client, "reading", "standard input");
}

static bool speak(struct client *client)
{
    struct line line = {.text = "fin"};
    while (!take_line(&client->keyboard, TEXT_MAX, &line) && !client->keyboard.ended)
        if (!wait_at_keyboard(client))
            return false;
    if (!send_text(client, line.text))
        return false;
    return strcmp(line.text, "fin") != 0 || leave(client, IN_ORDER);
}

static void converse(struct client *client)
{
    char number[NUMBER_MAX + 1];
    char role[ROLE_MAX + 1];
    if (!receive(client, number, NUMBER_MAX) || !say(client, "numéro ", number) || !receive(client, role, ROLE_MAX)
        || is_exit(client, role) || !say(client, "rôle ", role))
        return;

    bool our_turn = strcmp(role, "emi") == 0;
    if (!our_turn && strcmp(role, "rec") != 0) {
        complain_that(PROGRAM, "taking the role from", "the server", "neither emi nor rec");
        leave(client, FAILED);
        return;
    }
    while (our_turn ? speak(client) : hear(client))
        our_turn = !our_turn;
}

static int interrupt_pipe[2];

static void on_interrupt(int number)
{
    int kept = errno;
    ssize_t put = write(interrupt_pipe[1], "", 1);
    (void)put; /* a pipe that is full is readable all the same */
    (void)number;
    errno = kept;
}

/* Only once connected: before, SIGINT has nothing to say to a server and ends the program as usual. */
static bool watch_for_interrupt(void)
{
    struct sigaction action = {.sa_handler = on_interrupt};
    sigemptyset(&action.sa_mask);
    return pipe(interrupt_pipe) == 0 && fcntl(interrupt_pipe[1], F_SETFL, O_NONBLOCK) == 0
        && sigaction(SIGINT, &action, NULL) == 0;
}

int main(int count, char **arguments)
{
    struct sockaddr_in server;
    if (count < 2 || count > 3 || !parse_server(arguments[1], arguments[2], RELAY_PORT, &server)) {
        dprintf(STDERR_FILENO, "usage: relay_client_c IP [PORT]\n");
        return EXIT_USAGE;
    }
    prepare_process();
    struct client client = {.socket = dial(PROGRAM, &server)};
    if (client.socket < 0)
        return EXIT_FAILURE;
    if (!watch_for_interrupt()) {
        complain(PROGRAM, "watching for", "SIGINT");
        close(client.socket);
        return EXIT_FAILURE;
    }
    client.interrupted = interrupt_pipe[0];
    dprintf(STDERR_FILENO, "connected\n");
    converse(&client);

    if (client.ending == INTERRUPTED) /* without waiting: a server that no longer reads must not hold up Ctrl+C */
        send(client.socket, "fin", sizeof "fin", MSG_DONTWAIT);
    close(client.socket);
    return client.ending == FAILED ? EXIT_FAILURE : EXIT_SUCCESS;
}
