/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Lines out of a stream that comes in pieces: a keyboard, a server. read(2) and a buffer of our own, because poll
 * cannot see what stdio has read ahead.
 */
#ifndef LINE_BUFFER_H
#define LINE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

enum { LINE_ROOM = 1024, HELD_MAX = 4096 };

struct lines {
    char bytes[HELD_MAX];
    size_t held;
    bool ended; /* the stream's end was read */
};

struct line {
    char text[LINE_ROOM + 1]; /* without its newline, with a NUL behind; may hold other NULs */
    size_t size;
    bool whole; /* a newline ended it: it is not a piece of a longer line, nor a last one without newline */
};

/* One read(2), for when take_line() has nothing more. False with errno; true without a byte when interrupted. */
bool fill(struct lines *lines, int fd);

/* The next line, or `room` bytes (at most LINE_ROOM) of a longer one, or what is left at the stream's end. False: not
 * yet. */
bool take_line(struct lines *lines, size_t room, struct line *line);

#endif
