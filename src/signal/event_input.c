/* SPDX-License-Identifier: Apache-2.0 */
/* What a target gets of an event: the whole, a constant, a part (InputPath), or a template that is
 * filled in (InputTransformer). */
#include <string.h>

#include "base/timefmt.h"
#include "codec/json_path.h"
#include "signal/event.h"

#define WRONG(...) err_set_wire(err, "ValidationException", __VA_ARGS__)
#define RESERVED "aws.events."

/* ---- names in templates ---- */

/* Cuts off what comes before the next <name>, and the name itself; *ret_quoted says whether it
 * stands within a JSON string. false: there is no further one, and *ret_before is the rest. */
static bool next_name(struct view *rest, bool *quoted, struct view *ret_before, struct view *ret)
{
	for (size_t i = 0; i < rest->len; i++) {
		char c = rest->p[i];
		const char *end;

		if (*quoted && c == '\\') {
			i++;
			continue;
		}
		if (c == '"')
			*quoted = !*quoted;
		end = c == '<' ? memchr(rest->p + i, '>', rest->len - i) : NULL;
		if (!end)
			continue;
		*ret_before = (struct view){rest->p, i};
		*ret = (struct view){rest->p + i + 1, (size_t)(end - rest->p) - i - 1};
		rest->len -= (size_t)(end + 1 - rest->p);
		rest->p = end + 1;
		return true;
	}
	*ret_before = *rest;
	return false;
}

static const char *path_of(const struct events_input_transformer *t, struct view name)
{
	wire_foreach (kv, &t->input_paths_map) {
		if (name.p && kv->key && view_eq_str(name, kv->key))
			return kv->value;
	}
	return NULL;
}

/* ---- the names of Towpath's own, as JSON ---- */

static void put_quoted(struct str *out, const char *text)
{
	json_write_string(out, view_of(text));
}

static void put_rule_arn(
	const struct event_input *in, const struct json_node *event UNUSED, struct str *out)
{
	put_quoted(out, in->rule_arn);
}

static void put_rule_name(
	const struct event_input *in, const struct json_node *event UNUSED, struct str *out)
{
	put_quoted(out, strrchr(in->rule_arn, '/') + 1);
}

static void put_ingestion_time(
	const struct event_input *in, const struct json_node *event UNUSED, struct str *out)
{
	put_quoted(out, timefmt_iso(in->ingested_usec).text);
}

static void put_event(
	const struct event_input *in, const struct json_node *event UNUSED, struct str *out)
{
	str_add(out, in->event);
}

static void put_event_without_detail(
	const struct event_input *in UNUSED, const struct json_node *event, struct str *out)
{
	struct json_writer w = {.out = out};

	json_open(&w, '{');
	for (size_t i = 0; i < event->n; i++) {
		struct str value CLEANUP_STR = STR_INIT;

		if (view_eq_str(event->items[i].key, "detail"))
			continue;
		json_write(&event->items[i], &value);
		json_key(&w, event->items[i].key.p);
		json_put_raw(&w, str_view(&value));
	}
	json_close(&w, '}');
}

static const struct {
	const char *name;
	void (*put)(const struct event_input *in, const struct json_node *event, struct str *out);
} reserved[] = {
	{RESERVED "event", put_event_without_detail},
	{RESERVED "event.ingestion-time", put_ingestion_time},
	{RESERVED "event.json", put_event},
	{RESERVED "rule-arn", put_rule_arn},
	{RESERVED "rule-name", put_rule_name},
};

static bool is_reserved(struct view name)
{
	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
		if (view_eq_str(name, reserved[i].name))
			return true;
	return false;
}

/* ---- checking ---- */

static int check_transformer(const struct events_target *t, struct err *err)
{
	const struct events_input_transformer *x = t->input_transformer;
	struct view rest = view_of(x->input_template), before, name;
	bool quoted = false;

	wire_foreach (kv, &x->input_paths_map) {
		if (starts_with(kv->key, "AWS") || starts_with(kv->key, "aws"))
			return WRONG("InputPathsMap of target %s has the name %s: names that begin "
				     "with AWS are reserved.",
				t->id, kv->key);
		if (!json_path_valid(view_of(kv->value)))
			return WRONG("Invalid InputPathsMap for target %s : %s is no path.", t->id,
				kv->value);
	}
	while (next_name(&rest, &quoted, &before, &name))
		if (!path_of(x, name) && !is_reserved(name))
			return WRONG("Invalid InputTemplate for target %s : [Placeholder <%.*s> is "
				     "not in InputPathsMap].",
				t->id, VIEW_ARG(name));
	return 0;
}

int event_input_check(const struct events_target *t, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const struct json_node *node;

	if (!!t->input + !!t->input_path + !!t->input_transformer > 1)
		return WRONG("Only one of Input, InputPath, or InputTransformer must be provided "
			     "for target %s.",
			t->id);
	if (t->input && json_parse(view_of(t->input), &a, &node, NULL) < 0)
		return WRONG("JSON syntax error in input for target %s.", t->id);
	if (t->input_path && !json_path_valid(view_of(t->input_path)))
		return WRONG("Invalid InputPath for target %s.", t->id);
	return t->input_transformer ? check_transformer(t, err) : 0;
}

/* ---- making ---- */

/* Within quotes a string is its bare text, and everything else its JSON; nothing is escaped. */
static void put_node(const struct json_node *node, bool quoted, struct str *out)
{
	if (!node)
		str_add(out, quoted ? "" : "\"\"");
	else if (quoted && node->kind == JSON_KIND_STRING)
		str_add_view(out, node->text);
	else
		json_write(node, out);
}

static void put_reserved(const struct event_input *in, const struct json_node *event,
	struct view name, bool quoted, struct str *out)
{
	struct str value CLEANUP_STR = STR_INIT;
	struct view v;

	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
		if (view_eq_str(name, reserved[i].name))
			reserved[i].put(in, event, &value);
	v = str_view(&value);
	if (quoted && v.len > 1 && v.p[0] == '"')
		v = (struct view){v.p + 1, v.len - 2};
	str_add_view(out, v);
}

/* The whole is JSON, or each of its lines is. */
static bool is_json(struct view text, struct arena *a)
{
	const struct json_node *node;

	if (json_parse(text, a, &node, NULL) == 0)
		return true;
	while (text.len) {
		struct view line = view_trim(view_cut(&text, '\n'));

		if (line.len && json_parse(line, a, &node, NULL) < 0)
			return false;
	}
	return true;
}

static int transform(const struct event_input *in, const struct json_node *event, struct arena *a,
	const char **ret, struct err *err)
{
	const struct events_input_transformer *x = in->target->input_transformer;
	struct view rest = view_of(x->input_template), before, name;
	struct str out CLEANUP_STR = STR_INIT;
	bool quoted = false;

	while (next_name(&rest, &quoted, &before, &name)) {
		const char *path = path_of(x, name);

		str_add_view(&out, before);
		if (path)
			put_node(json_path_find(event, view_of(path)), quoted, &out);
		else
			put_reserved(in, event, name, quoted, &out);
	}
	str_add_view(&out, before);
	if (!is_json(str_view(&out), a))
		return err_set(err, ERR_INVALID,
			"The template of target %s made no JSON of the event: %.500s",
			in->target->id, str_text(&out));
	*ret = arena_strdup(a, str_text(&out));
	return 0;
}

int event_input_make(
	const struct event_input *in, struct arena *a, const char **ret, struct err *err)
{
	const struct events_target *t = in->target;
	struct str part CLEANUP_STR = STR_INIT;
	const struct json_node *event, *node;

	*ret = t->input ? t->input : in->event;
	if (!t->input_path && !t->input_transformer)
		return 0;
	if (json_parse(view_of(in->event), a, &event, err) < 0)
		return -1;
	if (t->input_transformer)
		return transform(in, event, a, ret, err);
	node = json_path_find(event, view_of(t->input_path));
	if (node)
		json_write(node, &part);
	*ret = node ? arena_strdup(a, str_text(&part)) : "null";
	return 0;
}
