/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * upload_server_c: imitates the course's "simple FTP" server, as a peer in tests: one client at a
 * time, a greeting in other words than ours, one line kept, one answer, then it closes.
 *
 * Faults kept, because our client must not take them for success: it keeps the first line only,
 * whatever that is, always in received.txt of its directory, over the one before, and answers
 * [SUCCESS].
 */
#include "line_buffer.h"
#include "server.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static bool keep(const struct line *line)
{
    int file = open("received.txt", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (file < 0)
        return false;
    bool written = write(file, line->text, line->size) == (ssize_t)line->size;
    return close(file) == 0 && written;
}

static void receive(int client)
{
    static const char GREETING[] = "Bienvenue, envoyez votre texte\r\n";
    static const char SUCCESS[] = "Texte reçu [SUCCESS]";
    static const char ERROR[] = "Texte perdu [ERROR]";
    struct line_buffer lines = {.held = 0};
    struct line line;
    if (!send_all(client, GREETING, strlen(GREETING)))
        return;
    while (!take_line(&lines, LINE_MAX_SIZE, &line))
        if (lines.ended || !fill_buffer(&lines, client))
            return;
    const char *answer = keep(&line) ? SUCCESS : ERROR;
    send_all(client, answer, strlen(answer));
}

int main(int count, char **arguments)
{
    return serve_in_turn("upload_server_c", count, arguments, receive);
}
