/* SPDX-License-Identifier: Apache-2.0 */
/* JSON text to generated structs; the parsing is jansson's. A key that stands twice counts once,
 * with its last value. */
#include <jansson.h>
#include <math.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "codec/base64.h"
#include "wire/step.h"

static int decode_slot(const struct wire_shape *shape, const json_t *j, bool in_place,
	const struct wire_step *at, struct arena *a, void *slot, struct err *err);

static const char *json_type_text(const json_t *j)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "an object",
		[JSON_ARRAY] = "an array",
		[JSON_STRING] = "a string",
		[JSON_INTEGER] = "a number",
		[JSON_REAL] = "a number",
		[JSON_TRUE] = "true",
		[JSON_FALSE] = "false",
		[JSON_NULL] = "null",
	};

	return names[json_typeof(j)];
}

static int wanted(const struct wire_step *at, const char *what, const json_t *j, struct err *err)
{
	return wire_step_wanted(at, what, json_type_text(j), err);
}

/* An integer, also when it is written like 3.0 or 3e2. */
static bool integer_value(const json_t *j, int64_t min, int64_t max, int64_t *ret)
{
	if (json_is_integer(j)) {
		*ret = json_integer_value(j);
		return *ret >= min && *ret <= max;
	}
	return json_is_real(j) && wire_whole(json_real_value(j), min, max, ret);
}

static bool double_value(const json_t *j, double *ret)
{
	static const struct {
		const char *name;
		double value;
	} specials[] = {{"NaN", NAN}, {"Infinity", INFINITY}, {"-Infinity", -INFINITY}};

	if (json_is_number(j)) {
		*ret = json_number_value(j);
		return true;
	}
	for (size_t i = 0; json_is_string(j) && i < ARRAY_SIZE(specials); i++)
		if (streq(json_string_value(j), specials[i].name)) {
			*ret = specials[i].value;
			return true;
		}
	return false;
}

/* Seconds since the epoch, or ISO 8601 text. */
static bool time_value(const json_t *j, int64_t *ret)
{
	if (json_is_string(j))
		return timefmt_parse(json_string_value(j), ret);
	return json_is_number(j) && wire_seconds(json_number_value(j), ret);
}

static int decode_blob(const json_t *j, const struct wire_step *at, struct arena *a,
	struct view *slot, struct err *err)
{
	if (!json_is_string(j) ||
		!base64_decode((struct view){json_string_value(j), json_string_length(j)}, a, slot))
		return wanted(at, "base64 text", j, err);
	return 0;
}

static int decode_list(const struct wire_shape *shape, const json_t *j, const struct wire_step *at,
	struct arena *a, struct wire_list *list, struct err *err)
{
	struct wire_step step = {.up = at, .depth = at->depth + 1};

	if (!json_is_array(j))
		return wanted(at, "an array", j, err);
	if (wire_step_room(at, shape, json_array_size(j), a, list, err) < 0)
		return -1;
	list->n = json_array_size(j);
	for (step.index = 0; step.index < list->n; step.index++) {
		const json_t *item = json_array_get(j, step.index);

		if (json_is_null(item))
			return wanted(&step, "a value", item, err);
		if (decode_slot(shape->element, item, true, &step, a,
			    wire_element_slot(shape, list, step.index), err) < 0)
			return -1;
	}
	return 0;
}

static int decode_map(const struct wire_shape *shape, const json_t *j, const struct wire_step *at,
	struct arena *a, struct wire_list *map, struct err *err)
{
	struct wire_step step = {.up = at, .depth = at->depth + 1};
	json_t *object = (json_t *)j;

	if (!json_is_object(j))
		return wanted(at, "an object", j, err);
	if (wire_step_room(at, shape, json_object_size(j), a, map, err) < 0)
		return -1;
	for (void *it = json_object_iter(object); it; it = json_object_iter_next(object, it)) {
		const json_t *item = json_object_iter_value(it);

		if (json_is_null(item))
			continue;
		step.name = json_object_iter_key(it);
		*wire_entry_key(shape, map, map->n) = arena_strdup(a, step.name);
		if (decode_slot(shape->element, item, false, &step, a,
			    wire_entry_slot(shape, map, map->n), err) < 0)
			return -1;
		map->n++;
	}
	return 0;
}

static int decode_structure(const struct wire_shape *shape, const json_t *j,
	const struct wire_step *at, struct arena *a, void *structure, struct err *err)
{
	struct wire_step step = {.up = at, .depth = at->depth + 1};
	bool top = !at->up;

	if (!json_is_object(j))
		return wanted(at, "an object", j, err);
	for (size_t i = 0; i < shape->n_members; i++) {
		const struct wire_member *m = &shape->members[i];
		const json_t *value = NULL;

		if (!top || m->location == WIRE_IN_BODY)
			value = json_object_get(j, m->wire_name);
		if (!value || json_is_null(value))
			continue;
		step.name = m->wire_name;
		if (decode_slot(m->shape, value, false, &step, a, wire_member_slot(m, structure),
			    err) < 0)
			return -1;
	}
	return 0;
}

static int decode_scalar(const struct wire_shape *shape, const json_t *j,
	const struct wire_step *at, struct arena *a, void *slot, struct err *err)
{
	int64_t integer = 0;
	double real = 0;

	switch (shape->type) {
	case WIRE_STRING:
		if (!json_is_string(j))
			return wanted(at, "a string", j, err);
		*(const char **)slot =
			arena_strndup(a, json_string_value(j), json_string_length(j));
		return 0;
	case WIRE_BLOB:
		return decode_blob(j, at, a, slot, err);
	case WIRE_BOOL:
		if (!json_is_boolean(j))
			return wanted(at, "true or false", j, err);
		*(struct wire_bool *)slot = WIRE_SET_BOOL(json_is_true(j));
		return 0;
	case WIRE_INT:
		if (!integer_value(j, INT32_MIN, INT32_MAX, &integer))
			return wanted(at, "a whole number of 32 bits", j, err);
		*(struct wire_int *)slot = WIRE_SET_INT(integer);
		return 0;
	case WIRE_LONG:
		if (!integer_value(j, INT64_MIN, INT64_MAX, &integer))
			return wanted(at, "a whole number of 64 bits", j, err);
		*(struct wire_long *)slot = WIRE_SET_LONG(integer);
		return 0;
	case WIRE_DOUBLE:
		if (!double_value(j, &real))
			return wanted(at, "a number", j, err);
		*(struct wire_double *)slot = WIRE_SET_DOUBLE(real);
		return 0;
	case WIRE_TIMESTAMP:
		if (!time_value(j, &integer))
			return wanted(at, "a time (seconds since 1970, or ISO 8601)", j, err);
		*(struct wire_time *)slot = WIRE_SET_TIME(integer);
		return 0;
	default:
		BUG("shape %s is no scalar", shape->name);
	}
}

static int decode_slot(const struct wire_shape *shape, const json_t *j, bool in_place,
	const struct wire_step *at, struct arena *a, void *slot, struct err *err)
{
	if (at->depth > LIMIT_JSON_DEPTH)
		return err_set(err, ERR_MALFORMED, "JSON is nested deeper than %d levels",
			LIMIT_JSON_DEPTH);
	switch (shape->type) {
	case WIRE_LIST:
		return decode_list(shape, j, at, a, slot, err);
	case WIRE_MAP:
		return decode_map(shape, j, at, a, slot, err);
	case WIRE_STRUCT:
		return decode_structure(
			shape, j, at, a, wire_structure_make(shape, slot, in_place, a), err);
	default:
		return decode_scalar(shape, j, at, a, slot, err);
	}
}

int wire_decode_json(const struct wire_shape *shape, struct view json, struct arena *a, void *ret,
	struct err *err)
{
	struct wire_step root = {.depth = 1};
	json_error_t why;

	if (json.len > LIMIT_JSON_BODY)
		return err_set(err, ERR_TOO_LARGE, "JSON of %zu bytes is over the limit of %zu",
			json.len, (size_t)LIMIT_JSON_BODY);
	memset(ret, 0, shape->size);
	json_auto_t *j = json_loadb(json.p ? json.p : "", json.len, JSON_DECODE_ANY, &why);
	if (!j)
		return err_set(err, ERR_MALFORMED, "line %d, column %d: %s", why.line, why.column,
			why.text);
	return decode_slot(shape, j, true, &root, a, ret, err);
}
