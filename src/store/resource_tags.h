/* SPDX-License-Identifier: Apache-2.0 */
/* Tags of resources that have no other place for them, by ARN. */
#ifndef TOWPATH_STORE_RESOURCE_TAGS_H
#define TOWPATH_STORE_RESOURCE_TAGS_H

#include "store/document.h"
#include "towpath.gen.h"

/* Keys that begin so are the services' own. */
#define STORE_TAG_RESERVED "aws:"
/* That users give to a resource, and beside them those with reserved keys. */
#define STORE_TAGS_MAX 50
#define STORE_TAGS_RESERVED_MAX 50

/* Makes a towpath_string_map of a service's list of tags; no value counts as empty. */
#define TAG_MAP(a, list, ret)                                                                \
	do {                                                                                 \
		wire_list_alloc((a), (ret), (list)->n);                                      \
		for (size_t i_ = 0; i_ < (list)->n; i_++) {                                  \
			(ret)->v[i_].key = (list)->v[i_].key;                                \
			(ret)->v[i_].value = (list)->v[i_].value ? (list)->v[i_].value : ""; \
		}                                                                            \
	} while (0)
/* Makes a service's list of tags of a towpath_string_map. */
#define TAG_LIST(a, map, ret) TAG_MAP(a, map, ret)

/* How many of them users have given. */
size_t store_tags_own(const struct towpath_string_map *tags);
int store_tags_read(struct db_tx *tx, const char *arn, struct arena *a,
	struct towpath_string_map *ret, struct err *err);
/* Adds and replaces. Above these limits: the service's exception too_many. */
int store_tags_add(struct db_tx *tx, const char *arn, const struct towpath_string_map *with,
	const char *too_many, struct arena *a, struct err *err);
/* The tags of what is made just now: those of a former one of that ARN are forgotten. */
int store_tags_set(struct db_tx *tx, const char *arn, const struct towpath_string_map *tags,
	const char *too_many, struct arena *a, struct err *err);
int store_tags_remove(struct db_tx *tx, const char *arn, const char *const *keys, size_t n,
	struct arena *a, struct err *err);
int store_tags_forget(struct db_tx *tx, const char *arn, struct err *err);

#endif
