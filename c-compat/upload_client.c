/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * upload_client_c: imitates the course's "simple FTP" client, as a peer in tests.
 * In: a file, lines on the socket. Out: once the server has greeted, the file's bytes, one space and a newline; on
 * standard output the greeting and the answer, line by line; on standard error the line `connected`, then errors only.
 *
 * Deliberate, because the server must live with it: it never closes its sending side before the server has closed, and
 * nothing but the last newline says where the text ends; no name and no size is sent. What comes is printed as it is,
 * as C strings, a line of more than LINE_ROOM bytes in pieces.
 * Deliberately unlike the course's client: any bytes, many lines, a file of any size; it listens while it sends, so
 * that a server which answers early or closes neither kills nor stops it.
 *
 * Status: 0 when the answer's last bytes are `[SUCCESS]`, 1 otherwise or on any error, 2 for wrong arguments.
 */
#include "common.h"
#include "io.h"
#include "connector.h"
#include "duplex.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { UPLOAD_PORT = 5555, PIECE_MAX = 65536 };

static const char PROGRAM[] = "upload_client_c";
static const char ENDING[] = {' ', '\n'};
static const char SUCCESS[] = "[SUCCESS]";

struct upload {
    struct exchange exchange;
    const char *name;
    int file;
    bool read_up; /* the file's end was read, and ENDING is in the last piece */
    char piece[PIECE_MAX];
};

/* The next piece of the file, as full as it gets, so that a short text and its ending leave in one write. */
static bool load(struct upload *upload)
{
    size_t held = 0;
    while (!upload->read_up && held < PIECE_MAX - sizeof ENDING) {
        ssize_t got = read(upload->file, upload->piece + held, PIECE_MAX - sizeof ENDING - held);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            complain(PROGRAM, "reading", upload->name);
            return false;
        }
        held += (size_t)got;
        upload->read_up = got == 0;
    }
    if (upload->read_up) {
        memcpy(upload->piece + held, ENDING, sizeof ENDING);
        held += sizeof ENDING;
    }
    upload->exchange.out = upload->piece;
    upload->exchange.left = held;
    return true;
}

static bool show(const struct line *line)
{
    if (put_line("", line->text, NO_STOP))
        return true;
    complain(PROGRAM, "writing to", "standard output");
    return false;
}

static bool await_greeting(struct upload *upload)
{
    struct line line = {.whole = false};
    while (!line.whole) {
        if (next_line(&upload->exchange, &line)) {
            if (!show(&line))
                return false;
        } else if (upload->exchange.in.ended) {
            complain_that(PROGRAM, "reading from", "the server",
                          reason_of(&upload->exchange, "closed before its greeting ended"));
            return false;
        } else {
            proceed(&upload->exchange);
        }
    }
    return true;
}

/* Until the server closes, whether it took the whole file or not; `line` is then the last one that it said. */
static bool send_and_listen(struct upload *upload, struct line *line)
{
    struct exchange *exchange = &upload->exchange;
    while (!exchange->in.ended) {
        if (exchange->left == 0 && !upload->read_up && !exchange->refused && !load(upload))
            return false;
        proceed(exchange);
        while (next_line(exchange, line))
            if (!show(line))
                return false;
    }
    return true;
}

static bool succeeded(const struct line *answer)
{
    size_t size = strlen(SUCCESS);
    return !answer->whole && answer->size >= size && memcmp(answer->text + answer->size - size, SUCCESS, size) == 0;
}

static int run(struct upload *upload)
{
    struct line answer = {.whole = false};
    if (!await_greeting(upload) || !send_and_listen(upload, &answer))
        return EXIT_FAILURE;
    if (succeeded(&answer))
        return EXIT_SUCCESS;
    complain_that(PROGRAM, "sending", upload->name, reason_of(&upload->exchange, "no [SUCCESS] ends the answer"));
    return EXIT_FAILURE;
}

int main(int count, char **arguments)
{
    static struct upload upload; /* static for its size */
    struct sockaddr_in server;
    if (count < 3 || count > 4 || !parse_server(arguments[2], arguments[3], UPLOAD_PORT, &server)) {
        dprintf(STDERR_FILENO, "usage: upload_client_c FILE IP [PORT]\n");
        return EXIT_USAGE;
    }
    prepare_process();
    upload.name = arguments[1];
    upload.file = open(upload.name, O_RDONLY);
    if (upload.file < 0) {
        complain(PROGRAM, "opening", upload.name);
        return EXIT_FAILURE;
    }
    int status = EXIT_FAILURE;
    upload.exchange.socket = dial(PROGRAM, &server);
    if (upload.exchange.socket >= 0) {
        dprintf(STDERR_FILENO, "connected\n");
        status = run(&upload);
        close(upload.exchange.socket);
    }
    close(upload.file);
    return status;
}
