/* SPDX-License-Identifier: Apache-2.0 */
/* XML: a small tree in an arena, and a writer. Parsing is expat's; documents with a DOCTYPE (and
 * so entities of their own) are refused. */
#ifndef TOWPATH_CODEC_XML_H
#define TOWPATH_CODEC_XML_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/view.h"

struct xml_attribute {
	const char *name, *value;
};

struct xml_node {
	const char *name; /* without namespace prefix */
	struct view text; /* character data directly in it, NUL-terminated */
	const struct xml_attribute *attributes;
	size_t n_attributes;
	struct xml_node *children, *next; /* in the document's order */
	struct xml_node *last_child;	  /* of use while parsing only */
	struct xml_node *parent;
};

/* Parses a document to its root. ERR_MALFORMED says line and column, and refuses DOCTYPE, nesting
 * above LIMIT_XML_DEPTH and more than LIMIT_XML_NODES elements. */
int xml_parse(struct view text, struct arena *a, const struct xml_node **ret, struct err *err);
/* The first child of that name, or NULL. */
const struct xml_node *xml_child(const struct xml_node *node, const char *name);
/* The next sibling of the same name, or NULL. */
const struct xml_node *xml_same(const struct xml_node *node);

/* ---- writing ---- */

void xml_open(struct str *out, const char *name);
/* xmlns may be NULL. */
void xml_open_ns(struct str *out, const char *name, const char *xmlns);
void xml_close(struct str *out, const char *name);
/* Escaped; what XML cannot hold becomes U+FFFD. */
void xml_text(struct str *out, struct view text);
/* <name>text</name>; nothing when text is NULL. */
void xml_element(struct str *out, const char *name, const char *text);

#endif
