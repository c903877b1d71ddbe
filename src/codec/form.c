/* SPDX-License-Identifier: Apache-2.0 */
/* Percent-coding (RFC 3986) and query strings. */
#include <ctype.h>

#include "base/limits.h"
#include "codec/form.h"

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool form_decode(struct view text, bool plus, struct arena *a, struct view *ret)
{
	char *out = arena_alloc(a, text.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.p[i];

		if (c == '%') {
			if (text.len - i < 3 || hex(text.p[i + 1]) < 0 || hex(text.p[i + 2]) < 0)
				return false;
			c = (char)(hex(text.p[i + 1]) << 4 | hex(text.p[i + 2]));
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		if (!c)
			return false;
		out[n++] = c;
	}
	*ret = (struct view){out, n};
	return true;
}

static size_t count_fields(struct view text)
{
	size_t n = text.len > 0;

	for (size_t i = 0; i < text.len; i++)
		n += text.p[i] == '&';
	return n;
}

int form_parse(struct view text, struct arena *a, struct form *ret, struct err *err)
{
	size_t max = count_fields(text);

	*ret = (struct form){0};
	if (max > LIMIT_FORM_FIELDS)
		return err_set(
			err, ERR_MALFORMED, "more than %d fields in a query", LIMIT_FORM_FIELDS);
	ret->fields = arena_new_n(a, max, struct form_field);
	while (text.p && text.len) {
		struct view value = view_cut(&text, '&'), name, decoded;

		if (!value.len)
			continue;
		name = view_cut(&value, '=');
		if (!form_decode(name, true, a, &decoded) ||
			!form_decode(value, true, a, &ret->fields[ret->n].value))
			return err_set(err, ERR_MALFORMED,
				"bad percent-coding in the query at '" VIEW_FMT "'",
				VIEW_ARG(name));
		ret->fields[ret->n++].name = decoded.p;
	}
	return 0;
}

const char *form_get(const struct form *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->fields[i].name, name) == 0)
			return f->fields[i].value.p;
	return NULL;
}

void form_encode(struct view text, bool keep_slash, struct str *out)
{
	static const char digits[] = "0123456789ABCDEF";

	str_reserve(out, text.len);
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.p[i];
		char code[3] = {'%', digits[c >> 4], digits[c & 15]};

		if ((c < 0x80 && isalnum(c)) || (c && strchr("-._~", c)) ||
			(c == '/' && keep_slash))
			str_add_c(out, (char)c);
		else
			str_add_n(out, code, 3);
	}
}
