/* SPDX-License-Identifier: Apache-2.0 */
/* Writing JSON text. */
#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "codec/json.h"

static const char *short_escape(unsigned char c)
{
	static const char *const escapes[256] = {
		['"'] = "\\\"",
		['\\'] = "\\\\",
		['\b'] = "\\b",
		['\f'] = "\\f",
		['\n'] = "\\n",
		['\r'] = "\\r",
		['\t'] = "\\t",
	};

	return escapes[c];
}

#define EACH(c) (UINT64_C(0x0101010101010101) * (c))

/* Whether one of eight bytes is a control character, a quote, a backslash or not ASCII: the usual
 * test for a zero byte, of the word less 0x20 and with the others taken out of it. */
static bool has_special(const char *p)
{
	uint64_t x, quote, backslash;

	memcpy(&x, p, sizeof(x));
	quote = x ^ EACH('"');
	backslash = x ^ EACH('\\');
	return (x | (x - EACH(0x20)) | (quote - EACH(1)) | (backslash - EACH(1))) & EACH(0x80);
}

/* Bytes at the front that can be copied as they are. */
static size_t plain_run(struct view v)
{
	size_t i = 0, n;

	while (i + 8 <= v.len && !has_special(v.p + i))
		i += 8;
	/* what is left once more with what stands before it */
	if (i && v.len - i < 8 && !has_special(v.p + v.len - 8))
		return v.len;
	while (i < v.len) {
		unsigned char c = (unsigned char)v.p[i];

		if (c < 0x20 || c == '"' || c == '\\')
			break;
		n = c < 0x80 ? 1 : utf8_sequence(v.p + i, v.len - i);
		if (n == 0)
			break;
		i += n;
	}
	return i;
}

void json_write_string(struct str *out, struct view v)
{
	str_reserve(out, v.len + 2);
	str_add_c(out, '"');
	while (v.len) {
		size_t run = plain_run(v);

		str_add_n(out, v.p, run);
		v.p += run;
		v.len -= run;
		if (!v.len)
			break;
		if ((unsigned char)*v.p >= 0x80)
			str_add(out, "\xef\xbf\xbd");
		else if (short_escape((unsigned char)*v.p))
			str_add(out, short_escape((unsigned char)*v.p));
		else
			str_addf(out, "\\u%04x", (unsigned)(unsigned char)*v.p);
		v.p++;
		v.len--;
	}
	str_add_c(out, '"');
}

void json_write_real(struct str *out, double v)
{
	char buf[40];

	if (isnan(v)) {
		str_add(out, "\"NaN\"");
		return;
	}
	if (isinf(v)) {
		str_add(out, v > 0 ? "\"Infinity\"" : "\"-Infinity\"");
		return;
	}
	snprintf(buf, sizeof(buf), "%.15g", v);
	if (strtod(buf, NULL) != v)
		snprintf(buf, sizeof(buf), "%.17g", v);
	str_add(out, buf);
	if (!strpbrk(buf, ".e"))
		str_add(out, ".0");
}

static void before_value(struct json_writer *w)
{
	if (w->comma)
		str_add_c(w->out, ',');
	w->comma = true;
}

void json_open(struct json_writer *w, char bracket)
{
	before_value(w);
	str_add_c(w->out, bracket);
	w->comma = false;
}

void json_close(struct json_writer *w, char bracket)
{
	str_add_c(w->out, bracket);
	w->comma = true;
}

void json_key(struct json_writer *w, const char *key)
{
	before_value(w);
	json_write_string(w->out, view_of(key));
	str_add_c(w->out, ':');
	w->comma = false;
}

void json_put_text(struct json_writer *w, const char *text)
{
	before_value(w);
	if (text)
		json_write_string(w->out, view_of(text));
	else
		str_add(w->out, "null");
}

void json_put_int(struct json_writer *w, int64_t v)
{
	before_value(w);
	str_addf(w->out, "%lld", (long long)v);
}

void json_put_real(struct json_writer *w, double v)
{
	before_value(w);
	json_write_real(w->out, v);
}

void json_put_bool(struct json_writer *w, bool v)
{
	before_value(w);
	str_add(w->out, v ? "true" : "false");
}

void json_put_raw(struct json_writer *w, struct view json)
{
	before_value(w);
	str_add_view(w->out, json);
}

void json_put_member(struct json_writer *w, const char *key, const char *text)
{
	if (!text)
		return;
	json_key(w, key);
	json_put_text(w, text);
}

static void write_node(struct json_writer *w, const struct json_node *node)
{
	bool object = node->kind == JSON_KIND_OBJECT;

	switch (node->kind) {
	case JSON_KIND_NULL:
		json_put_text(w, NULL);
		return;
	case JSON_KIND_BOOL:
		json_put_bool(w, node->boolean);
		return;
	case JSON_KIND_INT:
		json_put_int(w, node->integer);
		return;
	case JSON_KIND_REAL:
		json_put_real(w, node->real);
		return;
	case JSON_KIND_STRING:
		before_value(w);
		json_write_string(w->out, node->text);
		return;
	case JSON_KIND_ARRAY:
	case JSON_KIND_OBJECT:
		break;
	}
	json_open(w, object ? '{' : '[');
	for (size_t i = 0; i < node->n; i++) {
		if (object)
			json_key(w, node->items[i].key.p);
		write_node(w, &node->items[i]);
	}
	json_close(w, object ? '}' : ']');
}

void json_write(const struct json_node *node, struct str *out)
{
	struct json_writer w = {.out = out};

	write_node(&w, node);
}
