/* SPDX-License-Identifier: Apache-2.0 */
/* References to variables in configuration values. */
#include "pipeline/variable.h"

#include <ctype.h>

#include "base/str.h"

static bool is_mark(char c)
{
	return c == '@' || c == '-' || c == '_';
}

static bool name_valid(struct view name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!isalnum((unsigned char)name.p[i]) && !is_mark(name.p[i]))
			return false;
	return name.len > 0;
}

static void split(struct variable_ref *ref)
{
	struct view inner = {ref->text.p + 2, ref->text.len - 3};

	ref->space = view_cut(&inner, '.');
	ref->key = inner;
	ref->malformed = !name_valid(ref->space) || !name_valid(ref->key);
}

int variable_next(struct view *rest, struct view *literal, struct variable_ref *ref)
{
	const char *start = rest->len ? memmem(rest->p, rest->len, "#{", 2) : NULL, *end;

	if (!start) {
		*literal = *rest;
		*rest = (struct view){NULL, 0};
		return 0;
	}
	*literal = (struct view){rest->p, (size_t)(start - rest->p)};
	rest->len -= literal->len;
	rest->p = start;
	end = memchr(start, '}', rest->len);
	*ref = (struct variable_ref){.malformed = true};
	ref->text = (struct view){start, end ? (size_t)(end - start) + 1 : rest->len};
	rest->p += ref->text.len;
	rest->len -= ref->text.len;
	if (end)
		split(ref);
	return 1;
}

int variable_resolve(const char *text, variable_lookup lookup, void *arg, struct arena *a,
	const char **ret, struct err *err)
{
	struct str out CLEANUP_STR = STR_INIT;
	struct view rest = view_of(text), literal;
	struct variable_ref ref;
	int more;

	do {
		const char *value;

		more = variable_next(&rest, &literal, &ref);
		str_add_view(&out, literal);
		if (!more)
			break;
		value = ref.malformed ? NULL : lookup(arg, &ref);
		if (!value)
			return err_set(
				err, ERR_INVALID, "no value for " VIEW_FMT, VIEW_ARG(ref.text));
		str_add(&out, value);
	} while (more);
	*ret = arena_strdup(a, str_text(&out));
	return 0;
}
