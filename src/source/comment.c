/* SPDX-License-Identifier: Apache-2.0 */
/* What the operations on comments share, and those on one comment. */
#include "source/comment.h"

#include "base/id.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "source/comment_post.h"

#define CONTENT_MAX 10240

int comment_check_content(const char *content, struct err *err)
{
	if (!content || !*content)
		return err_set_wire(err, "CommentContentRequiredException",
			"The comment's content is required.");
	if (utf8_count(view_of(content)) > CONTENT_MAX)
		return err_set_wire(err, "CommentContentSizeLimitExceededException",
			"A comment has at most %d characters.", CONTENT_MAX);
	return 0;
}

/* Two UUIDs with a colon between. */
static bool is_id(const char *id)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	for (size_t i = 0; i < 2 * sizeof(shape) - 1; i++) {
		char want = i == sizeof(shape) - 1 ? ':' : shape[i % sizeof(shape)];

		if (want == 'x' ? !id[i] || !strchr("0123456789abcdef", id[i]) : id[i] != want)
			return false;
	}
	return id[2 * sizeof(shape) - 1] == '\0';
}

int comment_load(
	struct db_tx *tx, const char *id, struct arena *a, struct comment *ret, struct err *err)
{
	int rc;

	if (!id || !*id)
		return err_set_wire(
			err, "CommentIdRequiredException", "A comment's ID is required.");
	if (!is_id(id))
		return err_set_wire(
			err, "InvalidCommentIdException", "%s is not the ID of a comment.", id);
	rc = store_document_get(tx, &STORE_SOURCE_COMMENT, id, a, &ret->doc, err);
	if (rc > 0)
		rc = store_document_get(tx, &STORE_SOURCE_COMMENT_MORE, id, a, &ret->more, err);
	if (rc == 0)
		return err_set_wire(
			err, "CommentDoesNotExistException", "There is no comment %s.", id);
	return rc < 0 ? -1 : 0;
}

int comment_check_there(const struct comment *c, struct err *err)
{
	return wire_or(c->doc.deleted, false)
		       ? err_set_wire(err, "CommentDeletedException",
				 "The content of comment %s has been deleted.", c->doc.comment_id)
		       : 0;
}

/* ---- the API's form ---- */

static void count(struct codecommit_reaction_counts_map *counts, const char *code)
{
	for (size_t i = 0; i < counts->n; i++)
		if (streq(counts->v[i].key, code)) {
			counts->v[i].value.v++;
			return;
		}
	counts->v[counts->n].key = code;
	counts->v[counts->n++].value = WIRE_SET_INT(1);
}

int comment_tell(struct db_tx *tx, const struct codecommit_comment *doc, const char *caller,
	struct arena *a, struct codecommit_comment *ret, struct err *err)
{
	struct store_documents reactions;

	if (store_document_list(tx, &STORE_SOURCE_REACTION,
		    &(struct store_document_filter){.owner = doc->comment_id}, a, &reactions,
		    err) < 0)
		return -1;
	*ret = *doc;
	wire_list_alloc(a, &ret->caller_reactions, reactions.n);
	wire_list_alloc(a, &ret->reaction_counts, reactions.n);
	ret->caller_reactions.n = ret->reaction_counts.n = 0;
	for (size_t i = 0; i < reactions.n; i++) {
		const struct towpath_source_reaction *r = reactions.v[i];

		count(&ret->reaction_counts, r->short_code);
		if (streq(r->user_arn, caller))
			ret->caller_reactions.v[ret->caller_reactions.n++] = r->short_code;
	}
	return 0;
}

int comment_journal(struct source_engine *e, struct db_tx *tx, const struct comment *c,
	const char *kind, struct towpath_event_comment *event, const char *actor, struct arena *a,
	struct err *err)
{
	CLEANUP_STR struct str detail = STR_INIT;
	struct store_source_repository r;
	struct journal_entry entry = {.kind = kind, .actor = actor};
	int rc = store_source_repository_get(tx, c->more.repository_id, a, &r, err);

	if (rc <= 0)
		return rc;
	event->repository_id = c->more.repository_id;
	event->repository_name = r.meta.repository_name;
	event->comment_id = c->doc.comment_id;
	event->in_reply_to = c->doc.in_reply_to;
	event->before_commit_id = c->more.before_commit_id;
	event->after_commit_id = c->more.after_commit_id;
	event->pull_request_id = c->more.pull_request_id;
	event->caller_user_arn = actor;
	event->notification_body = arena_printf(a,
		"A comment event occurred in the following AWS CodeCommit repository: %s. User: "
		"%s. "
		"Event: %s.",
		r.meta.repository_name, actor, event->event);
	entry.subject = source_arn(e, r.meta.repository_name, a);
	wire_encode_json(&towpath_event_comment_shape, event, &detail);
	entry.detail = str_text(&detail);
	return journal_append(e->durable, tx, &entry, err);
}

/* ---- operations on one comment ---- */

struct comment_step {
	struct source_engine *e;
	struct call *call;
	const char *id, *content;
	struct comment c;
	struct codecommit_comment *told;
};

static int tell(struct comment_step *s, struct db_tx *tx, struct err *err)
{
	s->told = arena_new(s->call->arena, struct codecommit_comment);
	return comment_tell(tx, &s->c.doc, s->call->principal_arn, s->call->arena, s->told, err);
}

static int save(struct comment_step *s, struct db_tx *tx, struct err *err)
{
	s->c.doc.last_modified_date = WIRE_SET_TIME(durable_now(s->e->durable));
	return store_document_put(
		tx, &STORE_SOURCE_COMMENT, s->c.doc.comment_id, s->c.more.root, &s->c.doc, err);
}

static int get_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct comment_step *s = arg;

	if (comment_load(tx, s->id, s->call->arena, &s->c, err) < 0)
		return -1;
	return tell(s, tx, err);
}

int source_get_comment(struct source_engine *e, struct call *call,
	const struct codecommit_get_comment_request *req,
	struct codecommit_get_comment_response *resp, struct err *err)
{
	struct comment_step s = {.e = e, .call = call, .id = req->comment_id};

	if (db_read(durable_db(e->durable), get_fn, &s, err) < 0)
		return -1;
	/* As documented: a deleted comment is no longer told by itself. */
	if (comment_check_there(&s.c, err) < 0)
		return -1;
	resp->comment = s.told;
	return 0;
}

static int update_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct comment_step *s = arg;
	bool of_pull;
	struct towpath_event_comment event = {0};

	if (comment_load(tx, s->id, s->call->arena, &s->c, err) < 0 ||
		comment_check_there(&s->c, err) < 0)
		return -1;
	if (!streq(s->c.doc.author_arn, s->call->principal_arn))
		return err_set_wire(err, "CommentNotCreatedByCallerException",
			"The comment is by %s, who alone may change it.", s->c.doc.author_arn);
	s->c.doc.content = s->content;
	of_pull = s->c.more.pull_request_id != NULL;
	event.event = of_pull ? "commentOnPullRequestUpdated" : "commentOnCommitUpdated";
	if (save(s, tx, err) < 0 ||
		comment_journal(s->e, tx, &s->c, of_pull ? COMMENT_KIND_PULL : COMMENT_KIND_COMMIT,
			&event, s->call->principal_arn, s->call->arena, err) < 0)
		return -1;
	return tell(s, tx, err);
}

int source_update_comment(struct source_engine *e, struct call *call,
	const struct codecommit_update_comment_request *req,
	struct codecommit_update_comment_response *resp, struct err *err)
{
	struct comment_step s = {
		.e = e, .call = call, .id = req->comment_id, .content = req->content};

	if (comment_check_content(req->content, err) < 0 ||
		durable_step(e->durable, update_fn, &s, err) < 0)
		return -1;
	resp->comment = s.told;
	return 0;
}

/* Its place in the thread stays. */
static int delete_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct comment_step *s = arg;

	if (comment_load(tx, s->id, s->call->arena, &s->c, err) < 0 ||
		comment_check_there(&s->c, err) < 0)
		return -1;
	s->c.doc.content = NULL;
	s->c.doc.deleted = WIRE_SET_BOOL(true);
	if (save(s, tx, err) < 0)
		return -1;
	return tell(s, tx, err);
}

int source_delete_comment_content(struct source_engine *e, struct call *call,
	const struct codecommit_delete_comment_content_request *req,
	struct codecommit_delete_comment_content_response *resp, struct err *err)
{
	struct comment_step s = {.e = e, .call = call, .id = req->comment_id};

	if (durable_step(e->durable, delete_fn, &s, err) < 0)
		return -1;
	resp->comment = s.told;
	return 0;
}

const char *source_comment_place(struct source_engine *e, const char *id, struct arena *a)
{
	struct call call = {.arena = a};
	struct comment_step s = {.e = e, .call = &call, .id = id};
	struct arena *arena = a;
	const char *name = NULL;

	if (db_read(durable_db(e->durable), get_fn, &s, NULL) == 0)
		name = source_name_by_id(e, s.c.more.repository_id, arena);
	return name ? source_arn(e, name, arena) : NULL;
}
