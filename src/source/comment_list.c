/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that list comments: threads at one place of a file stand together, oldest first. */
#include "base/mem.h"
#include "source/comment.h"
#include "source/comment_post.h"
#include "source/pull.h"

#define PAGE_DEFAULT 100
#define PAGE_MAX 500

struct listing {
	struct source_engine *e;
	struct call *call;
	const char *owner;
	const char *before, *after; /* of which commits only; NULL: all */
	struct codecommit_comments_for_pull_request *v;
	size_t n;
};

static int by_date(const void *a, const void *b)
{
	const struct codecommit_comment *one = a, *two = b;

	return one->creation_date.usec < two->creation_date.usec ? -1
	       : one->creation_date.usec > two->creation_date.usec
		       ? 1
		       : strcmp(one->comment_id, two->comment_id);
}

static int by_first(const void *a, const void *b)
{
	const struct codecommit_comments_for_pull_request *one = a, *two = b;

	return by_date(&one->comments.v[0], &two->comments.v[0]);
}

static bool same_place(const struct codecommit_comments_for_pull_request *a,
	const struct codecommit_comments_for_pull_request *b)
{
	const struct codecommit_location *l = a->location, *m = b->location;

	if (!streq(a->before_commit_id ? a->before_commit_id : "",
		    b->before_commit_id ? b->before_commit_id : "") ||
		!streq(a->after_commit_id, b->after_commit_id) || !l != !m)
		return false;
	return !l ||
	       (streq(l->file_path, m->file_path) && l->file_position.set == m->file_position.set &&
		       l->file_position.v == m->file_position.v &&
		       (l->relative_file_version == m->relative_file_version ||
			       streq(l->relative_file_version, m->relative_file_version)));
}

/* The comments of one thread join those at its place. */
static int add_thread(struct listing *l, struct db_tx *tx, const char *root,
	const struct codecommit_comments_for_pull_request *thread, struct err *err)
{
	struct arena *a = l->call->arena;
	struct codecommit_comments_for_pull_request *to = NULL;
	struct codecommit_comments old;
	struct store_documents found;

	if (store_document_list(tx, &STORE_SOURCE_COMMENT,
		    &(struct store_document_filter){.owner = root}, a, &found, err) < 0)
		return -1;
	for (size_t i = 0; i < l->n && !to; i++)
		if (same_place(&l->v[i], thread))
			to = &l->v[i];
	if (!to) {
		to = &l->v[l->n++];
		*to = *thread;
		wire_list_alloc(a, &to->comments, 0);
	}
	old = to->comments;
	wire_list_alloc(a, &to->comments, old.n + found.n);
	if (old.n)
		memcpy(to->comments.v, old.v, old.n * sizeof(*old.v));
	for (size_t i = 0; i < found.n; i++)
		if (comment_tell(tx, found.v[i], l->call->principal_arn, a,
			    &to->comments.v[old.n + i], err) < 0)
			return -1;
	return 0;
}

static int list_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct listing *l = arg;
	struct arena *a = l->call->arena;
	struct store_documents threads;

	if (store_document_list(tx, &STORE_SOURCE_THREAD,
		    &(struct store_document_filter){.owner = l->owner}, a, &threads, err) < 0)
		return -1;
	l->n = 0;
	l->v = arena_new_n(a, threads.n, struct codecommit_comments_for_pull_request);
	for (size_t i = 0; i < threads.n; i++) {
		const struct codecommit_comments_for_pull_request *t = threads.v[i];

		if (l->after && (!streq(t->after_commit_id, l->after) ||
					!streq(t->before_commit_id, l->before)))
			continue;
		if (add_thread(l, tx, threads.ids[i], t, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < l->n; i++)
		qsort(l->v[i].comments.v, l->v[i].comments.n, sizeof(*l->v[i].comments.v), by_date);
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), by_first);
	return 0;
}

struct window {
	size_t start, n;
};

/* Reads all, and says which part of it the page is. */
static int read_page(struct listing *l, struct wire_int max_results, const char *token,
	const char *repository_name, struct window *ret, const char **ret_token, struct err *err)
{
	struct source_page page;
	const char **keys;
	size_t limit;

	if (source_page_open(token, &page, err) < 0 ||
		source_page_size(max_results, PAGE_DEFAULT, PAGE_MAX, &limit, err) < 0 ||
		db_read(durable_db(l->e->durable), list_fn, l, err) < 0)
		return -1;
	keys = arena_new_n(l->call->arena, l->n + 1, const char *);
	for (size_t i = 0; i < l->n; i++) {
		l->v[i].repository_name = repository_name;
		keys[i] = l->v[i].comments.v[0].comment_id;
	}
	ret->start = source_page_begin(&page, keys, l->n, sizeof(*keys));
	ret->n = ret->start < l->n ? MIN(limit, l->n - ret->start) : 0;
	if (ret->start + ret->n < l->n)
		*ret_token = source_page_behind(
			l->call->arena, ret->start + ret->n, keys[ret->start + ret->n - 1]);
	return 0;
}

/* after and, unless it is NULL, before must be commits of the repository. */
static int check_commits(struct source_engine *e, const char *repository_name, const char *before,
	const char *after, struct arena *a, struct store_source_repository *ret, struct err *err)
{
	CLEANUP_VCS struct vcs_repository *git = NULL;
	struct vcs_commit commit;

	if (source_open(e, repository_name, a, ret, &git, err) < 0 ||
		comment_find_commit(git, after, a, &commit, err) < 0)
		return -1;
	return before ? comment_find_commit(git, before, a, &commit, err) : 0;
}

int source_get_comments_for_compared_commit(struct source_engine *e, struct call *call,
	const struct codecommit_get_comments_for_compared_commit_request *req,
	struct codecommit_get_comments_for_compared_commit_response *resp, struct err *err)
{
	struct listing l = {.e = e, .call = call};
	struct store_source_repository r;
	struct window w;

	if (check_commits(e, req->repository_name, req->before_commit_id, req->after_commit_id,
		    call->arena, &r, err) < 0)
		return -1;
	l.owner = comment_owner_of_commits(
		r.meta.repository_id, req->before_commit_id, req->after_commit_id, call->arena);
	if (read_page(&l, req->max_results, req->next_token, req->repository_name, &w,
		    &resp->next_token, err) < 0)
		return -1;
	wire_list_alloc(call->arena, &resp->comments_for_compared_commit_data, w.n);
	for (size_t i = 0; i < w.n; i++) {
		const struct codecommit_comments_for_pull_request *from = &l.v[w.start + i];

		resp->comments_for_compared_commit_data.v[i] =
			(struct codecommit_comments_for_compared_commit){
				.repository_name = from->repository_name,
				.before_commit_id = from->before_commit_id,
				.after_commit_id = from->after_commit_id,
				.before_blob_id = from->before_blob_id,
				.after_blob_id = from->after_blob_id,
				.location = from->location,
				.comments = from->comments};
	}
	return 0;
}

/* Repository and both commits, or none of them. */
static int check_filter(
	const struct codecommit_get_comments_for_pull_request_request *req, struct err *err)
{
	struct vcs_id id;

	if (!req->repository_name && !req->before_commit_id && !req->after_commit_id)
		return 0;
	if (source_check_repository_name(req->repository_name, err) < 0 ||
		source_check_id(req->before_commit_id, "CommitIdRequiredException",
			"InvalidCommitIdException", &id, err) < 0)
		return -1;
	return source_check_id(req->after_commit_id, "CommitIdRequiredException",
		"InvalidCommitIdException", &id, err);
}

int source_get_comments_for_pull_request(struct source_engine *e, struct call *call,
	const struct codecommit_get_comments_for_pull_request_request *req,
	struct codecommit_get_comments_for_pull_request_response *resp, struct err *err)
{
	struct listing l = {.e = e,
		.call = call,
		.before = req->before_commit_id,
		.after = req->after_commit_id};
	struct store_source_repository r;
	struct window w;
	struct pull p;

	if (pull_read(e, req->pull_request_id, call->arena, &p, err) < 0 ||
		check_filter(req, err) < 0)
		return -1;
	if (req->repository_name && !streq(req->repository_name, p.target->repository_name))
		return err_set_wire(err, "RepositoryNotAssociatedWithPullRequestException",
			"Pull request %s is not about repository %s.", req->pull_request_id,
			req->repository_name);
	if (req->repository_name && check_commits(e, req->repository_name, req->before_commit_id,
					    req->after_commit_id, call->arena, &r, err) < 0)
		return -1;
	l.owner = comment_owner_of_pull(p.doc.pull_request_id, call->arena);
	if (read_page(&l, req->max_results, req->next_token, p.target->repository_name, &w,
		    &resp->next_token, err) < 0)
		return -1;
	wire_list_alloc(call->arena, &resp->comments_for_pull_request_data, w.n);
	for (size_t i = 0; i < w.n; i++)
		resp->comments_for_pull_request_data.v[i] = l.v[w.start + i];
	return 0;
}
