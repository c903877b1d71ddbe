/* SPDX-License-Identifier: Apache-2.0 */
/* What a browser does elsewhere: a connection gets its token, and is AVAILABLE once the host has
 * answered git with it (C3). The token of before stays in force until then. */
#include "base/clock.h"
#include "base/mem.h"
#include "connection/engine.h"
#include "vcs/remote.h"

#define AVAILABLE CODECONNECTIONS_CONNECTION_STATUS_AVAILABLE
#define CHECK_USEC (30 * USEC_PER_SEC)

/* The address to speak to: the host's for connections with one, else what is asked for. */
static int choose_url(struct connection_step *s, struct db_tx *tx, const connection_doc *c,
	const char *asked, const char **ret, struct err *err)
{
	if (connection_base_url(tx, c, s->a, ret, err) < 0)
		return -1;
	if (!asked)
		return 0;
	if (connection_check_address("Url", asked, err) < 0)
		return -1;
	if (c->host_arn && !streq(asked, *ret))
		return err_set_wire(err, "ValidationException",
			"The connection is to the host %s at %s; UpdateHost changes its address",
			c->host_arn, *ret);
	*ret = asked;
	return 0;
}

static int complete_connection(struct connection_step *s, struct db_tx *tx, struct err *err)
{
	const struct towpath_connections_complete_connection_request *req = s->req;
	struct towpath_connections_complete_connection_response *resp = s->resp;
	connection_access access = {.repository = req->repository, .user_name = req->user_name};
	connection_doc c;
	const char *id;

	if (connection_need(tx, req->connection_arn, s->a, &c, err) < 0 ||
		choose_url(s, tx, &c, req->url, &access.url, err) < 0)
		return -1;
	if (!connection_repository_valid(req->repository))
		return err_set_wire(err, "ValidationException",
			"Repository %s is not the name of a repository (owner/name)",
			req->repository);
	id = connection_id_of(c.connection_arn);
	if (!access.user_name)
		access.user_name = connection_provider_find(c.provider_type)->user;
	access.token = connection_seal(s->e, id, req->token, s->a);
	if (store_document_put(tx, &STORE_CONNECTION_CANDIDATE, id, NULL, &access, err) < 0)
		return -1;
	resp->connection_arn = c.connection_arn;
	return task_enqueue(s->e->durable, tx,
		&(struct task){.kind = CONNECTION_TASK_CHECK, .subject = id, .token = ""}, err);
}

/* ---- the check ---- */

struct check {
	struct connection_engine *e;
	const struct task *task;
	struct arena *a;
	connection_access candidate;
	bool found;
	const char *reason; /* why the host did not take it, or NULL */
};

static int load_candidate(struct db_tx *tx, void *arg, struct err *err)
{
	struct check *c = arg;
	int r = store_document_get(
		tx, &STORE_CONNECTION_CANDIDATE, c->task->subject, c->a, &c->candidate, err);

	c->found = r > 0 && c->candidate.token;
	return r < 0 ? -1 : 0;
}

static int ask_host(struct check *c, struct err *err)
{
	static const char *const names[] = {"HEAD", NULL};
	const struct vcs_bounds bounds = {.interrupt = task_interrupt_of(c->e->durable, c->task)};
	struct vcs_remote remote = {
		.user = c->candidate.user_name, .timeout_usec = CHECK_USEC, .bounds = &bounds};
	struct vcs_remote_refs refs;

	if (connection_unseal(
		    c->e, c->task->subject, c->candidate.token, c->a, &remote.password, err) < 0)
		return -1;
	remote.url = arena_printf(
		c->a, "%s.git", connection_page(c->candidate.url, c->candidate.repository, c->a));
	return vcs_remote_list(&remote, names, c->a, &refs, err);
}

/* Unless another token came meanwhile, or the connection went. */
static int settle_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct check *c = arg;
	const char *id = c->task->subject;
	connection_access now;
	connection_doc doc;
	int r = store_document_get(tx, &STORE_CONNECTION_CANDIDATE, id, c->a, &now, err);

	if (r > 0 && streq(now.token, c->candidate.token))
		r = store_document_get(tx, &STORE_CONNECTION, id, c->a, &doc, err);
	else
		r = r < 0 ? -1 : 0;
	if (r <= 0)
		return r < 0 ? -1 : task_done(c->e->durable, tx, c->task, err);
	if (c->reason) {
		now.token = NULL;
		now.reason = c->reason;
		return store_document_put(tx, &STORE_CONNECTION_CANDIDATE, id, NULL, &now, err) < 0
			       ? -1
			       : task_done(c->e->durable, tx, c->task, err);
	}
	doc.connection_status = AVAILABLE;
	if (connection_put(tx, &doc, err) < 0 ||
		store_document_put(tx, &STORE_CONNECTION_ACCESS, id, NULL, &now, err) < 0 ||
		store_document_delete(tx, &STORE_CONNECTION_CANDIDATE, id, err) < 0)
		return -1;
	return task_done(c->e->durable, tx, c->task, err);
}

int connection_check_run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct err why CLEANUP_ERR = ERR_INIT;
	struct check c = {.e = arg, .task = t, .a = &a};

	if (db_read(durable_db(d), load_candidate, &c, err) < 0)
		return -1;
	if (!c.found)
		return 0;
	if (ask_host(&c, &why) < 0 && err_is(&why, ERR_CANCELLED))
		return err_move(err, &why);
	if (why.kind)
		c.reason = arena_printf(&a, "%.1000s", err_message(&why));
	return durable_step(d, settle_step, &c, err);
}

/* ---- how far it is ---- */

static int describe_completion(struct connection_step *s, struct db_tx *tx, struct err *err)
{
	const struct towpath_connections_describe_completion_request *req = s->req;
	struct towpath_connections_describe_completion_response *resp = s->resp;
	connection_access access, candidate = {0};
	connection_doc c;
	const char *id;
	int in_force;

	if (connection_need(tx, req->connection_arn, s->a, &c, err) < 0)
		return -1;
	id = connection_id_of(c.connection_arn);
	in_force = store_document_get(tx, &STORE_CONNECTION_ACCESS, id, s->a, &access, err);
	if (in_force < 0 ||
		store_document_get(tx, &STORE_CONNECTION_CANDIDATE, id, s->a, &candidate, err) < 0)
		return -1;
	resp->connection_status = c.connection_status;
	resp->checking = WIRE_SET_BOOL(candidate.token != NULL);
	resp->reason = candidate.reason;
	if (in_force)
		resp->url = access.url;
	return 0;
}

CONNECTION_STEP(towpath_connections, complete_connection, connection_write)
CONNECTION_STEP(towpath_connections, describe_completion, connection_read)
