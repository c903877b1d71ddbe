/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets: describing, listing, deleting and restoring, policies, tags, random passwords. */
#include "secret/engine.h"

#include <ctype.h>

#include "base/mem.h"
#include "store/string_map.h"

#define DAY_USEC (24 * 3600 * USEC_PER_SEC)
#define DEFAULT_WINDOW_DAYS 30
#define MIN_WINDOW_DAYS 7
#define PAGE 100
#define MAX_PASSWORD 4096
#define DEFAULT_PASSWORD 32
#define PUBLIC_POLICY                                                                             \
	"The policy lets everybody in: name principals, or whom and where from a condition asks " \
	"for."

/* ---- describing ---- */

static int stages_of(struct secret_step *s, struct db_tx *tx, const char *name,
	struct secretsmanager_secret_versions_to_stages_map_type *ret, struct err *err)
{
	secret_version **v;
	size_t n, kept = 0;

	if (secret_versions(tx, name, s->a, &v, &n, err) < 0)
		return -1;
	wire_list_alloc(s->a, ret, n);
	for (size_t i = 0; i < n; i++) {
		if (!v[i]->stages.n)
			continue;
		ret->v[kept].key = v[i]->version_id;
		wire_list_alloc(s->a, &ret->v[kept].value, v[i]->stages.n);
		for (size_t j = 0; j < v[i]->stages.n; j++)
			ret->v[kept].value.v[j] = v[i]->stages.v[j];
		kept++;
	}
	ret->n = kept;
	return 0;
}

static void tags_of(
	const secret_item *item, struct arena *a, struct secretsmanager_tag_list_type *ret)
{
	wire_list_alloc(a, ret, item->tags.n);
	for (size_t i = 0; i < item->tags.n; i++) {
		ret->v[i].key = item->tags.v[i].key;
		ret->v[i].value = item->tags.v[i].value;
	}
}

static int describe_secret(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	const struct secretsmanager_describe_secret_request *req = s->req;
	struct secretsmanager_describe_secret_response *resp = s->resp;
	secret_item item;

	if (secret_need(s, tx, req->secret_id, true, &item, err) < 0)
		return -1;
	resp->arn = item.arn;
	resp->name = item.name;
	resp->description = item.description;
	resp->kms_key_id = item.kms_key_id;
	resp->created_date = item.created;
	resp->last_changed_date = item.changed;
	resp->last_accessed_date = item.accessed;
	resp->deleted_date = item.deleted;
	tags_of(&item, s->a, &resp->tags);
	return stages_of(s, tx, item.name, &resp->version_ids_to_stages, err);
}
SECRET_STEP(secretsmanager, describe_secret, secret_read)

/* ---- listing ---- */

static bool text_matches(const char *text, const char *want)
{
	return text && strncasecmp(text, want, strlen(want)) == 0;
}

static bool value_matches(const secret_item *item, const char *key, const char *want)
{
	bool tag_key = streq(key, "tag-key"), all = streq(key, "all");

	if (streq(key, "name") || all)
		if (text_matches(item->name, want))
			return true;
	if (streq(key, "description") || all)
		if (item->description && strcasestr(item->description, want))
			return true;
	wire_foreach (t, &item->tags)
		if (((tag_key || all) && text_matches(t->key, want)) ||
			((streq(key, "tag-value") || all) && text_matches(t->value, want)))
			return true;
	return false;
}

/* A value that starts with `!` must not match. */
static bool passes(const secret_item *item, const struct secretsmanager_filters_list_type *filters)
{
	wire_foreach (f, filters) {
		bool any = !f->values.n;

		wire_foreach (want, &f->values)
			any |= **want == '!' ? !value_matches(item, f->key, *want + 1)
					     : value_matches(item, f->key, *want);
		if (!any)
			return false;
	}
	return true;
}

static int check_filters(const struct secretsmanager_filters_list_type *filters, struct err *err)
{
	static const char *const known[] = {"name", "description", "tag-key", "tag-value", "all"};

	wire_foreach (f, filters) {
		bool found = false;

		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			found |= streq(known[i], f->key);
		if (!found)
			return err_set_wire(err, "InvalidParameterException",
				"Filter %s is not offered; use name, description, tag-key, "
				"tag-value or all.",
				f->key);
	}
	return 0;
}

static int entry_of(struct secret_step *s, struct db_tx *tx, const secret_item *item,
	struct secretsmanager_secret_list_entry *ret, struct err *err)
{
	*ret = (struct secretsmanager_secret_list_entry){
		.arn = item->arn,
		.name = item->name,
		.description = item->description,
		.kms_key_id = item->kms_key_id,
		.created_date = item->created,
		.last_changed_date = item->changed,
		.last_accessed_date = item->accessed,
		.deleted_date = item->deleted,
	};
	tags_of(item, s->a, &ret->tags);
	return stages_of(s, tx, item->name, &ret->secret_versions_to_stages, err);
}

static int list_secrets(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	const struct secretsmanager_list_secrets_request *req = s->req;
	struct secretsmanager_list_secrets_response *resp = s->resp;
	size_t max = (size_t)wire_or(req->max_results, PAGE), n = 0;
	struct store_document_filter f = {.after = req->next_token, .max = max + 1};
	struct store_documents some;

	if (check_filters(&req->filters, err) < 0)
		return -1;
	wire_list_alloc(s->a, &resp->secret_list, max);
	do {
		if (store_document_list(tx, &STORE_SECRET, &f, s->a, &some, err) < 0)
			return -1;
		for (size_t i = 0; i < some.n; i++) {
			const secret_item *item = some.v[i];

			if (!passes(item, &req->filters) ||
				(item->deleted.set &&
					!wire_or(req->include_planned_deletion, false)))
				continue;
			if (n == max) {
				resp->next_token = resp->secret_list.v[n - 1].name;
				return 0;
			}
			if (entry_of(s, tx, item, &resp->secret_list.v[n++], err) < 0)
				return -1;
		}
		f.after = some.n ? some.ids[some.n - 1] : NULL;
	} while (some.n == max + 1);
	resp->secret_list.n = n;
	return 0;
}
SECRET_STEP(secretsmanager, list_secrets, secret_read)

static int list_secret_version_ids(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	const struct secretsmanager_list_secret_version_ids_request *req = s->req;
	struct secretsmanager_list_secret_version_ids_response *resp = s->resp;
	secret_item item;
	secret_version **v;
	size_t n, kept = 0;

	if (secret_need(s, tx, req->secret_id, true, &item, err) < 0 ||
		secret_versions(tx, item.name, s->a, &v, &n, err) < 0)
		return -1;
	resp->arn = item.arn;
	resp->name = item.name;
	wire_list_alloc(s->a, &resp->versions, n);
	for (size_t i = 0; i < n; i++) {
		struct secretsmanager_secret_versions_list_entry *to = &resp->versions.v[kept];

		if (!v[i]->stages.n && !wire_or(req->include_deprecated, false))
			continue;
		to->version_id = v[i]->version_id;
		to->created_date = v[i]->created;
		to->last_accessed_date = v[i]->accessed;
		wire_list_alloc(s->a, &to->version_stages, v[i]->stages.n);
		for (size_t j = 0; j < v[i]->stages.n; j++)
			to->version_stages.v[j] = v[i]->stages.v[j];
		kept++;
	}
	resp->versions.n = kept;
	return 0;
}
SECRET_STEP(secretsmanager, list_secret_version_ids, secret_read)

/* ---- deleting and restoring ---- */

static int drop(struct db_tx *tx, const char *name, struct err *err)
{
	if (store_document_delete(tx, &STORE_SECRET, name, err) < 0)
		return -1;
	return store_document_delete_owned(tx, &STORE_SECRET_VERSION, name, err);
}

/* One that is not there is no mistake, so that whoever tidies up can do so twice. */
static int delete_at_once(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	const struct secretsmanager_delete_secret_request *req = s->req;
	struct secretsmanager_delete_secret_response *resp = s->resp;
	secret_item item;
	int found = secret_find(s->e, tx, req->secret_id, s->a, &item, err);

	if (found < 0)
		return -1;
	if (!found) {
		bool arn = starts_with(req->secret_id, "arn:");

		resp->arn = arn ? req->secret_id : NULL;
		resp->name = arn ? NULL : req->secret_id;
		return 0;
	}
	resp->arn = item.arn;
	resp->name = item.name;
	if (task_cancel(s->e->durable, tx, SECRET_TASK_DELETE, item.name, NULL, err) < 0)
		return -1;
	return drop(tx, item.name, err);
}

static int delete_secret(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	const struct secretsmanager_delete_secret_request *req = s->req;
	struct secretsmanager_delete_secret_response *resp = s->resp;
	bool force = wire_or(req->force_delete_without_recovery, false);
	int64_t days = wire_or(req->recovery_window_in_days, DEFAULT_WINDOW_DAYS);
	int64_t now = durable_now(s->e->durable);
	secret_item item;

	if (force && req->recovery_window_in_days.set)
		return err_set_wire(err, "InvalidParameterException",
			"You can't use ForceDeleteWithoutRecovery in conjunction with "
			"RecoveryWindowInDays.");
	if (!force && (days < MIN_WINDOW_DAYS || days > DEFAULT_WINDOW_DAYS))
		return err_set_wire(err, "InvalidParameterException",
			"The RecoveryWindowInDays value must be between 7 and 30 days "
			"(inclusive).");
	resp->deletion_date = WIRE_SET_TIME(force ? now : now + days * DAY_USEC);
	if (force)
		return delete_at_once(s, tx, err);
	if (secret_need(s, tx, req->secret_id, false, &item, err) < 0)
		return -1;
	resp->arn = item.arn;
	resp->name = item.name;
	item.deleted = WIRE_SET_TIME(now);
	item.due = resp->deletion_date;
	if (secret_store(tx, &item, err) < 0)
		return -1;
	return task_enqueue(s->e->durable, tx,
		&(struct task){.kind = SECRET_TASK_DELETE,
			.subject = item.name,
			.token = "",
			.due_usec = item.due.usec},
		err);
}
SECRET_STEP(secretsmanager, delete_secret, secret_write)

struct ending {
	struct durable *durable;
	const struct task *task;
};

static int end_secret(struct db_tx *tx, void *arg, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct ending *end = arg;
	secret_item item;
	int found = store_document_get(tx, &STORE_SECRET, end->task->subject, &a, &item, err);

	if (found < 0 || (found && item.deleted.set && item.due.usec <= durable_now(end->durable) &&
				 drop(tx, item.name, err) < 0))
		return -1;
	return task_done(end->durable, tx, end->task, err);
}

int secret_delete_run(struct durable *d, const struct task *t, void *arg UNUSED, struct err *err)
{
	struct ending end = {d, t};

	return durable_step(d, end_secret, &end, err);
}

static int restore_secret(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	const struct secretsmanager_restore_secret_request *req = s->req;
	struct secretsmanager_restore_secret_response *resp = s->resp;
	secret_item item;

	if (secret_need(s, tx, req->secret_id, true, &item, err) < 0 ||
		task_cancel(s->e->durable, tx, SECRET_TASK_DELETE, item.name, NULL, err) < 0)
		return -1;
	item.deleted = item.due = (struct wire_time){0};
	resp->arn = item.arn;
	resp->name = item.name;
	return secret_store(tx, &item, err);
}
SECRET_STEP(secretsmanager, restore_secret, secret_write)

/* ---- resource policies ---- */

static int check_policy(
	const struct secret_engine *e, const char *text, bool *ret_public, struct err *err)
{
	CLEANUP_ERR struct err why = ERR_INIT;

	*ret_public = false;
	if (!e->check_policy || e->check_policy(text, ret_public, &why) == 0)
		return 0;
	return err_set_wire(err, "MalformedPolicyDocumentException",
		"This resource policy contains a syntax error: %s", err_message(&why));
}

static int put_resource_policy(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	const struct secretsmanager_put_resource_policy_request *req = s->req;
	struct secretsmanager_put_resource_policy_response *resp = s->resp;
	secret_item item;
	bool is_public;

	if (secret_need(s, tx, req->secret_id, false, &item, err) < 0 ||
		check_policy(s->e, req->resource_policy, &is_public, err) < 0)
		return -1;
	if (is_public && wire_or(req->block_public_policy, false))
		return err_set_wire(err, "PublicPolicyException", PUBLIC_POLICY);
	item.policy = req->resource_policy;
	resp->arn = item.arn;
	resp->name = item.name;
	return secret_store(tx, &item, err);
}
SECRET_STEP(secretsmanager, put_resource_policy, secret_write)

static int get_resource_policy(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	const struct secretsmanager_get_resource_policy_request *req = s->req;
	struct secretsmanager_get_resource_policy_response *resp = s->resp;
	secret_item item;

	if (secret_need(s, tx, req->secret_id, true, &item, err) < 0)
		return -1;
	resp->arn = item.arn;
	resp->name = item.name;
	resp->resource_policy = item.policy;
	return 0;
}
SECRET_STEP(secretsmanager, get_resource_policy, secret_read)

static int delete_resource_policy(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	const struct secretsmanager_delete_resource_policy_request *req = s->req;
	struct secretsmanager_delete_resource_policy_response *resp = s->resp;
	secret_item item;

	if (secret_need(s, tx, req->secret_id, true, &item, err) < 0)
		return -1;
	item.policy = NULL;
	resp->arn = item.arn;
	resp->name = item.name;
	return secret_store(tx, &item, err);
}
SECRET_STEP(secretsmanager, delete_resource_policy, secret_write)

int secret_secretsmanager_validate_resource_policy(struct secret_engine *e, struct call *call,
	const struct secretsmanager_validate_resource_policy_request *req,
	struct secretsmanager_validate_resource_policy_response *resp, struct err *err)
{
	bool is_public;

	if (check_policy(e, req->resource_policy, &is_public, err) < 0)
		return -1;
	resp->policy_validation_passed = WIRE_SET_BOOL(!is_public);
	wire_list_alloc(call->arena, &resp->validation_errors, is_public);
	if (is_public)
		resp->validation_errors.v[0] = (struct secretsmanager_validation_errors_entry){
			.check_name = "PUBLIC_POLICY", .error_message = PUBLIC_POLICY};
	return 0;
}

/* ---- tags ---- */

static int tag_resource(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	const struct secretsmanager_tag_resource_request *req = s->req;
	secret_item item;

	if (secret_need(s, tx, req->secret_id, false, &item, err) < 0)
		return -1;
	if (secret_tags_add(&item, &req->tags, s->a, err) < 0)
		return -1;
	return secret_store(tx, &item, err);
}
SECRET_STEP(secretsmanager, tag_resource, secret_write)

static int untag_resource(struct secret_step *s, struct db_tx *tx, struct err *err)
{
	const struct secretsmanager_untag_resource_request *req = s->req;
	secret_item item;

	if (secret_need(s, tx, req->secret_id, false, &item, err) < 0)
		return -1;
	wire_foreach (key, &req->tag_keys)
		string_map_drop(&item.tags, *key);
	return secret_store(tx, &item, err);
}
SECRET_STEP(secretsmanager, untag_resource, secret_write)

/* ---- GetRandomPassword ---- */

struct alphabet {
	char all[160];
	size_t n;
	char kind[4][40]; /* what each included kind still has */
	size_t kinds;
};

static void include(struct alphabet *to, const char *chars, bool excluded, const char *without)
{
	char *kind = to->kind[to->kinds];
	size_t n = 0;

	if (excluded)
		return;
	for (const char *p = chars; *p; p++) {
		if (without && strchr(without, *p))
			continue;
		to->all[to->n++] = *p;
		kind[n++] = *p;
	}
	kind[n] = '\0';
	to->kinds += n > 0;
}

static bool has_each(const char *text, const struct alphabet *from)
{
	for (size_t i = 0; i < from->kinds; i++)
		if (!strpbrk(text, from->kind[i]))
			return false;
	return true;
}

int secret_secretsmanager_get_random_password(struct secret_engine *e UNUSED, struct call *call,
	const struct secretsmanager_get_random_password_request *req,
	struct secretsmanager_get_random_password_response *resp, struct err *err)
{
	const char *without = req->exclude_characters;
	int64_t length = wire_or(req->password_length, DEFAULT_PASSWORD);
	bool each = wire_or(req->require_each_included_type, true);
	struct alphabet from = {0};
	char *text;

	include(&from, "abcdefghijklmnopqrstuvwxyz", wire_or(req->exclude_lowercase, false),
		without);
	include(&from, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", wire_or(req->exclude_uppercase, false),
		without);
	include(&from, "0123456789", wire_or(req->exclude_numbers, false), without);
	include(&from, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
		wire_or(req->exclude_punctuation, false), without);
	if (wire_or(req->include_space, false) && !(without && strchr(without, ' ')))
		from.all[from.n++] = ' ';
	if (!from.n || length < 1 || length > MAX_PASSWORD || (each && (size_t)length < from.kinds))
		return err_set_wire(err, "InvalidParameterException",
			"A password of %lld characters cannot be made of what is left of the "
			"character set.",
			(long long)length);
	text = arena_alloc(call->arena, (size_t)length + 1);
	do {
		id_random_text(text, (size_t)length, from.all);
	} while (each && !has_each(text, &from));
	resp->random_password = text;
	return 0;
}
