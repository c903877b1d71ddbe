/* SPDX-License-Identifier: Apache-2.0 */
/* The way from a document's root to the value at hand, for messages; and what numbers of documents
 * become. Only for src/wire/. */
#ifndef TOWPATH_WIRE_STEP_H
#define TOWPATH_WIRE_STEP_H

#include "wire/value.h"

struct wire_step {
	const struct wire_step *up;
	const char *name; /* NULL: an element of a list */
	size_t index;
	int depth;
};

/* ERR_MALFORMED: 'a.b[2]' must be what (a string), not got (a number). */
int wire_step_wanted(
	const struct wire_step *at, const char *what, const char *got, struct err *err);
/* Makes room for n elements of a list or map. ERR_TOO_LARGE: a short document must not ask for
 * gigabytes of structs. */
int wire_step_room(const struct wire_step *at, const struct wire_shape *shape, size_t n,
	struct arena *a, struct wire_list *list, struct err *err);

/* The whole number that a real one is; false: it is none, or outside of min and max. */
bool wire_whole(double d, int64_t min, int64_t max, int64_t *ret);
/* Microseconds of seconds since 1970; false: too far away. */
bool wire_seconds(double seconds, int64_t *ret);

#endif
