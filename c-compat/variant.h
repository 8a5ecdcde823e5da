/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The forms in which the course's and the students' clients put one line of text on the wire. Pure code: text in, the
 * bytes of one write out.
 */
#ifndef VARIANT_H
#define VARIANT_H

#include <stdbool.h>
#include <stddef.h>

enum {
    MESSAGE_MAX = 1024, /* bytes of one write, ending included */
    PSEUDO_MAX = 255,   /* leaves room for text in every variant, the one that doubles its size included */
};

struct variant {
    const char *name;
    const char *separator; /* between pseudo and text; NULL: no pseudo at all */
    const char *ending;    /* `ending_size` bytes, of which some are NUL */
    size_t ending_size;
    size_t exact;          /* not 0: every message is this long, padded with NULs or cut */
    bool nul_run;          /* followed by as many NULs as there were bytes */
};

/* NULL when no variant has that name. */
const struct variant *find_variant(const char *name);

/* How many bytes of text one message can carry: at least one, if the pseudo is at most PSEUDO_MAX long. */
size_t text_room(const struct variant *variant, const char *pseudo);

/* Writes the message into `out` and returns its size; `size` is at most text_room(). */
size_t encode(const struct variant *variant, const char *pseudo, const char *text, size_t size, char out[MESSAGE_MAX]);

#endif
