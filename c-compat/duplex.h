/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A client that sends while its server may already speak: neither waits for the other to finish, so that neither can
 * hang, and what the server said before it closed is heard even when not everything could be sent.
 */
#ifndef DUPLEX_H
#define DUPLEX_H

#include "line_buffer.h"

struct exchange {
    int socket;
    struct lines in;  /* ended: the server closed, or the connection broke; `reason` says which */
    int reason;       /* errno of a broken connection, 0 when it was closed in order */
    const char *out;  /* `left` bytes still to be sent */
    size_t left;
    bool refused;     /* the server takes no more; what was left is forgotten */
};

/* The next line that has come, at most LINE_ROOM bytes of it, the CR of its CRLF cut; false: none yet. */
bool next_line(struct exchange *exchange, struct line *line);

/* Waits until the server says, takes or closes something; reads what came, sends what it takes. */
void proceed(struct exchange *exchange);

/* Why the server says nothing more: errno's text, or `closed`. */
const char *reason_of(const struct exchange *exchange, const char *closed);

#endif
