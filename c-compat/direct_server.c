/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * direct_server_c: imitates the course's server of directed messages, as a peer in tests. One
 * process, select(2), five clients. The first line of a client is its name; each further line
 * `%name%message` goes to the client of that name, and a newline behind it.
 *
 * Faults kept, because our client must cope with them: a name that nobody bears, and a text in
 * another form, is an error that the server prints and the sender never hears; a name already taken
 * is taken once more, and its first bearer gets the messages.
 */
#include "common.h"
#include "line_buffer.h"
#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

enum { CLIENTS_MAX = 5 };

static const char ROLE[] = "direct_server_c";

struct client {
    int socket; /* 0: a free place */
    char name[LINE_MAX_SIZE + 1];
    struct line_buffer lines;
};

static struct client clients[CLIENTS_MAX];

static void forget(struct client *client)
{
    close(client->socket);
    memset(client, 0, sizeof *client);
}

static struct client *find(const char *name, size_t size)
{
    for (struct client *client = clients; client < clients + CLIENTS_MAX; client++)
        if (client->socket != 0 && strlen(client->name) == size && memcmp(client->name, name, size) == 0)
            return client;
    return NULL;
}

static void take_text(struct client *sender, const struct line *line)
{
    if (sender->name[0] == '\0') {
        memcpy(sender->name, line->text, line->size + 1);
        dprintf(STDOUT_FILENO, "client %s\n", sender->name);
        return;
    }
    const char *end = line->text[0] == '%' ? strchr(line->text + 1, '%') : NULL;
    struct client *receiver = end ? find(line->text + 1, (size_t)(end - line->text - 1)) : NULL;
    if (!receiver) {
        dprintf(STDOUT_FILENO, "error: %s\n", line->text);
        return;
    }
    send_all(receiver->socket, end + 1, strlen(end + 1));
    send_all(receiver->socket, "\n", 1);
}

static void serve(struct client *client)
{
    struct line line;
    if (!fill_buffer(&client->lines, client->socket))
        client->lines.ended = true;
    while (take_line(&client->lines, LINE_MAX_SIZE, &line))
        take_text(client, &line);
    if (client->lines.ended)
        forget(client);
}

static void admit(int socket)
{
    for (struct client *client = clients; client < clients + CLIENTS_MAX; client++)
        if (client->socket == 0) {
            client->socket = socket;
            return;
        }
    close(socket);
}

int main(int count, char **arguments)
{
    prepare_process();
    int listener = open_listener(ROLE, count, arguments);
    if (listener < 0)
        return -listener;
    for (;;) {
        fd_set readable;
        int highest = listener;
        FD_ZERO(&readable);
        FD_SET(listener, &readable);
        for (struct client *client = clients; client < clients + CLIENTS_MAX; client++)
            if (client->socket != 0) {
                FD_SET(client->socket, &readable);
                highest = client->socket > highest ? client->socket : highest;
            }
        if (select(highest + 1, &readable, NULL, NULL, NULL) < 0) {
            report_error(ROLE, "waiting for", "clients");
            return EXIT_FAILURE;
        }
        for (struct client *client = clients; client < clients + CLIENTS_MAX; client++)
            if (client->socket != 0 && FD_ISSET(client->socket, &readable))
                serve(client);
        if (FD_ISSET(listener, &readable)) {
            int socket = next_client(listener);
            if (socket < 0) {
                report_error(ROLE, "accepting", "a client");
                return EXIT_FAILURE;
            }
            admit(socket);
        }
    }
}
