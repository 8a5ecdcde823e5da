/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * calc_client_c: imitates a client of the calculation lab that sends both numbers without waiting
 * for the questions, as a peer in tests. In: two arguments, lines on the socket. Out: `A\nB\n` in
 * one write right after connecting; on standard output each received line; on standard error
 * `connected`, then errors only.
 *
 * The arguments are sent unchecked, so that a test can send nonsense. Input is printed unchanged,
 * as C strings, a line of more than LINE_MAX_SIZE bytes in pieces. The result is the first line
 * that consists of an integer: greeting, questions and announcement may have any other wording.
 * Differs from a course's client: it also reads while the numbers are being sent.
 *
 * Status: 0 after the result, 1 when the server closed before it or on any error, 2 for wrong
 * arguments.
 */
#include "common.h"
#include "connector.h"
#include "duplex.h"
#include "io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CALC_PORT = 5555 };

static const char PROGRAM[] = "calc_client_c";

static bool is_integer(const struct line *line)
{
    size_t sign = line->text[0] == '-' || line->text[0] == '+';
    size_t digits = strspn(line->text + sign, "0123456789");
    return digits > 0 && sign + digits == line->size;
}

static int print_until_result(struct duplex *duplex)
{
    struct line line;
    bool begins = true; /* false: the next piece continues a long line, so it is no result */
    for (;;) {
        while (next_line(duplex, &line)) {
            if (!print_line("", line.text, NO_STOP)) {
                report_error(PROGRAM, "writing to", "standard output");
                return EXIT_FAILURE;
            }
            if (begins && line.whole && is_integer(&line))
                return EXIT_SUCCESS;
            begins = line.whole;
        }
        if (duplex->in.ended) {
            report_reason(PROGRAM, "reading from", "the server",
                          close_reason(duplex, "closed before the result"));
            return EXIT_FAILURE;
        }
        duplex_step(duplex);
    }
}

/* Returns `FIRST\nSECOND\n`, to be freed by the caller, or NULL with errno. */
static char *both_numbers(const char *first, const char *second, size_t *size)
{
    *size = strlen(first) + strlen(second) + sizeof "\n\n" - 1;
    char *numbers = malloc(*size + 1);
    if (numbers)
        snprintf(numbers, *size + 1, "%s\n%s\n", first, second);
    return numbers;
}

int main(int count, char **arguments)
{
    struct sockaddr_in server;
    if (count < 4 || count > 5 || !parse_address(arguments[3], arguments[4], CALC_PORT, &server)) {
        dprintf(STDERR_FILENO, "usage: calc_client_c A B IP [PORT]; A and B are sent as they are\n");
        return EXIT_USAGE;
    }
    prepare_process();
    struct duplex duplex = {.socket = -1};
    char *numbers = both_numbers(arguments[1], arguments[2], &duplex.left);
    if (!numbers) {
        report_error(PROGRAM, "making room for", "the numbers");
        return EXIT_FAILURE;
    }
    int status = EXIT_FAILURE;
    duplex.out = numbers;
    duplex.socket = connect_to_server(PROGRAM, &server);
    if (duplex.socket >= 0) {
        dprintf(STDERR_FILENO, "connected\n");
        status = print_until_result(&duplex);
        close(duplex.socket);
    }
    free(numbers);
    return status;
}
