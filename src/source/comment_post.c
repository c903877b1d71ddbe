/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that post comments. */
#include "source/comment_post.h"

#include "base/id.h"
#include "base/mem.h"
#include "source/comment.h"
#include "source/pull.h"

struct posting {
	struct source_engine *e;
	struct call *call;
	const char *content, *token, *token_kind;
	const void *req;
	const struct wire_shape *shape; /* of the request, for tokens */
	const char *in_reply_to;
	const char *pull_id; /* NULL: on commits */
	struct store_source_repository r;
	struct codecommit_comments_for_pull_request place; /* of a new thread */
	const char *owner;				   /* of the thread */
	struct comment c;
	struct codecommit_comment *told;
};

/* ---- the place ---- */

/* A commit that is there: its tree. */
int comment_find_commit(struct vcs_repository *git, const char *id, struct arena *a,
	struct vcs_commit *ret, struct err *err)
{
	struct vcs_id parsed;
	int rc;

	if (source_check_id(
		    id, "CommitIdRequiredException", "InvalidCommitIdException", &parsed, err) < 0)
		return -1;
	rc = vcs_commit_read(git, &parsed, a, ret, err);
	if (rc == 0)
		return err_set_wire(
			err, "CommitDoesNotExistException", "The commit %s does not exist.", id);
	return rc < 0 ? -1 : 0;
}

/* The blob at the path, or NULL. */
static int find_blob(struct vcs_repository *git, const struct vcs_commit *commit, const char *path,
	struct arena *a, const char **ret, struct err *err)
{
	struct vcs_entry entry;
	int rc = vcs_tree_find(git, &commit->tree, path, a, &entry, err);

	*ret = rc > 0 && entry.mode != VCS_MODE_TREE && entry.mode != VCS_MODE_SUBMODULE
		       ? arena_strdup(a, entry.id.hex)
		       : NULL;
	return rc < 0 ? -1 : 0;
}

static int check_position(struct vcs_repository *git, const char *blob,
	const struct codecommit_location *l, struct arena *a, struct err *err)
{
	struct vcs_id id;
	struct view content;
	int64_t lines = 0;

	if (!l->file_position.set)
		return 0;
	vcs_id_parse(view_of(blob), &id);
	if (vcs_blob_read(git, &id, SOURCE_FILE_MAX, a, &content, err) < 0)
		return -1;
	for (size_t i = 0; i < content.len; i++)
		lines += content.p[i] == '\n' || i + 1 == content.len;
	if (l->file_position.v < 0 || l->file_position.v > lines)
		return err_set_wire(err, "InvalidFilePositionException",
			"%s has %lld lines; there is no line %lld.", l->file_path, (long long)lines,
			(long long)l->file_position.v);
	return 0;
}

static int find_location(struct posting *p, struct vcs_repository *git,
	const struct vcs_commit *before, const struct vcs_commit *after, struct err *err)
{
	const struct codecommit_location *l = p->place.location;
	struct arena *a = p->call->arena;
	bool old;

	if (!l)
		return 0;
	old = streq(l->relative_file_version, CODECOMMIT_RELATIVE_FILE_VERSION_ENUM_BEFORE);
	if (l->relative_file_version && !old &&
		!streq(l->relative_file_version, CODECOMMIT_RELATIVE_FILE_VERSION_ENUM_AFTER))
		return err_set_wire(err, "InvalidRelativeFileVersionEnumException",
			"%s is not a version; give BEFORE or AFTER.", l->relative_file_version);
	if (!l->file_path || (l->file_position.set && !l->relative_file_version))
		return err_set_wire(err, "InvalidFileLocationException",
			"A location names a file, and with a line whether it is BEFORE or AFTER.");
	if (source_check_path(l->file_path, err) < 0 ||
		(before && find_blob(git, before, l->file_path, a, &p->place.before_blob_id, err) <
				   0) ||
		find_blob(git, after, l->file_path, a, &p->place.after_blob_id, err) < 0)
		return -1;
	if (old ? !p->place.before_blob_id
		: !p->place.after_blob_id && (l->relative_file_version || !p->place.before_blob_id))
		return err_set_wire(err, "PathDoesNotExistException",
			"There is no file %s in that commit.", l->file_path);
	return check_position(
		git, old ? p->place.before_blob_id : p->place.after_blob_id, l, a, err);
}

/* Finds commits, blobs and line of a new thread. */
static int find_place(struct posting *p, const char *repository, struct err *err)
{
	CLEANUP_VCS struct vcs_repository *git = NULL;
	struct arena *a = p->call->arena;
	struct codecommit_comments_for_pull_request *place = &p->place;
	struct vcs_commit before, after;

	if (source_open(p->e, repository, a, &p->r, &git, err) < 0 ||
		comment_find_commit(git, place->after_commit_id, a, &after, err) < 0)
		return -1;
	if (place->before_commit_id) {
		if (comment_find_commit(git, place->before_commit_id, a, &before, err) < 0)
			return -1;
		if (vcs_id_eq(&before.id, &after.id))
			return err_set_wire(err, "BeforeCommitIdAndAfterCommitIdAreSameException",
				"%s is given as both commits.", place->after_commit_id);
	}
	place->repository_name = repository;
	return find_location(p, git, place->before_commit_id ? &before : NULL, &after, err);
}

/* ---- the step ---- */

static int tell(struct posting *p, struct db_tx *tx, struct err *err)
{
	p->told = arena_new(p->call->arena, struct codecommit_comment);
	return comment_tell(tx, &p->c.doc, p->call->principal_arn, p->call->arena, p->told, err);
}

static int save(struct posting *p, struct db_tx *tx, struct err *err)
{
	const struct codecommit_comment *doc = &p->c.doc;

	if (store_document_put(
		    tx, &STORE_SOURCE_COMMENT, doc->comment_id, p->c.more.root, doc, err) < 0 ||
		store_document_put(tx, &STORE_SOURCE_COMMENT_MORE, doc->comment_id,
			p->c.more.repository_id, &p->c.more, err) < 0)
		return -1;
	if (!p->in_reply_to && store_document_put(tx, &STORE_SOURCE_THREAD, doc->comment_id,
				       p->owner, &p->place, err) < 0)
		return -1;
	return token_keep(tx, p->token_kind, p->token, p->req, p->shape, doc->comment_id,
		p->call->arena, err);
}

/* A comment is activity of its pull request. */
static int touch_pull(struct posting *p, struct db_tx *tx, struct err *err)
{
	struct pull pull;

	if (!p->c.more.pull_request_id)
		return 0;
	if (pull_load(tx, p->c.more.pull_request_id, p->call->arena, &pull, err) < 0)
		return -1;
	return pull_save(p->e, tx, &pull, err);
}

static int post_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct posting *p = arg;
	struct arena *a = p->call->arena;
	int64_t now = durable_now(p->e->durable);
	struct towpath_event_comment event = {0};
	const char *made, *id;

	if (token_find(tx, p->token_kind, p->token, p->req, p->shape, a, &made, err) < 0)
		return -1;
	if (made)
		return comment_load(tx, made, a, &p->c, err) < 0 ? -1 : tell(p, tx, err);
	id = arena_printf(a, "%s:%s", id_uuid().text, id_uuid().text);
	if (p->in_reply_to) {
		struct comment to;

		if (comment_load(tx, p->in_reply_to, a, &to, err) < 0)
			return -1;
		p->c.more = to.more;
	} else {
		p->c.more = (struct towpath_source_comment){.root = id,
			.repository_id = p->r.meta.repository_id,
			.pull_request_id = p->pull_id,
			.before_commit_id = p->place.before_commit_id,
			.after_commit_id = p->place.after_commit_id};
	}
	p->c.doc = (struct codecommit_comment){.comment_id = id,
		.content = p->content,
		.in_reply_to = p->in_reply_to,
		.creation_date = WIRE_SET_TIME(now),
		.last_modified_date = WIRE_SET_TIME(now),
		.author_arn = p->call->principal_arn,
		.deleted = WIRE_SET_BOOL(false),
		.client_request_token = p->token};
	event.event = p->c.more.pull_request_id ? "commentOnPullRequestCreated"
						: "commentOnCommitCreated";
	if (save(p, tx, err) < 0 || touch_pull(p, tx, err) < 0 ||
		comment_journal(p->e, tx, &p->c,
			p->c.more.pull_request_id ? COMMENT_KIND_PULL : COMMENT_KIND_COMMIT, &event,
			p->call->principal_arn, a, err) < 0)
		return -1;
	return tell(p, tx, err);
}

static int post(struct posting *p, struct err *err)
{
	return durable_step(p->e->durable, post_fn, p, err);
}

/* ---- operations ---- */

const char *comment_owner_of_commits(
	const char *repository_id, const char *before, const char *after, struct arena *a)
{
	return arena_printf(a, "commits/%s/%s/%s", repository_id, before ? before : "", after);
}

const char *comment_owner_of_pull(const char *pull_id, struct arena *a)
{
	return arena_printf(a, "pull/%s", pull_id);
}

#define POSTING_FROM(request, kind, request_shape)                                        \
	.e = e, .call = call, .content = (request)->content,                              \
	.token = (request)->client_request_token, .token_kind = (kind), .req = (request), \
	.shape = &(request_shape)
#define PLACE_FROM(request)                                        \
	.place = {.before_commit_id = (request)->before_commit_id, \
		.after_commit_id = (request)->after_commit_id,     \
		.location = (request)->location}
#define TELL_PLACE(resp, p)                                            \
	do {                                                           \
		(resp)->before_commit_id = (p).place.before_commit_id; \
		(resp)->after_commit_id = (p).place.after_commit_id;   \
		(resp)->before_blob_id = (p).place.before_blob_id;     \
		(resp)->after_blob_id = (p).place.after_blob_id;       \
		(resp)->location = (p).place.location;                 \
		(resp)->repository_name = (p).place.repository_name;   \
		(resp)->comment = (p).told;                            \
	} while (0)

int source_post_comment_for_compared_commit(struct source_engine *e, struct call *call,
	const struct codecommit_post_comment_for_compared_commit_request *req,
	struct codecommit_post_comment_for_compared_commit_response *resp, struct err *err)
{
	struct posting p = {POSTING_FROM(req, "commit-comment",
				    codecommit_post_comment_for_compared_commit_request_shape),
		PLACE_FROM(req)};

	if (comment_check_content(req->content, err) < 0 ||
		find_place(&p, req->repository_name, err) < 0)
		return -1;
	p.owner = comment_owner_of_commits(p.r.meta.repository_id, p.place.before_commit_id,
		p.place.after_commit_id, call->arena);
	if (post(&p, err) < 0)
		return -1;
	TELL_PLACE(resp, p);
	return 0;
}

int source_post_comment_for_pull_request(struct source_engine *e, struct call *call,
	const struct codecommit_post_comment_for_pull_request_request *req,
	struct codecommit_post_comment_for_pull_request_response *resp, struct err *err)
{
	struct posting p = {POSTING_FROM(req, "pull-comment",
				    codecommit_post_comment_for_pull_request_request_shape),
		PLACE_FROM(req)};
	struct pull pull;

	if (comment_check_content(req->content, err) < 0 ||
		pull_read(e, req->pull_request_id, call->arena, &pull, err) < 0)
		return -1;
	if (!req->before_commit_id)
		return err_set_wire(err, "CommitIdRequiredException", "Both commits are required.");
	if (find_place(&p, req->repository_name, err) < 0)
		return -1;
	if (!streq(p.r.meta.repository_id, pull.more.repository_id))
		return err_set_wire(err, "RepositoryNotAssociatedWithPullRequestException",
			"Pull request %s is not about repository %s.", req->pull_request_id,
			req->repository_name);
	p.pull_id = p.place.pull_request_id = req->pull_request_id;
	p.owner = comment_owner_of_pull(p.pull_id, call->arena);
	if (post(&p, err) < 0)
		return -1;
	TELL_PLACE(resp, p);
	resp->pull_request_id = req->pull_request_id;
	return 0;
}

int source_post_comment_reply(struct source_engine *e, struct call *call,
	const struct codecommit_post_comment_reply_request *req,
	struct codecommit_post_comment_reply_response *resp, struct err *err)
{
	struct posting p = {
		POSTING_FROM(req, "reply", codecommit_post_comment_reply_request_shape)};

	p.in_reply_to = req->in_reply_to ? req->in_reply_to : "";
	if (comment_check_content(req->content, err) < 0 || post(&p, err) < 0)
		return -1;
	resp->comment = p.told;
	return 0;
}
