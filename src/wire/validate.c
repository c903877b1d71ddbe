/* SPDX-License-Identifier: Apache-2.0 */
/* The models' constraints, checked all the way down, answered in the services' own words. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "wire/pattern.h"
#include "wire/value.h"

#define MAX_VIOLATIONS 10 /* named in one message */
#define MAX_VALUE 256	  /* characters of a value in a message */

struct validation {
	struct str path; /* pipeline.stages.1.member.name */
	struct str text;
	size_t n;
	const char *member;	  /* the member at hand, by name */
	const char *first_member; /* of the first violation */
	const struct wire_shape *first_shape;
	bool first_missing;
	bool sensitive;
	bool answer;	 /* the services answer empty lists where requests need one element */
	struct err *err; /* a fault of ours, not of the value */
};

static int check_slot(
	struct validation *v, const struct wire_shape *shape, const void *slot, bool in_place);

/* The value as it stands in messages; nothing for what is secret or has parts. */
static void add_value(struct str *out, const struct wire_shape *shape, const void *slot)
{
	const char *text;

	switch (shape->type) {
	case WIRE_STRING:
		text = *(const char *const *)slot;
		str_addf(out, " '%.*s'", (int)MIN(strlen(text), (size_t)MAX_VALUE), text);
		return;
	case WIRE_INT:
		str_addf(out, " '%" PRId32 "'", ((const struct wire_int *)slot)->v);
		return;
	case WIRE_LONG:
		str_addf(out, " '%" PRId64 "'", ((const struct wire_long *)slot)->v);
		return;
	case WIRE_DOUBLE:
		str_addf(out, " '%g'", ((const struct wire_double *)slot)->v);
		return;
	default:
		return;
	}
}

static void violation_begin(struct validation *v, const struct wire_shape *shape, const void *slot)
{
	if (v->n++ == 0) {
		v->first_member = v->member;
		v->first_shape = shape;
		v->first_missing = !slot;
	}
	str_add(&v->text, v->n > 1 ? "; Value" : "Value");
	if (!slot)
		str_add(&v->text, " null");
	else if (!shape->sensitive && !v->sensitive)
		add_value(&v->text, shape, slot);
	str_addf(&v->text, " at '%s' failed to satisfy constraint: ", str_text(&v->path));
}

/* slot NULL: the value is missing. */
PRINTF_LIKE(4, 5)
static int violation(struct validation *v, const struct wire_shape *shape, const void *slot,
	const char *fmt, ...)
{
	va_list ap;

	violation_begin(v, shape, slot);
	va_start(ap, fmt);
	str_vaddf(&v->text, fmt, ap);
	va_end(ap);
	return 0;
}

static int check_size(struct validation *v, const struct wire_shape *shape, const void *slot,
	const char *what, double n)
{
	if (shape->has_max && n > shape->max)
		return violation(v, shape, slot, "Member must have %s less than or equal to %.15g",
			what, shape->max);
	if (shape->has_min && n < shape->min)
		return violation(v, shape, slot,
			"Member must have %s greater than or equal to %.15g", what, shape->min);
	return 0;
}

static bool enum_has(const struct wire_shape *shape, const char *text)
{
	size_t low = 0, high = shape->n_enum_values;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int c = strcmp(text, shape->enum_values[mid]);

		if (c == 0)
			return true;
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return false;
}

static int check_enum(struct validation *v, const struct wire_shape *shape, const void *slot)
{
	if (enum_has(shape, *(const char *const *)slot))
		return 0;
	violation_begin(v, shape, slot);
	str_add(&v->text, "Member must satisfy enum value set: [");
	for (size_t i = 0; i < shape->n_enum_values; i++)
		str_addf(&v->text, "%s%s", i ? ", " : "", shape->enum_values[i]);
	str_add_c(&v->text, ']');
	return 0;
}

static int check_string(struct validation *v, const struct wire_shape *shape, const void *slot)
{
	const char *text = *(const char *const *)slot;
	int matches;

	if (check_size(v, shape, slot, "length", (double)utf8_count(view_of(text))) < 0)
		return -1;
	if (shape->pattern) {
		matches = wire_pattern_match(shape->pattern, text, v->err);
		if (matches < 0)
			return -1;
		if (!matches)
			violation(v, shape, slot,
				"Member must satisfy regular expression pattern: %s",
				shape->pattern);
	}
	return shape->enum_values ? check_enum(v, shape, slot) : 0;
}

static int check_list(struct validation *v, const struct wire_shape *shape, const void *slot)
{
	const struct wire_list *list = slot;
	size_t len = v->path.len;

	if ((list->n || !v->answer) && check_size(v, shape, slot, "length", (double)list->n) < 0)
		return -1;
	for (size_t i = 0; i < list->n && v->n < MAX_VIOLATIONS; i++) {
		const void *element = wire_element_slot(shape, slot, i);

		str_addf(&v->path, ".%zu.member", i + 1);
		if (check_slot(v, shape->element, element, true) < 0)
			return -1;
		str_truncate(&v->path, len);
	}
	return 0;
}

static int check_map(struct validation *v, const struct wire_shape *shape, const void *slot)
{
	const struct wire_list *map = slot;
	size_t len = v->path.len;

	if (check_size(v, shape, slot, "length", (double)map->n) < 0)
		return -1;
	for (size_t i = 0; i < map->n && v->n < MAX_VIOLATIONS; i++) {
		const char **key = wire_entry_key(shape, slot, i);

		str_addf(&v->path, ".%.*s.member", (int)MIN(strlen(*key), (size_t)MAX_VALUE), *key);
		if (check_slot(v, shape->key, key, false) < 0 ||
			check_slot(v, shape->element, wire_entry_slot(shape, slot, i), false) < 0)
			return -1;
		str_truncate(&v->path, len);
	}
	return 0;
}

static void path_push(struct str *path, const char *name)
{
	if (path->len)
		str_add_c(path, '.');
	str_add_c(path, (char)tolower((unsigned char)name[0]));
	str_add(path, name + 1);
}

static int check_structure(
	struct validation *v, const struct wire_shape *shape, const void *structure)
{
	size_t len = v->path.len, n_set = 0;
	const char *outer = v->member;
	bool sensitive = v->sensitive;

	v->sensitive = v->sensitive || shape->sensitive;
	for (size_t i = 0; i < shape->n_members && v->n < MAX_VIOLATIONS; i++) {
		const struct wire_member *m = &shape->members[i];
		const void *slot = wire_member_slot(m, structure);
		bool set = wire_slot_set(m->shape, slot, false);

		if (!set && !m->required)
			continue;
		v->member = m->name;
		path_push(&v->path, m->name);
		if (!set && !m->streaming)
			violation(v, m->shape, NULL, "Member must not be null");
		else if (set && check_slot(v, m->shape, slot, false) < 0)
			return -1;
		str_truncate(&v->path, len);
		n_set += set;
	}
	v->sensitive = sensitive;
	v->member = outer;
	if (shape->is_union && n_set != 1 && v->n < MAX_VIOLATIONS)
		violation(v, shape, structure, "Exactly one member must be set");
	return 0;
}

static int check_slot(
	struct validation *v, const struct wire_shape *shape, const void *slot, bool in_place)
{
	switch (shape->type) {
	case WIRE_STRING:
		if (!wire_slot_set(shape, slot, in_place))
			return violation(v, shape, NULL, "Member must not be null");
		return check_string(v, shape, slot);
	case WIRE_BLOB:
		return check_size(
			v, shape, slot, "length", (double)((const struct view *)slot)->len);
	case WIRE_INT:
		return check_size(v, shape, slot, "value", ((const struct wire_int *)slot)->v);
	case WIRE_LONG:
		return check_size(
			v, shape, slot, "value", (double)((const struct wire_long *)slot)->v);
	case WIRE_DOUBLE:
		return check_size(v, shape, slot, "value", ((const struct wire_double *)slot)->v);
	case WIRE_LIST:
		return check_list(v, shape, slot);
	case WIRE_MAP:
		return check_map(v, shape, slot);
	case WIRE_STRUCT:
		return check_structure(v, shape, wire_structure_at(slot, in_place));
	case WIRE_BOOL:
	case WIRE_TIMESTAMP:
		return 0;
	}
	return 0;
}

static void validation_release(struct validation *v)
{
	str_release(&v->path);
	str_release(&v->text);
}

static int validate(struct validation *v, const struct wire_shape *shape, const void *value)
{
	if (check_slot(v, shape, value, true) < 0)
		return -1;
	if (!v->n)
		return 0;
	return err_set(v->err, ERR_INVALID, "%zu validation error%s detected: %s", v->n,
		v->n > 1 ? "s" : "", str_text(&v->text));
}

int wire_validate(const struct wire_shape *shape, const void *value, struct err *err)
{
	CLEANUP(validation_release) struct validation v = {.err = err};

	return validate(&v, shape, value);
}

int wire_validate_answer(const struct wire_shape *shape, const void *value, struct err *err)
{
	CLEANUP(validation_release) struct validation v = {.err = err, .answer = true};

	return validate(&v, shape, value);
}

static const struct wire_shape *modelled_error(const struct wire_operation *op, const char *name)
{
	for (size_t i = 0; i < op->n_errors; i++)
		if (streq(op->errors[i]->name, name))
			return op->errors[i];
	return NULL;
}

/* The exception that names this noun (its first len characters), or NULL. */
static const char *exception_for(
	const struct wire_operation *op, bool missing, const char *noun, size_t len)
{
	static const char *const forms[2][3] = {
		{"Invalid%sException", "%sSizeLimitExceededException", NULL},
		{"%sRequiredException", "%sListRequiredException", NULL},
	};
	const struct wire_shape *found = NULL;

	for (const char *const *form = forms[missing]; *form && !found; form++) {
		char capital[128], name[160];

		snprintf(capital, sizeof(capital), "%c%.*s", toupper((unsigned char)*noun),
			(int)len - 1, noun + 1);
		snprintf(name, sizeof(name), *form, capital);
		found = modelled_error(op, name);
	}
	return found ? found->name : NULL;
}

/* The next word of a name in camel case. */
static const char *next_word(const char *word)
{
	do
		word++;
	while (*word && !isupper((unsigned char)*word));
	return word;
}

/* The operation's own exception for the first member at fault, or NULL. Exceptions call a member
 * by its name (repositoryName), its singular, the end of it (filePath: Path), its type (tags:
 * TagsMap) or a word of it (afterCommitSpecifier: Commit). */
static const char *named_exception(const struct wire_operation *op, const struct validation *v)
{
	const char *name = v->first_member, *found = NULL;

	if (!name)
		return NULL;
	for (const char *at = name; *at && !found; at = next_word(at)) {
		found = exception_for(op, v->first_missing, at, strlen(at));
		if (!found && ends_with(at, "s"))
			found = exception_for(op, v->first_missing, at, strlen(at) - 1);
	}
	if (!found)
		found = exception_for(
			op, v->first_missing, v->first_shape->name, strlen(v->first_shape->name));
	for (const char *at = name; *at && !found; at = next_word(at))
		found = exception_for(op, v->first_missing, at, (size_t)(next_word(at) - at));
	return found;
}

static const char *general_exception(const struct wire_operation *op,
	const struct wire_refusals *names, const struct validation *v)
{
	const char *name = v->first_missing ? names->missing : names->invalid;

	return name && (!op->n_errors || modelled_error(op, name)) ? name : NULL;
}

int wire_validate_input(const struct wire_operation *op, const struct wire_refusals *names,
	const void *value, struct err *err)
{
	CLEANUP(validation_release) struct validation v = {.err = err};
	const char *exception;

	if (validate(&v, op->input, value) == 0)
		return 0;
	exception = v.n ? named_exception(op, &v) : NULL;
	if (!exception && v.n)
		exception = general_exception(op, names, &v);
	if (exception)
		err_set_wire(err, exception, "%zu validation error%s detected: %s", v.n,
			v.n > 1 ? "s" : "", str_text(&v.text));
	return -1;
}
