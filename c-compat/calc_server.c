/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * calc_server_c: imitates the course's calculation server, as a peer in tests: one client at a
 * time, a greeting, two questions, one sum, then it closes.
 *
 * Faults kept, because our client must cope with them: a line that is no number drops the client
 * without a word; a sum wraps around at 64 bits.
 */
#include "line_buffer.h"
#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool send_text(int client, const char *text)
{
    return send_all(client, text, strlen(text));
}

static bool ask(int client, const char *question, struct line_buffer *lines, unsigned long long *number)
{
    struct line line;
    if (!send_text(client, question))
        return false;
    while (!take_line(lines, LINE_MAX_SIZE, &line))
        if (lines->ended || !fill_buffer(lines, client))
            return false;
    char *end;
    *number = (unsigned long long)strtoll(line.text, &end, 10);
    return end != line.text && end[strspn(end, " \t\r")] == '\0';
}

static void add(int client)
{
    struct line_buffer lines = {.held = 0};
    unsigned long long first, second;
    char answer[64];
    if (!send_text(client, "A sum of two numbers\r\n") || !ask(client, "The first number?\n", &lines, &first)
        || !ask(client, "The second number?\n", &lines, &second))
        return;
    snprintf(answer, sizeof answer, "\r\nThe sum is\n%lld\n", (long long)(first + second));
    send_text(client, answer);
}

int main(int count, char **arguments)
{
    return serve_in_turn("calc_server_c", count, arguments, add);
}
