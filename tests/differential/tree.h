/*
 * Records of a walked tree as they lie in a side's data area, in the order of sorted names.
 * Knows nothing of how the tree was walked.
 */
#ifndef DIFF_TREE_H
#define DIFF_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* A file of which one side says that it has too much data to be looked at: memfs takes holes that
 * were read for data, and may join what lies between them. */
#define CONTENT_UNKNOWN UINT64_MAX

struct tree_rec {
	uint32_t path_len;
	uint32_t text_len;
	struct statx st;
	uint64_t content; /* hash of pages that are not zero, in large files found through SEEK_DATA
			   */
	uint64_t edges;   /* hash of the first and last bytes, read without SEEK_DATA */
	uint8_t dtype;
	uint8_t dirent_fits; /* the directory entry's number and type are those of stat */
};

struct tree_view {
	struct tree_rec rec;
	const char *path; /* not terminated; "" is the root */
	size_t path_len;
	const char *text; /* xattrs and link target, printable */
	size_t text_len;
};

/* Appends a record at *at; false if it does not fit in max. */
bool tree_put(unsigned char *data, size_t max, size_t *at, const struct tree_rec *rec,
	      const char *path, const char *text);
/* Reads the record at *at; false at the end. */
bool tree_next(const unsigned char *data, size_t len, size_t *at, struct tree_view *v);

#endif
