/* SPDX-License-Identifier: Apache-2.0 */
#include "store/resource_tags.h"

#include "base/mem.h"
#include "store/string_map.h"

int store_tags_read(struct db_tx *tx, const char *arn, struct arena *a,
	struct towpath_string_map *ret, struct err *err)
{
	*ret = (struct towpath_string_map){0};
	return store_document_get(tx, &STORE_RESOURCE_TAGS, arn, a, ret, err) < 0 ? -1 : 0;
}

size_t store_tags_own(const struct towpath_string_map *tags)
{
	size_t n = 0;

	wire_foreach (kv, tags)
		n += !starts_with(kv->key, STORE_TAG_RESERVED);
	return n;
}

int store_tags_add(struct db_tx *tx, const char *arn, const struct towpath_string_map *with,
	const char *too_many, struct arena *a, struct err *err)
{
	struct towpath_string_map tags;
	size_t own;

	if (!with->n)
		return 0;
	if (with->n > STORE_TAGS_MAX + STORE_TAGS_RESERVED_MAX)
		return err_set_wire(err, too_many, "A resource has at most %d tags, not %zu",
			STORE_TAGS_MAX, with->n);
	if (store_tags_read(tx, arn, a, &tags, err) < 0)
		return -1;
	wire_foreach (kv, with)
		string_map_put(&tags, kv->key, kv->value, a);
	own = store_tags_own(&tags);
	if (own > STORE_TAGS_MAX || tags.n - own > STORE_TAGS_RESERVED_MAX)
		return err_set_wire(err, too_many,
			"A resource has at most %d tags; %s would have %zu", STORE_TAGS_MAX, arn,
			own > STORE_TAGS_MAX ? own : tags.n);
	return store_document_put(tx, &STORE_RESOURCE_TAGS, arn, NULL, &tags, err);
}

int store_tags_set(struct db_tx *tx, const char *arn, const struct towpath_string_map *tags,
	const char *too_many, struct arena *a, struct err *err)
{
	if (store_tags_forget(tx, arn, err) < 0)
		return -1;
	return store_tags_add(tx, arn, tags, too_many, a, err);
}

int store_tags_remove(struct db_tx *tx, const char *arn, const char *const *keys, size_t n,
	struct arena *a, struct err *err)
{
	struct towpath_string_map tags;

	if (store_tags_read(tx, arn, a, &tags, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		string_map_drop(&tags, keys[i]);
	return tags.n ? store_document_put(tx, &STORE_RESOURCE_TAGS, arn, NULL, &tags, err)
		      : store_tags_forget(tx, arn, err);
}

int store_tags_forget(struct db_tx *tx, const char *arn, struct err *err)
{
	return store_document_delete(tx, &STORE_RESOURCE_TAGS, arn, err);
}
