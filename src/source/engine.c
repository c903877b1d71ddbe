/* SPDX-License-Identifier: Apache-2.0 */
#include "source/engine.h"

#include <dirent.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "source/ref_update.h"

#define HEAD_WAIT_USEC (10 * USEC_PER_SEC)

char *source_path(const struct source_engine *e, const char *repository_id, struct arena *a)
{
	return arena_printf(a, "%s/%s.git", e->git_dir, repository_id);
}

char *source_arn(const struct source_engine *e, const char *repository_name, struct arena *a)
{
	return arena_printf(
		a, "arn:aws:codecommit:%s:%s:%s", e->region, e->account, repository_name);
}

/* ---- reading a repository's row ---- */

struct lookup {
	const char *key;
	bool by_id;
	struct arena *arena;
	struct store_source_repository *ret;
	int found;
};

static int lookup_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct lookup *l = arg;

	l->found = l->by_id ? store_source_repository_get(tx, l->key, l->arena, l->ret, err)
			    : store_source_repository_find(tx, l->key, l->arena, l->ret, err);
	return l->found < 0 ? -1 : 0;
}

static int lookup(struct source_engine *e, struct lookup *l, struct err *err)
{
	return db_read(durable_db(e->durable), lookup_fn, l, err) < 0 ? -1 : l->found;
}

int source_load(struct source_engine *e, const char *name, struct arena *a,
	struct store_source_repository *ret, struct err *err)
{
	struct lookup l = {.key = name, .arena = a, .ret = ret};
	int found;

	if (source_check_repository_name(name, err) < 0)
		return -1;
	found = lookup(e, &l, err);
	if (found == 0)
		return err_set_wire(
			err, "RepositoryDoesNotExistException", "%s does not exist", name);
	return found < 0 ? -1 : 0;
}

const char *source_name_by_id(struct source_engine *e, const char *id, struct arena *a)
{
	struct store_source_repository r;
	struct lookup l = {.key = id, .by_id = true, .arena = a, .ret = &r};

	return lookup(e, &l, NULL) > 0 ? r.meta.repository_name : NULL;
}

int source_open(struct source_engine *e, const char *name, struct arena *a,
	struct store_source_repository *ret, struct vcs_repository **ret_git, struct err *err)
{
	if (source_load(e, name, a, ret, err) < 0)
		return -1;
	return vcs_repository_open(source_path(e, ret->meta.repository_id, a), ret_git, err);
}

int source_find(struct source_engine *e, const char *name, struct arena *a,
	struct source_repository *ret, struct err *err)
{
	struct store_source_repository r;
	struct lookup l = {.key = name, .arena = a, .ret = &r};
	int found = lookup(e, &l, err);

	if (found <= 0)
		return found;
	*ret = (struct source_repository){.id = r.meta.repository_id,
		.name = r.meta.repository_name,
		.arn = source_arn(e, r.meta.repository_name, a),
		.path = source_path(e, r.meta.repository_id, a)};
	return 1;
}

const char *source_branch_named(struct source_engine *e, const char *repository_name,
	const char *specifier, struct arena *a)
{
	if (streq(specifier, "HEAD")) {
		struct store_source_repository r;
		struct lookup l = {.key = repository_name, .arena = a, .ret = &r};

		specifier = NULL;
		if (repository_name && lookup(e, &l, NULL) > 0)
			specifier = r.meta.default_branch;
	}
	if (!specifier || vcs_id_parse(view_of(specifier), NULL))
		return NULL;
	return starts_with(specifier, "refs/") ? specifier
					       : arena_printf(a, "refs/heads/%s", specifier);
}

int source_settle(struct source_engine *e, const struct source_repository *r, struct err *err)
{
	return ref_update_settle(e, r->id, false, err);
}

/* ---- tasks ---- */

int source_write_head(struct source_engine *e, const char *repository_id, struct err *err)
{
	static const char *const head[] = {"HEAD"};
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_VCS struct vcs_repository *git = NULL;
	struct store_source_repository r;
	struct lookup l = {.key = repository_id, .by_id = true, .arena = &a, .ret = &r};
	int rc;

	if (ref_locks_take(&e->locks, repository_id, head, 1, HEAD_WAIT_USEC, err) < 0)
		return -1;
	rc = lookup(e, &l, err);
	if (rc > 0 && r.meta.default_branch) {
		rc = vcs_repository_open(source_path(e, repository_id, &a), &git, err);
		if (rc == 0)
			rc = vcs_head_set(
				git, arena_printf(&a, "refs/heads/%s", r.meta.default_branch), err);
	}
	ref_locks_give(&e->locks, repository_id, head, 1);
	return rc < 0 ? -1 : 0;
}

static int run_head(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	(void)d;
	return source_write_head(arg, t->subject, err);
}

static int run_remove(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;

	(void)d;
	return file_remove_tree(source_path(arg, t->subject, &a), err);
}

static int run_maintain(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct source_engine *e = arg;
	const char *path = source_path(e, t->subject, &a);
	const struct vcs_bounds bounds = {.interrupt = task_interrupt_of(d, t)};
	int rc;

	if (!file_exists(path))
		return 0;
	rc = vcs_pack_objects(path, &bounds, err);
	if (rc < 0)
		return -1;
	if (rc > 0)
		log_info("source", "packed repository %s", t->subject);
	/* Packing references needs all of them at rest; a busy repository has its turn later. */
	if (ref_locks_take(&e->locks, t->subject, NULL, 0, 0, NULL) < 0)
		return 0;
	rc = vcs_pack_refs(path, err);
	ref_locks_give(&e->locks, t->subject, NULL, 0);
	return rc;
}

/* Folders that a crash left without a row, and quarantines of pushes that it broke off. */
static int run_sweep(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct source_engine *e = arg;
	DIR *dir = opendir(e->git_dir);
	struct dirent *entry;
	int rc = 0;

	(void)d;
	(void)t;
	while (dir && rc == 0 && (entry = readdir(dir))) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		char *id = arena_strdup(&a, entry->d_name), *path;
		struct store_source_repository r;
		struct lookup l = {.key = id, .by_id = true, .arena = &a, .ret = &r};
		struct stat st;

		if (!ends_with(id, ".git"))
			continue;
		id[strlen(id) - strlen(".git")] = '\0';
		path = source_path(e, id, &a);
		rc = lookup(e, &l, err);
		if (rc > 0)
			vcs_remove_leftovers(path, e->started_usec);
		else if (rc == 0 && stat(path, &st) == 0 &&
			 (int64_t)st.st_mtim.tv_sec * USEC_PER_SEC < e->started_usec)
			rc = file_remove_tree(path, err);
		rc = rc < 0 ? -1 : 0;
	}
	if (dir)
		closedir(dir);
	return rc;
}

static const struct {
	const char *name;
	task_fn run;
	int max_running;
} task_kinds[] = {
	{SOURCE_TASK_HEAD, run_head, 0},
	{SOURCE_TASK_REMOVE, run_remove, 1},
	{SOURCE_TASK_MAINTAIN, run_maintain, 1},
	{SOURCE_TASK_SWEEP, run_sweep, 1},
};

/* ---- life ---- */

static int enqueue_sweep(struct db_tx *tx, void *arg, struct err *err)
{
	struct source_engine *e = arg;
	struct task t = {.kind = SOURCE_TASK_SWEEP, .subject = "", .token = ""};

	return task_enqueue(e->durable, tx, &t, err);
}

static int64_t true_time_usec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * USEC_PER_SEC + t.tv_nsec / 1000;
}

int source_engine_new(const struct source_config *c, struct source_engine **ret, struct err *err)
{
	CLEANUP(source_engine_freep) struct source_engine *e = xcalloc(1, sizeof(*e));

	e->durable = c->durable;
	e->account = xstrdup(c->account);
	e->region = xstrdup(c->region);
	e->ssh_port = c->ssh_port;
	e->git_dir = path_join(c->data_dir, "git");
	e->started_usec = true_time_usec();
	ref_locks_init(&e->locks);
	pthread_mutex_init(&e->mutex, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(task_kinds); i++) {
		struct task_kind kind = {.name = task_kinds[i].name,
			.run = task_kinds[i].run,
			.arg = e,
			.max_attempts = 20,
			.max_running = task_kinds[i].max_running,
			.lease_usec = 0};

		task_register(e->durable, &kind);
	}
	if (file_make_dirs(e->git_dir, 0755, err) < 0 ||
		ref_update_settle(e, NULL, true, err) < 0 ||
		durable_step(e->durable, enqueue_sweep, e, err) < 0)
		return err_wrap(err, "cannot start the source engine");
	*ret = TAKE_PTR(e);
	return 0;
}

struct source_engine *source_engine_free(struct source_engine *e)
{
	if (e) {
		ref_locks_release(&e->locks);
		pthread_mutex_destroy(&e->mutex);
		map_release(&e->unsettled);
		free(e->account);
		free(e->region);
		free(e->git_dir);
		free(e);
	}
	return NULL;
}
