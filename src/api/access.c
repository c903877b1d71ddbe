/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the access tables over a request: ARNs, condition keys, further needs. */
#include "api/access.h"

#include "base/mem.h"

/* ---- values of a request ---- */

struct values {
	struct arena *a;
	const char **v;
	size_t n, cap;
};

static void add_value(struct values *out, const char *text)
{
	if (out->n == out->cap) {
		size_t cap = out->cap ? 2 * out->cap : 4;
		const char **v = arena_new_n(out->a, cap, const char *);

		if (out->n)
			memcpy(v, out->v, out->n * sizeof(*v));
		out->v = v;
		out->cap = cap;
	}
	out->v[out->n++] = text;
}

/* "shop:0001" and arn:...:build/shop:0001 both name shop. */
static const char *name_in(struct arena *a, const char *text)
{
	const char *slash = starts_with(text, "arn:") ? strrchr(text, '/') : NULL;
	const char *start = slash ? slash + 1 : text;

	return arena_strndup(a, start, strcspn(start, ":"));
}

static void add_leaf(const struct access_path *p, const void *slot, struct values *out)
{
	const struct wire_bool *b = slot;
	const struct wire_int *i = slot;
	const struct wire_long *l = slot;
	const char *text;

	switch (p->leaf) {
	case WIRE_STRING:
		text = *(const char *const *)slot;
		if (text && p->name)
			text = name_in(out->a, text);
		if (text && !(p->except && streq(text, p->except)))
			add_value(out, text);
		return;
	case WIRE_BOOL:
		if (b->set)
			add_value(out, b->v ? "true" : "false");
		return;
	case WIRE_INT:
		if (i->set)
			add_value(out, arena_printf(out->a, "%d", i->v));
		return;
	case WIRE_LONG:
		if (l->set)
			add_value(out, arena_printf(out->a, "%lld", (long long)l->v));
		return;
	case WIRE_LIST:
		if (((const struct wire_list *)slot)->set)
			add_value(out, "");
		return;
	default: /* a structure: only whether it is there */
		if (*(const void *const *)slot)
			add_value(out, "");
	}
}

static void collect(
	const struct access_path *p, size_t i, const void *structure, struct values *out)
{
	const struct access_step *step = &p->steps[i];
	const void *slot = (const char *)structure + step->offset;
	const struct wire_list *list = slot;
	bool last = i + 1 == p->n;

	if (!step->stride) {
		if (last)
			add_leaf(p, slot, out);
		else if (*(const void *const *)slot)
			collect(p, i + 1, *(const void *const *)slot, out);
		return;
	}
	for (size_t k = 0; k < list->n; k++) {
		const char *element = (const char *)list->v + k * step->stride;

		if (last)
			add_leaf(p, element, out);
		else
			collect(p, i + 1, element, out);
	}
}

static struct values values_of(struct call *call, const struct access_path *p, const void *req)
{
	struct values out = {.a = call->arena};

	collect(p, 0, req, &out);
	if (p->presence) {
		bool there = out.n > 0;

		out.n = 0;
		add_value(&out, there ? "true" : "false");
	}
	return out;
}

/* ---- texts ---- */

#define MAX_PATHS 4

/* A piece with the call's region and account in it. */
static void add_piece(struct str *out, const struct call *call, const char *piece)
{
	for (const char *p = piece; *p; p++) {
		if (*p != '%')
			str_add_c(out, *p);
		else
			str_add(out, *++p == 'r' ? call->region : call->account);
	}
}

static const char *join(
	struct call *call, const struct access_text *t, const struct values *v, size_t i, bool arn)
{
	struct str out CLEANUP_STR = STR_INIT;

	str_reserve(&out, 160);
	if (arn) {
		str_add(&out, "arn:");
		str_add(&out, call->partition);
		str_add_c(&out, ':');
	}
	add_piece(&out, call, t->pieces[0]);
	for (size_t k = 0; k < t->n_paths; k++) {
		const char *value = v[k].v[MIN(i, v[k].n - 1)];

		if (arn && !t->paths[k].name && !t->paths[k].text && starts_with(value, "arn:"))
			return value;
		str_add(&out, value);
		add_piece(&out, call, t->pieces[k + 1]);
	}
	return arena_view_dup(call->arena, str_view(&out));
}

/* All texts that it stands for; none when a value is absent. A list among its values makes as many
 * texts as it has elements. */
static struct values texts_of(
	struct call *call, const struct access_text *t, const void *req, bool arn)
{
	struct values v[MAX_PATHS], out = {.a = call->arena};
	size_t n = 1;

	for (size_t k = 0; k < t->n_paths; k++) {
		v[k] = values_of(call, &t->paths[k], req);
		if (v[k].n == 0)
			return out;
		n = MAX(n, v[k].n);
	}
	for (size_t i = 0; i < n; i++)
		add_value(&out, join(call, t, v, i, arn));
	return out;
}

/* ---- rows ---- */

/* Asks the service for ARNs; what it does not know is left away. */
static struct values lookup(struct call *call, const struct call_service *s,
	const struct access_target *t, const void *req)
{
	struct values v = values_of(call, &t->text.paths[0], req), out = {.a = call->arena};

	if (v.n == 0 && t->text.paths[0].optional)
		add_value(&v, NULL);
	for (size_t i = 0; i < v.n && s->lookup; i++) {
		const char *arn = s->lookup(s->engine, call, t->kind, v.v[i]);

		if (arn)
			add_value(&out, arn);
	}
	return out;
}

static struct values resources_of(struct call *call, const struct call_service *s,
	const struct access_target *t, const void *req)
{
	struct values out = {0};

	for (; t && out.n == 0; t = t->otherwise) {
		if (t->form == ACCESS_LOOKUP)
			out = lookup(call, s, t, req);
		else
			out = texts_of(call, &t->text, req, t->form == ACCESS_ARN);
	}
	return out;
}

/* aws:RequestTag/<key> and aws:TagKeys. */
static void add_tags(
	struct call *call, const struct access_tags *t, const void *req, struct values *out)
{
	const struct wire_list *list = (const void *)((const char *)req + t->offset);

	for (size_t i = 0; i < list->n; i++) {
		const char *element = (const char *)list->v + i * t->stride;
		const char *key = *(const char *const *)(element + t->key);
		const char *value =
			t->value == SIZE_MAX ? NULL : *(const char *const *)(element + t->value);

		if (!key)
			continue;
		add_value(out, "aws:TagKeys");
		add_value(out, key);
		if (t->value == SIZE_MAX)
			continue;
		add_value(out, arena_printf(call->arena, "aws:RequestTag/%s", key));
		add_value(out, value ? value : "");
	}
}

static const char *const *conditions_of(struct call *call, const struct call_service *s,
	const struct access_need *need, const void *req)
{
	struct values out = {.a = call->arena};

	for (size_t i = 0; i < need->n_conditions; i++) {
		const struct access_condition *c = &need->conditions[i];
		struct values v = c->target ? resources_of(call, s, c->target, req)
					    : texts_of(call, &c->text, req, false);

		for (size_t k = 0; k < v.n; k++) {
			add_value(&out, c->key);
			add_value(&out, v.v[k]);
		}
	}
	for (size_t i = 0; i < need->n_tags; i++)
		add_tags(call, &need->tags[i], req, &out);
	if (out.n == 0)
		return NULL;
	add_value(&out, NULL);
	return out.v;
}

/* A version that is named by nothing is the current one. */
static bool names_version(struct call *call, const struct access_need *need, const void *req)
{
	struct values v = {0};

	if (need->version)
		v = values_of(call, need->version, req);
	return v.n && *v.v[0];
}

static void fill(struct call *call, const struct access_table *table, const struct call_service *s,
	const struct access_need *need, const void *req, struct call_access *ret)
{
	struct values resources = {.a = call->arena};

	for (size_t i = 0; i < need->n_targets; i++) {
		struct values more = resources_of(call, s, &need->targets[i], req);

		for (size_t k = 0; k < more.n; k++)
			add_value(&resources, more.v[k]);
	}
	ret->resources = resources.v;
	ret->n_resources = resources.n;
	ret->conditions = conditions_of(call, s, need, req);
	ret->action = need->action;
	ret->refusal = need->refusal;
	if (names_version(call, need, req))
		ret->action = need->versioned_action;
	if (!ret->action)
		ret->action = arena_concat(call->arena, table->prefix, ":", call->operation->name);
}

/* What stands behind a "+" counts where one of its targets is there. */
static void fill_more(struct call *call, const struct access_table *table,
	const struct call_service *s, const struct access_need *need, const void *req,
	struct call_access *ret)
{
	const struct call_access **link = &ret->next;

	for (; need; need = need->next) {
		struct call_access *more = arena_new(call->arena, struct call_access);

		fill(call, table, s, need, req, more);
		if (need->n_targets && !more->n_resources)
			continue;
		*link = more;
		link = &more->next;
	}
}

const struct access_table *api_access_find(const struct wire_service *wire)
{
	for (size_t i = 0; i < access_tables_n; i++) {
		if (streq(access_tables[i].service, wire->name))
			return &access_tables[i];
	}
	return NULL;
}

bool api_access_anonymous(const struct access_table *table, const struct wire_service *wire,
	const struct wire_operation *op)
{
	return table && op && table->rows[op - wire->operations].anonymous;
}

int api_access(const struct access_table *table, const struct call_service *s, struct call *call,
	const void *req, struct call_access *ret, struct err *err)
{
	const struct access_row *row = NULL;

	if (table)
		row = &table->rows[call->operation - s->wire->operations];
	if (row && row->known) {
		ret->unrestricted = row->open;
		if (row->need) {
			fill(call, table, s, row->need, req, ret);
			fill_more(call, table, s, row->need->next, req, ret);
		}
		if (!row->code)
			return 0;
	}
	return s->access ? s->access(s->engine, call, req, ret, err) : 0;
}
