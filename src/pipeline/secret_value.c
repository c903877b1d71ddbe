/* SPDX-License-Identifier: Apache-2.0 */
/* Values of secret configuration properties. */
#include "pipeline/secret_value.h"

#include <string.h>

#include "base/id.h"
#include "store/pipeline_type.h"

#define ACTION "InvalidActionDeclarationException"
#define REFERENCE "{secret}"
#define MASK "****"

static bool is_reference(const char *value)
{
	return value && starts_with(value, REFERENCE);
}

/* ---- sealing ---- */

struct sealing {
	struct pipeline_engine *e;
	struct db_tx *tx;
	const char *pipeline_id;
	struct arena *a;
};

static int keep(struct sealing *s, const char *key, const char *value, const char **ret_reference,
	struct err *err)
{
	struct str sealed CLEANUP_STR = STR_INIT;
	const char *id = arena_strdup(s->a, id_uuid().text);
	struct towpath_pipeline_text text = {.name = key};

	if (!s->e->seal)
		return err_set(err, ERR_UNSUPPORTED, "there is no key to seal secrets with");
	seal_close(s->e->seal, view_of(value), id, &sealed);
	text.value = str_text(&sealed);
	*ret_reference = arena_printf(s->a, REFERENCE "%s", id);
	return store_document_put(s->tx, &STORE_PIPELINE_SECRET, id, s->pipeline_id, &text, err);
}

static const char *stored_value(const struct codepipeline_pipeline_declaration *old,
	const char *stage, const char *action, const char *key)
{
	const struct codepipeline_action_declaration *a =
		old ? flow_action_declaration(flow_stage_declaration(old, stage), action) : NULL;
	const char *value = a ? action_setting(a, key) : NULL;

	return is_reference(value) ? value : NULL;
}

static bool is_secret(const struct action_provider *p, const char *key)
{
	for (size_t i = 0; p && i < p->n_keys; i++)
		if (streq(p->keys[i].name, key))
			return p->keys[i].secret;
	return false;
}

static int seal_action(struct sealing *s, const struct action_registry *registry, const char *stage,
	struct codepipeline_action_declaration *action,
	const struct codepipeline_pipeline_declaration *old, struct err *err)
{
	const struct action_provider *p = action_registry_find(registry, action->action_type_id);

	wire_foreach (kv, &action->configuration) {
		if (is_reference(kv->value))
			return err_set_wire(err, ACTION,
				"Action configuration for action '%s': the value of '%s' cannot "
				"begin with " REFERENCE,
				action->name, kv->key);
		if (!is_secret(p, kv->key))
			continue;
		if (kv->value[strspn(kv->value, "*")]) {
			if (keep(s, kv->key, kv->value, &kv->value, err) < 0)
				return -1;
			continue;
		}
		kv->value = stored_value(old, stage, action->name, kv->key);
		if (!kv->value)
			return err_set_wire(err, ACTION,
				"Action configuration for action '%s': there is no stored value of "
				"the secret configuration '%s' that asterisks could stand for",
				action->name, kv->key);
	}
	return 0;
}

int secret_values_seal(struct pipeline_engine *e, struct db_tx *tx, const char *pipeline_id,
	const struct action_registry *registry, struct codepipeline_pipeline_declaration *d,
	const struct codepipeline_pipeline_declaration *old, struct arena *a, struct err *err)
{
	struct sealing s = {e, tx, pipeline_id, a};

	wire_foreach (stage, &d->stages)
		wire_foreach (action, &stage->actions)
			if (seal_action(&s, registry, stage->name, action, old, err) < 0)
				return -1;
	return 0;
}

/* ---- showing ---- */

void secret_values_hide(
	const struct action_registry *registry, struct codepipeline_pipeline_declaration *d)
{
	wire_foreach (stage, &d->stages)
		wire_foreach (action, &stage->actions) {
			const struct action_provider *p =
				action_registry_find(registry, action->action_type_id);

			wire_foreach (kv, &action->configuration)
				if (!p || is_secret(p, kv->key))
					kv->value = MASK;
		}
}

void secret_values_mask_map(struct codepipeline_action_configuration_map *m)
{
	wire_foreach (kv, m)
		if (is_reference(kv->value))
			kv->value = MASK;
}

void secret_values_mask(struct codepipeline_pipeline_declaration *d)
{
	wire_foreach (stage, &d->stages)
		wire_foreach (action, &stage->actions)
			secret_values_mask_map(&action->configuration);
}

void secret_values_mask_detail(struct codepipeline_action_execution_detail *d)
{
	secret_values_mask_map(&d->input->configuration);
	wire_foreach (kv, &d->input->resolved_configuration)
		if (is_reference(kv->value))
			kv->value = MASK;
}

int secret_values_open(struct pipeline_engine *e, struct db_tx *tx,
	struct codepipeline_action_configuration_map *m, struct arena *a, struct err *err)
{
	wire_foreach (kv, m) {
		struct str plain CLEANUP_STR = STR_INIT;
		struct towpath_pipeline_text text;
		const char *id;
		int found;

		if (!is_reference(kv->value))
			continue;
		id = kv->value + strlen(REFERENCE);
		found = store_document_get(tx, &STORE_PIPELINE_SECRET, id, a, &text, err);
		if (found < 0)
			return -1;
		if (!found || !e->seal)
			return err_set(err, ERR_INTERNAL,
				"the value of the secret configuration %s is not there", kv->key);
		if (seal_open(e->seal, view_of(text.value), id, &plain, err) < 0)
			return err_wrap(err, "the secret configuration %s", kv->key);
		kv->value = arena_strdup(a, str_text(&plain));
		explicit_bzero(plain.p, plain.len);
	}
	return 0;
}

int pipeline_reseal(struct db_tx *tx, const struct seal_key *from, const struct seal_key *to,
	size_t *n, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct store_documents all;

	if (store_document_list(tx, &STORE_PIPELINE_SECRET, &(struct store_document_filter){0}, &a,
		    &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		struct str out CLEANUP_STR = STR_INIT;
		struct towpath_pipeline_text *text = all.v[i];

		if (seal_again(from, to, view_of(text->value), all.ids[i], &out, err) < 0)
			return err_wrap(err, "the secret configuration %s", text->name);
		text->value = str_text(&out);
		if (store_document_rewrite(tx, &STORE_PIPELINE_SECRET, all.ids[i], text, err) < 0)
			return -1;
		(*n)++;
	}
	return 0;
}
