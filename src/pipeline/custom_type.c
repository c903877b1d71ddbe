/* SPDX-License-Identifier: Apache-2.0 */
/* Custom action types: their rules, links, and rows of the registry. */
#include "pipeline/custom_type.h"

#include <ctype.h>

#include "pipeline/secret_value.h"
#include "store/pipeline_type.h"

#define ACTION "InvalidActionDeclarationException"
#define QUERYABLE_MAX 50 /* of the model, for what queries may ask for */

/* ---- finding ---- */

char *custom_type_name(
	const char *category, const char *provider, const char *version, struct arena *a)
{
	return arena_printf(a, "%s/%s/%s", category, provider, version);
}

bool custom_type_is(const struct codepipeline_action_type_id *id)
{
	return streq(id->owner, CODEPIPELINE_ACTION_OWNER_CUSTOM);
}

int custom_type_get(
	struct db_tx *tx, const char *name, struct arena *a, custom_type *ret, struct err *err)
{
	return store_document_get(tx, &STORE_PIPELINE_TYPE, name, a, ret, err);
}

int custom_type_get_ever(
	struct db_tx *tx, const char *name, struct arena *a, custom_type *ret, struct err *err)
{
	int found = custom_type_get(tx, name, a, ret, err);

	return found ? found
		     : store_document_get(tx, &STORE_PIPELINE_TYPE_DELETED, name, a, ret, err);
}

struct codepipeline_action_type *custom_type_describe(const custom_type *t, struct arena *a)
{
	struct codepipeline_action_type *out = arena_new(a, struct codepipeline_action_type);

	out->id = arena_new(a, struct codepipeline_action_type_id);
	out->id->category = t->category;
	out->id->owner = CODEPIPELINE_ACTION_OWNER_CUSTOM;
	out->id->provider = t->provider;
	out->id->version = t->version;
	out->settings = t->settings;
	out->action_configuration_properties = t->configuration_properties;
	out->action_configuration_properties.set = true;
	out->input_artifact_details = t->input_artifact_details;
	out->output_artifact_details = t->output_artifact_details;
	return out;
}

const char *custom_type_queryable(const custom_type *t)
{
	wire_foreach (p, &t->configuration_properties)
		if (wire_or(p->queryable, false))
			return p->name;
	return NULL;
}

/* ---- the rules ---- */

#define bad(err, ...) err_set_wire(err, "ValidationException", __VA_ARGS__)

static int check_counts(const struct codepipeline_artifact_details *d, struct err *err)
{
	if (d->maximum_count.v < d->minimum_count.v)
		return bad(err,
			"Maximum Number of Artifacts (%d) has to be greater than or equal to "
			"minimum (%d).",
			(int)d->maximum_count.v, (int)d->minimum_count.v);
	return 0;
}

static int check_properties(const custom_type *t, struct err *err)
{
	const char *queryable = NULL;

	wire_foreach (p, &t->configuration_properties) {
		wire_foreach (q, &t->configuration_properties)
			if (q < p && streq(q->name, p->name))
				return bad(err,
					"Configuration property '%s' is declared more than once.",
					p->name);
		if (!wire_or(p->queryable, false))
			continue;
		if (!p->required.v || p->secret.v)
			return bad(err,
				"Invalid queryable property '%s'. Queryable configuration "
				"properties must be required and non-secret.",
				p->name);
		if (queryable)
			return bad(err,
				"Multiple queryable configuration properties found with names "
				"'%s, %s'. Up to one queryable property may be specified.",
				queryable, p->name);
		queryable = p->name;
	}
	return 0;
}

/* The next {...} of a template: false when there is none. What stands before it goes to literal. */
static bool next_hole(struct view *rest, struct view *literal, struct view *hole)
{
	const char *open = rest->len ? memchr(rest->p, '{', rest->len) : NULL;
	const char *close = open ? memchr(open, '}', rest->len - (size_t)(open - rest->p)) : NULL;

	*literal = *rest;
	if (!close)
		return false;
	literal->len = (size_t)(open - rest->p);
	*hole = (struct view){open + 1, (size_t)(close - open) - 1};
	rest->len -= (size_t)(close + 1 - rest->p);
	rest->p = close + 1;
	return true;
}

#define CONFIG "Config:"
#define EXTERNAL_ID "ExternalExecutionId"

static bool may_show(const custom_type *t, struct view name)
{
	wire_foreach (p, &t->configuration_properties)
		if (view_eq_str(name, p->name))
			return p->required.v && !p->secret.v;
	return false;
}

static int check_template(
	const custom_type *t, const char *what, const char *template, bool running, struct err *err)
{
	struct view rest = view_of(template ? template : ""), literal, hole;

	while (next_hole(&rest, &literal, &hole)) {
		struct view name = {hole.p + strlen(CONFIG), hole.len - strlen(CONFIG)};

		if (view_starts_with(hole, CONFIG)) {
			if (!may_show(t, name))
				return bad(err,
					"%s: '%.*s' is no configuration property that is required "
					"and non-secret.",
					what, (int)name.len, name.p);
		} else if (!running || !view_eq_str(hole, EXTERNAL_ID)) {
			return bad(err,
				"%s: '{%.*s}' is not known. A template may hold "
				"{Config:PROPERTY}%s.",
				what, (int)hole.len, hole.p,
				running ? " and {" EXTERNAL_ID "}" : "");
		}
	}
	return 0;
}

static int check_templates(const custom_type *t, struct err *err)
{
	const struct codepipeline_action_type_settings *s = t->settings;

	if (!s)
		return 0;
	if (check_template(t, "entityUrlTemplate", s->entity_url_template, false, err) < 0 ||
		check_template(t, "revisionUrlTemplate", s->revision_url_template, false, err) < 0)
		return -1;
	return check_template(t, "executionUrlTemplate", s->execution_url_template, true, err);
}

int custom_type_check(const custom_type *t, struct err *err)
{
	if (check_counts(t->input_artifact_details, err) < 0 ||
		check_counts(t->output_artifact_details, err) < 0 || check_properties(t, err) < 0)
		return -1;
	return check_templates(t, err);
}

/* ---- links ---- */

static const char *value_of(
	const struct codepipeline_resolved_action_configuration_map *configuration,
	struct view hole, const char *external_id)
{
	struct view name = {hole.p + strlen(CONFIG), hole.len - strlen(CONFIG)};

	if (view_eq_str(hole, EXTERNAL_ID))
		return external_id;
	if (view_starts_with(hole, CONFIG))
		wire_foreach (kv, configuration)
			if (view_eq_str(name, kv->key))
				return kv->value;
	return NULL;
}

const char *custom_type_link(const char *template,
	const struct codepipeline_resolved_action_configuration_map *configuration,
	const char *external_id, struct arena *a)
{
	struct str out CLEANUP_STR = STR_INIT;
	struct view rest, literal, hole;

	if (!template)
		return NULL;
	rest = view_of(template);
	while (next_hole(&rest, &literal, &hole)) {
		const char *value = value_of(configuration, hole, external_id);

		if (!value)
			return NULL;
		str_add_view(&out, literal);
		str_add(&out, value);
	}
	str_add_view(&out, literal);
	return arena_strdup(a, str_text(&out));
}

static const char *entity_url(void *arg, const struct codepipeline_action_declaration *action,
	const char *region, struct arena *a)
{
	const custom_type *t = arg;
	struct codepipeline_resolved_action_configuration_map raw;

	(void)region;
	wire_list_alloc(a, &raw, action->configuration.n);
	for (size_t i = 0; i < raw.n; i++) {
		raw.v[i].key = action->configuration.v[i].key;
		raw.v[i].value = action->configuration.v[i].value;
	}
	return custom_type_link(
		t->settings ? t->settings->entity_url_template : NULL, &raw, NULL, a);
}

/* ---- rows of the registry ---- */

/* Whether workers could ask for it: [A-Za-z0-9_-]. */
static bool can_be_queried(const char *value)
{
	size_t n = 0;

	for (; value[n]; n++)
		if (!isalnum((unsigned char)value[n]) && value[n] != '_' && value[n] != '-')
			return false;
	return n > 0 && n <= QUERYABLE_MAX;
}

static int validate(void *arg, const struct codepipeline_action_declaration *action,
	struct arena *a, struct err *err)
{
	const custom_type *t = arg;
	const char *queryable = custom_type_queryable(t);
	const char *value = queryable ? action_setting(action, queryable) : NULL;

	(void)a;
	if (value && !strstr(value, "#{") && !can_be_queried(value))
		return err_set_wire(err, ACTION,
			"Action configuration for action '%s': the value of the queryable "
			"configuration '%s' may have up to %d of A-Z a-z 0-9 - _",
			action->name, queryable, QUERYABLE_MAX);
	wire_foreach (p, &t->configuration_properties) {
		value = p->secret.v ? action_setting(action, p->name) : NULL;
		if (value && strstr(value, "#{"))
			return err_set_wire(err, ACTION,
				"Action configuration for action '%s': the secret configuration "
				"'%s' cannot hold variables",
				action->name, p->name);
	}
	return 0;
}

static struct action_provider *row_of(custom_type *t, struct arena *a)
{
	struct action_provider *p = arena_new(a, struct action_provider);
	struct action_key *keys =
		arena_new_n(a, t->configuration_properties.n + 1, struct action_key);

	for (size_t i = 0; i < t->configuration_properties.n; i++) {
		const struct codepipeline_action_configuration_property *from =
			&t->configuration_properties.v[i];

		keys[i] = (struct action_key){
			from->name, from->required.v, from->secret.v, from->description};
	}
	*p = (struct action_provider){
		.category = t->category,
		.owner = CODEPIPELINE_ACTION_OWNER_CUSTOM,
		.provider = t->provider,
		.version = t->version,
		.min_inputs = (int)t->input_artifact_details->minimum_count.v,
		.max_inputs = (int)t->input_artifact_details->maximum_count.v,
		.min_outputs = (int)t->output_artifact_details->minimum_count.v,
		.max_outputs = (int)t->output_artifact_details->maximum_count.v,
		.keys = keys,
		.n_keys = t->configuration_properties.n,
		.arg = t,
		.validate = validate,
		.entity_url = entity_url,
	};
	return p;
}

struct site {
	const struct codepipeline_pipeline_declaration *d;
	struct arena *a;
	const struct action_provider **rows;
	size_t n;
};

static int read_types(struct db_tx *tx, void *arg, struct err *err)
{
	struct site *s = arg;

	s->n = 0;
	wire_foreach (stage, &s->d->stages)
		wire_foreach (action, &stage->actions) {
			const struct codepipeline_action_type_id *id = action->action_type_id;
			custom_type *t = arena_new(s->a, custom_type);
			int found;

			if (!custom_type_is(id))
				continue;
			found = custom_type_get(tx,
				custom_type_name(id->category, id->provider, id->version, s->a),
				s->a, t, err);
			if (found < 0)
				return -1;
			if (found)
				s->rows[s->n++] = row_of(t, s->a);
		}
	return 0;
}

int custom_type_site(struct pipeline_engine *e, const struct codepipeline_pipeline_declaration *d,
	struct arena *a, struct flow_site *ret, struct err *err)
{
	const struct action_registry *own = &e->site.registry;
	struct site s = {.d = d, .a = a};
	const struct action_provider **all;
	size_t custom = 0;

	wire_foreach (stage, &d->stages)
		wire_foreach (action, &stage->actions)
			custom += custom_type_is(action->action_type_id);
	s.rows = arena_new_n(a, custom + 1, const struct action_provider *);
	if (custom && db_read(durable_db(e->durable), read_types, &s, err) < 0)
		return -1;
	all = arena_new_n(a, own->n + s.n + 1, const struct action_provider *);
	if (own->n)
		memcpy((void *)all, (const void *)own->v, own->n * sizeof(*all));
	memcpy((void *)(all + own->n), (const void *)s.rows, s.n * sizeof(*all));
	*ret = e->site;
	ret->registry = (struct action_registry){.v = all, .n = own->n + s.n};
	return 0;
}
