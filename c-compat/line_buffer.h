/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Splits a stream (keyboard, socket) into lines. It uses read(2) and its own buffer: poll cannot
 * see bytes that stdio has read ahead.
 */
#ifndef LINE_BUFFER_H
#define LINE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

enum { LINE_MAX_SIZE = 1024, BUFFER_SIZE = 4096 };

struct line_buffer {
    char bytes[BUFFER_SIZE];
    size_t held;
    bool ended; /* read(2) has returned 0 */
};

struct line {
    char text[LINE_MAX_SIZE + 1]; /* without newline, NUL-terminated; may contain other NULs */
    size_t size;
    bool whole; /* false: a piece of a longer line, or the last line without newline */
};

/* Calls read(2) once, for when take_line() returned false. Returns false with errno; true
 * without new bytes when interrupted. */
bool fill_buffer(struct line_buffer *lines, int fd);

/* Takes the next line, or `room` bytes (at most LINE_MAX_SIZE) of a longer one, or the rest at the
 * stream's end. Returns false when more must be read first. */
bool take_line(struct line_buffer *lines, size_t room, struct line *line);

#endif
