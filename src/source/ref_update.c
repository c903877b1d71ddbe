/* SPDX-License-Identifier: Apache-2.0 */
/* References change in three acts: an intent row a reference is committed; the reference changes
 * on disk (by git receive-pack or by libgit2, synced); one step appends the events of what
 * happened and removes the intents. Only then is anybody told.
 *
 * S1 No reference of a repository changes while no intent row for it is committed.
 * S2 Between the read of `before` (ahead of the intent) and the removal of the intent, nobody else
 *    changes the reference: its lock in memory is held, and one server works in a data folder.
 *    So: the reference holds `after` if and only if the change of this intent happened, for
 *    changes with before == after get no intent.
 * S3 The event of a change and the removal of its intent are one transaction: exactly one event a
 *    change, none for a change that did not happen.
 * S4 A client hears of success only after that transaction: an accepted push has its events.
 * S5 After a crash every intent row left is settled by S2 and S3 before references are served or
 *    changed again. A row left by a failure without a crash is settled before its reference
 *    changes again and before the repository's references are advertised.
 * S6 Events of one reference stand in the journal in the order of its changes (S2, S5). */
#include "source/ref_update.h"

#include <stdio.h>

#include "base/log.h"
#include "base/vec.h"
#include "source/pull_follow.h"
#include "source/triggers.h"
#include "store/source_ref_intent.h"
#include "towpath.gen.h"

#define MAINTAIN_AFTER_USEC (60 * USEC_PER_SEC)
#define SETTLE_WAIT_USEC (60 * USEC_PER_SEC)
#define API_WAIT_USEC (10 * USEC_PER_SEC)

static bool is_branch(const char *ref)
{
	return starts_with(ref, "refs/heads/");
}

static void set_unsettled(struct source_engine *e, const char *repository_id, bool on)
{
	pthread_mutex_lock(&e->mutex);
	if (on)
		map_set(&e->unsettled, repository_id, e);
	else
		map_remove(&e->unsettled, repository_id);
	pthread_mutex_unlock(&e->mutex);
}

static bool is_unsettled(struct source_engine *e, const char *repository_id)
{
	bool found;

	pthread_mutex_lock(&e->mutex);
	found = map_has(&e->unsettled, repository_id);
	pthread_mutex_unlock(&e->mutex);
	return found;
}

/* The reference's id now; zeros when absent. */
static int read_ref(
	struct vcs_repository *git, const char *ref, struct vcs_id *ret, struct err *err)
{
	int rc = vcs_ref_get(git, ref, ret, err);

	if (rc == 0)
		*ret = VCS_ID_ZERO;
	return rc < 0 ? -1 : 0;
}

/* ---- the step that ends a change ---- */

static int append_event(struct ref_update *u, struct db_tx *tx, const struct ref_change *c,
	const char *repository_name, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STR struct str detail = STR_INIT;
	bool created = vcs_id_is_zero(&c->before), deleted = vcs_id_is_zero(&c->after);
	struct towpath_event_ref event = u->merge ? *u->merge : (struct towpath_event_ref){0};
	struct journal_entry entry = {.kind = "codecommit.ref",
		.subject = source_arn(u->e, repository_name, &a),
		.actor = u->actor};

	event.repository_name = repository_name;
	event.repository_id = u->repository_id;
	event.event = deleted	? "referenceDeleted"
		      : created ? "referenceCreated"
				: "referenceUpdated";
	event.reference_full_name = c->ref;
	event.commit_id = deleted ? NULL : c->after.hex;
	event.old_commit_id = created ? NULL : c->before.hex;
	event.caller_user_arn = u->actor;
	event.reference_type = is_branch(c->ref)		   ? "branch"
			       : starts_with(c->ref, "refs/tags/") ? "tag"
								   : "other";
	event.reference_name = strchr(c->ref + strlen("refs/"), '/');
	event.reference_name =
		event.reference_name ? event.reference_name + 1 : c->ref + strlen("refs/");
	wire_encode_json(&towpath_event_ref_shape, &event, &detail);
	entry.detail = str_text(&detail);
	return journal_append(u->e->durable, tx, &entry, err);
}

/* The branch that becomes the default of a repository without one: main, master, the first. */
static const char *choose_default(const struct ref_update *u)
{
	static const char *const preferred[] = {"refs/heads/main", "refs/heads/master"};
	const char *best = NULL;
	size_t rank = ARRAY_SIZE(preferred) + 1;

	for (size_t i = 0; i < u->n; i++) {
		const struct ref_change *c = &u->changes[i];
		size_t mine = 0;

		if (!c->applied || !is_branch(c->ref) || vcs_id_is_zero(&c->after))
			continue;
		while (mine < ARRAY_SIZE(preferred) && !streq(preferred[mine], c->ref))
			mine++;
		if (mine < rank) {
			rank = mine;
			best = c->ref + strlen("refs/heads/");
		}
	}
	return best;
}

static int enqueue(
	struct ref_update *u, struct db_tx *tx, const char *kind, int64_t due_usec, struct err *err)
{
	struct task t = {
		.kind = kind, .subject = u->repository_id, .token = "", .due_usec = due_usec};

	return task_enqueue(u->e->durable, tx, &t, err);
}

static int update_repository(
	struct ref_update *u, struct db_tx *tx, struct store_source_repository *r, struct err *err)
{
	int64_t now = durable_now(u->e->durable);

	r->meta.last_modified_date = WIRE_SET_TIME(now);
	if (!r->meta.default_branch) {
		r->meta.default_branch = choose_default(u);
		if (r->meta.default_branch && enqueue(u, tx, SOURCE_TASK_HEAD, 0, err) < 0)
			return -1;
	}
	if (store_source_repository_update(tx, r, err) < 0)
		return -1;
	return enqueue(u, tx, SOURCE_TASK_MAINTAIN, now + MAINTAIN_AFTER_USEC, err);
}

static int finish_step(struct db_tx *tx, void *arg, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct ref_update *u = arg;
	struct store_source_repository r;
	bool any = false;
	int found = store_source_repository_get(tx, u->repository_id, &a, &r, err);

	if (found < 0)
		return -1;
	for (size_t i = 0; i < u->n; i++) {
		const struct ref_change *c = &u->changes[i];
		bool open = false;

		if (c->noop)
			continue;
		if (store_source_ref_intent_delete(
			    tx, u->repository_id, c->ref, u->token.text, &open, err) < 0)
			return -1;
		if (!found || !open || !c->applied)
			continue;
		any = true;
		if (append_event(u, tx, c, r.meta.repository_name, err) < 0)
			return -1;
	}
	if (!any)
		return 0;
	if (pull_follow_step(u, tx, err) < 0 ||
		triggers_journal(u, tx, r.meta.repository_name, err) < 0)
		return -1;
	return update_repository(u, tx, &r, err);
}

/* Which changes happened (S2). */
static int look(struct ref_update *u, struct err *err)
{
	for (size_t i = 0; i < u->n; i++) {
		struct vcs_id now;

		if (read_ref(u->git, u->changes[i].ref, &now, err) < 0)
			return -1;
		u->changes[i].applied =
			!u->changes[i].noop && vcs_id_eq(&now, &u->changes[i].after);
	}
	return 0;
}

int ref_update_finish(struct ref_update *u, struct err *err)
{
	if (look(u, err) < 0 || pull_follow_prepare(u, err) < 0 ||
		durable_step(u->e->durable, finish_step, u, err) < 0) {
		set_unsettled(u->e, u->repository_id, true);
		return err_wrap(err, "the change of references could not be recorded");
	}
	if (choose_default(u) && source_write_head(u->e, u->repository_id, err) < 0)
		return -1;
	return 0;
}

/* ---- settling ---- */

struct listing {
	const char *repository_id;
	struct arena *arena;
	struct store_source_ref_intent *v;
	size_t n;
};

static int list_intents(struct db_tx *tx, void *arg, struct err *err)
{
	struct listing *l = arg;

	return store_source_ref_intent_list(tx, l->repository_id, l->arena, &l->v, &l->n, err);
}

static int drop_intents(struct db_tx *tx, void *arg, struct err *err)
{
	return store_source_ref_intent_delete_all(tx, arg, err);
}

/* Settles one intent whose reference is locked. */
static int settle_locked(
	struct source_engine *e, const struct store_source_ref_intent *i, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_VCS struct vcs_repository *git = NULL;
	struct ref_change change = {.ref = i->ref};
	struct ref_update u = {.e = e,
		.repository_id = i->repository_id,
		.path = source_path(e, i->repository_id, &a),
		.actor = i->actor,
		.changes = &change,
		.n = 1};
	CLEANUP_ERR struct err gone = ERR_INIT;
	int rc;

	if (vcs_repository_open(u.path, &git, &gone) < 0)
		return err_is(&gone, ERR_NOT_FOUND) ? durable_step(e->durable, drop_intents,
							      (void *)i->repository_id, err)
						    : err_move(err, &gone);
	u.git = git;
	snprintf(u.token.text, sizeof(u.token.text), "%s", i->token);
	vcs_id_parse(view_of(i->before), &change.before);
	vcs_id_parse(view_of(i->after), &change.after);
	rc = ref_update_finish(&u, err);
	arena_release(&u.arena);
	return rc;
}

static int settle_one(struct source_engine *e, const struct store_source_ref_intent *i,
	bool crashed, struct err *err)
{
	const char *refs[] = {i->ref};
	int rc;

	if (ref_locks_take(&e->locks, i->repository_id, refs, 1, SETTLE_WAIT_USEC, err) < 0)
		return -1;
	if (crashed) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;

		vcs_remove_stale_locks(source_path(e, i->repository_id, &a), refs, 1);
	}
	/* Under the lock: whoever held it before may have settled it. */
	rc = settle_locked(e, i, err);
	ref_locks_give(&e->locks, i->repository_id, refs, 1);
	return rc;
}

int ref_update_settle(
	struct source_engine *e, const char *repository_id, bool crashed, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct listing l = {.repository_id = repository_id, .arena = &a};

	if (!crashed && repository_id && !is_unsettled(e, repository_id))
		return 0;
	if (repository_id)
		set_unsettled(e, repository_id, false);
	if (db_read(durable_db(e->durable), list_intents, &l, err) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++) {
		CLEANUP_ERR struct err failed = ERR_INIT;

		if (settle_one(e, &l.v[i], crashed, &failed) == 0)
			continue;
		set_unsettled(e, l.v[i].repository_id, true);
		err_wrap(&failed, "cannot settle %s", l.v[i].ref);
		if (!crashed)
			return err_move(err, &failed);
		/* One broken repository does not keep the others from being served. */
		log_err("source", &failed, "repository %s", l.v[i].repository_id);
	}
	return 0;
}

/* ---- begin ---- */

/* Leftovers of the references that are locked now (S5). */
static int settle_leftovers(struct ref_update *u, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct listing l = {.repository_id = u->repository_id, .arena = &a};

	if (!is_unsettled(u->e, u->repository_id))
		return 0;
	if (db_read(durable_db(u->e->durable), list_intents, &l, err) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++)
		for (size_t k = 0; k < u->n; k++)
			if (streq(l.v[i].ref, u->refs[k]) && settle_locked(u->e, &l.v[i], err) < 0)
				return -1;
	return 0;
}

static int read_before(struct ref_update *u, struct err *err)
{
	for (size_t i = 0; i < u->n; i++) {
		struct ref_change *c = &u->changes[i];
		struct vcs_id now;

		if (read_ref(u->git, c->ref, &now, err) < 0)
			return -1;
		if (c->check_before && !vcs_id_eq(&now, &c->before))
			return err_set(err, ERR_CONFLICT, "%s has changed meanwhile", c->ref);
		c->before = now;
		c->noop = vcs_id_eq(&c->before, &c->after);
	}
	return 0;
}

static int begin_step(struct db_tx *tx, void *arg, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct ref_update *u = arg;
	struct store_source_repository r;
	int found = store_source_repository_get(tx, u->repository_id, &a, &r, err);

	if (found < 0)
		return -1;
	if (!found)
		return err_set(err, ERR_NOT_FOUND, "the repository has been deleted");
	for (size_t i = 0; i < u->n; i++) {
		const struct ref_change *c = &u->changes[i];
		struct store_source_ref_intent intent = {.repository_id = u->repository_id,
			.ref = c->ref,
			.before = c->before.hex,
			.after = c->after.hex,
			.actor = u->actor,
			.token = u->token.text,
			.created_usec = durable_now(u->e->durable)};

		if (!c->noop && store_source_ref_intent_insert(tx, &intent, err) < 0)
			return -1;
	}
	return 0;
}

int ref_update_begin(struct ref_update *u, struct arena *a, int64_t wait_usec, struct err *err)
{
	u->token = id_uuid();
	u->refs = arena_new_n(a, u->n, const char *);
	for (size_t i = 0; i < u->n; i++)
		u->refs[i] = u->changes[i].ref;
	if (ref_locks_take(&u->e->locks, u->repository_id, u->refs, u->n, wait_usec, err) < 0)
		return -1;
	u->locked = true;
	if (settle_leftovers(u, err) < 0 || vcs_repository_open(u->path, &u->git, err) < 0 ||
		read_before(u, err) < 0)
		return -1;
	return durable_step(u->e->durable, begin_step, u, err);
}

int ref_update_apply(struct ref_update *u, struct err *err)
{
	for (size_t i = 0; i < u->n; i++) {
		const struct ref_change *c = &u->changes[i];

		if (!c->noop && vcs_ref_update(u->git, c->ref, &c->before, &c->after, err) < 0)
			return -1;
	}
	return 0;
}

void ref_update_release(struct ref_update *u)
{
	vcs_repository_close(u->git);
	arena_release(&u->arena);
	u->follows = NULL;
	u->n_follows = 0;
	if (u->locked)
		ref_locks_give(&u->e->locks, u->repository_id, u->refs, u->n);
	u->locked = false;
	u->git = NULL;
}

int ref_update_one(struct source_engine *e, struct call *call, const char *repository_id,
	struct ref_change *change, const struct towpath_event_ref *merge, struct err *err)
{
	CLEANUP_REF_UPDATE struct ref_update u = {.e = e,
		.repository_id = repository_id,
		.path = source_path(e, repository_id, call->arena),
		.actor = call->principal_arn,
		.changes = change,
		.n = 1,
		.merge = merge};
	CLEANUP_ERR struct err failed = ERR_INIT;
	int rc;

	if (ref_update_begin(&u, call->arena, API_WAIT_USEC, err) < 0)
		return -1;
	rc = ref_update_apply(&u, &failed);
	if (ref_update_finish(&u, err) < 0)
		return -1;
	return rc < 0 ? err_move(err, &failed) : 0;
}
