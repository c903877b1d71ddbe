/* SPDX-License-Identifier: Apache-2.0 */
#include "source/merge.h"

#include "base/mem.h"
#include "base/vec.h"
#include "store/source_review.h"
#include "vcs/diff.h"

#define KEEP_FILE ".gitkeep"

static const char *const option_names[] = {
	[MERGE_FAST_FORWARD] = CODECOMMIT_MERGE_OPTION_TYPE_ENUM_FAST_FORWARD_MERGE,
	[MERGE_SQUASH] = CODECOMMIT_MERGE_OPTION_TYPE_ENUM_SQUASH_MERGE,
	[MERGE_THREE_WAY] = CODECOMMIT_MERGE_OPTION_TYPE_ENUM_THREE_WAY_MERGE,
};
enum strategy { NONE, ACCEPT_SOURCE, ACCEPT_DESTINATION, AUTOMERGE };
static const char *const strategy_names[] = {
	[NONE] = CODECOMMIT_CONFLICT_RESOLUTION_STRATEGY_TYPE_ENUM_NONE,
	[ACCEPT_SOURCE] = CODECOMMIT_CONFLICT_RESOLUTION_STRATEGY_TYPE_ENUM_ACCEPT_SOURCE,
	[ACCEPT_DESTINATION] = CODECOMMIT_CONFLICT_RESOLUTION_STRATEGY_TYPE_ENUM_ACCEPT_DESTINATION,
	[AUTOMERGE] = CODECOMMIT_CONFLICT_RESOLUTION_STRATEGY_TYPE_ENUM_AUTOMERGE,
};
#define FILE_LEVEL CODECOMMIT_CONFLICT_DETAIL_LEVEL_TYPE_ENUM_FILE_LEVEL
#define LINE_LEVEL CODECOMMIT_CONFLICT_DETAIL_LEVEL_TYPE_ENUM_LINE_LEVEL

/* ---- names ---- */

int merge_option(const char *name, enum merge_option *ret, struct err *err)
{
	if (!name || !*name)
		return err_set_wire(
			err, "MergeOptionRequiredException", "A merge option is required.");
	for (size_t i = 0; i < ARRAY_SIZE(option_names); i++)
		if (streq(option_names[i], name)) {
			*ret = (enum merge_option)i;
			return 0;
		}
	return err_set_wire(err, "InvalidMergeOptionException",
		"%s is not a merge option; give FAST_FORWARD_MERGE, SQUASH_MERGE or "
		"THREE_WAY_MERGE.",
		name);
}

const char *merge_option_name(enum merge_option option)
{
	return option_names[option];
}

static enum strategy strategy_of(const struct merge *m)
{
	for (size_t i = 0; m->strategy_name && i < ARRAY_SIZE(strategy_names); i++)
		if (streq(strategy_names[i], m->strategy_name))
			return (enum strategy)i;
	return NONE;
}

int merge_check_names(const struct merge *m, struct err *err)
{
	if (m->level_name && !streq(m->level_name, FILE_LEVEL) && !streq(m->level_name, LINE_LEVEL))
		return err_set_wire(err, "InvalidConflictDetailLevelException",
			"%s is not a conflict detail level; give FILE_LEVEL or LINE_LEVEL.",
			m->level_name);
	if (m->strategy_name && !streq(strategy_names[strategy_of(m)], m->strategy_name))
		return err_set_wire(err, "InvalidConflictResolutionStrategyException",
			"%s is not a strategy; give NONE, ACCEPT_SOURCE, ACCEPT_DESTINATION or "
			"AUTOMERGE.",
			m->strategy_name);
	if (m->resolution && strategy_of(m) != AUTOMERGE)
		return err_set_wire(err, "InvalidConflictResolutionException",
			"Resolutions of conflicts go with the strategy AUTOMERGE only.");
	return source_check_author(m->author.name, m->author.email, m->author.message, err);
}

bool merge_by_file(const struct merge *m)
{
	return strategy_of(m) != AUTOMERGE && !streq(m->level_name, LINE_LEVEL);
}

/* ---- the two sides ---- */

void merge_release(struct merge *m)
{
	vcs_repository_close(m->git);
	m->git = NULL;
}

static int find_side(struct merge *m, const char *specifier, struct vcs_commit *ret,
	const char **ret_branch, struct err *err)
{
	if (!specifier || !*specifier)
		return err_set_wire(err, "CommitRequiredException",
			"The source and the destination of the merge are required.");
	return source_find_commit(&m->r, m->git, specifier, m->call->arena, ret, ret_branch, err);
}

int merge_find_base(struct merge *m, struct err *err)
{
	int rc = vcs_merge_base(m->git, &m->destination.id, &m->source.id, &m->base, err);

	m->related = rc > 0;
	return rc < 0 ? -1 : 0;
}

int merge_open(struct merge *m, struct err *err)
{
	if (source_check_repository_name(m->repository_name, err) < 0 ||
		merge_check_names(m, err) < 0 ||
		source_open(m->e, m->repository_name, m->call->arena, &m->r, &m->git, err) < 0 ||
		find_side(m, m->source_specifier, &m->source, NULL, err) < 0 ||
		find_side(m, m->destination_specifier, &m->destination, &m->destination_branch,
			err) < 0)
		return -1;
	return merge_find_base(m, err);
}

/* ---- merging ---- */

static int cannot_merge(const struct merge *m, const char *why, struct err *err)
{
	return err_set_wire(err, "ManualMergeRequiredException",
		"%s cannot be merged into %s: %s. Merge locally and push the result.",
		m->source.id.hex, m->destination.id.hex, why);
}

int merge_run(struct merge *m, struct vcs_merge **ret, struct err *err)
{
	static const enum vcs_merge_favor favors[] = {[ACCEPT_SOURCE] = VCS_FAVOR_THEIRS,
		[ACCEPT_DESTINATION] = VCS_FAVOR_OURS,
		[AUTOMERGE] = VCS_FAVOR_NONE};
	CLEANUP_ERR struct err failed = ERR_INIT;

	if (!m->related)
		return cannot_merge(m, "they have no history in common", err);
	if (vcs_merge_new(m->git, &m->destination.id, &m->source.id,
		    merge_by_file(m) ? VCS_MERGE_FILES : VCS_MERGE_LINES, favors[strategy_of(m)],
		    ret, &failed) == 0)
		return 0;
	if (err_is(&failed, ERR_TOO_LARGE))
		return err_set_wire(err, "MaximumFileContentToLoadExceededException", "%s.",
			err_message(&failed));
	return err_move(err, &failed);
}

static int clean(struct merge *m, struct err *err)
{
	CLEANUP_MERGE struct vcs_merge *v = NULL;
	struct vcs_merge_conflict *conflicts;
	size_t n;

	if (merge_run(m, &v, err) < 0 ||
		vcs_merge_conflicts(v, m->call->arena, &conflicts, &n, err) < 0)
		return -1;
	return n == 0;
}

int merge_possible(struct merge *m, enum merge_option option, struct err *err)
{
	if (!m->related)
		return 0;
	if (option != MERGE_FAST_FORWARD)
		return clean(m, err);
	return vcs_id_eq(&m->base, &m->destination.id);
}

/* ---- the commit ---- */

/* Folders that the merge leaves without files keep one. */
static int keep_folders(struct merge *m, struct err *err)
{
	struct arena *a = m->call->arena;
	CLEANUP_MAP struct map kept = MAP_INIT;
	struct vcs_difference *d;
	VEC(struct vcs_edit) edits = {0};
	struct vcs_edit keep = {.mode = VCS_MODE_FILE};
	size_t n;
	bool more;
	int rc = vcs_diff_trees(
		m->git, &m->destination.tree, &m->tree, "", 0, SIZE_MAX, a, &d, &n, &more, err);

	if (rc == 0)
		rc = vcs_blob_write(m->git, VIEW(""), &keep.blob, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		const char *slash = strrchr(d[i].path, '/'), *folder;
		struct vcs_entry e;

		if (d[i].after_mode || !slash)
			continue;
		folder = arena_strndup(a, d[i].path, (size_t)(slash - d[i].path));
		if (map_has(&kept, folder))
			continue;
		map_set(&kept, folder, m);
		rc = vcs_tree_find(m->git, &m->tree, folder, a, &e, err);
		keep.path = arena_printf(a, "%s/" KEEP_FILE, folder);
		if (rc == 0)
			vec_push(&edits, keep);
		rc = MIN(rc, 0);
	}
	if (rc == 0 && edits.n)
		rc = vcs_tree_edit(m->git, &m->tree, edits.v, edits.n, &m->tree, err);
	vec_release(&edits);
	return rc;
}

static int merge_tree(struct merge *m, struct err *err)
{
	CLEANUP_MERGE struct vcs_merge *v = NULL;
	struct vcs_merge_conflict *conflicts;
	size_t n;

	if (merge_run(m, &v, err) < 0 || merge_resolve(m, v, err) < 0 ||
		vcs_merge_conflicts(v, m->call->arena, &conflicts, &n, err) < 0)
		return -1;
	if (n)
		return cannot_merge(m,
			arena_printf(m->call->arena, "%zu files are in conflict, the first is %s",
				n, conflicts[0].path),
			err);
	if (vcs_merge_write(v, &m->tree, err) < 0)
		return -1;
	return m->keep_empty_folders ? keep_folders(m, err) : 0;
}

static int write_commit(
	struct merge *m, enum merge_option option, const char *default_message, struct err *err)
{
	const struct merge_author *by = &m->author;
	struct vcs_id parents[] = {m->destination.id, m->source.id};
	struct vcs_signature who = {
		.name = by->name && *by->name ? by->name : m->call->principal_arn,
		.email = by->email ? by->email : "",
		.when = durable_now(m->e->durable) / USEC_PER_SEC};

	return vcs_commit_write(m->git, &m->tree, parents, option == MERGE_SQUASH ? 1 : 2, &who,
		by->message && *by->message ? by->message : default_message, &m->commit, err);
}

int merge_commit(
	struct merge *m, enum merge_option option, const char *default_message, struct err *err)
{
	if (m->related && vcs_id_eq(&m->base, &m->source.id)) { /* nothing to merge */
		m->tree = m->destination.tree;
		m->commit = m->destination.id;
		return 0;
	}
	if (option == MERGE_FAST_FORWARD) {
		if (!merge_possible(m, option, err))
			return cannot_merge(
				m, "the destination has commits that the source has not", err);
		m->tree = m->source.tree;
		m->commit = m->source.id;
		return 0;
	}
	if (merge_tree(m, err) < 0)
		return -1;
	return write_commit(m, option, default_message, err);
}

/* ---- what is told of it ---- */

static int record_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct merge *m = arg;
	struct codecommit_get_merge_commit_response doc = {
		.base_commit_id = m->base.hex,
		.source_commit_id = m->source.id.hex,
		.destination_commit_id = m->destination.id.hex,
		.merged_commit_id = m->commit.hex,
	};

	return store_document_put(tx, &STORE_SOURCE_MERGE,
		arena_printf(m->call->arena, "%s/%s/%s", m->r.meta.repository_id, m->source.id.hex,
			m->destination.id.hex),
		m->r.meta.repository_id, &doc, err);
}

int merge_record(struct merge *m, struct err *err)
{
	return durable_step(m->e->durable, record_step, m, err);
}

struct towpath_event_ref merge_event(struct merge *m, enum merge_option option)
{
	return (struct towpath_event_ref){
		.base_commit_id = m->related ? m->base.hex : NULL,
		.source_commit_id = m->source.id.hex,
		.destination_commit_id = m->destination.id.hex,
		.merge_option = option_names[option],
		.conflict_details_level = m->level_name ? m->level_name : FILE_LEVEL,
		.conflict_resolution_strategy = strategy_names[strategy_of(m)],
	};
}
