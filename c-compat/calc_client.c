/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * calc_client_c: imitates a client of the calculation lab that does not wait to be asked, as a peer in tests.
 * In: two arguments, lines on the socket. Out: `A\nB\n` in one write right after connecting; on standard output each
 * line that comes; on standard error the line `connected`, then errors only.
 *
 * Deliberate: both numbers are sent at once, as they were given, so that a test can send nonsense; whatever comes is
 * printed as it is, as C strings, a line of more than LINE_ROOM bytes in pieces; its end is the first line that is an
 * integer and nothing else: no greeting, question or announcement is one, and their words are free.
 * Deliberately unlike a course's client: what the server says while the numbers are still on their way is heard.
 *
 * Status: 0 after the result, 1 when the server closed before it or on any error, 2 for wrong arguments.
 */
#include "common.h"
#include "io.h"
#include "connector.h"
#include "duplex.h"

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

static int print_until_result(struct exchange *exchange)
{
    struct line line;
    bool begins = true; /* false: the next piece goes on with a long line, whose last digits are no result */
    for (;;) {
        while (next_line(exchange, &line)) {
            if (!put_line("", line.text, NO_STOP)) {
                complain(PROGRAM, "writing to", "standard output");
                return EXIT_FAILURE;
            }
            if (begins && line.whole && is_integer(&line))
                return EXIT_SUCCESS;
            begins = line.whole;
        }
        if (exchange->in.ended) {
            complain_that(PROGRAM, "reading from", "the server", reason_of(exchange, "closed before the result"));
            return EXIT_FAILURE;
        }
        proceed(exchange);
    }
}

/* NULL with errno; the caller frees it. */
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
    if (count < 4 || count > 5 || !parse_server(arguments[3], arguments[4], CALC_PORT, &server)) {
        dprintf(STDERR_FILENO, "usage: calc_client_c A B IP [PORT]; A and B are sent as they are\n");
        return EXIT_USAGE;
    }
    prepare_process();
    struct exchange exchange = {.socket = -1};
    char *numbers = both_numbers(arguments[1], arguments[2], &exchange.left);
    if (!numbers) {
        complain(PROGRAM, "making room for", "the numbers");
        return EXIT_FAILURE;
    }
    int status = EXIT_FAILURE;
    exchange.out = numbers;
    exchange.socket = dial(PROGRAM, &server);
    if (exchange.socket >= 0) {
        dprintf(STDERR_FILENO, "connected\n");
        status = print_until_result(&exchange);
        close(exchange.socket);
    }
    free(numbers);
    return status;
}
