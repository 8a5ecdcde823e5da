/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Implements line_buffer.h.
 */
#include "line_buffer.h"

#include "io.h"

#include <string.h>
#include <unistd.h>

bool fill_buffer(struct line_buffer *lines, int fd)
{
    ssize_t got = read(fd, lines->bytes + lines->held, sizeof lines->bytes - lines->held);
    if (got < 0)
        return is_transient_error();
    lines->ended = got == 0;
    lines->held += (size_t)got;
    return true;
}

/* Splits a long line only when a byte beyond `room` has arrived that is no newline: otherwise a
 * line that just fits would be followed by an empty one. */
bool take_line(struct line_buffer *lines, size_t room, struct line *line)
{
    size_t seen = lines->held > room ? room + 1 : lines->held;
    const char *newline = memchr(lines->bytes, '\n', seen);
    if (newline)
        line->size = (size_t)(newline - lines->bytes);
    else if (lines->held > room)
        line->size = room;
    else if (lines->ended && lines->held > 0)
        line->size = lines->held;
    else
        return false;

    memcpy(line->text, lines->bytes, line->size);
    line->text[line->size] = '\0';
    line->whole = newline != NULL;
    size_t taken = line->size + line->whole;
    lines->held -= taken;
    memmove(lines->bytes, lines->bytes + taken, lines->held);
    return true;
}
