/* SPDX-License-Identifier: Apache-2.0 */
/* Rounds: list both ends, fetch, send; until there is nothing left to do. */
#include "base/file.h"
#include "migrate/state.h"

/* A source or a target that changes while it is copied is looked at again. */
#define ROUNDS_MAX 8

static bool was_sent(void *arg, const char *name, const char *id)
{
	return migrate_sent_has(arg, name, id);
}

static int is_ancestor(void *arg, const char *old, const char *new, struct err *err)
{
	struct migrate *m = arg;
	CLEANUP(freep) char *object = xasprintf("%s^{commit}", old);
	const char *const known[] = {"cat-file", "-e", object, NULL};
	const char *const above[] = {"merge-base", "--is-ancestor", old, new, NULL};
	int rc = migrate_git_ask(&m->git, known, err);

	return rc > 0 ? migrate_git_ask(&m->git, above, err) : rc;
}

static int make_plan(struct migrate *m, const struct migrate_refs *local,
	const struct migrate_refs *target, struct migrate_plan *ret, struct err *err)
{
	struct migrate_oracle oracle = {was_sent, is_ancestor, m};

	if (migrate_plan_make(local, target, &oracle, ret, err) < 0)
		return -1;
	strv_release(&m->report.conflicts);
	vec_foreach (c, &ret->changes)
		if (c->action == MIGRATE_CONFLICT)
			strv_add(&m->report.conflicts, c->name);
	return 0;
}

/* The source's default branch becomes the target's, once it is there. */
static int follow_head(struct migrate *m, const struct migrate_refs *source,
	const struct migrate_refs *target, bool *ret_done, struct err *err)
{
	const char *prefix = "refs/heads/";

	if (!source->head || streq(source->head, target->head) ||
		!starts_with(source->head, prefix) || !migrate_refs_find(target, source->head))
		return 0;
	*ret_done = true;
	return m->config->set_default(m->config->arg, source->head + strlen(prefix), err);
}

static void count(
	struct migrate *m, const struct migrate_refs *local, const struct migrate_refs *target)
{
	memset(m->report.carried, 0, sizeof(m->report.carried));
	vec_foreach (ref, &local->list)
		if (streq(ref->id, migrate_refs_find(target, ref->name)))
			m->report.carried[ref->kind]++;
}

static int send(struct migrate *m, const struct migrate_refs *source, bool fetched, bool *ret_done,
	struct err *err)
{
	CLEANUP_MIGRATE_REFS struct migrate_refs local = {0}, target = {0};
	CLEANUP_MIGRATE_PLAN struct migrate_plan plan = {0};

	migrate_progress_step(&m->progress, "comparing with %s", m->config->ends.target);
	if (migrate_refs_local(&m->git, m->config->pulls, &local, err) < 0 ||
		migrate_refs_remote(
			&m->git, m->config->ends.target, m->config->pulls, &target, err) < 0)
		return -1;
	if (fetched && migrate_lfs_detect(m, &local, err) < 0)
		return -1;
	if (make_plan(m, &local, &target, &plan, err) < 0)
		return -1;
	/* Before the references: who checks them out finds their files. */
	if (plan.changes.n && migrate_lfs_used(m) && migrate_lfs_carry(m, err) < 0)
		return -1;
	if (migrate_push(m, &plan, target.head, ret_done, err) < 0 ||
		follow_head(m, source, &target, ret_done, err) < 0)
		return -1;
	count(m, &local, &target);
	return 0;
}

static int round_once(struct migrate *m, bool first, bool *ret_done, struct err *err)
{
	CLEANUP_MIGRATE_REFS struct migrate_refs source = {0};
	bool fetched = first; /* an interrupted run may have fetched and not looked at it */

	*ret_done = false;
	migrate_progress_step(&m->progress, "asking %s for its references", m->config->ends.source);
	if (migrate_refs_remote(&m->git, m->config->ends.source, m->config->pulls, &source, err) <
			0 ||
		migrate_fetch(m, &source, &fetched, err) < 0)
		return err_wrap(err, "source");
	if (send(m, &source, fetched, ret_done, err) < 0)
		return err_wrap(err, "target");
	*ret_done = *ret_done || (fetched && !first);
	return 0;
}

int migrate_run(struct migrate *m, struct err *err)
{
	bool done = true;

	for (int i = 0; done && i < ROUNDS_MAX; i++) {
		CLEANUP_ERR struct err failed = ERR_INIT;

		if (round_once(m, i == 0, &done, &failed) == 0)
			continue;
		/* Somebody pushed between the look and the push. */
		if (!err_is(&failed, ERR_CONFLICT))
			return err_move(err, &failed);
		migrate_progress_note(&m->progress, "looking again: %s", err_message(&failed));
		done = true;
	}
	if (done)
		return err_set(err, ERR_BUSY,
			"source or target changed during each of %d rounds; start again when "
			"they are quieter",
			ROUNDS_MAX);
	return 0;
}

/* ---- the proof ---- */

static int add_count(void *arg, struct view line, struct err *err UNUSED)
{
	size_t *n = arg;

	for (size_t i = 0; i < line.len && line.p[i] >= '0' && line.p[i] <= '9'; i++)
		*n = *n * 10 + (size_t)(line.p[i] - '0');
	return 0;
}

static int count_objects(
	const struct migrate_git *g, const struct str *ids, size_t *ret, struct err *err)
{
	const char *const args[] = {"rev-list", "--objects", "--count", "--stdin", NULL};

	*ret = 0;
	return migrate_git_run(g, args, str_view(ids), add_count, ret, err);
}

/* The ids that both ends have alike. */
static int list_equal(struct migrate *m, struct str *ids, struct err *err)
{
	CLEANUP_MIGRATE_REFS struct migrate_refs local = {0}, target = {0};

	if (migrate_refs_local(&m->git, m->config->pulls, &local, err) < 0 ||
		migrate_refs_remote(
			&m->git, m->config->ends.target, m->config->pulls, &target, err) < 0)
		return -1;
	count(m, &local, &target);
	vec_foreach (ref, &local.list) {
		const char *there = migrate_refs_find(&target, ref->name);

		if (streq(ref->id, there)) {
			str_addf(ids, "%s\n", ref->id);
			continue;
		}
		for (size_t i = 0; i < m->report.conflicts.n; i++)
			if (streq(m->report.conflicts.v[i], ref->name))
				there = ref->name;
		if (there != ref->name)
			return err_set(err, ERR_CONFLICT,
				"%s is %s at the source and %s at the "
				"target",
				ref->name, ref->id, there ? there : "missing");
	}
	return 0;
}

static int fetch_back(struct migrate *m, const char *dir, struct err *err)
{
	const struct migrate_git nowhere = {&m->config->ends, &m->progress, NULL};
	const char *const args[] = {"clone", "--mirror", "--quiet", "--progress",
		"--template=", m->config->ends.target, dir, NULL};

	migrate_progress_step(&m->progress, "fetching all back from the target");
	return migrate_git_run(&nowhere, args, (struct view){NULL, 0}, NULL, NULL, err);
}

static int compare(struct migrate *m, const char *dir, struct err *err)
{
	CLEANUP_STR struct str ids = STR_INIT;
	struct migrate_git check = {&m->config->ends, &m->progress, dir};
	size_t there = 0;

	if (list_equal(m, &ids, err) < 0 || fetch_back(m, dir, err) < 0)
		return -1;
	m->report.objects = 0;
	migrate_progress_step(&m->progress, "counting objects at both ends");
	if (ids.len && (count_objects(&m->git, &ids, &m->report.objects, err) < 0 ||
			       count_objects(&check, &ids, &there, err) < 0))
		return -1;
	if (m->report.objects != there)
		return err_set(err, ERR_IO, "the source has %zu objects, the target %zu",
			m->report.objects, there);
	return migrate_lfs_used(m) ? migrate_lfs_verify(m, &check, err) : 0;
}

int migrate_verify(struct migrate *m, struct err *err)
{
	CLEANUP(freep) char *dir = migrate_path(m, "check");
	int rc;

	if (file_remove_tree(dir, err) < 0)
		return -1;
	rc = compare(m, dir, err);
	if (file_remove_tree(dir, rc == 0 ? err : NULL) < 0 || rc < 0)
		return -1;
	return 0;
}
