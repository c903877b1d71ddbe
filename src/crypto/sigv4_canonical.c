/* SPDX-License-Identifier: Apache-2.0 */
/* Canonical requests: path, query and headers in the one form that both sides sign. */
#include "crypto/sigv4_canonical.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "crypto/digest.h"

static bool is_unreserved(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '.' || c == '_' || c == '~';
}

void sigv4_encode(struct view v, bool keep_slash, struct str *out)
{
	for (size_t i = 0; i < v.len; i++) {
		if (is_unreserved(v.p[i]) || (keep_slash && v.p[i] == '/'))
			str_add_c(out, v.p[i]);
		else
			str_addf(out, "%%%02X", (unsigned char)v.p[i]);
	}
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void sigv4_decode(struct view v, struct str *out)
{
	for (size_t i = 0; i < v.len; i++) {
		if (v.p[i] == '%' && i + 2 < v.len && hex_value(v.p[i + 1]) >= 0 &&
			hex_value(v.p[i + 2]) >= 0) {
			str_add_c(out, (char)(hex_value(v.p[i + 1]) * 16 + hex_value(v.p[i + 2])));
			i += 2;
		} else {
			str_add_c(out, v.p[i]);
		}
	}
}

/* RFC 3986 section 5.2.4, and no empty segments. */
static void normalise_path(struct view path, struct str *out)
{
	bool slash_at_end = path.len > 0 && path.p[path.len - 1] == '/';
	struct view rest = path;

	while (rest.p) {
		struct view part = view_cut(&rest, '/');

		if (part.len == 0 || view_eq_str(part, "."))
			continue;
		if (view_eq_str(part, "..")) {
			while (out->len > 0 && out->p[out->len - 1] != '/')
				str_truncate(out, out->len - 1);
			if (out->len > 0)
				str_truncate(out, out->len - 1);
			continue;
		}
		str_add_c(out, '/');
		str_add_view(out, part);
	}
	if (out->len == 0 || slash_at_end)
		str_add_c(out, '/');
}

static void canonical_path(const char *path, enum sigv4_path_form form, struct str *out)
{
	struct str plain CLEANUP_STR = STR_INIT;

	if (!*path) {
		str_add_c(out, '/');
	} else if (form == SIGV4_PATH_AS_SENT) {
		str_add(out, path);
	} else if (form == SIGV4_PATH_AGAIN) {
		sigv4_decode(view_of(path), &plain);
		sigv4_encode(str_view(&plain), true, out);
	} else {
		normalise_path(view_of(path), &plain);
		sigv4_encode(str_view(&plain), true, out);
	}
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "name\001value", so that the order is by name first. */
static void canonical_pair(struct view part, struct strv *pairs)
{
	struct view name = view_cut(&part, '=');
	struct str text CLEANUP_STR = STR_INIT, plain CLEANUP_STR = STR_INIT;

	sigv4_decode(name, &plain);
	sigv4_encode(str_view(&plain), false, &text);
	str_add_c(&text, '\001');
	str_clear(&plain);
	if (part.p)
		sigv4_decode(part, &plain);
	sigv4_encode(str_view(&plain), false, &text);
	strv_adopt(pairs, str_take(&text));
}

static void canonical_query(const char *query, struct str *out)
{
	struct strv pairs CLEANUP_STRV = {0};
	struct view rest = view_of(query);

	while (rest.p) {
		struct view part = view_cut(&rest, '&');

		if (part.len > 0 && !view_starts_with(part, "X-Amz-Signature="))
			canonical_pair(part, &pairs);
	}
	if (pairs.n > 1)
		qsort(pairs.v, pairs.n, sizeof(*pairs.v), compare_text);
	for (size_t i = 0; i < pairs.n; i++) {
		if (i > 0)
			str_add_c(out, '&');
		*strchr(pairs.v[i], '\001') = '=';
		str_add(out, pairs.v[i]);
	}
}

/* Trimmed, runs of blanks as one. */
static void add_value(const char *value, struct str *out)
{
	struct view v = view_trim(view_of(value));

	for (size_t i = 0, n; i < v.len; i += n) {
		n = 0;
		while (i + n < v.len && !isspace((unsigned char)v.p[i + n]))
			n++;
		str_add_n(out, v.p + i, n);
		i += n;
		n = 0;
		while (i + n < v.len && isspace((unsigned char)v.p[i + n]))
			n++;
		if (n > 0)
			str_add_c(out, ' ');
	}
}

static bool is_named(const struct sigv4_header *h, struct view name)
{
	return strlen(h->name) == name.len && strncasecmp(h->name, name.p, name.len) == 0;
}

static void canonical_headers(
	const struct sigv4_request *r, const char *signed_headers, struct str *out)
{
	struct view rest = view_of(signed_headers);

	while (rest.p) {
		struct view name = view_cut(&rest, ';');
		bool first = true;

		str_add_view(out, name);
		str_add_c(out, ':');
		for (size_t i = 0; i < r->n_headers; i++) {
			if (!is_named(&r->headers[i], name))
				continue;
			if (!first)
				str_add_c(out, ',');
			first = false;
			add_value(r->headers[i].value, out);
		}
		str_add_c(out, '\n');
	}
}

void sigv4_canonical(const struct sigv4_request *r, enum sigv4_path_form form,
	const char *signed_headers, const char *payload_hash, struct str *out)
{
	str_reserve(out, 1024);
	str_add(out, r->method);
	str_add_c(out, '\n');
	canonical_path(r->path, form, out);
	str_add_c(out, '\n');
	canonical_query(r->query ? r->query : "", out);
	str_add_c(out, '\n');
	canonical_headers(r, signed_headers, out);
	str_add_c(out, '\n');
	str_add(out, signed_headers);
	str_add_c(out, '\n');
	str_add(out, payload_hash);
}

void sigv4_string_to_sign(
	const char *amz_date, const char *scope, struct view canonical, struct str *out)
{
	struct digest_value v = digest_of(DIGEST_SHA256, canonical);

	const char *const lines[] = {"AWS4-HMAC-SHA256\n", amz_date, "\n", scope, "\n"};

	str_reserve(out, 256);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		str_add(out, lines[i]);
	str_add(out, digest_hex(&v).text);
}

struct sigv4_text sigv4_signature(const struct sigv4_key *key, struct view string_to_sign)
{
	struct digest_value v = digest_hmac_sha256(
		(struct view){(const char *)key->bytes, SIGV4_KEY_SIZE}, string_to_sign);
	struct sigv4_text ret;

	memcpy(ret.text, digest_hex(&v).text, sizeof(ret.text));
	return ret;
}
