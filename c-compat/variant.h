/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Encodings of one line of text by the course's and the students' clients. Pure code: text in, the
 * bytes of one write out.
 */
#ifndef VARIANT_H
#define VARIANT_H

#include <stdbool.h>
#include <stddef.h>

enum {
    MESSAGE_MAX = 1024, /* bytes of one write, ending included */
    PSEUDO_MAX = 255,   /* leaves room for text in every variant, nul-run included */
};

struct variant {
    const char *name;
    const char *separator; /* between pseudo and text; NULL: no pseudo */
    const char *ending;    /* `ending_size` bytes, which may include NULs */
    size_t ending_size;
    size_t exact;          /* not 0: fixed message size, padded with NULs or truncated */
    bool nul_run;          /* the message is followed by as many NULs as it has bytes */
};

/* Returns NULL for an unknown name. */
const struct variant *find_variant(const char *name);

/* Maximum bytes of text in one message; at least one if the pseudo is at most PSEUDO_MAX long. */
size_t text_room(const struct variant *variant, const char *pseudo);

/* Encodes a message into `out` and returns its size; `size` is at most text_room(). */
size_t encode(const struct variant *variant, const char *pseudo, const char *text, size_t size,
              char out[MESSAGE_MAX]);

#endif
