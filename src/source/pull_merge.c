/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that merge pull requests. The step that ends the change of the destination closes
 * them (pull_follow.c). */
#include "base/mem.h"
#include "source/merge.h"
#include "source/pull.h"
#include "source/ref_update.h"

#define API_WAIT_USEC (10 * USEC_PER_SEC)

struct pull_merge {
	struct merge m;
	enum merge_option option;
	const char *id, *source_commit;
	struct pull p;
};

#define PULL_MERGE_FROM(req, how, ...)                             \
	{                                                          \
		.m = {.e = e,                                      \
			.call = call,                              \
			.repository_name = (req)->repository_name, \
			__VA_ARGS__},                              \
		.option = (how), .id = (req)->pull_request_id,     \
		.source_commit = (req)->source_commit_id,          \
	}

static void pull_merge_release(struct pull_merge *w)
{
	merge_release(&w->m);
}

static int find_branch(
	struct pull_merge *w, const char *ref, struct vcs_commit *ret, struct err *err)
{
	struct vcs_id tip;
	int rc = vcs_ref_get(w->m.git, ref, &tip, err);

	if (rc > 0)
		rc = vcs_commit_read(w->m.git, &tip, w->m.call->arena, ret, err);
	if (rc == 0)
		return err_set_wire(
			err, "ReferenceDoesNotExistException", "%s does not exist.", ref);
	return rc < 0 ? -1 : 0;
}

static int check_source(const struct pull_merge *w, struct err *err)
{
	struct vcs_id given;

	if (!w->source_commit)
		return 0;
	if (!vcs_id_parse(view_of(w->source_commit), &given))
		return err_set_wire(err, "InvalidCommitIdException",
			"%s is not a full commit ID of 40 hexadecimal digits.", w->source_commit);
	if (!vcs_id_eq(&given, &w->m.source.id))
		return err_set_wire(err, "TipOfSourceReferenceIsDifferentException",
			"The tip of %s is %s, not %s.", w->p.target->source_reference,
			w->m.source.id.hex, w->source_commit);
	return 0;
}

static int open_pull(struct pull_merge *w, struct err *err)
{
	struct merge *m = &w->m;
	struct arena *a = m->call->arena;

	if (source_check_repository_name(m->repository_name, err) < 0 ||
		merge_check_names(m, err) < 0 || pull_read(m->e, w->id, a, &w->p, err) < 0 ||
		source_open(m->e, m->repository_name, a, &m->r, &m->git, err) < 0)
		return -1;
	if (!streq(m->r.meta.repository_id, w->p.more.repository_id))
		return err_set_wire(err, "RepositoryNotAssociatedWithPullRequestException",
			"Pull request %s is not about repository %s.", w->id, m->repository_name);
	if (!pull_is_open(&w->p))
		return err_set_wire(err, "PullRequestAlreadyClosedException",
			"Pull request %s is closed.", w->id);
	if (find_branch(w, w->p.target->source_reference, &m->source, err) < 0 ||
		find_branch(w, w->p.target->destination_reference, &m->destination, err) < 0 ||
		check_source(w, err) < 0)
		return -1;
	return merge_find_base(m, err);
}

/* ---- the rules ---- */

/* Approved, as it stands in the step: PullRequestApprovalRulesNotSatisfiedException. */
static int check_rules(struct pull_merge *w, struct db_tx *tx, struct pull *p, struct err *err)
{
	struct codecommit_evaluation result = {0};

	if (pull_evaluate(tx, p, w->m.call->arena, &result, err) < 0)
		return -1;
	if (result.approved.v)
		return 0;
	return err_set_wire(err, "PullRequestApprovalRulesNotSatisfiedException",
		"Pull request %s cannot be merged: %zu of its approval rules are not satisfied, "
		"the "
		"first is %s.",
		w->id, result.approval_rules_not_satisfied.n,
		result.approval_rules_not_satisfied.v[0]);
}

static int rules_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct pull_merge *w = arg;

	return check_rules(w, tx, &w->p, err);
}

/* P3: the commit is written down, after a last look at status, revision and rules. Both references
 * are locked. */
static int announce_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct pull_merge *w = arg;
	struct pull now;

	if (pull_load(tx, w->id, w->m.call->arena, &now, err) < 0)
		return -1;
	if (!pull_is_open(&now))
		return err_set_wire(err, "PullRequestAlreadyClosedException",
			"Pull request %s is closed.", w->id);
	if (check_rules(w, tx, &now, err) < 0)
		return -1;
	now.more.merge_commit = w->m.commit.hex;
	now.more.merge_option = merge_option_name(w->option);
	now.more.merge_actor = w->m.call->principal_arn;
	return pull_save(w->m.e, tx, &now, err);
}

static int move_branch(struct pull_merge *w, struct err *err)
{
	struct merge *m = &w->m;
	struct towpath_event_ref event = merge_event(m, w->option);
	struct ref_change changes[] = {
		{.ref = w->p.target->destination_reference,
			.check_before = true,
			.before = m->destination.id,
			.after = m->commit},
		/* It stays, and nobody moves it meanwhile. */
		{.ref = w->p.target->source_reference,
			.check_before = true,
			.before = m->source.id,
			.after = m->source.id},
	};
	CLEANUP_REF_UPDATE struct ref_update u = {.e = m->e,
		.repository_id = m->r.meta.repository_id,
		.path = source_path(m->e, m->r.meta.repository_id, m->call->arena),
		.actor = m->call->principal_arn,
		.changes = changes,
		.n = ARRAY_SIZE(changes),
		.merge = &event};
	CLEANUP_ERR struct err failed = ERR_INIT;
	int rc = ref_update_begin(&u, m->call->arena, API_WAIT_USEC, &failed);

	if (rc == 0) {
		rc = durable_step(m->e->durable, announce_step, w, &failed);
		if (rc == 0)
			rc = ref_update_apply(&u, &failed);
		if (ref_update_finish(&u, err) < 0)
			return -1;
	}
	if (rc < 0 && err_is(&failed, ERR_CONFLICT) && !err_wire_name(&failed))
		return err_set_wire(err, "ConcurrentReferenceUpdateException",
			"A branch of pull request %s has moved during the merge; try again.",
			w->id);
	return rc < 0 ? err_move(err, &failed) : 0;
}

/* The destination has it all: there is no reference to move, so the step is made here. */
static int merged_already(const struct pull_merge *w)
{
	return vcs_id_eq(&w->m.commit, &w->m.destination.id);
}

static int merge_pull(struct pull_merge *w, struct codecommit_pull_request **ret, struct err *err)
{
	struct merge *m = &w->m;
	struct arena *a = m->call->arena;
	const char *message;

	if (open_pull(w, err) < 0 || db_read(durable_db(m->e->durable), rules_fn, w, err) < 0)
		return -1;
	message = arena_printf(a, "Merge pull request %s: %s", w->id, w->p.doc.title);
	if (merge_commit(m, w->option, message, err) < 0)
		return -1;
	if (merged_already(w))
		return err_set_wire(err, "ManualMergeRequiredException",
			"%s has all commits of %s already: there is nothing to merge.",
			w->p.target->destination_reference, w->p.target->source_reference);
	if (w->option != MERGE_FAST_FORWARD && merge_record(m, err) < 0)
		return -1;
	if (move_branch(w, err) < 0 || pull_read(m->e, w->id, a, &w->p, err) < 0)
		return -1;
	*ret = arena_new(a, struct codecommit_pull_request);
	**ret = w->p.doc;
	return 0;
}

int source_merge_pull_request_by_fast_forward(struct source_engine *e, struct call *call,
	const struct codecommit_merge_pull_request_by_fast_forward_request *req,
	struct codecommit_merge_pull_request_by_fast_forward_response *resp, struct err *err)
{
	CLEANUP(pull_merge_release)
	struct pull_merge w = PULL_MERGE_FROM(req, MERGE_FAST_FORWARD);

	return merge_pull(&w, &resp->pull_request, err);
}

int source_merge_pull_request_by_squash(struct source_engine *e, struct call *call,
	const struct codecommit_merge_pull_request_by_squash_request *req,
	struct codecommit_merge_pull_request_by_squash_response *resp, struct err *err)
{
	CLEANUP(pull_merge_release)
	struct pull_merge w = PULL_MERGE_FROM(
		req, MERGE_SQUASH, MERGE_CONFLICTS_FROM(req), MERGE_COMMIT_FROM(req));

	return merge_pull(&w, &resp->pull_request, err);
}

int source_merge_pull_request_by_three_way(struct source_engine *e, struct call *call,
	const struct codecommit_merge_pull_request_by_three_way_request *req,
	struct codecommit_merge_pull_request_by_three_way_response *resp, struct err *err)
{
	CLEANUP(pull_merge_release)
	struct pull_merge w = PULL_MERGE_FROM(
		req, MERGE_THREE_WAY, MERGE_CONFLICTS_FROM(req), MERGE_COMMIT_FROM(req));

	return merge_pull(&w, &resp->pull_request, err);
}
