/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Implements duplex.h.
 */
#include "duplex.h"

#include "io.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

bool next_line(struct duplex *duplex, struct line *line)
{
    if (!take_line(&duplex->in, LINE_MAX_SIZE, line))
        return false;
    if (line->whole && line->size > 0 && line->text[line->size - 1] == '\r')
        line->text[--line->size] = '\0';
    return true;
}

static void mark_broken(struct duplex *duplex)
{
    duplex->in.ended = true;
    duplex->reason = errno;
}

/* A send error does not end the exchange: received bytes may still be unread, and the next read
 * reports the end. */
static void send_available(struct duplex *duplex)
{
    ssize_t sent = send(duplex->socket, duplex->out, duplex->left, MSG_DONTWAIT);
    if (sent >= 0) {
        duplex->out += sent;
        duplex->left -= (size_t)sent;
    } else if (!is_transient_error()) {
        duplex->refused = true;
        duplex->left = 0;
    }
}

void duplex_step(struct duplex *duplex)
{
    struct pollfd server = {.fd = duplex->socket, .events = POLLIN};
    if (duplex->left > 0)
        server.events |= POLLOUT;
    if (poll(&server, 1, -1) < 0) {
        if (!is_transient_error())
            mark_broken(duplex);
        return;
    }
    if ((server.revents & ~POLLOUT) != 0 && !fill_buffer(&duplex->in, duplex->socket))
        mark_broken(duplex);
    if ((server.revents & POLLOUT) != 0 && !duplex->in.ended)
        send_available(duplex);
}

const char *close_reason(const struct duplex *duplex, const char *closed)
{
    return duplex->reason != 0 ? strerror(duplex->reason) : closed;
}
