/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets and their versions: finding, storing, moving stages (X2, X3). */
#include "secret/engine.h"

#include "base/mem.h"
#include "store/resource_tags.h"
#include "store/string_map.h"

#define ARN_END 6 /* random characters behind the name */
#define MAX_STAGES 20
#define MAX_BYTES 65536

static const char *arn_prefix(const struct secret_engine *e, struct arena *a)
{
	return arena_printf(a, "arn:aws:secretsmanager:%s:%s:secret:", e->region, e->account);
}

/* ---- finding ---- */

int secret_find(struct secret_engine *e, struct db_tx *tx, const char *id, struct arena *a,
	secret_item *ret, struct err *err)
{
	const char *prefix = arn_prefix(e, a), *name = id;
	size_t n;
	int found;

	if (!starts_with(id, "arn:"))
		return store_document_get(tx, &STORE_SECRET, id, a, ret, err);
	if (!starts_with(id, prefix))
		return 0; /* of another account or region */
	name = id + strlen(prefix);
	n = strlen(name);
	if (n > ARN_END + 1 && name[n - ARN_END - 1] == '-') {
		found = store_document_get(
			tx, &STORE_SECRET, arena_strndup(a, name, n - ARN_END - 1), a, ret, err);
		if (found < 0 || (found && streq(ret->arn, id)))
			return found;
	}
	return store_document_get(tx, &STORE_SECRET, name, a, ret, err);
}

struct resource_read {
	const char *id;
	struct secret_resource *ret;
};

static int read_resource(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	struct resource_read *r = s->resp;
	secret_item item;
	int found = secret_find(s->e, tx, r->id, s->a, &item, err);

	if (found < 0)
		return -1;
	if (found)
		*r->ret = (struct secret_resource){item.arn, item.policy};
	else if (starts_with(r->id, "arn:"))
		*r->ret = (struct secret_resource){r->id, NULL};
	else
		*r->ret = (struct secret_resource){
			arena_printf(s->a, "%s%s-??????", arn_prefix(s->e, s->a), r->id), NULL};
	return 0;
}

int secret_resource(struct secret_engine *e, const char *id, struct arena *a,
	struct secret_resource *ret, struct err *err)
{
	struct resource_read r = {id, ret};
	struct secret_step s = {.e = e, .resp = &r, .run = read_resource, .a = a};

	return secret_read(&s, err);
}

int secret_need(struct secret_step *s, struct db_tx *tx, const char *id, bool deleted_too,
	secret_item *ret, struct err *err)
{
	int found = secret_find(s->e, tx, id, s->a, ret, err);

	if (found < 0)
		return -1;
	if (!found)
		return err_set_wire(err, "ResourceNotFoundException",
			"Secrets Manager can't find the specified secret.");
	if (ret->deleted.set && !deleted_too)
		return err_set_wire(err, "InvalidRequestException",
			"You can't perform this operation on the secret because it was marked for "
			"deletion.");
	return 0;
}

int secret_store(struct db_tx *tx, const secret_item *item, struct err *err)
{
	return store_document_put(tx, &STORE_SECRET, item->name, NULL, item, err);
}

int secret_tags_add(secret_item *item, const struct secretsmanager_tag_list_type *tags,
	struct arena *a, struct err *err)
{
	if (tags->n <= STORE_TAGS_MAX)
		wire_foreach (t, tags)
			if (t->key)
				string_map_put(&item->tags, t->key, t->value, a);
	if (MAX(tags->n, item->tags.n) > STORE_TAGS_MAX)
		return err_set_wire(err, "InvalidRequestException",
			"A secret can have at most %d tags.", STORE_TAGS_MAX);
	return 0;
}

/* ---- versions ---- */

static const char *version_key(const char *name, const char *id, struct arena *a)
{
	return arena_printf(a, "%s %s", name, id);
}

int secret_versions(struct db_tx *tx, const char *name, struct arena *a, secret_version ***ret,
	size_t *ret_n, struct err *err)
{
	struct store_document_filter all = {.owner = name};
	struct store_documents found;

	if (store_document_list(tx, &STORE_SECRET_VERSION, &all, a, &found, err) < 0)
		return -1;
	*ret = (secret_version **)found.v;
	*ret_n = found.n;
	return 0;
}

int secret_version_store(
	struct db_tx *tx, const char *name, const secret_version *v, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;

	return store_document_put(
		tx, &STORE_SECRET_VERSION, version_key(name, v->version_id, &a), name, v, err);
}

int secret_version_select(struct db_tx *tx, const secret_item *item, const char *version_id,
	const char *stage, struct arena *a, secret_version *ret, struct err *err)
{
	secret_version **v;
	size_t n;

	if (!version_id && !stage)
		stage = SECRET_CURRENT;
	if (secret_versions(tx, item->name, a, &v, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (version_id && !streq(v[i]->version_id, version_id))
			continue;
		if (stage && version_id && !secret_has(&v[i]->stages, stage))
			return err_set_wire(err, "InvalidRequestException",
				"You provided a VersionStage that is not associated to the "
				"provided VersionId.");
		if (stage && !secret_has(&v[i]->stages, stage))
			continue;
		*ret = *v[i];
		return 0;
	}
	return err_set_wire(err, "ResourceNotFoundException",
		"Secrets Manager can't find the specified secret value for %s: %s",
		version_id ? "VersionId" : "staging label", version_id ? version_id : stage);
}

/* ---- stages ---- */

static secret_version *holder(secret_version *const *v, size_t n, const char *stage)
{
	for (size_t i = 0; i < n; i++)
		if (secret_has(&v[i]->stages, stage))
			return v[i];
	return NULL;
}

static int take_stage(
	struct db_tx *tx, const char *name, secret_version *v, const char *stage, struct err *err)
{
	if (!v || !secret_has(&v->stages, stage))
		return 0;
	secret_drop(&v->stages, stage);
	return secret_version_store(tx, name, v, err);
}

int secret_stage_move(struct db_tx *tx, const secret_item *item, const char *stage, const char *to,
	struct arena *a, struct err *err)
{
	secret_version **v, *from, *target = NULL;
	size_t n;

	if (secret_versions(tx, item->name, a, &v, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (to && streq(v[i]->version_id, to))
			target = v[i];
	from = holder(v, n, stage);
	if (target && from == target)
		return 0;
	if (from && target && streq(stage, SECRET_CURRENT)) {
		/* the one that was current becomes the previous one */
		if (take_stage(tx, item->name, holder(v, n, SECRET_PREVIOUS), SECRET_PREVIOUS,
			    err) < 0)
			return -1;
		secret_add(&from->stages, SECRET_PREVIOUS, a);
	}
	if (take_stage(tx, item->name, from, stage, err) < 0)
		return -1;
	if (!target)
		return 0;
	secret_add(&target->stages, stage, a);
	if (target->stages.n > MAX_STAGES)
		return err_set_wire(err, "LimitExceededException",
			"A version can have at most %d staging labels.", MAX_STAGES);
	return secret_version_store(tx, item->name, target, err);
}

/* Versions without a stage are deprecated: the newest hundred of them stay. */
#define MAX_DEPRECATED 100

static int drop_deprecated(
	struct db_tx *tx, const secret_item *item, struct arena *a, struct err *err)
{
	secret_version **v, *oldest = NULL;
	size_t n, deprecated = 0;

	if (secret_versions(tx, item->name, a, &v, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (v[i]->stages.n)
			continue;
		deprecated++;
		if (!oldest || v[i]->created.usec < oldest->created.usec)
			oldest = v[i];
	}
	if (deprecated <= MAX_DEPRECATED)
		return 0;
	return store_document_delete(
		tx, &STORE_SECRET_VERSION, version_key(item->name, oldest->version_id, a), err);
}

/* ---- new versions ---- */

static int same_value(struct secret_step *s, const secret_item *item, const secret_version *v,
	const struct secret_new_version *new, struct err *err)
{
	struct view given = new->text ? view_of(new->text) : new->binary, kept;

	if (secret_unseal(s->e, v->value, item->name, v->version_id, s->a, &kept, err) < 0)
		return -1;
	if (wire_or(v->binary, false) == !new->text && view_eq(given, kept))
		return 1;
	return err_set_wire(err, "ResourceExistsException",
		"You can't use ClientRequestToken %s because that value is already in use for a "
		"version of secret %s.",
		v->version_id, item->arn);
}

static int check_new(const struct secret_new_version *new, struct err *err)
{
	size_t length = new->text ? strlen(new->text) : new->binary.len;

	if (new->text &&new->binary.p)
		return err_set_wire(err, "InvalidParameterException",
			"You can't specify both a binary secret value and a string secret value "
			"in the same secret.");
	if (!new->text && !new->binary.p)
		return err_set_wire(err, "InvalidRequestException",
			"You must provide either SecretString or SecretBinary.");
	if (length > MAX_BYTES)
		return err_set_wire(err, "InvalidParameterException",
			"A secret value has at most %d bytes; this one has %zu.", MAX_BYTES,
			length);
	return 0;
}

static int move_stages(struct secret_step *s, struct db_tx *tx, const secret_item *item,
	const struct secret_new_version *new, const char *id, struct err *err)
{
	bool first = !new->stages || !new->stages->n;

	wire_foreach (stage,
		new->stages ? new->stages : &(struct secretsmanager_secret_version_stages_type){0})
		if (secret_stage_move(tx, item, *stage, id, s->a, err) < 0)
			return -1;
	return first ? secret_stage_move(tx, item, SECRET_CURRENT, id, s->a, err) : 0;
}

int secret_version_add(struct secret_step *s, struct db_tx *tx, secret_item *item,
	const struct secret_new_version *new, secret_version *ret, struct err *err)
{
	struct uuid_text made = id_uuid();
	const char *id = new->token ? new->token : arena_strdup(s->a, made.text);
	int found;

	if (check_new(new, err) < 0)
		return -1;
	found = store_document_get(
		tx, &STORE_SECRET_VERSION, version_key(item->name, id, s->a), s->a, ret, err);
	if (found < 0 || (found && same_value(s, item, ret, new, err) < 0))
		return -1;
	if (!found) {
		*ret = (secret_version){
			.version_id = id,
			.created = WIRE_SET_TIME(durable_now(s->e->durable)),
			.binary = WIRE_SET_BOOL(!new->text),
			.stages = {.set = true},
			.value = secret_seal(s->e, new->text ? view_of(new->text) : new->binary,
				item->name, id, s->a),
		};
		if (secret_version_store(tx, item->name, ret, err) < 0 ||
			move_stages(s, tx, item, new, id, err) < 0 ||
			drop_deprecated(tx, item, s->a, err) < 0)
			return -1;
		item->changed = ret->created;
		if (secret_store(tx, item, err) < 0)
			return -1;
	}
	return secret_version_select(tx, item, id, NULL, s->a, ret, err);
}
