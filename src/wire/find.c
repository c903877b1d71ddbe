/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the generated tables by name; the tables are sorted by strcmp. */
#include "base/macros.h"
#include "wire/wire.h"

static int compare(struct view name, const char *row)
{
	size_t len = strlen(row);
	int c = memcmp(name.p ? name.p : "", row, MIN(name.len, len));

	return c ? c : (name.len > len) - (name.len < len);
}

const struct wire_operation *wire_operation_find(const struct wire_service *s, struct view name)
{
	size_t low = 0, high = s->n_operations;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int c = compare(name, s->operations[mid].name);

		if (c == 0)
			return &s->operations[mid];
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

const struct wire_member *wire_member_find(const struct wire_shape *shape, struct view wire_name)
{
	size_t low = 0, high = shape->n_members;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int c = compare(wire_name, shape->members[mid].wire_name);

		if (c == 0)
			return &shape->members[mid];
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}
