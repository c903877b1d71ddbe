/* SPDX-License-Identifier: Apache-2.0 */
/* YAML to tree: builds nodes from libfyaml's events, resolves anchors itself so that the limits
 * hold before anything is expanded. */
#include "codec/yaml.h"

#include <libfyaml.h>

#include "base/limits.h"
#include "base/map.h"
#include "base/vec.h"
#include "codec/yaml_glob.h"

struct builder {
	struct yaml_document *doc;
	struct arena *a;
	struct fy_diag *diag;
	struct fy_parser *parser;
	const struct yaml_glob_fixes *fixes;
	struct map anchors; /* name -> node */
	size_t nodes;	    /* after expansion */
	int line, column;   /* of the last node: what stands nowhere stands there */
};

/* An anchored collection that is still being read has this height. */
#define HEIGHT_OPEN (-1)

static int build_node(
	struct builder *b, struct fy_event *e, int depth, struct yaml_node **ret, struct err *err);

static void free_diag(struct fy_diag **d)
{
	if (*d)
		fy_diag_destroy(*d);
}

static void free_parser(struct fy_parser **p)
{
	if (*p)
		fy_parser_destroy(*p);
}

static struct yaml_node *node_new(struct builder *b, enum yaml_kind kind, struct fy_event *e)
{
	const struct fy_mark *mark = fy_event_start_mark(e);
	struct yaml_node *n = arena_new(b->a, struct yaml_node);

	n->kind = kind;
	n->size = 1;
	if (mark) {
		b->line = mark->line + 1;
		b->column =
			mark->column + 1 - yaml_glob_shift(b->fixes, mark->line + 1, mark->column);
	}
	n->line = MAX(b->line, 1);
	n->column = MAX(b->column, 1);
	return n;
}

static const char *token_text(struct builder *b, struct fy_token *t)
{
	size_t len = 0;
	const char *p = t ? fy_token_get_text(t, &len) : NULL;

	return p ? arena_strndup(b->a, p, len) : "";
}

static int count_nodes(struct builder *b, size_t more, const struct yaml_node *at, struct err *err)
{
	b->nodes += more;
	if (b->nodes <= LIMIT_YAML_NODES)
		return 0;
	err_set(err, ERR_TOO_LARGE, "%s:%d:%d: the document has more than %d nodes", b->doc->file,
		at->line, at->column, LIMIT_YAML_NODES);
	return err_hint(err, "Aliases count as often as they are used.");
}

static int too_deep(struct builder *b, const struct yaml_node *at, struct err *err)
{
	return err_set(err, ERR_TOO_LARGE, "%s:%d:%d: nested more than %d levels deep",
		b->doc->file, at->line, at->column, LIMIT_YAML_DEPTH);
}

static void set_anchor(struct builder *b, struct fy_token *anchor, struct yaml_node *n)
{
	if (anchor)
		map_set(&b->anchors, token_text(b, anchor), n);
}

/* The parser's own complaint, with our file name in front. */
static int parser_error(struct builder *b, struct err *err)
{
	void *iter = NULL;
	struct fy_diag_error *e = fy_diag_errors_iterate(b->diag, &iter);

	if (!e)
		return err_set(err, ERR_MALFORMED, "%s: not YAML", b->doc->file);
	return err_set(err, ERR_MALFORMED, "%s:%d:%d: %s", b->doc->file, e->line,
		MAX(1, e->column - yaml_glob_shift(b->fixes, e->line, e->column - 1)), e->msg);
}

/* The next event; NULL with err set on a parse error. */
static struct fy_event *next_event(struct builder *b, struct err *err)
{
	struct fy_event *e = fy_parser_parse(b->parser);

	if (!e)
		parser_error(b, err);
	return e;
}

static int build_alias(
	struct builder *b, struct fy_event *e, int depth, struct yaml_node **ret, struct err *err)
{
	const char *name = token_text(b, e->alias.anchor);
	struct yaml_node *target = map_get(&b->anchors, name);
	struct yaml_node *at = node_new(b, YAML_SCALAR, e);

	at->column = MAX(1, at->column - 1); /* libfyaml's mark stands behind the asterisk */
	if (!target && strpbrk(name, "*/.?")) {
		at->text = arena_printf(b->a, "*%s", name);
		at->plain = true;
		yaml_glob_warn(b->doc, at);
		*ret = at;
		return count_nodes(b, 1, at, err);
	}
	if (!target) {
		yaml_fail(b->doc, at, err, "alias '*%s' has no anchor '&%s' before it", name, name);
		return err_hint(err, "Quote the text if it is not meant as an alias: '*%s'", name);
	}
	if (target->height == HEIGHT_OPEN)
		return yaml_fail(b->doc, at, err,
			"alias '*%s' stands inside what '&%s' names (line %d): a cycle", name, name,
			target->line);
	if (depth + target->height > LIMIT_YAML_DEPTH)
		return too_deep(b, at, err);
	*ret = target;
	return count_nodes(b, target->size, at, err);
}

static int build_scalar(
	struct builder *b, struct fy_event *e, struct yaml_node **ret, struct err *err)
{
	struct yaml_node *n = node_new(b, YAML_SCALAR, e);
	enum fy_scalar_style style;
	size_t len = 0;
	const char *p = e->scalar.value ? fy_token_get_text(e->scalar.value, &len) : NULL;

	n->text = p ? arena_strndup(b->a, p, len) : "";
	style = e->scalar.value ? fy_scalar_token_get_style(e->scalar.value) : FYSS_PLAIN;
	n->plain = style == FYSS_PLAIN;
	if (yaml_glob_was_fixed(b->fixes, n->line, n->column)) {
		n->plain = true;
		yaml_glob_warn(b->doc, n);
	} else if (style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) {
		n->column--; /* libfyaml's mark stands behind the quote */
	}
	if (p && memchr(p, '\0', len))
		return yaml_fail(b->doc, n, err, "text holds a NUL character");
	set_anchor(b, e->scalar.anchor, n);
	*ret = n;
	return count_nodes(b, 1, n, err);
}

static void account(struct yaml_node *parent, const struct yaml_node *child, int *height)
{
	parent->size += child->size;
	*height = MAX(*height, child->height + 1);
}

static int build_sequence(
	struct builder *b, struct fy_event *e, int depth, struct yaml_node **ret, struct err *err)
{
	VEC(struct yaml_node *) items = {0};
	struct yaml_node *n = node_new(b, YAML_SEQUENCE, e);
	int height = 1, r;

	n->height = HEIGHT_OPEN;
	set_anchor(b, e->sequence_start.anchor, n);
	r = count_nodes(b, 1, n, err);
	while (r == 0) {
		struct fy_event *next = next_event(b, err);
		struct yaml_node *item = NULL;
		bool end = next && next->type == FYET_SEQUENCE_END;

		r = !next ? -1 : end ? 0 : build_node(b, next, depth + 1, &item, err);
		if (next)
			fy_parser_event_free(b->parser, next);
		if (r < 0 || end)
			break;
		account(n, item, &height);
		vec_push(&items, item);
	}
	n->height = height;
	n->n = items.n;
	n->items = arena_new_n(b->a, items.n, struct yaml_node *);
	if (items.n)
		memcpy(n->items, items.v, items.n * sizeof(*items.v));
	vec_release(&items);
	*ret = n;
	return r;
}

typedef VEC(struct yaml_pair) pair_vec;

/* Reads key and value into *ret; 1 there was one, 0 the mapping ended, -1 error. */
static int build_pair(struct builder *b, int depth, struct yaml_pair *ret, struct err *err)
{
	struct fy_event *e = next_event(b, err);
	int r;

	if (!e)
		return -1;
	if (e->type == FYET_MAPPING_END) {
		fy_parser_event_free(b->parser, e);
		return 0;
	}
	r = build_node(b, e, depth + 1, &ret->key, err);
	fy_parser_event_free(b->parser, e);
	if (r < 0)
		return -1;
	if (ret->key->kind != YAML_SCALAR)
		return yaml_fail(b->doc, ret->key, err, "a key must be text, not %s",
			yaml_kind_text(ret->key));
	e = next_event(b, err);
	if (!e)
		return -1;
	r = build_node(b, e, depth + 1, &ret->value, err);
	fy_parser_event_free(b->parser, e);
	if (r < 0)
		return -1;
	return 1;
}

static int add_pair(
	struct builder *b, struct map *seen, pair_vec *pairs, struct yaml_pair p, struct err *err)
{
	struct yaml_node *first = map_get(seen, p.key->text);

	if (first)
		return yaml_fail(b->doc, p.key, err, "key '%s' is given twice (first on line %d)",
			p.key->text, first->line);
	map_set(seen, p.key->text, p.key);
	vec_push(pairs, p);
	return 0;
}

static int merge_one(struct builder *b, struct map *seen, pair_vec *pairs,
	const struct yaml_node *from, struct err *err)
{
	if (from->kind != YAML_MAPPING)
		return yaml_fail(b->doc, from, err, "'<<' merges mappings, this is %s",
			yaml_kind_text(from));
	for (size_t i = 0; i < from->n; i++) {
		if (map_has(seen, from->pairs[i].key->text))
			continue;
		map_set(seen, from->pairs[i].key->text, from->pairs[i].key);
		vec_push(pairs, from->pairs[i]);
	}
	return 0;
}

/* `<<: *base` or `<<: [*a, *b]`: what the mapping has itself wins, then the earlier source. */
static int merge(struct builder *b, struct map *seen, pair_vec *pairs, const struct yaml_node *from,
	struct err *err)
{
	if (from->kind != YAML_SEQUENCE)
		return merge_one(b, seen, pairs, from, err);
	for (size_t i = 0; i < from->n; i++)
		if (merge_one(b, seen, pairs, from->items[i], err) < 0)
			return -1;
	return 0;
}

static int build_mapping(
	struct builder *b, struct fy_event *e, int depth, struct yaml_node **ret, struct err *err)
{
	CLEANUP_MAP struct map seen = MAP_INIT;
	pair_vec pairs = {0};
	struct yaml_node *n = node_new(b, YAML_MAPPING, e), *base = NULL;
	struct yaml_pair pair;
	int height = 1, r;

	n->height = HEIGHT_OPEN;
	set_anchor(b, e->mapping_start.anchor, n);
	r = count_nodes(b, 1, n, err) < 0 ? -1 : 1;
	while (r > 0) {
		r = build_pair(b, depth, &pair, err);
		if (r <= 0)
			break;
		account(n, pair.value, &height);
		n->size++;
		if (pair.key->plain && streq(pair.key->text, "<<") && !base)
			base = pair.value;
		else if (add_pair(b, &seen, &pairs, pair, err) < 0)
			r = -1;
	}
	if (r == 0 && base)
		r = merge(b, &seen, &pairs, base, err);
	n->height = height;
	n->n = pairs.n;
	n->pairs = arena_new_n(b->a, pairs.n, struct yaml_pair);
	if (pairs.n)
		memcpy(n->pairs, pairs.v, pairs.n * sizeof(*pairs.v));
	vec_release(&pairs);
	*ret = n;
	return r;
}

static int build_node(
	struct builder *b, struct fy_event *e, int depth, struct yaml_node **ret, struct err *err)
{
	if (depth > LIMIT_YAML_DEPTH)
		return too_deep(b, node_new(b, YAML_SCALAR, e), err);
	switch (e->type) {
	case FYET_ALIAS:
		return build_alias(b, e, depth, ret, err);
	case FYET_SCALAR:
		return build_scalar(b, e, ret, err);
	case FYET_SEQUENCE_START:
		return build_sequence(b, e, depth, ret, err);
	case FYET_MAPPING_START:
		return build_mapping(b, e, depth, ret, err);
	default:
		return err_set(
			err, ERR_MALFORMED, "%s: unexpected end of the document", b->doc->file);
	}
}

static int second_document(struct builder *b, struct fy_event *e, struct err *err)
{
	const struct fy_mark *mark = fy_event_start_mark(e); /* none without "---" */

	return err_set(err, ERR_INVALID, "%s:%d:1: a second document starts here; one is wanted",
		b->doc->file, mark ? mark->line + 1 : b->line + 1);
}

static int build_document(struct builder *b, struct err *err)
{
	struct fy_event *e;
	int r = 0;

	while (r == 0 && (e = fy_parser_parse(b->parser))) {
		switch (e->type) {
		case FYET_STREAM_START:
		case FYET_STREAM_END:
		case FYET_DOCUMENT_END:
			break;
		case FYET_DOCUMENT_START:
			if (b->doc->root)
				r = second_document(b, e, err);
			break;
		default:
			r = build_node(b, e, 1, &b->doc->root, err);
		}
		fy_parser_event_free(b->parser, e);
	}
	if (r == 0 && fy_parser_get_stream_error(b->parser))
		r = parser_error(b, err);
	return r;
}

static int parse_once(const char *file, struct view text, const struct yaml_glob_fixes *fixes,
	struct arena *a, struct yaml_document *ret, struct err *err)
{
	CLEANUP(free_diag) struct fy_diag *diag = NULL;
	CLEANUP(free_parser) struct fy_parser *parser = NULL;
	struct fy_diag_cfg diag_cfg;
	struct fy_parse_cfg cfg = {
		.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_DEFAULT_VERSION_1_2 |
			 FYPCF_ALLOW_DUPLICATE_KEYS | FYPCF_SLOPPY_FLOW_INDENTATION,
	};
	struct builder b = {.doc = ret, .a = a, .fixes = fixes};
	int r;

	fy_diag_cfg_default(&diag_cfg);
	diag_cfg.fp = NULL;
	diag_cfg.colorize = false;
	cfg.diag = diag = fy_diag_create(&diag_cfg);
	if (!diag)
		return err_set(err, ERR_INTERNAL, "cannot create a YAML parser");
	fy_diag_set_collect_errors(diag, true);
	parser = fy_parser_create(&cfg);
	if (!parser || fy_parser_set_string(parser, text.p, text.len) < 0)
		return err_set(err, ERR_INTERNAL, "cannot create a YAML parser");
	b.diag = diag;
	b.parser = parser;
	*ret = (struct yaml_document){.file = file, .arena = a};
	r = build_document(&b, err);
	map_release(&b.anchors);
	return r;
}

int yaml_parse(const char *file, struct view text, struct arena *a, struct yaml_document *ret,
	struct err *err)
{
	CLEANUP(yaml_glob_fixes_release) struct yaml_glob_fixes fixes = {0};
	CLEANUP_STR struct str fixed = STR_INIT;

	file = arena_strdup(a, file);
	*ret = (struct yaml_document){.file = file, .arena = a};
	if (text.len > LIMIT_YAML_FILE)
		return err_set(err, ERR_TOO_LARGE, "%s: %zu bytes, more than the limit of %zu",
			file, text.len, LIMIT_YAML_FILE);
	if (yaml_text_check(file, text, err) < 0)
		return -1;
	if (view_trim(text).len == 0)
		return 0;
	str_add_view(&fixed, text);
	for (;;) {
		CLEANUP_ERR struct err first = ERR_INIT;

		if (parse_once(file, str_view(&fixed), &fixes, a, ret, &first) == 0)
			return 0;
		if (!err_is(&first, ERR_MALFORMED) || !yaml_glob_fix(&fixed, &first, file, &fixes))
			return err_move(err, &first);
	}
}
