/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR to generated structs, read item by item. */
#include <stdint.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "codec/cbor.h"
#include "wire/cbor.h"
#include "wire/step.h"

struct decoder {
	struct cbor_reader r;
	struct arena *arena;
};

static int decode_item(struct decoder *d, const struct wire_shape *shape,
	const struct cbor_item *item, bool in_place, const struct wire_step *at, void *slot,
	struct err *err);

static int wanted(
	const struct wire_step *at, const char *what, const struct cbor_item *item, struct err *err)
{
	return wire_step_wanted(at, what, cbor_kind_text(item), err);
}

static int read_text(struct decoder *d, const struct wire_step *at, const struct cbor_item *item,
	const char **ret, struct err *err)
{
	struct view text;

	if (item->kind != CBOR_TEXT)
		return wanted(at, "a string", item, err);
	if (cbor_content(&d->r, item, d->arena, &text, err) < 0)
		return -1;
	if (memchr(text.p ? text.p : "", '\0', text.len))
		return wire_step_wanted(at, "a string", "one with a NUL in it", err);
	*ret = arena_view_dup(d->arena, text);
	return 0;
}

static int read_blob(struct decoder *d, const struct wire_step *at, const struct cbor_item *item,
	struct view *ret, struct err *err)
{
	if (item->kind != CBOR_BYTES)
		return wanted(at, "bytes", item, err);
	if (cbor_content(&d->r, item, d->arena, ret, err) < 0)
		return -1;
	ret->p = arena_view_dup(d->arena, *ret);
	return 0;
}

/* ---- numbers ---- */

/* Also a whole number that is written as a real one. */
static bool integer_value(const struct cbor_item *item, int64_t min, int64_t max, int64_t *ret)
{
	switch (item->kind) {
	case CBOR_UINT:
	case CBOR_NEGATIVE:
		if (item->n > INT64_MAX)
			return false;
		*ret = item->kind == CBOR_UINT ? (int64_t)item->n : -1 - (int64_t)item->n;
		return *ret >= min && *ret <= max;
	case CBOR_FLOAT:
		return wire_whole(item->real, min, max, ret);
	default:
		return false;
	}
}

static bool real_value(const struct cbor_item *item, double *ret)
{
	switch (item->kind) {
	case CBOR_UINT:
		*ret = (double)item->n;
		return true;
	case CBOR_NEGATIVE:
		*ret = -1 - (double)item->n;
		return true;
	case CBOR_FLOAT:
		*ret = item->real;
		return true;
	default:
		return false;
	}
}

static int read_time(struct decoder *d, const struct wire_step *at, const struct cbor_item *item,
	struct wire_time *ret, struct err *err)
{
	static const char *const what = "a time (seconds since 1970, under tag 1)";
	struct cbor_item number;
	double seconds;
	int64_t usec;

	if (item->kind != CBOR_TAG || item->n != CBOR_TAG_EPOCH)
		return wanted(at, what, item, err);
	if (cbor_next(&d->r, &number, err) < 0)
		return -1;
	if (!real_value(&number, &seconds) || !wire_seconds(seconds, &usec))
		return wanted(at, what, &number, err);
	*ret = WIRE_SET_TIME(usec);
	return 0;
}

static int decode_number(const struct wire_shape *shape, const struct wire_step *at,
	const struct cbor_item *item, void *slot, struct err *err)
{
	int64_t integer = 0;
	double real = 0;

	switch (shape->type) {
	case WIRE_INT:
		if (!integer_value(item, INT32_MIN, INT32_MAX, &integer))
			return wanted(at, "a whole number of 32 bits", item, err);
		*(struct wire_int *)slot = WIRE_SET_INT(integer);
		return 0;
	case WIRE_LONG:
		if (!integer_value(item, INT64_MIN, INT64_MAX, &integer))
			return wanted(at, "a whole number of 64 bits", item, err);
		*(struct wire_long *)slot = WIRE_SET_LONG(integer);
		return 0;
	default:
		if (!real_value(item, &real))
			return wanted(at, "a number", item, err);
		*(struct wire_double *)slot = WIRE_SET_DOUBLE(real);
		return 0;
	}
}

/* ---- what has parts ---- */

static int decode_list(struct decoder *d, const struct wire_shape *shape,
	const struct cbor_item *array, const struct wire_step *at, struct wire_list *list,
	struct err *err)
{
	struct wire_step step = {.up = at, .depth = at->depth + 1};
	struct cbor_item item;
	size_t n;
	int more;

	if (array->kind != CBOR_ARRAY)
		return wanted(at, "an array", array, err);
	if (cbor_count(&d->r, array, &n, err) < 0 ||
		wire_step_room(at, shape, n, d->arena, list, err) < 0)
		return -1;
	list->n = n;
	for (; (more = cbor_more(&d->r, array, step.index, err)) > 0; step.index++) {
		if (cbor_next(&d->r, &item, err) < 0)
			return -1;
		if (item.kind == CBOR_NULL)
			return wanted(&step, "a value", &item, err);
		if (decode_item(d, shape->element, &item, true, &step,
			    wire_element_slot(shape, list, step.index), err) < 0)
			return -1;
	}
	return more;
}

/* The next key of a map and the head of its value: 1, 0 at the end, -1. */
static int next_entry(struct decoder *d, const struct cbor_item *map, uint64_t done,
	const struct wire_step *at, struct view *key, struct cbor_item *value, struct err *err)
{
	struct cbor_item item;
	int more = cbor_more(&d->r, map, done, err);

	if (more <= 0)
		return more;
	if (cbor_next(&d->r, &item, err) < 0)
		return -1;
	if (item.kind != CBOR_TEXT)
		return wire_step_wanted(at, "a map whose keys are strings", "one with others", err);
	if (cbor_content(&d->r, &item, d->arena, key, err) < 0 || cbor_next(&d->r, value, err) < 0)
		return -1;
	return 1;
}

/* The entry of this key: a new one, or the one it had. seen: key -> index + 1. */
static size_t entry_index(struct map *seen, struct wire_list *map, const char *key)
{
	uintptr_t known = (uintptr_t)map_get(seen, key);

	if (known)
		return known - 1;
	map_set(seen, key, (void *)(map->n + 1)); /* NOLINT(performance-no-int-to-ptr) */
	return map->n++;
}

static int decode_map(struct decoder *d, const struct wire_shape *shape,
	const struct cbor_item *item, const struct wire_step *at, struct wire_list *map,
	struct err *err)
{
	struct wire_step step = {.up = at, .depth = at->depth + 1};
	CLEANUP_MAP struct map seen = MAP_INIT;
	struct cbor_item value = {0};
	struct view key = {0};
	size_t n, index;
	int more;

	if (item->kind != CBOR_MAP)
		return wanted(at, "a map", item, err);
	if (cbor_count(&d->r, item, &n, err) < 0 ||
		wire_step_room(at, shape, n, d->arena, map, err) < 0)
		return -1;
	for (uint64_t i = 0; (more = next_entry(d, item, i, at, &key, &value, err)) > 0; i++) {
		if (value.kind == CBOR_NULL)
			continue;
		step.name = arena_view_dup(d->arena, key);
		index = entry_index(&seen, map, step.name);
		*wire_entry_key(shape, map, index) = step.name;
		if (decode_item(d, shape->element, &value, false, &step,
			    wire_entry_slot(shape, map, index), err) < 0)
			return -1;
	}
	return more;
}

static int decode_structure(struct decoder *d, const struct wire_shape *shape,
	const struct cbor_item *map, const struct wire_step *at, void *structure, struct err *err)
{
	struct wire_step step = {.up = at, .depth = at->depth + 1};
	struct cbor_item value = {0};
	struct view key = {0};
	int more;

	if (map->kind != CBOR_MAP)
		return wanted(at, "a map", map, err);
	for (uint64_t i = 0; (more = next_entry(d, map, i, at, &key, &value, err)) > 0; i++) {
		const struct wire_member *m = wire_member_find(shape, key);
		bool known = m && (at->up || m->location == WIRE_IN_BODY);

		step.name = m ? m->wire_name : NULL;
		if (!known || value.kind == CBOR_NULL) {
			if (cbor_skip(&d->r, &value, err) < 0)
				return -1;
			continue;
		}
		if (decode_item(d, m->shape, &value, false, &step, wire_member_slot(m, structure),
			    err) < 0)
			return -1;
	}
	return more;
}

static int decode_item(struct decoder *d, const struct wire_shape *shape,
	const struct cbor_item *item, bool in_place, const struct wire_step *at, void *slot,
	struct err *err)
{
	if (at->depth > LIMIT_CBOR_DEPTH)
		return err_set(err, ERR_MALFORMED, "CBOR is nested deeper than %d levels",
			LIMIT_CBOR_DEPTH);
	switch (shape->type) {
	case WIRE_STRING:
		return read_text(d, at, item, slot, err);
	case WIRE_BLOB:
		return read_blob(d, at, item, slot, err);
	case WIRE_BOOL:
		if (item->kind != CBOR_BOOL)
			return wanted(at, "true or false", item, err);
		*(struct wire_bool *)slot = WIRE_SET_BOOL(item->n);
		return 0;
	case WIRE_TIMESTAMP:
		return read_time(d, at, item, slot, err);
	case WIRE_LIST:
		return decode_list(d, shape, item, at, slot, err);
	case WIRE_MAP:
		return decode_map(d, shape, item, at, slot, err);
	case WIRE_STRUCT:
		return decode_structure(d, shape, item, at,
			wire_structure_make(shape, slot, in_place, d->arena), err);
	default:
		return decode_number(shape, at, item, slot, err);
	}
}

int wire_decode_cbor(const struct wire_shape *shape, struct view cbor, struct arena *a, void *ret,
	struct err *err)
{
	struct decoder d = {.r = cbor_reader(cbor), .arena = a};
	struct wire_step root = {.depth = 1};
	struct cbor_item item;

	memset(ret, 0, shape->size);
	if (cbor_next(&d.r, &item, err) < 0 ||
		decode_item(&d, shape, &item, true, &root, ret, err) < 0)
		return -1;
	if (d.r.p != d.r.end)
		return err_set(err, ERR_MALFORMED, "something follows the document");
	return 0;
}
