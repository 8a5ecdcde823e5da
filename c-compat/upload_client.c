/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * upload_client_c: imitates the course's "simple FTP" client, as a peer in tests. In: a file, lines
 * on the socket. Out: after the server's greeting the file's bytes, one space and a newline; on
 * standard output greeting and answer, line by line; on standard error `connected`, then errors
 * only.
 *
 * Faults kept, because the server must cope with them: it does not half-close, so only the last
 * newline marks the end of the text; it sends neither name nor size. Input is printed unchanged, as
 * C strings, a line of more than LINE_MAX_SIZE bytes in pieces.
 * Differs from the course's client: files of any bytes and any size; it reads while it sends, so a
 * server that answers early or closes neither kills nor blocks it.
 *
 * Status: 0 when the answer's last bytes are `[SUCCESS]`, 1 otherwise or on any error, 2 for wrong
 * arguments.
 */
#include "common.h"
#include "connector.h"
#include "duplex.h"
#include "io.h"

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
    struct duplex duplex;
    const char *name;
    int file;
    bool read_up; /* end of file reached, ENDING is in the last piece */
    char piece[PIECE_MAX];
};

/* Loads the next piece, as full as possible, so that a short text and its ending leave in one
 * write. */
static bool load(struct upload *upload)
{
    size_t held = 0;
    while (!upload->read_up && held < PIECE_MAX - sizeof ENDING) {
        ssize_t got = read(upload->file, upload->piece + held, PIECE_MAX - sizeof ENDING - held);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            report_error(PROGRAM, "reading", upload->name);
            return false;
        }
        held += (size_t)got;
        upload->read_up = got == 0;
    }
    if (upload->read_up) {
        memcpy(upload->piece + held, ENDING, sizeof ENDING);
        held += sizeof ENDING;
    }
    upload->duplex.out = upload->piece;
    upload->duplex.left = held;
    return true;
}

static bool show(const struct line *line)
{
    if (print_line("", line->text, NO_STOP))
        return true;
    report_error(PROGRAM, "writing to", "standard output");
    return false;
}

static bool await_greeting(struct upload *upload)
{
    struct line line = {.whole = false};
    while (!line.whole) {
        if (next_line(&upload->duplex, &line)) {
            if (!show(&line))
                return false;
        } else if (upload->duplex.in.ended) {
            report_reason(PROGRAM, "reading from", "the server",
                          close_reason(&upload->duplex, "closed before its greeting ended"));
            return false;
        } else {
            duplex_step(&upload->duplex);
        }
    }
    return true;
}

/* Runs until the server closes, even half way through the file. `line` is then the last one
 * received. */
static bool send_and_listen(struct upload *upload, struct line *line)
{
    struct duplex *duplex = &upload->duplex;
    while (!duplex->in.ended) {
        if (duplex->left == 0 && !upload->read_up && !duplex->refused && !load(upload))
            return false;
        duplex_step(duplex);
        while (next_line(duplex, line))
            if (!show(line))
                return false;
    }
    return true;
}

static bool succeeded(const struct line *answer)
{
    size_t size = strlen(SUCCESS);
    return !answer->whole && answer->size >= size
        && memcmp(answer->text + answer->size - size, SUCCESS, size) == 0;
}

static int run(struct upload *upload)
{
    struct line answer = {.whole = false};
    if (!await_greeting(upload) || !send_and_listen(upload, &answer))
        return EXIT_FAILURE;
    if (succeeded(&answer))
        return EXIT_SUCCESS;
    report_reason(PROGRAM, "sending", upload->name,
                  close_reason(&upload->duplex, "no [SUCCESS] ends the answer"));
    return EXIT_FAILURE;
}

int main(int count, char **arguments)
{
    static struct upload upload; /* too large for the stack */
    struct sockaddr_in server;
    if (count < 3 || count > 4 || !parse_address(arguments[2], arguments[3], UPLOAD_PORT, &server)) {
        dprintf(STDERR_FILENO, "usage: upload_client_c FILE IP [PORT]\n");
        return EXIT_USAGE;
    }
    prepare_process();
    upload.name = arguments[1];
    upload.file = open(upload.name, O_RDONLY);
    if (upload.file < 0) {
        report_error(PROGRAM, "opening", upload.name);
        return EXIT_FAILURE;
    }
    int status = EXIT_FAILURE;
    upload.duplex.socket = connect_to_server(PROGRAM, &server);
    if (upload.duplex.socket >= 0) {
        dprintf(STDERR_FILENO, "connected\n");
        status = run(&upload);
        close(upload.duplex.socket);
    }
    close(upload.file);
    return status;
}
