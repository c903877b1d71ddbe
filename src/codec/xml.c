/* SPDX-License-Identifier: Apache-2.0 */
/* Reading XML to a tree, with expat. */
#include <expat.h>

#include "base/limits.h"
#include "base/vec.h"
#include "codec/xml.h"

struct reader {
	XML_Parser parser;
	struct arena *arena;
	struct xml_node *root, *at;
	int depth;
	size_t nodes;
	VEC(struct str) texts; /* character data of the open elements */
	const char *refused;
};

static void refuse(struct reader *r, const char *why)
{
	r->refused = why;
	XML_StopParser(r->parser, XML_FALSE);
}

static const char *local_name(const char *name)
{
	const char *colon = strchr(name, ':');

	return colon ? colon + 1 : name;
}

static void add_attributes(struct reader *r, struct xml_node *node, const char **pairs)
{
	struct xml_attribute *attributes;
	size_t n = 0;

	while (pairs[2 * n])
		n++;
	attributes = arena_new_n(r->arena, n, struct xml_attribute);
	for (size_t i = 0; i < n; i++) {
		attributes[i].name = arena_strdup(r->arena, pairs[2 * i]);
		attributes[i].value = arena_strdup(r->arena, pairs[2 * i + 1]);
	}
	node->attributes = attributes;
	node->n_attributes = n;
}

static void on_start(void *arg, const char *name, const char **pairs)
{
	struct reader *r = arg;
	struct xml_node *node;

	if (++r->depth > LIMIT_XML_DEPTH || ++r->nodes > LIMIT_XML_NODES) {
		refuse(r, r->depth > LIMIT_XML_DEPTH ? "elements are nested too deep"
						     : "too many elements");
		return;
	}
	node = arena_new(r->arena, struct xml_node);
	node->name = arena_strdup(r->arena, local_name(name));
	node->parent = r->at;
	add_attributes(r, node, pairs);
	if (!r->at)
		r->root = node;
	else if (r->at->last_child)
		r->at->last_child->next = node;
	else
		r->at->children = node;
	if (r->at)
		r->at->last_child = node;
	r->at = node;
	vec_push(&r->texts, STR_INIT);
}

static void on_end(void *arg, const char *name)
{
	struct reader *r = arg;
	struct str *text;

	(void)name;
	if (r->refused) /* the end of an empty element still comes after XML_StopParser() */
		return;
	text = &r->texts.v[r->texts.n - 1];
	r->at->text.len = text->len;
	r->at->text.p = arena_strndup(r->arena, str_text(text), text->len);
	str_release(text);
	r->texts.n--;
	r->at = r->at->parent;
	r->depth--;
}

static void on_text(void *arg, const char *text, int n)
{
	struct reader *r = arg;

	if (r->texts.n)
		str_add_n(&r->texts.v[r->texts.n - 1], text, (size_t)n);
}

static void on_doctype(void *arg, const char *name, const char *system_id, const char *public_id,
	int has_internal_subset)
{
	(void)name;
	(void)system_id;
	(void)public_id;
	(void)has_internal_subset;
	refuse(arg, "a DOCTYPE is not allowed");
}

static void reader_release(struct reader *r)
{
	vec_foreach (text, &r->texts)
		str_release(text);
	vec_release(&r->texts);
	XML_ParserFree(r->parser);
}

int xml_parse(struct view text, struct arena *a, const struct xml_node **ret, struct err *err)
{
	CLEANUP(reader_release) struct reader r = {.arena = a};

	if (text.len > LIMIT_API_BODY)
		return err_set(err, ERR_TOO_LARGE, "XML of %zu bytes is over the limit of %zu",
			text.len, (size_t)LIMIT_API_BODY);
	r.parser = XML_ParserCreate("UTF-8");
	if (!r.parser)
		BUG("out of memory");
	XML_SetUserData(r.parser, &r);
	XML_SetElementHandler(r.parser, on_start, on_end);
	XML_SetCharacterDataHandler(r.parser, on_text);
	XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
	if (XML_Parse(r.parser, text.p ? text.p : "", (int)text.len, XML_TRUE) != XML_STATUS_OK)
		return err_set(err, ERR_MALFORMED, "line %lu, column %lu: %s",
			(unsigned long)XML_GetCurrentLineNumber(r.parser),
			(unsigned long)XML_GetCurrentColumnNumber(r.parser) + 1,
			r.refused ? r.refused : XML_ErrorString(XML_GetErrorCode(r.parser)));
	*ret = r.root;
	return 0;
}

const struct xml_node *xml_child(const struct xml_node *node, const char *name)
{
	for (const struct xml_node *c = node ? node->children : NULL; c; c = c->next)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

const struct xml_node *xml_same(const struct xml_node *node)
{
	for (const struct xml_node *c = node->next; c; c = c->next)
		if (strcmp(c->name, node->name) == 0)
			return c;
	return NULL;
}
