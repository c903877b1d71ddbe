/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that merge: branches into one another, and into commits that no branch holds. */
#include "base/mem.h"
#include "source/merge.h"
#include "source/ref_update.h"

/* ---- the branch that moves ---- */

static int bad_target(const char *branch, const char *why, struct err *err)
{
	return err_set_wire(err, "InvalidTargetBranchException",
		"%s cannot be the target of this merge: %s.", branch, why);
}

/* The branch of the request, or the destination when that is one; it holds the destination. */
static int find_target(struct merge *m, const char *asked, const char **ret_ref, struct err *err)
{
	struct arena *a = m->call->arena;
	const char *branch = asked && *asked ? asked : m->destination_branch;
	struct vcs_id tip;
	int rc;

	if (!branch)
		return bad_target(m->destination_specifier,
			"it is not a branch, and no target branch is given", err);
	if (source_check_branch_name(branch, err) < 0)
		return -1;
	*ret_ref = arena_printf(a, "refs/heads/%s", branch);
	rc = vcs_ref_get(m->git, *ret_ref, &tip, err);
	if (rc == 0) {
		rc = vcs_ref_get(m->git, arena_printf(a, "refs/tags/%s", branch), &tip, err);
		if (rc > 0)
			return err_set_wire(err, "BranchNameIsTagNameException",
				"%s is the name of a tag, not of a branch.", branch);
		if (rc == 0)
			return err_set_wire(err, "BranchDoesNotExistException",
				"The branch %s does not exist.", branch);
	}
	if (rc < 0)
		return -1;
	if (!vcs_id_eq(&tip, &m->destination.id))
		return bad_target(branch, "its tip is not the destination of the merge", err);
	return 0;
}

static const char *default_message(
	const struct merge *m, enum merge_option option, const char *target_ref)
{
	const char *into =
		target_ref ? target_ref + strlen("refs/heads/") : m->destination_specifier;

	return arena_printf(m->call->arena,
		option == MERGE_SQUASH ? "Squashed merge of '%s' into %s"
				       : "Merge branch '%s' into %s",
		m->source_specifier, into);
}

static int merge_branches(
	struct merge *m, enum merge_option option, const char *target, struct err *err)
{
	CLEANUP_ERR struct err failed = ERR_INIT;
	struct ref_change change = {.check_before = true};
	struct towpath_event_ref event;

	if (merge_open(m, err) < 0 || find_target(m, target, &change.ref, err) < 0 ||
		merge_commit(m, option, default_message(m, option, change.ref), err) < 0)
		return -1;
	if (option != MERGE_FAST_FORWARD && merge_record(m, err) < 0)
		return -1;
	change.before = m->destination.id;
	change.after = m->commit;
	event = merge_event(m, option);
	if (ref_update_one(m->e, m->call, m->r.meta.repository_id, &change, &event, &failed) == 0)
		return 0;
	if (err_is(&failed, ERR_CONFLICT))
		return err_set_wire(err, "ConcurrentReferenceUpdateException",
			"%s has moved during the merge; try again.", change.ref);
	return err_move(err, &failed);
}

#define TELL_MERGE(resp, m)                                                        \
	do {                                                                       \
		(resp)->commit_id = arena_strdup((m).call->arena, (m).commit.hex); \
		(resp)->tree_id = arena_strdup((m).call->arena, (m).tree.hex);     \
	} while (0)

int source_merge_branches_by_fast_forward(struct source_engine *e, struct call *call,
	const struct codecommit_merge_branches_by_fast_forward_request *req,
	struct codecommit_merge_branches_by_fast_forward_response *resp, struct err *err)
{
	CLEANUP_SOURCE_MERGE struct merge m = {MERGE_FROM(req)};

	if (merge_branches(&m, MERGE_FAST_FORWARD, req->target_branch, err) < 0)
		return -1;
	TELL_MERGE(resp, m);
	return 0;
}

int source_merge_branches_by_squash(struct source_engine *e, struct call *call,
	const struct codecommit_merge_branches_by_squash_request *req,
	struct codecommit_merge_branches_by_squash_response *resp, struct err *err)
{
	CLEANUP_SOURCE_MERGE struct merge m = {
		MERGE_FROM(req), MERGE_CONFLICTS_FROM(req), MERGE_COMMIT_FROM(req)};

	if (merge_branches(&m, MERGE_SQUASH, req->target_branch, err) < 0)
		return -1;
	TELL_MERGE(resp, m);
	return 0;
}

int source_merge_branches_by_three_way(struct source_engine *e, struct call *call,
	const struct codecommit_merge_branches_by_three_way_request *req,
	struct codecommit_merge_branches_by_three_way_response *resp, struct err *err)
{
	CLEANUP_SOURCE_MERGE struct merge m = {
		MERGE_FROM(req), MERGE_CONFLICTS_FROM(req), MERGE_COMMIT_FROM(req)};

	if (merge_branches(&m, MERGE_THREE_WAY, req->target_branch, err) < 0)
		return -1;
	TELL_MERGE(resp, m);
	return 0;
}

/* ---- a commit that no branch holds ---- */

struct unreferenced {
	struct merge *m;
	struct towpath_event_ref event;
};

static int journal_unreferenced(struct db_tx *tx, void *arg, struct err *err)
{
	struct unreferenced *u = arg;
	CLEANUP_STR struct str detail = STR_INIT;
	struct journal_entry entry = {.kind = "codecommit.merge",
		.subject = source_arn(u->m->e, u->m->r.meta.repository_name, u->m->call->arena),
		.actor = u->m->call->principal_arn};

	wire_encode_json(&towpath_event_ref_shape, &u->event, &detail);
	entry.detail = str_text(&detail);
	return journal_append(u->m->e->durable, tx, &entry, err);
}

int source_create_unreferenced_merge_commit(struct source_engine *e, struct call *call,
	const struct codecommit_create_unreferenced_merge_commit_request *req,
	struct codecommit_create_unreferenced_merge_commit_response *resp, struct err *err)
{
	CLEANUP_SOURCE_MERGE struct merge m = {
		MERGE_FROM(req), MERGE_CONFLICTS_FROM(req), MERGE_COMMIT_FROM(req)};
	struct unreferenced u = {.m = &m};
	enum merge_option option;

	if (merge_option(req->merge_option, &option, err) < 0)
		return -1;
	if (option == MERGE_FAST_FORWARD)
		return err_set_wire(err, "InvalidMergeOptionException",
			"A fast forward merge makes no commit.");
	if (merge_open(&m, err) < 0 ||
		merge_commit(&m, option, default_message(&m, option, NULL), err) < 0 ||
		merge_record(&m, err) < 0)
		return -1;
	u.event = merge_event(&m, option);
	u.event.event = "unreferencedMergeCommitCreated";
	u.event.repository_name = m.r.meta.repository_name;
	u.event.repository_id = m.r.meta.repository_id;
	u.event.commit_id = m.commit.hex;
	u.event.caller_user_arn = call->principal_arn;
	if (durable_step(e->durable, journal_unreferenced, &u, err) < 0)
		return -1;
	TELL_MERGE(resp, m);
	return 0;
}
