/* SPDX-License-Identifier: Apache-2.0 */
#include "store/resource_tags.h"

#include "base/mem.h"

int store_tags_read(struct db_tx *tx, const char *arn, struct arena *a,
	struct towpath_string_map *ret, struct err *err)
{
	*ret = (struct towpath_string_map){0};
	return store_document_get(tx, &STORE_RESOURCE_TAGS, arn, a, ret, err) < 0 ? -1 : 0;
}

static void set(struct towpath_string_map *tags, const struct towpath_string_map_kv *tag)
{
	wire_foreach (kv, tags) {
		if (streq(kv->key, tag->key)) {
			kv->value = tag->value;
			return;
		}
	}
	tags->v[tags->n++] = *tag;
}

int store_tags_add(struct db_tx *tx, const char *arn, const struct towpath_string_map *with,
	struct arena *a, struct err *err)
{
	struct towpath_string_map old, tags = {0};

	if (!with->n)
		return 0;
	if (store_tags_read(tx, arn, a, &old, err) < 0)
		return -1;
	wire_list_alloc(a, &tags, old.n + with->n);
	tags.n = 0;
	wire_foreach (kv, &old)
		set(&tags, kv);
	wire_foreach (kv, with)
		set(&tags, kv);
	if (tags.n > STORE_TAGS_MAX)
		return err_set_wire(err, "LimitExceededException",
			"A resource has at most %d tags; %s would have %zu", STORE_TAGS_MAX, arn,
			tags.n);
	return store_document_put(tx, &STORE_RESOURCE_TAGS, arn, NULL, &tags, err);
}

int store_tags_remove(struct db_tx *tx, const char *arn, const char *const *keys, size_t n,
	struct arena *a, struct err *err)
{
	struct towpath_string_map tags;
	size_t kept = 0;

	if (store_tags_read(tx, arn, a, &tags, err) < 0)
		return -1;
	wire_foreach (kv, &tags) {
		bool gone = false;

		for (size_t i = 0; i < n; i++)
			gone |= streq(kv->key, keys[i]);
		if (!gone)
			tags.v[kept++] = *kv;
	}
	tags.n = kept;
	return store_document_put(tx, &STORE_RESOURCE_TAGS, arn, NULL, &tags, err);
}

int store_tags_forget(struct db_tx *tx, const char *arn, struct err *err)
{
	return store_document_delete(tx, &STORE_RESOURCE_TAGS, arn, err);
}
