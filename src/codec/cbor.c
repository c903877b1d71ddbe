/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR, read item by item. Section numbers are of RFC 8949. */
#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "codec/cbor.h"

#define MAJOR_SIMPLE 7
#define INFO_INDEFINITE 31
/* Simple values and floats: the low five bits of a head of major type 7 (3.3). */
#define SIMPLE_FALSE 20
#define SIMPLE_TRUE 21
#define SIMPLE_NULL 22
#define SIMPLE_UNDEFINED 23
#define FLOAT_HALF 25
#define FLOAT_SINGLE 26
#define FLOAT_DOUBLE 27

struct cbor_reader cbor_reader(struct view bytes)
{
	return (struct cbor_reader){bytes.p, bytes.p, bytes.p + bytes.len};
}

static int malformed(const struct cbor_reader *r, const char *what, struct err *err)
{
	return err_set(err, ERR_MALFORMED, "CBOR at byte %zu: %s", (size_t)(r->p - r->start), what);
}

static size_t left(const struct cbor_reader *r)
{
	return (size_t)(r->end - r->p);
}

/* The argument of a head: in the head itself, or in the 1, 2, 4 or 8 bytes behind it (3). */
static int read_argument(struct cbor_reader *r, unsigned info, uint64_t *ret, struct err *err)
{
	size_t n = info < 24 ? 0 : (size_t)1 << (info - 24);

	*ret = info;
	if (!n)
		return 0;
	if (left(r) < n)
		return malformed(r, "it ends within an item", err);
	*ret = 0;
	for (size_t i = 0; i < n; i++)
		*ret = *ret << 8 | (unsigned char)*r->p++;
	return 0;
}

static double half_value(uint64_t bits)
{
	int exponent = (int)(bits >> 10 & 0x1f);
	double fraction = (double)(bits & 0x3ff), v;

	if (exponent == 0)
		v = ldexp(fraction, -24);
	else if (exponent == 31)
		v = bits & 0x3ff ? NAN : INFINITY;
	else
		v = ldexp(fraction + 1024, exponent - 25);
	return bits & 0x8000 ? -v : v;
}

static double float_value(unsigned info, uint64_t bits)
{
	uint32_t single = (uint32_t)bits;
	double d;
	float f;

	if (info == FLOAT_HALF)
		return half_value(bits);
	if (info == FLOAT_SINGLE) {
		memcpy(&f, &single, sizeof(f));
		return f;
	}
	memcpy(&d, &bits, sizeof(d));
	return d;
}

static void simple_item(unsigned info, uint64_t argument, struct cbor_item *ret)
{
	switch (info) {
	case SIMPLE_FALSE:
	case SIMPLE_TRUE:
		ret->kind = CBOR_BOOL;
		ret->n = info == SIMPLE_TRUE;
		return;
	case SIMPLE_NULL:
	case SIMPLE_UNDEFINED:
		ret->kind = CBOR_NULL;
		return;
	case FLOAT_HALF:
	case FLOAT_SINGLE:
	case FLOAT_DOUBLE:
		ret->kind = CBOR_FLOAT;
		ret->real = float_value(info, argument);
		return;
	default:
		ret->kind = CBOR_SIMPLE;
	}
}

/* Heads without an argument: of what ends with a break, and the break itself (3.2). */
static int indefinite_item(
	struct cbor_reader *r, unsigned major, struct cbor_item *ret, struct err *err)
{
	if (major == MAJOR_SIMPLE) {
		ret->kind = CBOR_BREAK;
		return 0;
	}
	if (major < CBOR_BYTES || major > CBOR_MAP)
		return malformed(r, "an item without an end", err);
	ret->kind = (enum cbor_kind)major;
	ret->indefinite = true;
	return 0;
}

/* Bytes that must follow at the least, so that no head asks for more than there can be. */
static bool is_there(const struct cbor_reader *r, const struct cbor_item *item)
{
	switch (item->kind) {
	case CBOR_BYTES:
	case CBOR_TEXT:
	case CBOR_ARRAY:
		return item->n <= left(r);
	case CBOR_MAP:
		return item->n <= left(r) / 2;
	case CBOR_TAG:
		return left(r) > 0;
	default:
		return true;
	}
}

int cbor_next(struct cbor_reader *r, struct cbor_item *ret, struct err *err)
{
	unsigned head, info;
	uint64_t argument;

	*ret = (struct cbor_item){0};
	if (!left(r))
		return malformed(r, "an item is missing", err);
	head = (unsigned char)*r->p++;
	info = head & 0x1f;
	if (info == INFO_INDEFINITE)
		return indefinite_item(r, head >> 5, ret, err);
	if (info > FLOAT_DOUBLE)
		return malformed(r, "a head of no known form", err);
	if (read_argument(r, info, &argument, err) < 0)
		return -1;
	if (head >> 5 == MAJOR_SIMPLE) {
		simple_item(info, argument, ret);
		return 0;
	}
	ret->kind = (enum cbor_kind)(head >> 5);
	ret->n = argument;
	return is_there(r, ret) ? 0 : malformed(r, "it ends within an item", err);
}

static int take_piece(
	struct cbor_reader *r, const struct cbor_item *item, struct view *ret, struct err *err)
{
	*ret = (struct view){r->p, item->n};
	if (item->kind == CBOR_TEXT && !utf8_valid(*ret))
		return malformed(r, "text that is not UTF-8", err);
	r->p += item->n;
	return 0;
}

/* Pieces of the same kind, each with its length, up to a break (3.2.3). joined may be NULL. */
static int take_pieces(
	struct cbor_reader *r, enum cbor_kind kind, struct str *joined, struct err *err)
{
	struct cbor_item item;
	struct view piece;

	for (;;) {
		if (cbor_next(r, &item, err) < 0)
			return -1;
		if (item.kind == CBOR_BREAK)
			return 0;
		if (item.kind != kind || item.indefinite)
			return malformed(r, "a piece of text or bytes of another kind", err);
		if (take_piece(r, &item, &piece, err) < 0)
			return -1;
		if (joined)
			str_add_view(joined, piece);
	}
}

int cbor_content(struct cbor_reader *r, const struct cbor_item *item, struct arena *a,
	struct view *ret, struct err *err)
{
	CLEANUP_STR struct str joined = STR_INIT;

	if (!item->indefinite)
		return take_piece(r, item, ret, err);
	if (take_pieces(r, item->kind, &joined, err) < 0)
		return -1;
	*ret = (struct view){arena_strndup(a, str_text(&joined), joined.len), joined.len};
	return 0;
}

int cbor_more(
	struct cbor_reader *r, const struct cbor_item *container, uint64_t done, struct err *err)
{
	struct cbor_reader ahead = *r;
	struct cbor_item item;

	if (!container->indefinite)
		return done < container->n;
	if (cbor_next(&ahead, &item, err) < 0)
		return -1;
	if (item.kind != CBOR_BREAK)
		return 1;
	*r = ahead;
	return 0;
}

static int skip(struct cbor_reader *r, const struct cbor_item *item, int depth, struct err *err);

static int skip_next(struct cbor_reader *r, int depth, struct err *err)
{
	struct cbor_item item;

	return cbor_next(r, &item, err) < 0 ? -1 : skip(r, &item, depth, err);
}

static int skip_container(
	struct cbor_reader *r, const struct cbor_item *item, int depth, struct err *err)
{
	int more;

	for (uint64_t i = 0; (more = cbor_more(r, item, i, err)) > 0; i++)
		if (skip_next(r, depth, err) < 0 ||
			(item->kind == CBOR_MAP && skip_next(r, depth, err) < 0))
			return -1;
	return more;
}

static int skip(struct cbor_reader *r, const struct cbor_item *item, int depth, struct err *err)
{
	struct view piece;

	if (depth > LIMIT_CBOR_DEPTH)
		return malformed(r, "it is nested too deeply", err);
	switch (item->kind) {
	case CBOR_BYTES:
	case CBOR_TEXT:
		return item->indefinite ? take_pieces(r, item->kind, NULL, err)
					: take_piece(r, item, &piece, err);
	case CBOR_ARRAY:
	case CBOR_MAP:
		return skip_container(r, item, depth + 1, err);
	case CBOR_TAG:
		return skip_next(r, depth + 1, err);
	case CBOR_BREAK:
		return malformed(r, "a break where an item was to come", err);
	default:
		return 0;
	}
}

int cbor_skip(struct cbor_reader *r, const struct cbor_item *item, struct err *err)
{
	return skip(r, item, 1, err);
}

int cbor_count(
	const struct cbor_reader *r, const struct cbor_item *item, size_t *ret, struct err *err)
{
	struct cbor_reader ahead = *r;
	int more;

	*ret = (size_t)item->n;
	if (!item->indefinite)
		return 0;
	while ((more = cbor_more(&ahead, item, *ret, err)) > 0) {
		if (skip_next(&ahead, 1, err) < 0 ||
			(item->kind == CBOR_MAP && skip_next(&ahead, 1, err) < 0))
			return -1;
		++*ret;
	}
	return more;
}

const char *cbor_kind_text(const struct cbor_item *item)
{
	static const char *const names[] = {
		[CBOR_UINT] = "a number",
		[CBOR_NEGATIVE] = "a number",
		[CBOR_BYTES] = "bytes",
		[CBOR_TEXT] = "a string",
		[CBOR_ARRAY] = "an array",
		[CBOR_MAP] = "a map",
		[CBOR_TAG] = "a tagged value",
		[CBOR_BOOL] = "a truth value",
		[CBOR_NULL] = "null",
		[CBOR_FLOAT] = "a number",
		[CBOR_SIMPLE] = "a simple value",
		[CBOR_BREAK] = "a break",
	};

	return names[item->kind];
}

/* ---- writing ---- */

static void write_number(struct str *out, unsigned head, uint64_t n, int bytes)
{
	str_add_c(out, (char)head);
	for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
		str_add_c(out, (char)(n >> shift & 0xff));
}

void cbor_write_head(struct str *out, enum cbor_kind kind, uint64_t n)
{
	unsigned major = (unsigned)kind << 5;

	if (n < 24)
		write_number(out, major | (unsigned)n, 0, 0);
	else if (n <= UINT8_MAX)
		write_number(out, major | 24, n, 1);
	else if (n <= UINT16_MAX)
		write_number(out, major | 25, n, 2);
	else if (n <= UINT32_MAX)
		write_number(out, major | 26, n, 4);
	else
		write_number(out, major | 27, n, 8);
}

void cbor_write_integer(struct str *out, int64_t v)
{
	if (v < 0)
		cbor_write_head(out, CBOR_NEGATIVE, ~(uint64_t)v);
	else
		cbor_write_head(out, CBOR_UINT, (uint64_t)v);
}

void cbor_write_text(struct str *out, struct view text)
{
	CLEANUP_STR struct str valid = STR_INIT;

	if (!utf8_valid(text)) {
		utf8_add_valid(&valid, text);
		text = str_view(&valid);
	}
	cbor_write_head(out, CBOR_TEXT, text.len);
	str_add_view(out, text);
}

void cbor_write_bytes(struct str *out, struct view bytes)
{
	cbor_write_head(out, CBOR_BYTES, bytes.len);
	str_add_view(out, bytes);
}

void cbor_write_bool(struct str *out, bool v)
{
	str_add_c(out, (char)(MAJOR_SIMPLE << 5 | (v ? SIMPLE_TRUE : SIMPLE_FALSE)));
}

void cbor_write_null(struct str *out)
{
	str_add_c(out, (char)(MAJOR_SIMPLE << 5 | SIMPLE_NULL));
}

void cbor_write_double(struct str *out, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	write_number(out, MAJOR_SIMPLE << 5 | FLOAT_DOUBLE, bits, 8);
}
