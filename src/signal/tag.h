/* SPDX-License-Identifier: Apache-2.0 */
/* Tags of what the engine keeps, by ARN. */
#ifndef TOWPATH_SIGNAL_TAG_H
#define TOWPATH_SIGNAL_TAG_H

#include "signal/internal.h"

#define TAG_MAX 50

/* Makes a towpath_string_map of a service's list of tags. */
#define TAG_MAP(a, list, ret)                                     \
	do {                                                      \
		wire_list_alloc((a), (ret), (list)->n);           \
		for (size_t i_ = 0; i_ < (list)->n; i_++) {       \
			(ret)->v[i_].key = (list)->v[i_].key;     \
			(ret)->v[i_].value = (list)->v[i_].value; \
		}                                                 \
	} while (0)
/* Makes a service's list of tags of a towpath_string_map. */
#define TAG_LIST(a, map, ret) TAG_MAP(a, map, ret)

int tag_read(struct db_tx *tx, const char *arn, struct arena *a, struct towpath_string_map *ret,
	struct err *err);
/* Adds and replaces. LimitExceededException above TAG_MAX. */
int tag_add(struct db_tx *tx, const char *arn, const struct towpath_string_map *with,
	struct arena *a, struct err *err);
int tag_remove(struct db_tx *tx, const char *arn, const char *const *keys, size_t n,
	struct arena *a, struct err *err);
int tag_forget(struct db_tx *tx, const char *arn, struct err *err);

#endif
