/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * chat_client_c: imitates the course's chat client and those that students derive from it, as a
 * peer in tests. In: lines on standard input, chunks on the socket. Out: one write per line on the
 * socket; the screen on standard output; on standard error `connected`, then errors only.
 *
 * Faults kept, because the server must cope with them: the screen prints each read as ONE C string,
 * so everything after its first NUL is lost; nothing is sent or printed before the user types or a
 * message arrives; an empty line is sent; the socket is descriptor 3 in both processes.
 * Faults not kept, because they would hurt tests: a failed connect exits with status 1 instead of
 * looping; the end of input half-closes the connection and sends no empty message; a long line
 * loses no character; each process exits when the other has died, even by SIGKILL.
 *
 * Status: 0 when the server closed the connection in order, 1 on any error, 2 for wrong arguments.
 */
#include "common.h"
#include "connector.h"
#include "io.h"
#include "line_buffer.h"
#include "variant.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READ_MAX = 1023, SOCKET_FD = 3 };

static const char PROGRAM[] = "chat_client_c";

struct session {
    struct sockaddr_in server;
    const char *pseudo;
    const struct variant *variant;
    int life; /* `stop` of io.h: readable when the other process has died */
};

struct keyboard {
    struct line_buffer lines;
    bool inside_line; /* the first piece of the next line has been sent */
    bool failed;      /* an error other than the death of the screen process */
};

static bool show(const struct session *session, const char *text)
{
    /* One write, so that a test never sees half a message. PSEUDO_MAX keeps it below PIPE_BUF,
     * hence atomic. */
    char screen[READ_MAX + PSEUDO_MAX + sizeof "\n\n> "];
    int size = snprintf(screen, sizeof screen, "\n%s\n%s> ", text, session->pseudo);
    if (write_all(STDOUT_FILENO, screen, (size_t)size, session->life))
        return true;
    if (errno != 0)
        report_error("screen", "writing to", "standard output");
    return false;
}

static int run_screen(const struct session *session)
{
    char chunk[READ_MAX + 1];
    while (wait_ready(SOCKET_FD, POLLIN, session->life)) {
        ssize_t got = read(SOCKET_FD, chunk, READ_MAX);
        if (got == 0)
            return EXIT_SUCCESS;
        if (got < 0 && is_transient_error())
            continue;
        if (got < 0) {
            report_error("screen", "reading from", "the server");
            return EXIT_FAILURE;
        }
        chunk[got] = '\0';
        if (!show(session, chunk))
            return EXIT_FAILURE;
    }
    return EXIT_FAILURE;
}

static bool send_line(const struct session *session, struct keyboard *keyboard, const struct line *line)
{
    bool sent = true;
    /* Fixed-size messages: one per line, the rest of a long line is dropped. */
    if (!(session->variant->exact && keyboard->inside_line)) {
        char message[MESSAGE_MAX];
        size_t whole = encode(session->variant, session->pseudo, line->text, line->size, message);
        sent = write_all(SOCKET_FD, message, whole, session->life);
        keyboard->failed = !sent && errno != 0;
    }
    if (keyboard->failed)
        report_error("keyboard", "writing to", "the server");
    keyboard->inside_line = !line->whole;
    return sent;
}

/* Sends all complete lines, and a long one piece by piece. */
static bool send_lines(const struct session *session, struct keyboard *keyboard)
{
    struct line line;
    while (take_line(&keyboard->lines, text_room(session->variant, session->pseudo), &line))
        if (!send_line(session, keyboard, &line))
            return false;
    return true;
}

/* Runs until the end of input, or until the screen process exits, whose status then has the
 * reason. */
static int run_keyboard(const struct session *session)
{
    struct keyboard keyboard = {.failed = false};
    while (!keyboard.lines.ended && wait_ready(STDIN_FILENO, POLLIN, session->life)) {
        if (!fill_buffer(&keyboard.lines, STDIN_FILENO)) {
            report_error("keyboard", "reading", "standard input");
            keyboard.failed = true;
            break;
        }
        if (!send_lines(session, &keyboard))
            break;
    }
    return keyboard.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int screen_status(pid_t screen)
{
    int status;
    while (waitpid(screen, &status, 0) < 0)
        if (errno != EINTR)
            return EXIT_FAILURE;
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    dprintf(STDERR_FILENO, "keyboard (pid %ld): screen process %ld was killed by signal %d\n", (long)getpid(),
            (long)screen, WTERMSIG(status));
    return EXIT_FAILURE;
}

/* Forks: the child is the screen, the parent the keyboard. There is one thread and no stdio
 * buffer. The child leaves by _exit, so that exit handlers (stdio's, a sanitizer's) do not run
 * twice. */
static int run_both(struct session *session)
{
    int life[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, life) < 0) {
        report_error(PROGRAM, "making", "the socket pair");
        return EXIT_FAILURE;
    }
    pid_t screen = fork();
    if (screen < 0) {
        report_error(PROGRAM, "forking", "the screen process");
        return EXIT_FAILURE;
    }
    session->life = life[screen == 0];
    close(life[screen != 0]); /* our copy would keep the other's end open after its death */
    if (screen == 0)
        _exit(run_screen(session));

    dprintf(STDERR_FILENO, "connected\n"); /* after fork: both processes exist once it is read */
    int status = run_keyboard(session);
    /* Fails on a dead connection, and then the screen process ends by itself. */
    shutdown(SOCKET_FD, SHUT_WR);
    int seen = screen_status(screen);
    return status == EXIT_SUCCESS ? seen : status;
}

static bool read_arguments(int count, char **arguments, struct session *session)
{
    if (count < 3 || count > 5)
        return false;
    session->pseudo = arguments[2];
    session->variant = find_variant(count > 4 ? arguments[4] : "course");
    return parse_address(arguments[1], arguments[3], CHAT_PORT, &session->server) && session->variant != NULL
        && strlen(session->pseudo) <= PSEUDO_MAX;
}

/* Moves the socket to descriptor 3, even if that was inherited open. */
static bool connect_as_3(const struct sockaddr_in *server)
{
    int fd = connect_to_server(PROGRAM, server);
    if (fd < 0 || fd == SOCKET_FD)
        return fd >= 0;
    bool moved = dup2(fd, SOCKET_FD) >= 0;
    if (!moved)
        report_error(PROGRAM, "numbering", "the socket");
    close(fd);
    return moved;
}

int main(int count, char **arguments)
{
    struct session session = {.life = NO_STOP};
    if (!read_arguments(count, arguments, &session)) {
        dprintf(STDERR_FILENO,
                "usage: chat_client_c IP PSEUDO [PORT [VARIANT]]; PSEUDO of at most %d bytes; VARIANT: "
                "course, newline, arrow, bare, newline-nul, padded or nul-run\n",
                PSEUDO_MAX);
        return EXIT_USAGE;
    }
    prepare_process();
    if (!connect_as_3(&session.server))
        return EXIT_FAILURE;
    return run_both(&session);
}
