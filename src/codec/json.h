/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as a tree in an arena, for documents whose shape is not in a model (policies, event
 * patterns, tokens), and the writing of JSON text. Requests and responses go through
 * wire_decode_json() and wire_encode_json() instead. */
#ifndef TOWPATH_CODEC_JSON_H
#define TOWPATH_CODEC_JSON_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/view.h"

enum json_kind {
	JSON_KIND_NULL,
	JSON_KIND_BOOL,
	JSON_KIND_INT,
	JSON_KIND_REAL,
	JSON_KIND_STRING,
	JSON_KIND_ARRAY,
	JSON_KIND_OBJECT,
};

struct json_node {
	enum json_kind kind;
	bool boolean;
	int64_t integer;
	double real;		 /* of integers as well */
	struct view text;	 /* NUL-terminated behind its length; may hold no NULs */
	struct json_node *items; /* of arrays and objects, in the document's order */
	size_t n;
	struct view key; /* in an object: this node's name */
};

/* Parses one document. ERR_MALFORMED says line and column, and refuses: duplicate keys, NULs in
 * strings, bytes that are not UTF-8, nesting above LIMIT_JSON_DEPTH. ERR_TOO_LARGE over
 * LIMIT_JSON_BODY. A whole number beyond 64 bits is a real one. */
int json_parse(struct view text, struct arena *a, const struct json_node **ret, struct err *err);
/* The member of that name, or NULL (also when node is NULL or no object). */
const struct json_node *json_member(const struct json_node *node, const char *name);
/* The text of a string member, or NULL when it is absent or no string. */
const char *json_member_text(const struct json_node *node, const char *name);
/* "an object", "a string", ...: for messages; static. */
const char *json_kind_name(enum json_kind kind);
/* Appends the node as compact JSON. */
void json_write(const struct json_node *node, struct str *out);

/* Appends a quoted string; bytes that are not UTF-8 become U+FFFD. */
void json_write_string(struct str *out, struct view text);
/* Appends a number so that it reads back the same; infinities and NaN as the strings that the
 * services use ("Infinity", "-Infinity", "NaN"). */
void json_write_real(struct str *out, double v);

/* A writer that places the commas: json_open/json_close nest, json_key precedes values. */
struct json_writer {
	struct str *out;
	bool comma; /* the next value or key needs one in front */
};
void json_open(struct json_writer *w, char bracket);  /* '{' or '[' */
void json_close(struct json_writer *w, char bracket); /* '}' or ']' */
void json_key(struct json_writer *w, const char *key);
void json_put_text(struct json_writer *w, const char *text); /* NULL writes null */
void json_put_int(struct json_writer *w, int64_t v);
void json_put_real(struct json_writer *w, double v);
void json_put_bool(struct json_writer *w, bool v);
/* json is a finished JSON value. */
void json_put_raw(struct json_writer *w, struct view json);
/* key and text; nothing at all when text is NULL. */
void json_put_member(struct json_writer *w, const char *key, const char *text);

#endif
