/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that tell how two commits would merge. */
#include <stdlib.h>

#include "base/mem.h"
#include "source/merge.h"
#include "store/source_review.h"

#define FILES_PAGE 100
#define HUNKS_PAGE 1000

/* The three commits that every answer names. */
#define TELL_COMMITS(resp, m)                                                                 \
	do {                                                                                  \
		struct arena *arena_ = (m).call->arena;                                       \
		(resp)->source_commit_id = arena_strdup(arena_, (m).source.id.hex);           \
		(resp)->destination_commit_id = arena_strdup(arena_, (m).destination.id.hex); \
		if ((m).related)                                                              \
			(resp)->base_commit_id = arena_strdup(arena_, (m).base.hex);          \
	} while (0)

static int page_limit(
	struct wire_int asked, size_t max, const char *invalid, size_t *ret, struct err *err)
{
	*ret = max;
	if (!asked.set)
		return 0;
	if (asked.v < 1 || (size_t)asked.v > max)
		return err_set_wire(err, invalid, "The number must be between 1 and %zu.", max);
	*ret = (size_t)asked.v;
	return 0;
}

int source_get_merge_options(struct source_engine *e, struct call *call,
	const struct codecommit_get_merge_options_request *req,
	struct codecommit_get_merge_options_response *resp, struct err *err)
{
	static const enum merge_option options[] = {
		MERGE_FAST_FORWARD, MERGE_SQUASH, MERGE_THREE_WAY};
	CLEANUP_SOURCE_MERGE struct merge m = {MERGE_FROM(req), MERGE_CONFLICTS_FROM(req)};
	int forward, possible;

	if (merge_open(&m, err) < 0)
		return -1;
	forward = merge_possible(&m, MERGE_FAST_FORWARD, err);
	possible = forward ? forward : merge_possible(&m, MERGE_THREE_WAY, err);
	if (possible < 0)
		return -1;
	wire_list_alloc(call->arena, &resp->merge_options, ARRAY_SIZE(options));
	resp->merge_options.n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (options[i] == MERGE_FAST_FORWARD ? forward : possible)
			resp->merge_options.v[resp->merge_options.n++] =
				merge_option_name(options[i]);
	TELL_COMMITS(resp, m);
	return 0;
}

/* ---- pages ---- */

/* Further pages are of the commits that the first one was of. */
static int open_page(struct merge *m, const char *token, struct source_pin *ret, struct err *err)
{
	if (source_pin_open(token, m->call->arena, ret, err) < 0)
		return -1;
	m->source_specifier = source_pin_or(ret->one, m->source_specifier);
	m->destination_specifier = source_pin_or(ret->two, m->destination_specifier);
	return 0;
}

static const char *token_behind(const struct merge *m, const char *last)
{
	return source_pin_behind(m->call->arena, &m->source.id, &m->destination.id, last);
}

/* Pieces of a file, and files that the request lists, are known by their number: between the same
 * commits it is always the same one. */
static const char *token_behind_number(const struct merge *m, size_t n)
{
	return token_behind(m, arena_printf(m->call->arena, "%zu", n));
}

static size_t number_behind(const struct source_pin *pin)
{
	return pin->last ? strtoull(pin->last, NULL, 10) : 0;
}

/* ---- conflicts ---- */

struct conflicts {
	struct vcs_merge_conflict *v;
	size_t n;
};

static int find_conflicts(struct merge *m, struct conflicts *ret, struct err *err)
{
	CLEANUP_MERGE struct vcs_merge *v = NULL;

	if (merge_run(m, &v, err) < 0)
		return -1;
	return vcs_merge_conflicts(v, m->call->arena, &ret->v, &ret->n, err);
}

/* The first one of the page; they are in the order of their paths. */
static size_t conflict_behind(const struct conflicts *all, const char *path)
{
	size_t i = 0;

	while (path && i < all->n && strcmp(all->v[i].path, path) <= 0)
		i++;
	return i;
}

int source_get_merge_conflicts(struct source_engine *e, struct call *call,
	const struct codecommit_get_merge_conflicts_request *req,
	struct codecommit_get_merge_conflicts_response *resp, struct err *err)
{
	CLEANUP_SOURCE_MERGE struct merge m = {MERGE_FROM(req), MERGE_CONFLICTS_FROM(req)};
	struct conflicts found = {0};
	struct source_pin pin;
	enum merge_option option;
	size_t start, limit, n;

	if (merge_option(req->merge_option, &option, err) < 0 ||
		open_page(&m, req->next_token, &pin, err) < 0 ||
		page_limit(req->max_conflict_files, FILES_PAGE, "InvalidMaxConflictFilesException",
			&limit, err) < 0 ||
		merge_open(&m, err) < 0)
		return -1;
	if (option != MERGE_FAST_FORWARD && m.related && find_conflicts(&m, &found, err) < 0)
		return -1;
	resp->mergeable =
		WIRE_SET_BOOL(option == MERGE_FAST_FORWARD ? merge_possible(&m, option, err) > 0
							   : m.related && found.n == 0);
	start = conflict_behind(&found, pin.last);
	n = MIN(limit, found.n - start);
	wire_list_alloc(call->arena, &resp->conflict_metadata_list, n);
	for (size_t i = 0; i < n; i++) {
		struct codecommit_conflict_metadata *to = &resp->conflict_metadata_list.v[i];

		*to = (struct codecommit_conflict_metadata){0};
		if (merge_describe(&m, &found.v[start + i], true, to, NULL, 0, 0, NULL, err) < 0)
			return -1;
	}
	if (start + n < found.n)
		resp->next_token = token_behind(&m, found.v[start + n - 1].path);
	TELL_COMMITS(resp, m);
	return 0;
}

static int side_of(struct merge *m, const struct vcs_id *commit, const char *path,
	struct vcs_merge_side *ret, struct err *err)
{
	struct vcs_commit c;
	struct vcs_entry e;
	int rc = vcs_commit_read(m->git, commit, m->call->arena, &c, err);

	if (rc > 0)
		rc = vcs_tree_find(m->git, &c.tree, path, m->call->arena, &e, err);
	if (rc <= 0 || e.mode == VCS_MODE_TREE)
		return MIN(rc, 0);
	*ret = (struct vcs_merge_side){e.mode, e.id};
	return 0;
}

/* A file of the merge, whether in conflict or not: FileDoesNotExistException. */
static int find_file(struct merge *m, const struct conflicts *all, const char *path,
	struct vcs_merge_conflict *ret, bool *ret_conflict, struct err *err)
{
	*ret_conflict = true;
	for (size_t i = 0; i < all->n; i++)
		if (streq(all->v[i].path, path)) {
			*ret = all->v[i];
			return 0;
		}
	*ret_conflict = false;
	*ret = (struct vcs_merge_conflict){.path = path};
	if (side_of(m, &m->base, path, &ret->base, err) < 0 ||
		side_of(m, &m->source.id, path, &ret->theirs, err) < 0 ||
		side_of(m, &m->destination.id, path, &ret->ours, err) < 0)
		return -1;
	if (!ret->base.mode && !ret->theirs.mode && !ret->ours.mode)
		return err_set_wire(err, "FileDoesNotExistException",
			"There is no file %s in the commits that are merged.", path);
	return 0;
}

static int no_fast_forward(const char *name, struct err *err)
{
	enum merge_option option;

	if (merge_option(name, &option, err) < 0)
		return -1;
	return option != MERGE_FAST_FORWARD
		       ? 0
		       : err_set_wire(err, "InvalidMergeOptionException",
				 "A fast forward merge has no conflicts and makes no commit.");
}

int source_describe_merge_conflicts(struct source_engine *e, struct call *call,
	const struct codecommit_describe_merge_conflicts_request *req,
	struct codecommit_describe_merge_conflicts_response *resp, struct err *err)
{
	CLEANUP_SOURCE_MERGE struct merge m = {MERGE_FROM(req), MERGE_CONFLICTS_FROM(req)};
	struct conflicts found = {0};
	struct vcs_merge_conflict file;
	struct source_pin pin;
	size_t limit;
	bool conflict, more = false;

	if (no_fast_forward(req->merge_option, err) < 0 ||
		source_check_path(req->file_path, err) < 0 ||
		open_page(&m, req->next_token, &pin, err) < 0 ||
		page_limit(req->max_merge_hunks, HUNKS_PAGE, "InvalidMaxMergeHunksException",
			&limit, err) < 0 ||
		merge_open(&m, err) < 0 || find_conflicts(&m, &found, err) < 0 ||
		find_file(&m, &found, req->file_path, &file, &conflict, err) < 0)
		return -1;
	resp->conflict_metadata = arena_new(call->arena, struct codecommit_conflict_metadata);
	if (merge_describe(&m, &file, conflict, resp->conflict_metadata, &resp->merge_hunks,
		    number_behind(&pin), limit, &more, err) < 0)
		return -1;
	if (more)
		resp->next_token = token_behind_number(&m, number_behind(&pin) + limit);
	TELL_COMMITS(resp, m);
	return 0;
}

/* ---- many files at once ---- */

/* The files asked for, or all that are in conflict. */
static size_t batch_size(
	const struct codecommit_batch_describe_merge_conflicts_request *req, size_t conflicts)
{
	return req->file_paths.n ? req->file_paths.n : conflicts;
}

static int describe_one(struct merge *m, const struct conflicts *all, const char *path,
	size_t max_hunks, struct codecommit_batch_describe_merge_conflicts_response *resp,
	struct err *err)
{
	CLEANUP_ERR struct err failed = ERR_INIT;
	struct codecommit_conflict *to = &resp->conflicts.v[resp->conflicts.n];
	struct vcs_merge_conflict file;
	bool conflict, more;

	if (source_check_path(path, &failed) < 0 ||
		find_file(m, all, path, &file, &conflict, &failed) < 0) {
		if (!err_wire_name(&failed))
			return err_move(err, &failed);
		resp->errors.v[resp->errors.n++] =
			(struct codecommit_batch_describe_merge_conflicts_error){
				.exception_name =
					arena_strdup(m->call->arena, err_wire_name(&failed)),
				.file_path = path,
				.message = arena_strdup(m->call->arena, err_message(&failed))};
		return 0;
	}
	resp->conflicts.n++;
	*to = (struct codecommit_conflict){.conflict_metadata = arena_new(m->call->arena,
						   struct codecommit_conflict_metadata)};
	return merge_describe(m, &file, conflict, to->conflict_metadata, &to->merge_hunks, 0,
		max_hunks, &more, err);
}

int source_batch_describe_merge_conflicts(struct source_engine *e, struct call *call,
	const struct codecommit_batch_describe_merge_conflicts_request *req,
	struct codecommit_batch_describe_merge_conflicts_response *resp, struct err *err)
{
	CLEANUP_SOURCE_MERGE struct merge m = {MERGE_FROM(req), MERGE_CONFLICTS_FROM(req)};
	struct conflicts found = {0};
	struct source_pin pin;
	size_t start, files, hunks, total, n;

	if (no_fast_forward(req->merge_option, err) < 0 ||
		open_page(&m, req->next_token, &pin, err) < 0 ||
		page_limit(req->max_conflict_files, FILES_PAGE, "InvalidMaxConflictFilesException",
			&files, err) < 0 ||
		page_limit(req->max_merge_hunks, HUNKS_PAGE, "InvalidMaxMergeHunksException",
			&hunks, err) < 0 ||
		merge_open(&m, err) < 0 || find_conflicts(&m, &found, err) < 0)
		return -1;
	total = batch_size(req, found.n);
	start = req->file_paths.n ? MIN(number_behind(&pin), total)
				  : conflict_behind(&found, pin.last);
	n = MIN(files, total - start);
	wire_list_alloc(call->arena, &resp->conflicts, n);
	wire_list_alloc(call->arena, &resp->errors, n);
	resp->conflicts.n = resp->errors.n = 0;
	for (size_t i = start; i < start + n; i++)
		if (describe_one(&m, &found,
			    req->file_paths.n ? req->file_paths.v[i] : found.v[i].path, hunks, resp,
			    err) < 0)
			return -1;
	if (start + n < total)
		resp->next_token = req->file_paths.n
					   ? token_behind_number(&m, start + n)
					   : token_behind(&m, found.v[start + n - 1].path);
	TELL_COMMITS(resp, m);
	return 0;
}

/* ---- a merge that was made ---- */

struct made {
	const char *id;
	struct arena *arena;
	struct codecommit_get_merge_commit_response doc;
	int found;
};

static int find_made(struct db_tx *tx, void *arg, struct err *err)
{
	struct made *m = arg;

	m->found = store_document_get(tx, &STORE_SOURCE_MERGE, m->id, m->arena, &m->doc, err);
	return m->found < 0 ? -1 : 0;
}

int source_get_merge_commit(struct source_engine *e, struct call *call,
	const struct codecommit_get_merge_commit_request *req,
	struct codecommit_get_merge_commit_response *resp, struct err *err)
{
	CLEANUP_SOURCE_MERGE struct merge m = {MERGE_FROM(req), MERGE_CONFLICTS_FROM(req)};
	struct made made = {.arena = call->arena};

	if (merge_open(&m, err) < 0)
		return -1;
	made.id = arena_printf(call->arena, "%s/%s/%s", m.r.meta.repository_id, m.source.id.hex,
		m.destination.id.hex);
	if (db_read(durable_db(e->durable), find_made, &made, err) < 0)
		return -1;
	if (made.found)
		resp->merged_commit_id = made.doc.merged_commit_id;
	TELL_COMMITS(resp, m);
	return 0;
}
