/* SPDX-License-Identifier: Apache-2.0 */
/* From git/ to the target: ordinary pushes, the oldest references first, in pieces. None overwrites
 * what somebody pushed to the target in between. */
#include "base/file.h"
#include "base/path.h"
#include "migrate/state.h"

#define PIECE_MIN 4
#define FIRST_PART 64	/* of all is the first piece; each is twice as large as the one before */
#define CREATE_MAX 2000 /* references of one push; the server takes 4,000 */
#define CHANGE_MAX 100	/* the same, where each stands on the command line */

typedef VEC(const struct migrate_change *) change_list;

/* ---- new references ---- */

/* Makes a repository that has the references of a piece, and no others, over the objects of git/.
 */
static int stage(struct migrate *m, const char *dir, const struct migrate_change *const *changes,
	size_t n, struct err *err)
{
	const struct migrate_git g = {&m->config->ends, &m->progress, dir};
	const char *const init[] = {"init", "--bare", "--quiet", "--template=", NULL};
	const char *const update[] = {"update-ref", "--stdin", NULL};
	CLEANUP(freep) char *alternates = path_join(dir, "objects/info/alternates");
	CLEANUP_STR struct str input = STR_INIT;

	for (size_t i = 0; i < n; i++)
		str_addf(&input, "create %s %s\n", changes[i]->name, changes[i]->after);
	if (file_remove_tree(dir, err) < 0 ||
		migrate_git_run(&g, init, (struct view){NULL, 0}, NULL, NULL, err) < 0 ||
		file_replace(alternates, VIEW("../../git/objects\n"), 0600, err) < 0)
		return -1;
	return migrate_git_run(&g, update, str_view(&input), NULL, NULL, err);
}

/* git compares the name of each reference that it sends with all that stand here and at the target,
 * so they are sent from a repository that has no others. Without force: what somebody else made
 * meanwhile is not overwritten. */
static int create(
	struct migrate *m, const struct migrate_change *const *changes, size_t n, struct err *err)
{
	CLEANUP(freep) char *dir = migrate_path(m, "send");
	const struct migrate_git g = {&m->config->ends, &m->progress, dir};
	const char *const args[] = {"push", "--quiet", "--progress", "--no-verify",
		m->config->ends.target, "refs/*:refs/*", NULL};

	if (stage(m, dir, changes, n, err) < 0 ||
		migrate_git_run(&g, args, (struct view){NULL, 0}, NULL, NULL, err) < 0)
		return -1;
	return file_remove_tree(dir, err);
}

/* ---- others ---- */

/* Says what it expects the target to hold. */
static int change(
	struct migrate *m, const struct migrate_change *const *changes, size_t n, struct err *err)
{
	static const char *const head[] = {"push", "--quiet", "--progress", "--no-verify"};
	CLEANUP_STRV struct strv args = {0};

	for (size_t i = 0; i < ARRAY_SIZE(head); i++)
		strv_add(&args, head[i]);
	for (size_t i = 0; i < n; i++)
		strv_addf(&args, "--force-with-lease=%s:%s", changes[i]->name, changes[i]->before);
	strv_add(&args, m->config->ends.target);
	for (size_t i = 0; i < n; i++)
		strv_addf(&args, "%s:%s", changes[i]->after ? changes[i]->after : "",
			changes[i]->name);
	return migrate_git_run(
		&m->git, (const char *const *)args.v, (struct view){NULL, 0}, NULL, NULL, err);
}

/* ---- pieces ---- */

static const struct manner {
	enum migrate_action action;
	const char *verb;
	size_t max;
	int (*push)(struct migrate *m, const struct migrate_change *const *changes, size_t n,
		struct err *err);
	size_t counter; /* of struct migrate_report */
} manners[] = {
	/* First: the name of one that goes may be a folder of a new one. */
	{MIGRATE_DELETE, "removing", CHANGE_MAX, change, offsetof(struct migrate_report, deleted)},
	{MIGRATE_CREATE, "sending", CREATE_MAX, create, offsetof(struct migrate_report, created)},
	{MIGRATE_UPDATE, "updating", CHANGE_MAX, change, offsetof(struct migrate_report, updated)},
};

static int push_pieces(
	struct migrate *m, const struct manner *how, const change_list *list, struct err *err)
{
	size_t piece = MAX(list->n / FIRST_PART, (size_t)PIECE_MIN), n;

	for (size_t at = 0; at < list->n; at += n, piece *= 2) {
		n = MIN(MIN(piece, how->max), list->n - at);
		migrate_progress_step(&m->progress, "%s references %zu-%zu of %zu", how->verb,
			at + 1, at + n, list->n);
		if (migrate_sent_add(m, list->v + at, n, err) < 0 ||
			how->push(m, list->v + at, n, err) < 0)
			return -1;
	}
	*(size_t *)((char *)&m->report + how->counter) += list->n;
	return 0;
}

int migrate_push(struct migrate *m, const struct migrate_plan *plan, const char *target_head,
	bool *ret_done, struct err *err)
{
	m->report.kept = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(manners); i++) {
		change_list list = {0};
		int rc;

		vec_foreach (c, &plan->changes) {
			if (c->action != manners[i].action)
				continue;
			if (c->action == MIGRATE_DELETE && streq(c->name, target_head))
				m->report.kept = arena_strdup(&m->arena, c->name);
			else
				vec_push(&list, c);
		}
		*ret_done = *ret_done || list.n;
		rc = push_pieces(m, &manners[i], &list, err);
		vec_release(&list);
		if (rc < 0)
			return -1;
	}
	return 0;
}
