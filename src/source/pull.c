/* SPDX-License-Identifier: Apache-2.0 */
/* See pull.h for the invariants. */
#include "source/pull.h"

#include <ctype.h>
#include <stdlib.h>
#include <time.h>

#include "base/id.h"
#include "base/mem.h"

#define NUMBER_MAX 999999999

/* ---- one pull request ---- */

const char *pull_key(int64_t number, struct arena *a)
{
	return arena_printf(a, "%09lld", (long long)(NUMBER_MAX - number));
}

int pull_get(struct db_tx *tx, const char *key, struct arena *a, struct pull *ret, struct err *err)
{
	int rc = store_document_get(tx, &STORE_SOURCE_PULL, key, a, &ret->doc, err);

	struct store_source_repository r;

	ret->key = key;
	if (rc > 0)
		rc = store_document_get(tx, &STORE_SOURCE_PULL_MORE, key, a, &ret->more, err);
	if (rc > 0)
		rc = store_source_repository_get(tx, ret->more.repository_id, a, &r, err);
	if (rc <= 0)
		return rc;
	ret->target = ret->doc.pull_request_targets.v;
	ret->target->repository_name = r.meta.repository_name; /* it may have been renamed */
	return 1;
}

int pull_load(struct db_tx *tx, const char *id, struct arena *a, struct pull *ret, struct err *err)
{
	size_t digits = id ? strspn(id, "0123456789") : 0;
	int rc = 0;

	if (!id || !*id)
		return err_set_wire(err, "PullRequestIdRequiredException",
			"The number of a pull request is required.");
	if (id[digits] || *id == '0')
		return err_set_wire(err, "InvalidPullRequestIdException",
			"%s is not the number of a pull request.", id);
	if (digits <= 9)
		rc = pull_get(tx, pull_key(strtoll(id, NULL, 10), a), a, ret, err);
	if (rc == 0)
		return err_set_wire(err, "PullRequestDoesNotExistException",
			"Pull request %s does not exist.", id);
	return rc < 0 ? -1 : 0;
}

struct reading {
	const char *id;
	struct arena *arena;
	struct pull *ret;
};

static int read_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct reading *r = arg;

	return pull_load(tx, r->id, r->arena, r->ret, err);
}

int pull_read(
	struct source_engine *e, const char *id, struct arena *a, struct pull *ret, struct err *err)
{
	return db_read(durable_db(e->durable), read_fn, &(struct reading){id, a, ret}, err);
}

bool pull_is_open(const struct pull *p)
{
	return streq(p->doc.pull_request_status, CODECOMMIT_PULL_REQUEST_STATUS_ENUM_OPEN);
}

const char *pull_new_revision(struct arena *a)
{
	char *text = arena_alloc(a, 65);

	id_random_text(text, 64, ID_ALPHABET_HEX);
	return text;
}

int pull_save(struct source_engine *e, struct db_tx *tx, struct pull *p, struct err *err)
{
	p->doc.last_activity_date = WIRE_SET_TIME(durable_now(e->durable));
	if (store_document_put(
		    tx, &STORE_SOURCE_PULL, p->key, p->more.repository_id, &p->doc, err) < 0)
		return -1;
	return store_document_put(tx, &STORE_SOURCE_PULL_MORE, p->key, "", &p->more, err);
}

/* ---- its references ---- */

static const char *ref_row(const struct pull *p, char side, struct arena *a)
{
	return arena_printf(a, "%s/%s/%c", p->more.repository_id, p->key, side);
}

int pull_insert_refs(struct db_tx *tx, const struct pull *p, struct arena *a, struct err *err)
{
	const char *refs[] = {p->target->source_reference, p->target->destination_reference};
	struct towpath_source_token doc = {.id = p->key};

	for (size_t i = 0; i < ARRAY_SIZE(refs); i++)
		if (store_document_put(tx, &STORE_SOURCE_PULL_REF, ref_row(p, "sd"[i], a),
			    arena_printf(a, "%s %s", p->more.repository_id, refs[i]), &doc,
			    err) < 0)
			return -1;
	return 0;
}

int pull_close(struct db_tx *tx, struct pull *p, struct arena *a, struct err *err)
{
	p->doc.pull_request_status = CODECOMMIT_PULL_REQUEST_STATUS_ENUM_CLOSED;
	if (store_document_delete(tx, &STORE_SOURCE_PULL_REF, ref_row(p, 's', a), err) < 0)
		return -1;
	return store_document_delete(tx, &STORE_SOURCE_PULL_REF, ref_row(p, 'd', a), err);
}

/* ---- what happened to it ---- */

static void fill_journal(
	const struct pull *p, const char *actor, struct arena *a, struct towpath_event_pull *out)
{
	const struct codecommit_merge_metadata *merge = p->target->merge_metadata;

	out->author = p->doc.author_arn;
	out->caller_user_arn = actor;
	out->creation_date = source_event_date(p->doc.creation_date, a);
	out->last_modified_date = source_event_date(p->doc.last_activity_date, a);
	out->description = p->doc.description;
	out->destination_commit = p->target->destination_commit;
	out->destination_reference = p->target->destination_reference;
	out->is_merged = merge && wire_or(merge->is_merged, false) ? "True" : "False";
	out->pull_request_id = p->doc.pull_request_id;
	out->pull_request_status = pull_is_open(p) ? "Open" : "Closed";
	out->revision_id = p->doc.revision_id;
	out->source_commit = p->target->source_commit;
	out->source_reference = p->target->source_reference;
	out->title = p->doc.title;
	wire_list_alloc(a, &out->repository_names, 1);
	out->repository_names.v[0] = p->target->repository_name;
	out->notification_body = arena_printf(a,
		"A pull request event occurred in the following AWS CodeCommit repository: %s. "
		"User: %s. Event: %s. Pull request name: %s: %s.",
		p->target->repository_name, actor ? actor : "unknown", out->event,
		p->doc.pull_request_id, p->doc.title);
}

static int journal(struct source_engine *e, struct db_tx *tx, const struct pull *p,
	const struct pull_news *news, struct arena *a, struct err *err)
{
	CLEANUP_STR struct str detail = STR_INIT;
	struct towpath_event_pull event = *news->journal;
	struct journal_entry entry = {.kind = "codecommit.pull",
		.subject = source_arn(e, p->target->repository_name, a),
		.actor = news->actor};

	fill_journal(p, news->actor, a, &event);
	wire_encode_json(&towpath_event_pull_shape, &event, &detail);
	entry.detail = str_text(&detail);
	return journal_append(e->durable, tx, &entry, err);
}

int pull_tell(struct source_engine *e, struct db_tx *tx, struct pull *p, struct arena *a,
	struct pull_news *news, struct err *err)
{
	int64_t number = wire_or(p->more.events, 0) + 1;

	p->more.events = WIRE_SET_LONG(number);
	p->doc.last_activity_date = WIRE_SET_TIME(durable_now(e->durable));
	news->event.actor_arn = news->actor;
	news->event.event_date = p->doc.last_activity_date;
	news->event.pull_request_id = p->doc.pull_request_id;
	if (store_document_put(tx, &STORE_SOURCE_PULL_EVENT,
		    arena_printf(a, "%s/%09lld", p->key, (long long)number), p->key, &news->event,
		    err) < 0)
		return -1;
	return news->journal ? journal(e, tx, p, news, a, err) : 0;
}

/* ---- steps ---- */

static int run_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct pull_step *s = arg;

	if (pull_load(tx, s->id, s->call->arena, &s->p, err) < 0)
		return -1;
	if (!s->closed_too && !pull_is_open(&s->p))
		return err_set_wire(err, "PullRequestAlreadyClosedException",
			"Pull request %s is closed.", s->id);
	if (s->change(s, tx, err) < 0)
		return -1;
	return pull_save(s->e, tx, &s->p, err);
}

int pull_step(struct pull_step *s, struct err *err)
{
	return durable_step(s->e->durable, run_step, s, err);
}

/* ---- client tokens ---- */

static const char *token_row(const char *kind, const char *token, struct arena *a)
{
	return arena_printf(a, "%s/%s", kind, token);
}

int token_find(struct db_tx *tx, const char *kind, const char *token, const void *req,
	const struct wire_shape *shape, struct arena *a, const char **ret_id, struct err *err)
{
	struct towpath_source_token doc;
	int rc;

	*ret_id = NULL;
	if (!token)
		return 0;
	if (!*token || strlen(token) > 64)
		return err_set_wire(err, "InvalidClientRequestTokenException",
			"A client request token has 1 to 64 characters.");
	rc = store_document_get(tx, &STORE_SOURCE_TOKEN, token_row(kind, token, a), a, &doc, err);
	if (rc <= 0)
		return rc;
	if (!streq(doc.digest, wire_digest(shape, req, a)))
		return err_set_wire(err, "IdempotencyParameterMismatchException",
			"The client request token %s was used with other parameters.", token);
	*ret_id = doc.id;
	return 0;
}

int token_keep(struct db_tx *tx, const char *kind, const char *token, const void *req,
	const struct wire_shape *shape, const char *id, struct arena *a, struct err *err)
{
	struct towpath_source_token doc = {.id = id};

	if (!token)
		return 0;
	doc.digest = wire_digest(shape, req, a);
	return store_document_put(
		tx, &STORE_SOURCE_TOKEN, token_row(kind, token, a), "", &doc, err);
}
