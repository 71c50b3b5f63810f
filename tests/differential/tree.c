/*
 * Records of a walked tree (see tree.h).
 * Knows nothing of how the tree was walked.
 */
#include "tree.h"

#include <string.h>

bool tree_put(unsigned char *data, size_t max, size_t *at, const struct tree_rec *rec,
	      const char *path, const char *text)
{
	if (max - *at < sizeof(*rec) + rec->path_len + rec->text_len)
		return false;
	memcpy(data + *at, rec, sizeof(*rec));
	*at += sizeof(*rec);
	memcpy(data + *at, path, rec->path_len);
	*at += rec->path_len;
	memcpy(data + *at, text, rec->text_len);
	*at += rec->text_len;
	return true;
}

bool tree_next(const unsigned char *data, size_t len, size_t *at, struct tree_view *v)
{
	if (len - *at < sizeof(v->rec))
		return false;
	memcpy(&v->rec, data + *at, sizeof(v->rec));
	*at += sizeof(v->rec);
	v->path = (const char *)data + *at;
	v->path_len = v->rec.path_len;
	*at += v->path_len;
	v->text = (const char *)data + *at;
	v->text_len = v->rec.text_len;
	*at += v->text_len;
	return true;
}
