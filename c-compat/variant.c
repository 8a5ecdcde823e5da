/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Implements variant.h. Faults kept on purpose: a NUL typed inside a line is sent unchanged, and
 * `padded` truncates at 50 bytes.
 */
#include "variant.h"

#include <string.h>

static const struct variant variants[] = {
    {.name = "course", .separator = " : ", .ending = "", .ending_size = 1},
    {.name = "newline", .separator = " : ", .ending = "\n", .ending_size = 1},
    {.name = "arrow", .separator = " > ", .ending = "\n", .ending_size = 1},
    {.name = "bare", .separator = NULL, .ending = "\n", .ending_size = 1},
    {.name = "newline-nul", .separator = " : ", .ending = "\n", .ending_size = 2},
    {.name = "padded", .separator = " : ", .ending = "", .exact = 50},
    {.name = "nul-run", .separator = " : ", .ending = "", .nul_run = true},
};

const struct variant *find_variant(const char *name)
{
    for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++)
        if (strcmp(variants[i].name, name) == 0)
            return &variants[i];
    return NULL;
}

size_t text_room(const struct variant *variant, const char *pseudo)
{
    size_t whole = variant->nul_run ? MESSAGE_MAX / 2 : MESSAGE_MAX;
    size_t prefix = variant->separator ? strlen(pseudo) + strlen(variant->separator) : 0;
    return whole - prefix - variant->ending_size;
}

static size_t append(char *out, size_t at, const char *bytes, size_t size)
{
    memcpy(out + at, bytes, size);
    return at + size;
}

size_t encode(const struct variant *variant, const char *pseudo, const char *text, size_t size,
              char out[MESSAGE_MAX])
{
    size_t end = 0;
    memset(out, 0, MESSAGE_MAX); /* provides the padding and the NUL runs */
    if (variant->separator) {
        end = append(out, end, pseudo, strlen(pseudo));
        end = append(out, end, variant->separator, strlen(variant->separator));
    }
    end = append(out, end, text, size);
    end = append(out, end, variant->ending, variant->ending_size);

    if (variant->exact)
        return variant->exact;
    return variant->nul_run ? 2 * end : end;
}
