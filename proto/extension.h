/*
 * The extension block at the end of requests that create something.  Private to proto/.
 */
#ifndef PROTO_EXTENSION_H
#define PROTO_EXTENSION_H

#include "cursor.h"
#include "request.h"

/* Decodes the whole of `c` into out->secctx and out->groups.  0, -EINVAL or -E2BIG. */
int extension_decode(const struct proto_conn *conn, struct cursor *c, struct proto_request *out);

#endif
