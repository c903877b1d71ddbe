/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets: making, changing, reading values; what builds read. */
#include "secret/engine.h"

#include "base/mem.h"
#include "codec/json.h"

#define DAY_USEC (24 * 3600 * USEC_PER_SEC)
#define DEFAULT_KEY "alias/aws/secretsmanager"

static void copy_stages(const secret_version *v, struct arena *a,
	struct secretsmanager_secret_version_stages_type *ret)
{
	wire_list_alloc(a, ret, v->stages.n);
	for (size_t i = 0; i < v->stages.n; i++)
		ret->v[i] = v->stages.v[i];
}

/* ---- making and changing ---- */

static int check_name(const char *name, struct err *err)
{
	size_t n = strlen(name);

	if (n > 7 && name[n - 7] == '-' && strspn(name + n - 6, ID_ALPHABET_BASE62) == 6)
		return err_set_wire(err, "InvalidParameterException",
			"Secret name %s ends with a hyphen and six characters, which looks like "
			"the end of an ARN; choose another name.",
			name);
	for (const char *p = name; *p; p++)
		if (!strchr(ID_ALPHABET_BASE62 "/_+=.@-", *p))
			return err_set_wire(err, "ValidationException",
				"Invalid name. Must be a valid name containing alphanumeric "
				"characters, or any of the following: -/_+=.@!");
	return 0;
}

/* A repeated creation with the same token finds what it made. */
static int made_before(struct secret_step *s, struct db_tx *tx, const secret_item *item,
	const struct secretsmanager_create_secret_request *req, struct err *err)
{
	secret_version v;
	struct err none CLEANUP_ERR = ERR_INIT;

	if (!item->deleted.set && req->client_request_token &&
		secret_version_select(tx, item, req->client_request_token, NULL, s->a, &v, &none) ==
			0)
		return 1;
	if (item->deleted.set)
		return err_set_wire(err, "InvalidRequestException",
			"You can't create this secret because a secret with this name is already "
			"scheduled for deletion.");
	return err_set_wire(err, "ResourceExistsException",
		"The operation failed because the secret %s already exists.", req->name);
}

static int create_secret(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	const struct secretsmanager_create_secret_request *req = s->req;
	struct secretsmanager_create_secret_response *resp = s->resp;
	struct secret_new_version new = {
		req->client_request_token, req->secret_string, req->secret_binary, NULL};
	char end[7];
	secret_item item;
	secret_version v = {0};
	int found = store_document_get(tx, &STORE_SECRET, req->name, s->a, &item, err);

	if (found < 0 || (found && made_before(s, tx, &item, req, err) < 0))
		return -1;
	if (req->add_replica_regions.n)
		return err_set(err, ERR_UNSUPPORTED,
			"replicas of secrets in other regions are not offered");
	if (!found) {
		if (check_name(req->name, err) < 0)
			return -1;
		id_random_text(end, 6, ID_ALPHABET_BASE62);
		item = (secret_item){
			.name = req->name,
			.arn = arena_printf(s->a, "arn:aws:secretsmanager:%s:%s:secret:%s-%s",
				s->e->region, s->e->account, req->name, end),
			.description = req->description,
			.kms_key_id = req->kms_key_id,
			.created = WIRE_SET_TIME(durable_now(s->e->durable)),
		};
		item.changed = item.created;
		if (secret_tags_add(&item, &req->tags, s->a, err) < 0 ||
			secret_store(tx, &item, err) < 0)
			return -1;
	}
	if ((new.text || new.binary.p) && secret_version_add(s, tx, &item, &new, &v, err) < 0)
		return -1;
	resp->arn = item.arn;
	resp->name = item.name;
	resp->version_id = v.version_id;
	return 0;
}
SECRET_STEP(secretsmanager, create_secret, secret_write)

static int put_secret_value(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	const struct secretsmanager_put_secret_value_request *req = s->req;
	struct secretsmanager_put_secret_value_response *resp = s->resp;
	struct secret_new_version new = {req->client_request_token, req->secret_string,
		req->secret_binary, &req->version_stages};
	secret_item item;
	secret_version v;

	if (secret_need(s, tx, req->secret_id, false, &item, err) < 0 ||
		secret_version_add(s, tx, &item, &new, &v, err) < 0)
		return -1;
	resp->arn = item.arn;
	resp->name = item.name;
	resp->version_id = v.version_id;
	copy_stages(&v, s->a, &resp->version_stages);
	return 0;
}
SECRET_STEP(secretsmanager, put_secret_value, secret_write)

static int update_secret(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	const struct secretsmanager_update_secret_request *req = s->req;
	struct secretsmanager_update_secret_response *resp = s->resp;
	struct secret_new_version new = {
		req->client_request_token, req->secret_string, req->secret_binary, NULL};
	secret_item item;
	secret_version v = {0};

	if (secret_need(s, tx, req->secret_id, false, &item, err) < 0)
		return -1;
	item.description = req->description ? req->description : item.description;
	item.kms_key_id = req->kms_key_id ? req->kms_key_id : item.kms_key_id;
	item.changed = WIRE_SET_TIME(durable_now(s->e->durable));
	if (secret_store(tx, &item, err) < 0 ||
		((new.text || new.binary.p) && secret_version_add(s, tx, &item, &new, &v, err) < 0))
		return -1;
	resp->arn = item.arn;
	resp->name = item.name;
	resp->version_id = v.version_id;
	return 0;
}
SECRET_STEP(secretsmanager, update_secret, secret_write)

static int update_secret_version_stage(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	const struct secretsmanager_update_secret_version_stage_request *req = s->req;
	struct secretsmanager_update_secret_version_stage_response *resp = s->resp;
	const char *from = req->remove_from_version_id, *to = req->move_to_version_id;
	struct err none CLEANUP_ERR = ERR_INIT;
	secret_item item;
	secret_version v, holds = {0};

	if (secret_need(s, tx, req->secret_id, false, &item, err) < 0 ||
		(to && secret_version_select(tx, &item, to, NULL, s->a, &v, err) < 0))
		return -1;
	secret_version_select(tx, &item, NULL, req->version_stage, s->a, &holds, &none);
	if (streq(req->version_stage, SECRET_CURRENT) && !to)
		return err_set_wire(err, "InvalidParameterException",
			"You can only move staging label AWSCURRENT to a different secret "
			"version. It can't be completely removed.");
	if (holds.version_id && !streq(holds.version_id, from) && !streq(holds.version_id, to))
		return err_set_wire(err, "InvalidParameterException",
			"The parameter RemoveFromVersionId can't be empty. Staging label %s is "
			"currently attached to version %s, so you must explicitly reference that "
			"version in RemoveFromVersionId.",
			req->version_stage, holds.version_id);
	if (from && !streq(holds.version_id, from))
		return err_set_wire(err, "InvalidParameterException",
			"Staging label %s is not attached to version %s.", req->version_stage,
			from);
	resp->arn = item.arn;
	resp->name = item.name;
	return secret_stage_move(tx, &item, req->version_stage, to, s->a, err);
}
SECRET_STEP(secretsmanager, update_secret_version_stage, secret_write)

/* ---- reading ---- */

struct value_read {
	const char *id, *version_id, *stage;
	secret_item item;
	secret_version version;
	struct view value;
	bool stale; /* the day of the last access is another one */
};

static int read_value(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	struct value_read *r = s->resp;
	int64_t today = durable_now(s->e->durable) / DAY_USEC * DAY_USEC;

	if (secret_need(s, tx, r->id, false, &r->item, err) < 0 ||
		secret_version_select(
			tx, &r->item, r->version_id, r->stage, s->a, &r->version, err) < 0)
		return -1;
	r->stale = !r->item.accessed.set || r->item.accessed.usec != today ||
		   !r->version.accessed.set || r->version.accessed.usec != today;
	return secret_unseal(
		s->e, r->version.value, r->item.name, r->version.version_id, s->a, &r->value, err);
}

/* The last access is kept by the day. */
static int note_access(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	struct value_read *r = s->resp;
	struct wire_time today = WIRE_SET_TIME(durable_now(s->e->durable) / DAY_USEC * DAY_USEC);
	const char *id = r->version.version_id;

	if (secret_need(s, tx, r->id, false, &r->item, err) < 0 ||
		secret_version_select(tx, &r->item, id, NULL, s->a, &r->version, err) < 0)
		return -1;
	r->item.accessed = today;
	r->version.accessed = today;
	if (secret_store(tx, &r->item, err) < 0)
		return -1;
	return secret_version_store(tx, r->item.name, &r->version, err);
}

static int read_and_note(
	struct secret_engine *e, struct value_read *r, struct arena *a, struct err *err)
{
	struct secret_step s = {.e = e, .resp = r, .run = read_value, .a = a};

	if (secret_read(&s, err) < 0)
		return -1;
	s.run = note_access;
	return r->stale ? secret_write(&s, err) : 0;
}

int secret_secretsmanager_get_secret_value(struct secret_engine *e, struct call *call,
	const struct secretsmanager_get_secret_value_request *req,
	struct secretsmanager_get_secret_value_response *resp, struct err *err)
{
	struct value_read r = {req->secret_id, req->version_id, req->version_stage};

	if (read_and_note(e, &r, call->arena, err) < 0)
		return -1;
	resp->arn = r.item.arn;
	resp->name = r.item.name;
	resp->version_id = r.version.version_id;
	resp->created_date = r.version.created;
	copy_stages(&r.version, call->arena, &resp->version_stages);
	if (wire_or(r.version.binary, false))
		resp->secret_binary = r.value;
	else
		resp->secret_string = r.value.p;
	return 0;
}

int secret_secretsmanager_batch_get_secret_value(struct secret_engine *e, struct call *call,
	const struct secretsmanager_batch_get_secret_value_request *req,
	struct secretsmanager_batch_get_secret_value_response *resp, struct err *err)
{
	struct arena *a = call->arena;
	size_t found = 0, failed = 0;

	if (req->filters.n || !req->secret_id_list.n)
		return err_set_wire(err, "InvalidParameterException",
			"Give SecretIdList; filters are not offered by this server.");
	wire_list_alloc(a, &resp->secret_values, req->secret_id_list.n);
	wire_list_alloc(a, &resp->errors, req->secret_id_list.n);
	wire_foreach (id, &req->secret_id_list) {
		struct err one CLEANUP_ERR = ERR_INIT;
		struct value_read r = {.id = *id};
		struct secretsmanager_secret_value_entry *v = &resp->secret_values.v[found];

		if (read_and_note(e, &r, a, &one) < 0) {
			resp->errors.v[failed++] = (struct secretsmanager_api_error_type){
				.error_code = arena_strdup(a, err_wire_name(&one)),
				.message = arena_strdup(a, err_message(&one)),
				.secret_id = *id};
			continue;
		}
		found++;
		v->arn = r.item.arn;
		v->name = r.item.name;
		v->version_id = r.version.version_id;
		v->created_date = r.version.created;
		copy_stages(&r.version, a, &v->version_stages);
		if (wire_or(r.version.binary, false))
			v->secret_binary = r.value;
		else
			v->secret_string = r.value.p;
	}
	resp->secret_values.n = found;
	resp->errors.n = failed;
	return 0;
}

/* ---- for builds ---- */

#define ARN_FIELDS 7

/* Cuts the id off: one field, or the seven of an ARN. */
static struct view cut_id(struct view *rest)
{
	struct view whole = *rest, id = *rest;
	size_t fields = view_starts_with(*rest, "arn:") ? ARN_FIELDS : 1;

	for (size_t i = 0; i < fields && rest->p; i++) {
		struct view one = view_cut(rest, ':');

		id.len = (size_t)(one.p + one.len - whole.p);
	}
	return id;
}

static const char *cut_part(struct view *rest, struct arena *a)
{
	struct view part = view_cut(rest, ':');

	return part.p && part.len ? arena_view_dup(a, part) : NULL;
}

int secret_reference_parse(struct secret_engine *e, const char *text, struct arena *a,
	struct secret_reference *ret, struct err *err)
{
	struct view rest = view_of(text);
	struct secret_resource found;

	*ret = (struct secret_reference){.id = arena_view_dup(a, cut_id(&rest))};
	ret->key = cut_part(&rest, a);
	ret->stage = cut_part(&rest, a);
	ret->version = cut_part(&rest, a);
	if (!*ret->id || rest.len)
		return err_set(err, ERR_INVALID,
			"secret reference '%s' is not of the form "
			"secret-id:json-key:version-stage:version-id",
			text);
	if (ret->stage && ret->version)
		return err_set(err, ERR_INVALID,
			"secret reference '%s' names a version stage and a version id; give one "
			"of them",
			text);
	if (secret_resource(e, ret->id, a, &found, err) < 0)
		return -1;
	ret->arn = found.arn;
	ret->policy = found.policy;
	return 0;
}

static int member_of(const char *text, const struct secret_reference *r, struct arena *a,
	const char **ret, struct err *err)
{
	struct err none CLEANUP_ERR = ERR_INIT;
	const struct json_node *doc = NULL, *member;

	if (json_parse(view_of(text), a, &doc, &none) < 0 || doc->kind != JSON_KIND_OBJECT)
		return err_set(err, ERR_INVALID, "secret %s is no JSON object, so it has no key %s",
			r->id, r->key);
	member = json_member(doc, r->key);
	if (!member)
		return err_set(err, ERR_NOT_FOUND, "secret %s has no JSON key %s", r->id, r->key);
	if (member->kind != JSON_KIND_STRING)
		return err_set(err, ERR_INVALID, "key %s of secret %s is %s, not a string", r->key,
			r->id, json_kind_name(member->kind));
	*ret = arena_view_dup(a, member->text);
	return 0;
}

int secret_text(struct secret_engine *e, const struct secret_reference *ref, struct arena *a,
	const char **ret, struct err *err)
{
	struct value_read r = {ref->id, ref->version, ref->stage};

	if (read_and_note(e, &r, a, err) < 0)
		return -1;
	if (wire_or(r.version.binary, false) || memchr(r.value.p, '\0', r.value.len))
		return err_set(err, ERR_INVALID,
			"secret %s holds bytes, which an environment variable cannot", ref->id);
	if (ref->key)
		return member_of(r.value.p, ref, a, ret, err);
	*ret = r.value.p;
	return 0;
}
