/*
 * The INIT flags one by one: which are known and which may be on together.  Private to proto/.
 */
#ifndef PROTO_FEATURE_H
#define PROTO_FEATURE_H

#include "init.h"

/* Fills in answer->feature and answer->nfeatures, and returns the mask of those that are on. */
uint64_t feature_settle(const struct proto_offer *offer, const struct proto_wishes *wishes,
			struct proto_answer *answer);

#endif
