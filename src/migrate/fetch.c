/* SPDX-License-Identifier: Apache-2.0 */
/* From the source into git/, in pieces: what a piece brought stays when the next is interrupted.
 * The first is the default branch, its history in growing depths; then tags by version, since each
 * brings the part of the history up to it; then all else. */
#include "base/file.h"
#include "base/path.h"
#include "migrate/state.h"

#define PIECES 16
#define PIECE_MIN 4
#define PIECE_MAX 2000 /* references */
#define FIRST_DEPTH 2000
#define DEPTHS 4
#define DEPTH_FACTOR 4
#define LOOSE_MAX 200 /* references fetched at once that are not packed */

/* A reference whose name is a folder of another's must go before that one can come. */
static int remove_gone(struct migrate *m, const struct migrate_refs *source,
	const struct migrate_refs *local, bool *ret_done, struct err *err)
{
	const char *const args[] = {"update-ref", "--stdin", NULL};
	CLEANUP_STR struct str input = STR_INIT;

	vec_foreach (ref, &local->list)
		if (!migrate_refs_find(source, ref->name))
			str_addf(&input, "delete %s\n", ref->name);
	if (!input.len)
		return 0;
	*ret_done = true;
	return migrate_git_run(&m->git, args, str_view(&input), NULL, NULL, err);
}

static bool is_shallow(const struct migrate *m)
{
	CLEANUP(freep) char *path = path_join(m->git_dir, "shallow");

	return file_exists(path);
}

static int fetch(struct migrate *m, const struct str *specs, const char *depth, struct err *err)
{
	const char *const args[] = {"-c", "gc.auto=0", "fetch", "--quiet", "--progress",
		"--no-tags", "--no-write-fetch-head", "--stdin", m->config->ends.source, depth,
		NULL};

	return migrate_git_run(&m->git, args, str_view(specs), NULL, NULL, err);
}

/* The default branch, deeper and deeper, until all of its history is here. */
static int fetch_trunk(struct migrate *m, const char *name, struct err *err)
{
	CLEANUP_STR struct str spec = STR_INIT;
	int depth = FIRST_DEPTH;

	str_addf(&spec, "+%s:%s\n", name, name);
	for (int i = 0; i < DEPTHS; i++, depth *= DEPTH_FACTOR) {
		CLEANUP_ERR struct err failed = ERR_INIT;
		CLEANUP(freep) char *option = xasprintf("--depth=%d", depth);

		migrate_progress_step(
			&m->progress, "fetching %s, the newest %d commits deep", name, depth);
		if (fetch(m, &spec, option, &failed) < 0) {
			/* Hosts that hand out files only cannot cut a history. */
			if (strstr(err_message(&failed), "shallow"))
				return 0;
			return err_move(err, &failed);
		}
		if (!is_shallow(m))
			return 0;
	}
	migrate_progress_step(&m->progress, "fetching the rest of %s", name);
	return fetch(m, &spec, "--unshallow", err);
}

static int fetch_pieces(
	struct migrate *m, const struct migrate_ref *const *wanted, size_t n, struct err *err)
{
	size_t piece = MAX(MIN(n / PIECES + 1, (size_t)PIECE_MAX), (size_t)PIECE_MIN);

	for (size_t at = 0; at < n; at += piece) {
		CLEANUP_STR struct str specs = STR_INIT;
		size_t end = MIN(at + piece, n);

		for (size_t i = at; i < end; i++)
			str_addf(&specs, "+%s:%s\n", wanted[i]->name, wanted[i]->name);
		migrate_progress_step(
			&m->progress, "fetching references %zu-%zu of %zu", at + 1, end, n);
		if (fetch(m, &specs, NULL, err) < 0)
			return -1;
	}
	return 0;
}

/* Many fetches leave many packs and loose references. */
static int tidy(struct migrate *m, size_t fetched, struct err *err)
{
	const char *const pack_refs[] = {"pack-refs", "--all", NULL};
	const char *const gc[] = {"gc", "--auto", "--quiet", NULL};
	const char *const *args = fetched > LOOSE_MAX ? pack_refs : gc;

	return fetched ? migrate_git_run(&m->git, args, (struct view){NULL, 0}, NULL, NULL, err)
		       : 0;
}

int migrate_fetch(
	struct migrate *m, const struct migrate_refs *source, bool *ret_done, struct err *err)
{
	CLEANUP_MIGRATE_REFS struct migrate_refs local = {0};
	VEC(const struct migrate_ref *) wanted = {0};
	int rc;

	if (migrate_refs_local(&m->git, m->config->pulls, &local, err) < 0 ||
		remove_gone(m, source, &local, ret_done, err) < 0)
		return -1;
	if (source->head && migrate_refs_find(source, source->head) &&
		(local.list.n == 0 || is_shallow(m)) && fetch_trunk(m, source->head, err) < 0)
		return -1;
	for (int kind = 0; kind < MIGRATE_KINDS; kind++)
		vec_foreach (ref, &source->list)
			if ((int)ref->kind == kind &&
				!streq(ref->id, migrate_refs_find(&local, ref->name)))
				vec_push(&wanted, ref);
	*ret_done = *ret_done || wanted.n;
	rc = fetch_pieces(m, wanted.v, wanted.n, err);
	if (rc == 0)
		rc = tidy(m, wanted.n, err);
	vec_release(&wanted);
	return rc;
}
