/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * See duplex.h.
 */
#include "duplex.h"

#include "io.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

bool next_line(struct exchange *exchange, struct line *line)
{
    if (!take_line(&exchange->in, LINE_ROOM, line))
        return false;
    if (line->whole && line->size > 0 && line->text[line->size - 1] == '\r')
        line->text[--line->size] = '\0';
    return true;
}

static void break_off(struct exchange *exchange)
{
    exchange->in.ended = true;
    exchange->reason = errno;
}

/* An error is no end yet: what the server said before may still wait to be read, and reading finds the end as well. */
static void send_some(struct exchange *exchange)
{
    ssize_t sent = send(exchange->socket, exchange->out, exchange->left, MSG_DONTWAIT);
    if (sent >= 0) {
        exchange->out += sent;
        exchange->left -= (size_t)sent;
    } else if (!try_again()) {
        exchange->refused = true;
        exchange->left = 0;
    }
}

void proceed(struct exchange *exchange)
{
    struct pollfd server = {.fd = exchange->socket, .events = POLLIN};
    if (exchange->left > 0)
        server.events |= POLLOUT;
    if (poll(&server, 1, -1) < 0) {
        if (!try_again())
            break_off(exchange);
        return;
    }
    if ((server.revents & ~POLLOUT) != 0 && !fill(&exchange->in, exchange->socket))
        break_off(exchange);
    if ((server.revents & POLLOUT) != 0 && !exchange->in.ended)
        send_some(exchange);
}

const char *reason_of(const struct exchange *exchange, const char *closed)
{
    return exchange->reason != 0 ? strerror(exchange->reason) : closed;
}
