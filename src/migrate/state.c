/* SPDX-License-Identifier: Apache-2.0 */
#include "migrate/state.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/path.h"

#define SENT_FILE_MAX GIB

char *migrate_path(const struct migrate *m, const char *name)
{
	return path_join(m->config->state_dir, name);
}

/* ---- what was sent ---- */

bool migrate_sent_has(const struct migrate *m, const char *name, const char *id)
{
	CLEANUP(freep) char *line = xasprintf("%s %s", id, name);

	return map_has(&m->sent, line);
}

static int load_sent(struct migrate *m, struct err *err)
{
	CLEANUP(freep) char *path = migrate_path(m, "sent");
	CLEANUP_STR struct str text = STR_INIT;
	struct view rest;

	m->sent_fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (m->sent_fd < 0)
		return err_errno(err, errno, "cannot open %s", path);
	if (fd_read_all(m->sent_fd, SENT_FILE_MAX, &text, err) < 0)
		return err_wrap(err, "%s", path);
	/* A last line without an end was being written when the process died: nothing of it was
	 * sent. */
	while (text.len && text.p[text.len - 1] != '\n')
		str_truncate(&text, text.len - 1);
	if (ftruncate(m->sent_fd, (off_t)text.len) < 0)
		return err_errno(err, errno, "cannot mend %s", path);
	for (rest = str_view(&text); rest.len;)
		map_set_view(&m->sent, view_cut(&rest, '\n'), m);
	return 0;
}

int migrate_sent_add(
	struct migrate *m, const struct migrate_change *const *changes, size_t n, struct err *err)
{
	CLEANUP_STR struct str text = STR_INIT;

	for (size_t i = 0; i < n; i++) {
		if (!changes[i]->after || migrate_sent_has(m, changes[i]->name, changes[i]->after))
			continue;
		str_addf(&text, "%s %s\n", changes[i]->after, changes[i]->name);
	}
	if (!text.len)
		return 0;
	if (fd_write_all(m->sent_fd, text.p, text.len, err) < 0)
		return err_wrap(err, "cannot note what is sent");
	if (fdatasync(m->sent_fd) < 0)
		return err_errno(err, errno, "cannot note what is sent");
	for (struct view rest = str_view(&text); rest.len;)
		map_set_view(&m->sent, view_cut(&rest, '\n'), m);
	return 0;
}

/* ---- the folder ---- */

static int lock(struct migrate *m, struct err *err)
{
	CLEANUP(freep) char *path = migrate_path(m, "lock");

	m->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (m->lock_fd < 0)
		return err_errno(err, errno, "cannot open %s", path);
	if (flock(m->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(
			err, ERR_CONFLICT, "another migration works in %s", m->config->state_dir);
	return 0;
}

/* Whether there is such a source at all: before anything is made for it at the target. */
static int ask_source(struct migrate *m, struct err *err)
{
	CLEANUP_MIGRATE_REFS struct migrate_refs refs = {0};

	migrate_progress_step(&m->progress, "asking %s for its references", m->config->ends.source);
	if (migrate_refs_remote(&m->git, m->config->ends.source, m->config->pulls, &refs, err) < 0)
		return err_wrap(err, "source");
	return 0;
}

/* The folder belongs to one source. */
static int check_source(struct migrate *m, struct err *err)
{
	CLEANUP(freep) char *path = migrate_path(m, "source");
	CLEANUP_STR struct str text = STR_INIT;
	struct view known;

	if (!file_exists(path))
		return ask_source(m, err) < 0 ? -1
					      : file_write_atomic(path,
							view_of(m->config->ends.source), 0600, err);
	if (file_read(path, 64 * KIB, &text, err) < 0)
		return -1;
	known = view_trim(str_view(&text));
	if (view_eq_str(known, m->config->ends.source))
		return 0;
	err_set(err, ERR_CONFLICT, "%s belongs to the migration of " VIEW_FMT, m->config->state_dir,
		VIEW_ARG(known));
	return err_hint(err, "name another folder with --state, or remove that one");
}

/* Nobody else works here: locks and unfinished packs are left from processes that were killed, and
 * references without content from a machine that lost its power; they are fetched again. */
static int remove_leftover(const char *path, const struct stat *st, int type, struct FTW *at)
{
	const char *name = path + at->base;
	bool empty = st->st_size == 0 && strstr(path, "/refs/");

	if (type == FTW_F && (empty || ends_with(name, ".lock") || starts_with(name, "tmp_") ||
				     starts_with(name, ".tmp-")))
		unlink(path);
	return 0;
}

static int make_repository(struct migrate *m, struct err *err)
{
	const char *const args[] = {"init", "--bare", "--quiet", "--template=", NULL};

	m->git_dir = migrate_path(m, "git");
	m->git = (struct migrate_git){&m->config->ends, &m->progress, m->git_dir};
	nftw(m->git_dir, remove_leftover, 16, FTW_PHYS);
	return migrate_git_run(&m->git, args, (struct view){NULL, 0}, NULL, NULL, err);
}

int migrate_open(const struct migrate_config *c, struct migrate **ret, struct err *err)
{
	struct migrate *m CLEANUP(migrate_freep) = xcalloc(1, sizeof(*m));

	m->config = c;
	m->lock_fd = m->sent_fd = -1;
	migrate_progress_init(&m->progress);
	if (file_make_dirs(c->state_dir, 0700, err) < 0 || lock(m, err) < 0 ||
		make_repository(m, err) < 0 || check_source(m, err) < 0 || load_sent(m, err) < 0)
		return -1;
	*ret = TAKE_PTR(m);
	return 0;
}

struct migrate *migrate_free(struct migrate *m)
{
	if (!m)
		return NULL;
	if (m->git_dir)
		nftw(m->git_dir, remove_leftover, 16, FTW_PHYS);
	migrate_progress_release(&m->progress);
	strv_release(&m->report.conflicts);
	map_release(&m->sent);
	arena_release(&m->arena);
	free(m->git_dir);
	fd_closep(&m->sent_fd);
	fd_closep(&m->lock_fd);
	free(m);
	return NULL;
}

const struct migrate_report *migrate_report(const struct migrate *m)
{
	return &m->report;
}

struct migrate_progress *migrate_progress(struct migrate *m)
{
	return &m->progress;
}
