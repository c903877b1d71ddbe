/* SPDX-License-Identifier: Apache-2.0 */
/* YAML files that people write (buildspec, appspec) as a tree that remembers where everything
 * stood, so that every complaint about them can name file, line and column.
 *
 * Scalars stay text: whoever knows the schema asks for a boolean or a number, and can tell `0644`
 * from "0644" by the plain flag. Anchors, aliases and merge keys (`<<`) work; an alias shares the
 * anchor's node. An alias inside its own anchor is refused, size, depth and node count after
 * expansion are capped (base/limits.h), a key given twice is an error.
 *
 * One leniency: an unquoted glob that YAML reads as an alias (`files: [src, **]`, `- *.js`)
 * *.js`) is taken as text, with a warning that says how to write it. */
#ifndef TOWPATH_CODEC_YAML_H
#define TOWPATH_CODEC_YAML_H

#include "base/arena.h"
#include "base/err.h"
#include "base/view.h"

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

struct yaml_node;

struct yaml_pair {
	struct yaml_node *key; /* always a scalar */
	struct yaml_node *value;
};

struct yaml_node {
	enum yaml_kind kind;
	int line, column; /* from 1 */
	/* scalars */
	bool plain;	  /* written without quotes and not as a block */
	const char *text; /* NUL-terminated, never NULL in a scalar, holds no NUL */
	/* sequences */
	struct yaml_node **items;
	/* mappings, in the order of the file */
	struct yaml_pair *pairs;
	size_t n; /* items or pairs */
	/* of the whole subtree, aliases expanded: for the limits */
	size_t size;
	int height;
};

struct yaml_warning {
	int line, column; /* from 1 */
	const char *message;
	struct yaml_warning *next;
};

struct yaml_document {
	const char *file;	       /* as given to yaml_parse(): for messages */
	struct yaml_node *root;	       /* NULL for an empty file */
	struct yaml_warning *warnings; /* in order of the file as far as the parser gave them */
	struct arena *arena;
};

/* Parses one document; everything lives in the arena. file is only used in messages, which have
 * the form "file:line:column: what". ERR_MALFORMED for what is not YAML, ERR_TOO_LARGE past a
 * limit, ERR_INVALID for a repeated key or a cyclic alias. */
int yaml_parse(const char *file, struct view text, struct arena *a, struct yaml_document *ret,
	struct err *err);

/* ERR_INVALID "file:line:column: ..." at a node (NULL: the start of the file); returns -1. */
int yaml_fail(const struct yaml_document *d, const struct yaml_node *at, struct err *err,
	const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Adds a warning at a node. */
void yaml_warn(struct yaml_document *d, const struct yaml_node *at, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/* The value of key in a mapping, or NULL (also when map is NULL or no mapping). */
struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);
/* An empty plain scalar, `~` or `null`. */
bool yaml_is_null(const struct yaml_node *n);
/* yes/no, true/false, on/off in the YAML 1.1 spellings, quoted or not; false if it is none. */
bool yaml_bool(const struct yaml_node *n, bool *ret);
/* A decimal integer, quoted or not; false if it is none or does not fit. */
bool yaml_int(const struct yaml_node *n, int64_t *ret);
/* "a mapping", "a list", "text": for messages. */
const char *yaml_kind_text(const struct yaml_node *n);

#endif
