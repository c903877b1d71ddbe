/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on repositories as such. */
#include <stdio.h>

#include "base/file.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/engine.h"
#include "source/tags.h"

#define REPOSITORIES_MAX 1000
#define REPOSITORIES_PAGE 1000
#define BATCH_MAX 100
#define DESCRIPTION_MAX 1000
#define SSH_PORT 22

/* "http://host:port" without its scheme; the installation's name when a call has no endpoint. */
static const char *host_of(const struct call *call)
{
	const char *at = call->endpoint ? strstr(call->endpoint, "://") : NULL;

	return at ? at + 3 : call->endpoint ? call->endpoint : "localhost";
}

/* ssh://host[:port]/v1/repos/NAME, at the host by which the client addressed us. Without a gate of
 * our own that is where one would stand, as the service always tells it. */
static const char *ssh_url(const struct source_engine *e, struct call *call, const char *name)
{
	const char *host = host_of(call), *colon = strrchr(host, ':');
	const char *bracket = strrchr(host, ']');
	size_t n = colon && (!bracket || colon > bracket) ? (size_t)(colon - host) : strlen(host);

	if (!e->ssh_port || e->ssh_port == SSH_PORT)
		return arena_printf(call->arena, "ssh://%.*s/v1/repos/%s", (int)n, host, name);
	return arena_printf(
		call->arena, "ssh://%.*s:%d/v1/repos/%s", (int)n, host, e->ssh_port, name);
}

/* What is stored, and what follows from the call. */
static struct codecommit_repository_metadata metadata_of(
	const struct source_engine *e, struct call *call, const struct store_source_repository *r)
{
	struct codecommit_repository_metadata meta = r->meta;

	meta.account_id = e->account;
	meta.arn = source_arn(e, meta.repository_name, call->arena);
	meta.clone_url_http = arena_printf(call->arena, "%s/v1/repos/%s",
		call->endpoint ? call->endpoint : "http://localhost", meta.repository_name);
	meta.clone_url_ssh = ssh_url(e, call, meta.repository_name);
	return meta;
}

/* ---- create ---- */

struct creation {
	struct store_source_repository *r;
	bool exists;
};

static int create_step(struct db_tx *tx, void *arg, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct creation *c = arg;
	struct store_source_repository other;
	int64_t count;
	int found = store_source_repository_find(tx, c->r->meta.repository_name, &a, &other, err);

	if (found < 0 || store_source_repository_count(tx, &count, err) < 0)
		return -1;
	if (found)
		return err_set_wire(err, "RepositoryNameExistsException",
			"Repository named %s already exists", c->r->meta.repository_name);
	if (count >= REPOSITORIES_MAX)
		return err_set_wire(err, "RepositoryLimitExceededException",
			"There are %d repositories already, the most that an account can have.",
			REPOSITORIES_MAX);
	return store_source_repository_insert(tx, c->r, err);
}

static int check_free(struct db_tx *tx, void *arg, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct creation *c = arg;
	struct store_source_repository other;
	int found = store_source_repository_find(tx, c->r->meta.repository_name, &a, &other, err);

	c->exists = found > 0;
	return found < 0 ? -1 : 0;
}

static int check_description(const char *text, struct err *err)
{
	if (text && strlen(text) > DESCRIPTION_MAX * 4)
		return err_set_wire(err, "InvalidRepositoryDescriptionException",
			"A description has at most %d characters.", DESCRIPTION_MAX);
	return 0;
}

int source_create_repository(struct source_engine *e, struct call *call,
	const struct codecommit_create_repository_request *req,
	struct codecommit_create_repository_response *resp, struct err *err)
{
	struct uuid_text id = id_uuid();
	const char *path = source_path(e, id.text, call->arena);
	struct wire_time now = WIRE_SET_TIME(durable_now(e->durable));
	struct store_source_repository r = {
		.meta = {.repository_id = id.text,
			.repository_name = req->repository_name,
			.repository_description = req->repository_description,
			.kms_key_id = req->kms_key_id,
			.creation_date = now,
			.last_modified_date = now}};
	struct creation c = {.r = &r};

	if (source_check_repository_name(req->repository_name, err) < 0 ||
		check_description(req->repository_description, err) < 0 ||
		source_merge_tags(&r.tags, &req->tags, call->arena, err) < 0 ||
		db_read(durable_db(e->durable), check_free, &c, err) < 0)
		return -1;
	/* A folder without a row is swept away at the next start. */
	if (!c.exists && vcs_repository_create(path, err) < 0)
		return -1;
	if (durable_step(e->durable, create_step, &c, err) < 0) {
		file_remove_tree(path, NULL);
		return -1;
	}
	resp->repository_metadata = arena_new(call->arena, struct codecommit_repository_metadata);
	*resp->repository_metadata = metadata_of(e, call, &r);
	resp->repository_metadata->repository_id = arena_strdup(call->arena, id.text);
	return 0;
}

/* ---- read ---- */

int source_get_repository(struct source_engine *e, struct call *call,
	const struct codecommit_get_repository_request *req,
	struct codecommit_get_repository_response *resp, struct err *err)
{
	struct store_source_repository r;

	if (source_load(e, req->repository_name, call->arena, &r, err) < 0)
		return -1;
	resp->repository_metadata = arena_new(call->arena, struct codecommit_repository_metadata);
	*resp->repository_metadata = metadata_of(e, call, &r);
	return 0;
}

int source_batch_get_repositories(struct source_engine *e, struct call *call,
	const struct codecommit_batch_get_repositories_request *req,
	struct codecommit_batch_get_repositories_response *resp, struct err *err)
{
	size_t found = 0, missing = 0;

	if (req->repository_names.n == 0)
		return err_set_wire(err, "RepositoryNamesRequiredException",
			"At least one repository name is required.");
	if (req->repository_names.n > BATCH_MAX)
		return err_set_wire(err, "MaximumRepositoryNamesExceededException",
			"At most %d repository names can be given.", BATCH_MAX);
	wire_list_alloc(call->arena, &resp->repositories, req->repository_names.n);
	wire_list_alloc(call->arena, &resp->repositories_not_found, req->repository_names.n);
	wire_list_alloc(call->arena, &resp->errors, 0);
	for (size_t i = 0; i < req->repository_names.n; i++) {
		CLEANUP_ERR struct err one = ERR_INIT;
		const char *name = req->repository_names.v[i];
		struct store_source_repository r;

		if (source_load(e, name, call->arena, &r, &one) == 0)
			resp->repositories.v[found++] = metadata_of(e, call, &r);
		else if (streq(err_wire_name(&one), "RepositoryDoesNotExistException"))
			resp->repositories_not_found.v[missing++] = name;
		else
			return err_move(err, &one);
	}
	resp->repositories.n = found;
	resp->repositories_not_found.n = missing;
	return 0;
}

struct listing {
	struct store_source_repository_order order;
	struct arena *arena;
	struct store_source_repository_name *v;
	size_t n;
};

static int list_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct listing *l = arg;

	return store_source_repository_list(
		tx, &l->order, REPOSITORIES_PAGE + 1, l->arena, &l->v, &l->n, err);
}

/* Tokens hold the last one's time of change and its name. */
static int read_token(const char *token, struct store_source_repository_order *o, struct err *err)
{
	char *name;

	if (!token)
		return 0;
	o->after_usec = strtoll(token, &name, 10);
	if (name == token || *name != ' ')
		return source_bad_token(err);
	o->after_name = name + 1;
	return 0;
}

int source_list_repositories(struct source_engine *e, struct call *call,
	const struct codecommit_list_repositories_request *req,
	struct codecommit_list_repositories_response *resp, struct err *err)
{
	struct listing l = {.arena = call->arena};

	if (req->sort_by && !streq(req->sort_by, CODECOMMIT_SORT_BY_ENUM_REPOSITORYNAME) &&
		!streq(req->sort_by, CODECOMMIT_SORT_BY_ENUM_LASTMODIFIEDDATE))
		return err_set_wire(err, "InvalidSortByException",
			"%s is not what repositories can be sorted by.", req->sort_by);
	if (req->order && !streq(req->order, CODECOMMIT_ORDER_ENUM_ASCENDING) &&
		!streq(req->order, CODECOMMIT_ORDER_ENUM_DESCENDING))
		return err_set_wire(
			err, "InvalidOrderException", "%s is not an order.", req->order);
	l.order.by_date = streq(req->sort_by, CODECOMMIT_SORT_BY_ENUM_LASTMODIFIEDDATE);
	l.order.descending = streq(req->order, CODECOMMIT_ORDER_ENUM_DESCENDING);
	if (read_token(req->next_token, &l.order, err) < 0 ||
		db_read(durable_db(e->durable), list_fn, &l, err) < 0)
		return -1;
	if (l.n > REPOSITORIES_PAGE) {
		l.n = REPOSITORIES_PAGE;
		resp->next_token = arena_printf(call->arena, "%lld %s",
			(long long)l.v[l.n - 1].modified_usec, l.v[l.n - 1].name);
	}
	wire_list_alloc(call->arena, &resp->repositories, l.n);
	for (size_t i = 0; i < l.n; i++)
		resp->repositories.v[i] = (struct codecommit_repository_name_id_pair){
			.repository_name = l.v[i].name, .repository_id = l.v[i].id};
	return 0;
}

/* ---- change ---- */

struct change {
	struct source_engine *e;
	const char *name;
	const char *new_name, *description;
	bool rename;
	char id[64]; /* of the deleted repository, "" when there was none */
};

static int load_in(struct db_tx *tx, const char *name, struct arena *a,
	struct store_source_repository *ret, struct err *err)
{
	int found = store_source_repository_find(tx, name, a, ret, err);

	if (found == 0)
		return err_set_wire(
			err, "RepositoryDoesNotExistException", "%s does not exist", name);
	return found < 0 ? -1 : 0;
}

static int change_step(struct db_tx *tx, void *arg, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct change *c = arg;
	struct store_source_repository r, other;

	if (load_in(tx, c->name, &a, &r, err) < 0)
		return -1;
	r.meta.last_modified_date = WIRE_SET_TIME(durable_now(c->e->durable));
	if (!c->rename) {
		r.meta.repository_description = c->description;
		return store_source_repository_update(tx, &r, err);
	}
	if (!streq(c->name, c->new_name)) {
		int found = store_source_repository_find(tx, c->new_name, &a, &other, err);

		if (found < 0)
			return -1;
		if (found)
			return err_set_wire(err, "RepositoryNameExistsException",
				"Repository named %s already exists", c->new_name);
	}
	r.meta.repository_name = c->new_name;
	return store_source_repository_update(tx, &r, err);
}

int source_update_repository_description(struct source_engine *e, struct call *call,
	const struct codecommit_update_repository_description_request *req,
	struct codecommit_update_repository_description_response *resp, struct err *err)
{
	struct change c = {
		.e = e, .name = req->repository_name, .description = req->repository_description};

	(void)call;
	(void)resp;
	if (source_check_repository_name(req->repository_name, err) < 0 ||
		check_description(req->repository_description, err) < 0)
		return -1;
	return durable_step(e->durable, change_step, &c, err);
}

int source_update_repository_name(struct source_engine *e, struct call *call,
	const struct codecommit_update_repository_name_request *req,
	struct codecommit_update_repository_name_response *resp, struct err *err)
{
	struct change c = {
		.e = e, .name = req->old_name, .new_name = req->new_name, .rename = true};

	(void)call;
	(void)resp;
	if (source_check_repository_name(req->old_name, err) < 0 ||
		source_check_repository_name(req->new_name, err) < 0)
		return -1;
	return durable_step(e->durable, change_step, &c, err);
}

/* ---- UpdateRepositoryEncryptionKey ---- */

struct key_change {
	struct source_engine *e;
	struct arena *arena;
	const char *name, *key;
	const char *id, *old_key;
};

static int key_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct key_change *c = arg;
	struct store_source_repository r;

	if (load_in(tx, c->name, c->arena, &r, err) < 0)
		return -1;
	c->id = r.meta.repository_id;
	c->old_key = r.meta.kms_key_id;
	r.meta.kms_key_id = c->key;
	r.meta.last_modified_date = WIRE_SET_TIME(durable_now(c->e->durable));
	return store_source_repository_update(tx, &r, err);
}

int source_update_repository_encryption_key(struct source_engine *e, struct call *call,
	const struct codecommit_update_repository_encryption_key_request *req,
	struct codecommit_update_repository_encryption_key_response *resp, struct err *err)
{
	struct key_change c = {
		.e = e, .arena = call->arena, .name = req->repository_name, .key = req->kms_key_id};

	if (source_check_repository_name(req->repository_name, err) < 0)
		return -1;
	if (!req->kms_key_id || !*req->kms_key_id)
		return err_set_wire(
			err, "EncryptionKeyRequiredException", "The ID of a key is required.");
	if (durable_step(e->durable, key_step, &c, err) < 0)
		return -1;
	resp->repository_id = c.id;
	resp->kms_key_id = c.key;
	resp->original_kms_key_id = c.old_key;
	return 0;
}

/* ---- DeleteRepository ---- */

static int delete_step(struct db_tx *tx, void *arg, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct change *c = arg;
	struct store_source_repository r;
	struct task t = {.kind = SOURCE_TASK_REMOVE, .token = ""};
	int found = store_source_repository_find(tx, c->name, &a, &r, err);

	c->id[0] = '\0';
	if (found <= 0)
		return found;
	snprintf(c->id, sizeof(c->id), "%s", r.meta.repository_id);
	t.subject = c->id;
	if (store_source_repository_delete(tx, c->id, err) < 0 ||
		source_forget_reviews(tx, c->id, err) < 0 ||
		task_cancel(c->e->durable, tx, SOURCE_TASK_MAINTAIN, c->id, NULL, err) < 0)
		return -1;
	return task_enqueue(c->e->durable, tx, &t, err);
}

int source_delete_repository(struct source_engine *e, struct call *call,
	const struct codecommit_delete_repository_request *req,
	struct codecommit_delete_repository_response *resp, struct err *err)
{
	struct change c = {.e = e, .name = req->repository_name};

	if (source_check_repository_name(req->repository_name, err) < 0 ||
		durable_step(e->durable, delete_step, &c, err) < 0)
		return -1;
	resp->repository_id = c.id[0] ? arena_strdup(call->arena, c.id) : NULL;
	return 0;
}

const char *source_name_of_url(const char *url, struct arena *a)
{
	const char *at = strstr(url, "/v1/repos/");
	const char *name = at ? at + strlen("/v1/repos/") : NULL;

	if (!name || !*name || strchr(name, '/'))
		return NULL;
	return arena_strdup(a, name);
}
