/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * echo_server_c: imitates the course's echo server, part 1, as a peer in tests: one client at a
 * time, at most 1024 bytes in one read, sent back unchanged. It closes when its client does.
 */
#include "server.h"

#include <sys/socket.h>

enum { CHUNK_MAX = 1024 };

static void echo(int client)
{
    char chunk[CHUNK_MAX];
    ssize_t got;
    do
        got = recv(client, chunk, sizeof chunk, 0);
    while (got > 0 && send_all(client, chunk, (size_t)got));
}

int main(int count, char **arguments)
{
    return serve_in_turn("echo_server_c", count, arguments, echo);
}
