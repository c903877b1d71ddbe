/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that read commits: one, many, differences, a file's history. */
#include "base/mem.h"
#include "source/engine.h"

#define BATCH_MAX 100
#define DIFFERENCES_PAGE 100
#define DIFFERENCES_MAX 1000
#define HISTORY_PAGE 100
#define HISTORY_MAX 1000

static struct codecommit_user_info *user_of(const struct vcs_signature *s, struct arena *a)
{
	struct codecommit_user_info *u = arena_new(a, struct codecommit_user_info);
	int off = s->offset_minutes < 0 ? -s->offset_minutes : s->offset_minutes;

	u->name = s->name;
	u->email = s->email;
	u->date = arena_printf(a, "%lld %c%02d%02d", (long long)s->when,
		s->offset_minutes < 0 ? '-' : '+', off / 60, off % 60);
	return u;
}

struct codecommit_commit *source_commit_of(const struct vcs_commit *c, struct arena *a)
{
	struct codecommit_commit *ret = arena_new(a, struct codecommit_commit);

	ret->commit_id = arena_strdup(a, c->id.hex);
	ret->tree_id = arena_strdup(a, c->tree.hex);
	ret->message = c->message;
	ret->additional_data = c->extra;
	ret->author = user_of(&c->author, a);
	ret->committer = user_of(&c->committer, a);
	wire_list_alloc(a, &ret->parents, c->n_parents);
	for (size_t i = 0; i < c->n_parents; i++)
		ret->parents.v[i] = arena_strdup(a, c->parents[i].hex);
	return ret;
}

int source_get_commit(struct source_engine *e, struct call *call,
	const struct codecommit_get_commit_request *req,
	struct codecommit_get_commit_response *resp, struct err *err)
{
	CLEANUP_VCS struct vcs_repository *git = NULL;
	struct store_source_repository r;
	struct vcs_commit commit;
	struct vcs_id id;
	int rc = 0;

	if (source_open(e, req->repository_name, call->arena, &r, &git, err) < 0 ||
		source_check_id(req->commit_id, "CommitIdRequiredException",
			"InvalidCommitIdException", &id, err) < 0)
		return -1;
	if (vcs_object_type(git, &id) == VCS_COMMIT)
		rc = vcs_commit_read(git, &id, call->arena, &commit, err);
	if (rc == 0)
		return err_set_wire(err, "CommitIdDoesNotExistException",
			"The commit %s does not exist.", req->commit_id);
	if (rc < 0)
		return -1;
	resp->commit = source_commit_of(&commit, call->arena);
	return 0;
}

static struct codecommit_batch_get_commits_error commit_error(
	const char *id, const char *code, struct arena *a)
{
	return (struct codecommit_batch_get_commits_error){.commit_id = id,
		.error_code = code,
		.error_message = arena_printf(a,
			streq(code, "InvalidCommitIdException")
				? "%s is not a full commit ID of 40 hexadecimal digits."
				: "The commit %s does not exist.",
			id)};
}

int source_batch_get_commits(struct source_engine *e, struct call *call,
	const struct codecommit_batch_get_commits_request *req,
	struct codecommit_batch_get_commits_response *resp, struct err *err)
{
	CLEANUP_VCS struct vcs_repository *git = NULL;
	struct store_source_repository r;

	if (req->commit_ids.n == 0)
		return err_set_wire(
			err, "CommitIdsListRequiredException", "A list of commit IDs is required.");
	if (req->commit_ids.n > BATCH_MAX)
		return err_set_wire(err, "CommitIdsLimitExceededException",
			"At most %d commit IDs can be given.", BATCH_MAX);
	if (source_open(e, req->repository_name, call->arena, &r, &git, err) < 0)
		return -1;
	wire_list_alloc(call->arena, &resp->commits, req->commit_ids.n);
	wire_list_alloc(call->arena, &resp->errors, req->commit_ids.n);
	resp->commits.n = resp->errors.n = 0;
	for (size_t i = 0; i < req->commit_ids.n; i++) {
		const char *text = req->commit_ids.v[i];
		struct vcs_commit commit;
		struct vcs_id id;
		int rc = 0;

		if (!vcs_id_parse(view_of(text), &id)) {
			resp->errors.v[resp->errors.n++] =
				commit_error(text, "InvalidCommitIdException", call->arena);
			continue;
		}
		if (vcs_object_type(git, &id) == VCS_COMMIT)
			rc = vcs_commit_read(git, &id, call->arena, &commit, err);
		if (rc < 0)
			return -1;
		if (rc)
			resp->commits.v[resp->commits.n++] =
				*source_commit_of(&commit, call->arena);
		else
			resp->errors.v[resp->errors.n++] =
				commit_error(text, "CommitDoesNotExistException", call->arena);
	}
	return 0;
}

/* ---- differences ---- */

/* A path without slashes at its ends; "" for the root. */
static int trim_path(const char *path, struct arena *a, const char **ret, struct err *err)
{
	struct view v = view_of(path);

	while (v.len && v.p[0] == '/')
		v.p++, v.len--;
	while (v.len && v.p[v.len - 1] == '/')
		v.len--;
	*ret = v.len ? arena_view_dup(a, v) : "";
	return v.len ? source_check_path(*ret, err) : 0;
}

/* What stands at a path of a commit: an entry, or mode 0 when nothing does. */
static int entry_at(struct vcs_repository *git, const struct vcs_commit *commit, const char *path,
	struct arena *a, struct vcs_entry *ret, struct err *err)
{
	*ret = (struct vcs_entry){.mode = 0};
	return vcs_tree_find(git, &commit->tree, path, a, ret, err) < 0 ? -1 : 0;
}

static struct codecommit_blob_metadata *blob_of(
	const struct vcs_id *id, uint32_t mode, const char *path, struct arena *a)
{
	struct codecommit_blob_metadata *b = arena_new(a, struct codecommit_blob_metadata);

	b->blob_id = arena_strdup(a, id->hex);
	b->mode = arena_printf(a, "%06o", mode);
	b->path = path;
	return b;
}

static struct codecommit_difference difference_of(const struct vcs_difference *d, struct arena *a)
{
	struct codecommit_difference ret = {.change_type = d->change == 'A'   ? "A"
							   : d->change == 'D' ? "D"
									      : "M"};

	if (d->before_mode)
		ret.before_blob = blob_of(&d->before, d->before_mode, d->path, a);
	if (d->after_mode)
		ret.after_blob = blob_of(&d->after, d->after_mode, d->path, a);
	return ret;
}

struct comparison {
	struct source_pin pin;
	struct vcs_commit before_commit, after_commit; /* before: none unless asked for */
	struct vcs_entry before, after;		       /* mode 0: nothing there */
	const char *before_path, *after_path;
};

static int compare_files(const struct comparison *c, struct call *call,
	struct codecommit_get_differences_response *resp)
{
	struct codecommit_difference *d;
	bool had = c->before.mode && c->before.mode != VCS_MODE_TREE;
	bool has = c->after.mode && c->after.mode != VCS_MODE_TREE;

	wire_list_alloc(call->arena, &resp->differences, 1);
	resp->differences.n = 0;
	if (had && has && c->before.mode == c->after.mode && vcs_id_eq(&c->before.id, &c->after.id))
		return 0;
	resp->differences.n = 1;
	d = &resp->differences.v[0];
	d->change_type = had && has ? "M" : has ? "A" : "D";
	if (had)
		d->before_blob =
			blob_of(&c->before.id, c->before.mode, c->before_path, call->arena);
	if (has)
		d->after_blob = blob_of(&c->after.id, c->after.mode, c->after_path, call->arena);
	return 0;
}

static int compare_trees(struct vcs_repository *git, const struct comparison *c,
	const struct codecommit_get_differences_request *req, struct call *call,
	struct codecommit_get_differences_response *resp, struct err *err)
{
	struct vcs_difference *diff;
	const char *path = c->after.mode ? c->after_path : c->before_path;
	size_t size, n;
	bool more;

	if (source_page_size(req->max_results, DIFFERENCES_PAGE, DIFFERENCES_MAX, &size, err) < 0 ||
		vcs_diff_trees(git, c->before.mode ? &c->before.id : NULL,
			c->after.mode ? &c->after.id : NULL,
			*path ? arena_printf(call->arena, "%s/", path) : "", c->pin.last, size,
			call->arena, &diff, &n, &more, err) < 0)
		return -1;
	wire_list_alloc(call->arena, &resp->differences, n);
	for (size_t i = 0; i < n; i++)
		resp->differences.v[i] = difference_of(&diff[i], call->arena);
	if (more)
		resp->next_token = source_pin_behind(call->arena, &c->after_commit.id,
			req->before_commit_specifier ? &c->before_commit.id : NULL,
			diff[n - 1].path);
	return 0;
}

static int find_sides(struct vcs_repository *git, const struct store_source_repository *r,
	const struct codecommit_get_differences_request *req, struct call *call,
	struct comparison *ret, struct err *err)
{
	struct source_pin *pin = &ret->pin;

	*ret = (struct comparison){0};
	if (!req->after_commit_specifier)
		return err_set_wire(
			err, "CommitRequiredException", "A commit to compare is required.");
	if (trim_path(req->after_path, call->arena, &ret->after_path, err) < 0 ||
		trim_path(req->before_path, call->arena, &ret->before_path, err) < 0 ||
		source_pin_open(req->next_token, call->arena, pin, err) < 0 ||
		source_find_commit(r, git, source_pin_or(pin->one, req->after_commit_specifier),
			call->arena, &ret->after_commit, NULL, err) < 0 ||
		entry_at(git, &ret->after_commit, ret->after_path, call->arena, &ret->after, err) <
			0)
		return -1;
	if (req->before_commit_specifier &&
		(source_find_commit(r, git, source_pin_or(pin->two, req->before_commit_specifier),
			 call->arena, &ret->before_commit, NULL, err) < 0 ||
			entry_at(git, &ret->before_commit, ret->before_path, call->arena,
				&ret->before, err) < 0))
		return -1;
	if (!ret->after.mode && !ret->before.mode)
		return err_set_wire(err, "PathDoesNotExistException",
			"The path %s exists in none of the commits.", ret->after_path);
	return 0;
}

int source_get_differences(struct source_engine *e, struct call *call,
	const struct codecommit_get_differences_request *req,
	struct codecommit_get_differences_response *resp, struct err *err)
{
	CLEANUP_VCS struct vcs_repository *git = NULL;
	struct store_source_repository r;
	struct comparison c;

	if (source_open(e, req->repository_name, call->arena, &r, &git, err) < 0 ||
		find_sides(git, &r, req, call, &c, err) < 0)
		return -1;
	if ((c.after.mode && c.after.mode != VCS_MODE_TREE) ||
		(c.before.mode && c.before.mode != VCS_MODE_TREE))
		return compare_files(&c, call, resp);
	return compare_trees(git, &c, req, call, resp, err);
}

/* ---- a file's history ---- */

static int fill_version(struct vcs_repository *git, const struct vcs_version *v, struct arena *a,
	struct codecommit_file_version *ret, struct err *err)
{
	struct vcs_commit commit;
	int rc = vcs_commit_read(git, &v->commit, a, &commit, err);

	if (rc <= 0)
		return rc < 0 ? -1 : err_set(err, ERR_IO, "commit %s is gone", v->commit.hex);
	ret->commit = source_commit_of(&commit, a);
	ret->blob_id = arena_strdup(a, v->blob.hex);
	ret->path = v->path;
	wire_list_alloc(a, &ret->revision_children, v->n_children);
	for (size_t i = 0; i < v->n_children; i++)
		ret->revision_children.v[i] = arena_strdup(a, v->children[i].hex);
	return 0;
}

/* A page of a history begins behind a version: a commit, and the path there. */
static const struct vcs_version_mark *version_behind(
	const struct source_pin *pin, struct vcs_version_mark *ret)
{
	if (!pin->two || !vcs_id_parse(view_of(pin->two), &ret->commit))
		return NULL;
	ret->path = pin->last;
	return ret;
}

int source_list_file_commit_history(struct source_engine *e, struct call *call,
	const struct codecommit_list_file_commit_history_request *req,
	struct codecommit_list_file_commit_history_response *resp, struct err *err)
{
	CLEANUP_VCS struct vcs_repository *git = NULL;
	struct store_source_repository r;
	struct vcs_commit start_commit;
	struct vcs_version *versions;
	struct source_pin pin;
	struct vcs_version_mark behind;
	size_t size, n;
	bool more;

	if (source_open(e, req->repository_name, call->arena, &r, &git, err) < 0 ||
		source_pin_open(req->next_token, call->arena, &pin, err) < 0 ||
		source_page_size(req->max_results, HISTORY_PAGE, HISTORY_MAX, &size, err) < 0 ||
		source_find_commit(&r, git, source_pin_or(pin.one, req->commit_specifier),
			call->arena, &start_commit, NULL, err) < 0 ||
		vcs_file_history(git, &start_commit.id, req->file_path,
			version_behind(&pin, &behind), size, call->arena, &versions, &n, &more,
			err) < 0)
		return -1;
	wire_list_alloc(call->arena, &resp->revision_dag, n);
	for (size_t i = 0; i < n; i++)
		if (fill_version(git, &versions[i], call->arena, &resp->revision_dag.v[i], err) < 0)
			return -1;
	if (more)
		resp->next_token = source_pin_behind(call->arena, &start_commit.id,
			&versions[n - 1].commit, versions[n - 1].path);
	return 0;
}
