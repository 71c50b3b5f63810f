/*
 * Changes of files that the sides are spared, because of the list of allowed differences.
 * Knows nothing of operations.
 */
#ifndef DIFF_SPARE_H
#define DIFF_SPARE_H

#include <stdbool.h>
#include <stdint.h>

/* Each says whether something is to be left out.  off is an offset, -1 for the descriptor's
 * position. */

bool spare_read(int fd, int64_t off, int64_t len);
bool spare_write(int fd, int64_t off, int64_t len);
/* Writing under a limit on the file's size. */
bool spare_limited(int fd, int64_t off, int64_t len);
/* Going to an offset. */
bool spare_far(int64_t off);
/* Moving data from one file to another: by requests for the data, or one for the whole. */
bool spare_splice(int in, int64_t from, int out, int64_t to);
bool spare_copy(int in, int64_t from, int out, int64_t to);
/* fallocate(2). */
bool spare_space(int fd);
/* A new size, of an open file or of the one at the path from base. */
bool spare_resize(int fd);
bool spare_resize_at(int base, const char *path);

#endif
