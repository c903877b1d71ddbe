/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and answers as audit records show them: names begin with a small letter, times are
 * written out, and nothing that is secret or a body is in them. */
#include <ctype.h>
#include <strings.h>
#include <time.h>

#include "codec/json.h"
#include "wire/text.h"
#include "wire/value.h"

#define HIDDEN "HIDDEN_DUE_TO_SECURITY_REASONS"
#define MOST 100000 /* bytes; what is longer becomes null */

static void add_slot(
	const struct wire_shape *shape, const void *slot, bool in_place, struct str *out);

/* Beside what the models call sensitive. */
static bool is_secret(const char *name)
{
	static const char *const words[] = {"secret", "password", "sessionToken", "privateKey",
		"authorizationToken", "credential"};
	static const char *const plain[] = {"secretId", "secretArn", "secretList", "credentials",
		"credentialId", "credentialsId"};

	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		if (strcasecmp(name, plain[i]) == 0)
			return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcasestr(name, words[i]))
			return true;
	}
	return false;
}

/* "Dec 14, 2016 6:19:14 PM" */
static void add_time(int64_t usec, struct str *out)
{
	time_t sec = (time_t)(usec / 1000000);
	struct tm tm;
	char text[64];

	gmtime_r(&sec, &tm);
	strftime(text, sizeof(text), "%b %-d, %Y %-I:%M:%S %p", &tm);
	json_write_string(out, view_of(text));
}

static void add_key(struct str *out, const char *name)
{
	/* names of models need no escapes; "ARN" stays as it is */
	bool all = isupper((unsigned char)name[0]) && isupper((unsigned char)name[1]);

	str_addf(out, "\"%c%s\":", all ? name[0] : tolower((unsigned char)name[0]), name + 1);
}

static void add_members(const struct wire_shape *shape, const void *structure, struct str *out)
{
	bool comma = false;

	str_add_c(out, '{');
	for (size_t i = 0; i < shape->n_members; i++) {
		const struct wire_member *m = &shape->members[i];
		const void *slot = wire_member_slot(m, structure);

		if (m->streaming || m->shape->type == WIRE_BLOB ||
			!wire_slot_set(m->shape, slot, false))
			continue;
		if (comma)
			str_add_c(out, ',');
		comma = true;
		add_key(out, m->name);
		if (m->shape->sensitive || (m->shape->type == WIRE_STRING && is_secret(m->name)))
			str_add(out, "\"" HIDDEN "\"");
		else
			add_slot(m->shape, slot, false, out);
	}
	str_add_c(out, '}');
}

static void add_list(const struct wire_shape *shape, const struct wire_list *list, struct str *out)
{
	str_add_c(out, '[');
	for (size_t i = 0; i < list->n; i++) {
		if (i)
			str_add_c(out, ',');
		add_slot(shape->element, wire_element_slot(shape, list, i), true, out);
	}
	str_add_c(out, ']');
}

static void add_map(const struct wire_shape *shape, const struct wire_list *map, struct str *out)
{
	bool comma = false;

	str_add_c(out, '{');
	for (size_t i = 0; i < map->n; i++) {
		const char *key = *wire_entry_key(shape, map, i);
		const void *slot = wire_entry_slot(shape, map, i);

		if (!key || !wire_slot_set(shape->element, slot, false))
			continue;
		if (comma)
			str_add_c(out, ',');
		comma = true;
		json_write_string(out, view_of(key));
		str_add_c(out, ':');
		if (shape->element->sensitive || is_secret(key))
			str_add(out, "\"" HIDDEN "\"");
		else
			add_slot(shape->element, slot, false, out);
	}
	str_add_c(out, '}');
}

static void add_slot(
	const struct wire_shape *shape, const void *slot, bool in_place, struct str *out)
{
	/* it will be thrown away: only its brackets are kept right */
	if (out->len > MOST || !wire_slot_set(shape, slot, in_place)) {
		str_add(out, "null");
		return;
	}
	if (shape->sensitive) {
		str_add(out, "\"" HIDDEN "\"");
		return;
	}
	switch (shape->type) {
	case WIRE_STRING:
		json_write_string(out, view_of(*(const char *const *)slot));
		return;
	case WIRE_BLOB:
		str_add(out, "null");
		return;
	case WIRE_BOOL:
	case WIRE_INT:
	case WIRE_LONG:
		wire_text_add(shape, slot, NULL, out);
		return;
	case WIRE_DOUBLE:
		json_write_real(out, ((const struct wire_double *)slot)->v);
		return;
	case WIRE_TIMESTAMP:
		add_time(((const struct wire_time *)slot)->usec, out);
		return;
	case WIRE_LIST:
		add_list(shape, slot, out);
		return;
	case WIRE_MAP:
		add_map(shape, slot, out);
		return;
	case WIRE_STRUCT:
		add_members(shape, wire_structure_at(slot, in_place), out);
		return;
	}
}

void wire_encode_redacted(const struct wire_shape *shape, const void *value, struct str *out)
{
	size_t start = out->len;

	add_members(shape, value, out);
	if (out->len - start > MOST) {
		str_truncate(out, start);
		str_add(out, "null");
	}
}
