/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the query protocol: Filters.member.1.Name=x becomes a tree of dotted parts, which
 * is then walked beside the shape. */
#include <ctype.h>
#include <stdlib.h>

#include "base/limits.h"
#include "wire/query.h"
#include "wire/text.h"
#include "wire/value.h"

/* A part of field names; children are sorted by name. */
struct part {
	struct view name;
	struct view full; /* the name up to here, for messages */
	bool has_value;
	struct view value;
	struct part *children;
	size_t n;
};

struct decoder {
	bool ec2;
	struct arena *arena;
};

static int decode_slot(const struct decoder *d, const struct wire_shape *shape,
	const struct part *p, bool in_place, void *slot, struct err *err);

/* Order of names with '.' below everything, so that the fields of one part stand together. */
static int compare_fields(const void *a, const void *b)
{
	const unsigned char *x = (const unsigned char *)((const struct form_field *)a)->name;
	const unsigned char *y = (const unsigned char *)((const struct form_field *)b)->name;

	while (*x && *x == *y)
		x++, y++;
	if (*x == *y)
		return 0;
	if (!*x || !*y)
		return *x ? 1 : -1;
	return *x == '.' ? -1 : *y == '.' ? 1 : *x < *y ? -1 : 1;
}

static struct view part_at(const struct form_field *f, size_t start)
{
	const char *p = f->name + start;

	return (struct view){p, strcspn(p, ".")};
}

/* Makes the children of `at` from fields whose names agree up to `start`. */
static int build(struct part *at, const struct form_field *fields, size_t n, size_t start,
	int depth, struct arena *a, struct err *err)
{
	size_t count = 0;

	if (depth > LIMIT_XML_DEPTH)
		return err_set(err, ERR_MALFORMED, "field '%.*s...' has too many parts",
			(int)MIN(start, (size_t)80), fields[0].name);
	for (size_t i = 0; i < n; i++)
		count += i == 0 ||
			 !view_eq(part_at(&fields[i - 1], start), part_at(&fields[i], start));
	at->children = arena_new_n(a, count, struct part);
	for (size_t i = 0, end; i < n; i = end) {
		struct part *child = &at->children[at->n++];
		size_t first = i;

		child->name = part_at(&fields[i], start);
		child->full = (struct view){fields[i].name, start + child->name.len};
		for (end = i + 1; end < n && view_eq(child->name, part_at(&fields[end], start));)
			end++;
		while (first < end && !fields[first].name[child->full.len]) {
			child->has_value = true;
			child->value = fields[first++].value;
		}
		if (first < end && build(child, fields + first, end - first, child->full.len + 1,
					   depth + 1, a, err) < 0)
			return -1;
	}
	return 0;
}

static int compare_part(const void *key, const void *row)
{
	const struct view *a = key, *b = &((const struct part *)row)->name;
	int c = memcmp(a->p, b->p, MIN(a->len, b->len));

	return c ? c : (a->len > b->len) - (a->len < b->len);
}

static const struct part *child_of(const struct part *p, const char *name)
{
	struct view key = view_of(name);

	return p->n ? bsearch(&key, p->children, p->n, sizeof(*p->children), compare_part) : NULL;
}

static int wanted(const struct part *p, const char *what, struct err *err)
{
	return err_set(err, ERR_MALFORMED, "field '%.*s' must be %s",
		(int)MIN(p->full.len, (size_t)200), p->full.p, what);
}

/* Number of a list's part, from 1; 0 if it is none. */
static size_t part_number(const struct part *p)
{
	size_t v = 0;

	for (size_t i = 0; i < p->name.len; i++) {
		if (!isdigit((unsigned char)p->name.p[i]) || i > 8)
			return 0;
		v = v * 10 + (size_t)(p->name.p[i] - '0');
	}
	return v;
}

static int compare_numbers(const void *a, const void *b)
{
	size_t x = part_number(*(const struct part *const *)a);
	size_t y = part_number(*(const struct part *const *)b);

	return (x > y) - (x < y);
}

/* The parts N.1, N.2, ... in the order of their numbers; gaps are closed. */
static int numbered(const struct decoder *d, const struct wire_shape *shape, const struct part *p,
	struct wire_list *list, const struct part ***ret, struct err *err)
{
	const struct part **rows = arena_new_n(d->arena, p->n, const struct part *);

	for (size_t i = 0; i < p->n; i++) {
		rows[i] = &p->children[i];
		if (!part_number(rows[i]))
			return wanted(rows[i], "numbered from 1", err);
	}
	if (p->n)
		qsort(rows, p->n, sizeof(*rows), compare_numbers);
	if (!wire_room(shape, p->n, d->arena))
		return wanted(p, "shorter", err);
	list->set = true;
	list->n = p->n;
	list->v = arena_array(d->arena, p->n, shape->stride);
	*ret = rows;
	return 0;
}

static int decode_list(const struct decoder *d, const struct wire_shape *shape,
	const struct part *p, struct wire_list *list, struct err *err)
{
	const struct part **rows;

	if (numbered(d, shape, p, list, &rows, err) < 0)
		return -1;
	for (size_t i = 0; i < list->n; i++)
		if (decode_slot(d, shape->element, rows[i], true, wire_element_slot(shape, list, i),
			    err) < 0)
			return -1;
	return 0;
}

static int decode_map(const struct decoder *d, const struct wire_shape *shape, const struct part *p,
	struct wire_list *map, struct err *err)
{
	const struct part **rows;

	if (numbered(d, shape, p, map, &rows, err) < 0)
		return -1;
	for (size_t i = 0; i < map->n; i++) {
		const struct part *key =
			child_of(rows[i], shape->key_name ? shape->key_name : "key");
		const struct part *value =
			child_of(rows[i], shape->element_name ? shape->element_name : "value");

		if (!key || !key->has_value || !value)
			return wanted(rows[i], "a pair of key and value", err);
		*wire_entry_key(shape, map, i) = arena_view_dup(d->arena, key->value);
		if (decode_slot(d, shape->element, value, false, wire_entry_slot(shape, map, i),
			    err) < 0)
			return -1;
	}
	return 0;
}

/* Where a list's or map's numbered parts hang: N.member.1, N.entry.1, or N.1 when flattened. */
static const struct part *numbers_of(const struct decoder *d, const struct wire_shape *shape,
	bool flattened, const struct part *p)
{
	const char *between = shape->type == WIRE_MAP ? "entry"
			      : shape->element_name   ? shape->element_name
						      : "member";

	if (d->ec2 || flattened || shape->flattened)
		return p;
	return child_of(p, between);
}

static int decode_numbered(const struct decoder *d, const struct wire_shape *shape, bool flattened,
	const struct part *p, struct wire_list *slot, struct err *err)
{
	const struct part *numbers = numbers_of(d, shape, flattened, p);

	if (!numbers || !numbers->n) {
		if (!p->has_value || p->value.len)
			return wanted(p, wire_text_wanted(shape), err);
		slot->set = true; /* "Name=" is an empty one */
		return 0;
	}
	return shape->type == WIRE_MAP ? decode_map(d, shape, numbers, slot, err)
				       : decode_list(d, shape, numbers, slot, err);
}

static const struct part *member_part(const struct decoder *d, const struct wire_member *m,
	const struct part *p, struct str *name)
{
	str_clear(name);
	if (m->query_name) {
		str_add(name, m->query_name);
	} else if (d->ec2) {
		str_add_c(name, (char)toupper((unsigned char)m->wire_name[0]));
		str_add(name, m->wire_name + 1);
	} else if (m->flattened && m->shape->element_name && m->shape->type == WIRE_LIST) {
		str_add(name, m->shape->element_name);
	} else {
		str_add(name, m->wire_name);
	}
	return child_of(p, str_text(name));
}

static int decode_structure(const struct decoder *d, const struct wire_shape *shape,
	const struct part *p, void *structure, struct err *err)
{
	CLEANUP_STR struct str name = STR_INIT;

	if (p->has_value && p->value.len && !p->n)
		return wanted(p, "a structure", err);
	for (size_t i = 0; i < shape->n_members; i++) {
		const struct wire_member *m = &shape->members[i];
		const struct part *child = member_part(d, m, p, &name);
		void *slot = wire_member_slot(m, structure);
		int rc;

		if (!child)
			continue;
		if (m->shape->type == WIRE_LIST || m->shape->type == WIRE_MAP)
			rc = decode_numbered(d, m->shape, m->flattened, child, slot, err);
		else
			rc = decode_slot(d, m->shape, child, false, slot, err);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int decode_slot(const struct decoder *d, const struct wire_shape *shape,
	const struct part *p, bool in_place, void *slot, struct err *err)
{
	switch (shape->type) {
	case WIRE_LIST:
	case WIRE_MAP:
		return decode_numbered(d, shape, false, p, slot, err);
	case WIRE_STRUCT:
		return decode_structure(
			d, shape, p, wire_structure_make(shape, slot, in_place, d->arena), err);
	default:
		if (!p->has_value || !wire_text_parse(shape, p->value, d->arena, slot))
			return wanted(p, wire_text_wanted(shape), err);
		return 0;
	}
}

int wire_decode_query(const struct wire_shape *shape, const struct form *form, bool ec2,
	struct arena *a, void *ret, struct err *err)
{
	struct decoder d = {ec2, a};
	struct part root = {0};
	struct form_field *sorted = arena_new_n(a, form->n, struct form_field);

	memset(ret, 0, shape->size);
	if (!form->n)
		return 0;
	memcpy(sorted, form->fields, form->n * sizeof(*sorted));
	qsort(sorted, form->n, sizeof(*sorted), compare_fields);
	if (build(&root, sorted, form->n, 0, 1, a, err) < 0)
		return -1;
	return decode_structure(&d, shape, &root, ret, err);
}
