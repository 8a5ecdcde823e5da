/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Full-duplex client: it sends and receives at the same time. Neither side waits for the other to
 * finish, so there is no deadlock, and the server's last words are read even when it stops reading
 * half way.
 */
#ifndef DUPLEX_H
#define DUPLEX_H

#include "line_buffer.h"

struct duplex {
    int socket;
    struct line_buffer in; /* in.ended: closed or broken, see `reason` */
    int reason;            /* errno of a broken connection; 0 after an orderly close */
    const char *out;       /* `left` bytes still to be sent */
    size_t left;
    bool refused;          /* send failed: the rest was dropped */
};

/* Takes the next received line, at most LINE_MAX_SIZE bytes of it, without a trailing CR. Returns
 * false when none is complete yet. */
bool next_line(struct duplex *duplex, struct line *line);

/* Waits until the socket is readable, writable (while bytes are left) or closed; reads and sends
 * what it can. */
void duplex_step(struct duplex *duplex);

/* Why the connection ended: errno's text, or `closed`. */
const char *close_reason(const struct duplex *duplex, const char *closed);

#endif
