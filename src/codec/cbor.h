/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR (RFC 8949): a reader that goes from item to item without making a tree, and a writer.
 *
 * The reader believes no length: what a head promises must be there. Tables that know what they
 * want (wire/) read with it straight into their structs. */
#ifndef TOWPATH_CODEC_CBOR_H
#define TOWPATH_CODEC_CBOR_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* The first seven are the major types, in their order. */
enum cbor_kind {
	CBOR_UINT,
	CBOR_NEGATIVE, /* -1 - n */
	CBOR_BYTES,
	CBOR_TEXT,
	CBOR_ARRAY,
	CBOR_MAP,
	CBOR_TAG, /* of the item that follows */
	CBOR_BOOL,
	CBOR_NULL, /* and undefined */
	CBOR_FLOAT,
	CBOR_SIMPLE, /* values that nothing is assigned to */
	CBOR_BREAK,
};

#define CBOR_TAG_EPOCH 1 /* seconds since 1970 */

/* The head of an item; what belongs to it (bytes, elements, the tagged item) follows. */
struct cbor_item {
	enum cbor_kind kind;
	bool indefinite; /* bytes, text, arrays and maps that end with a break; n is 0 */
	uint64_t n;	 /* value, length in bytes, elements or pairs, tag, truth */
	double real;	 /* of a float */
};

struct cbor_reader {
	const char *start, *p, *end;
};

struct cbor_reader cbor_reader(struct view bytes);
/* The next head. ERR_MALFORMED: there is none, or not as much behind it as it says. */
int cbor_next(struct cbor_reader *r, struct cbor_item *ret, struct err *err);
/* The content of a BYTES or TEXT item whose head was just read, pieces joined: a view of the
 * input where it stands in one piece, else in the arena. Text is checked to be UTF-8. */
int cbor_content(struct cbor_reader *r, const struct cbor_item *item, struct arena *a,
	struct view *ret, struct err *err);
/* Goes past everything that belongs to the item whose head was just read. */
int cbor_skip(struct cbor_reader *r, const struct cbor_item *item, struct err *err);
/* Elements of the array (pairs of the map) whose head was just read, also when it does not say;
 * the reader stays where it is. */
int cbor_count(
	const struct cbor_reader *r, const struct cbor_item *item, size_t *ret, struct err *err);
/* Whether the array or map whose head was just read has an item left; done counts those that were
 * read. A break is read here. -1: malformed. */
int cbor_more(
	struct cbor_reader *r, const struct cbor_item *container, uint64_t done, struct err *err);
/* "a string": for messages; static. */
const char *cbor_kind_text(const struct cbor_item *item);

/* Appends the shortest head of a kind up to TAG. */
void cbor_write_head(struct str *out, enum cbor_kind kind, uint64_t n);
void cbor_write_integer(struct str *out, int64_t v);
void cbor_write_text(struct str *out, struct view text);
void cbor_write_bytes(struct str *out, struct view bytes);
void cbor_write_bool(struct str *out, bool v);
void cbor_write_null(struct str *out);
void cbor_write_double(struct str *out, double v);

#endif
