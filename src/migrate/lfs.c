/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of Git LFS, moved by git-lfs itself. */
#include <stdio.h>

#include "base/file.h"
#include "base/path.h"
#include "base/spawn.h"
#include "migrate/state.h"

#define ATTRIBUTES ".gitattributes"
#define FILTER "filter=lfs"
#define SCANNED_MAX GIB

bool migrate_lfs_used(const struct migrate *m)
{
	CLEANUP(freep) char *path = migrate_path(m, "lfs");

	return file_exists(path);
}

/* "<id> some/folder/.gitattributes" -> the id */
static int find_attributes(void *arg, struct view line, struct err *err UNUSED)
{
	struct view path = line, id = view_cut(&path, ' ');
	size_t n = strlen(ATTRIBUTES);

	if (path.len >= n && memcmp(path.p + path.len - n, ATTRIBUTES, n) == 0 &&
		(path.len == n || path.p[path.len - n - 1] == '/')) {
		str_add_view(arg, id);
		str_add_c(arg, '\n');
	}
	return 0;
}

static int find_filter(void *arg, struct view line, struct err *err UNUSED)
{
	bool *found = arg;

	*found = *found || memmem(line.p, line.len, FILTER, strlen(FILTER));
	return 0;
}

int migrate_lfs_detect(struct migrate *m, const struct migrate_refs *local, struct err *err)
{
	const char *const list[] = {"rev-list", "--objects", "--ignore-missing", "--stdin", NULL};
	const char *const show[] = {"cat-file", "--batch", NULL};
	CLEANUP(freep) char *scanned = migrate_path(m, "scanned");
	CLEANUP(freep) char *mark = migrate_path(m, "lfs");
	CLEANUP_STR struct str ids = STR_INIT, input = STR_INIT;
	CLEANUP_STR struct str before = STR_INIT, attributes = STR_INIT;
	bool found = false;

	vec_foreach (ref, &local->list)
		str_addf(&ids, "%s\n", ref->id);
	str_add_view(&input, str_view(&ids));
	if (file_exists(scanned) && file_read(scanned, SCANNED_MAX, &before, err) < 0)
		return -1;
	for (struct view rest = str_view(&before); rest.len;) {
		struct view id = view_cut(&rest, '\n');

		str_addf(&input, "^" VIEW_FMT "\n", VIEW_ARG(id));
	}
	migrate_progress_step(&m->progress, "looking through what is new for LFS");
	if (migrate_git_run(&m->git, list, str_view(&input), find_attributes, &attributes, err) <
			0 ||
		migrate_git_run(&m->git, show, str_view(&attributes), find_filter, &found, err) < 0)
		return -1;
	if (found && file_write_atomic(mark, (struct view){"", 0}, 0600, err) < 0)
		return -1;
	return file_write_atomic(scanned, str_view(&ids), 0600, err);
}

static int check_program(struct err *err)
{
	if (spawn_can_find("git-lfs"))
		return 0;
	err_set(err, ERR_UNAVAILABLE, "the repository uses Git LFS and git-lfs is not installed");
	return err_hint(err, "install git-lfs (Debian's package has this name), then start again");
}

int migrate_lfs_carry(struct migrate *m, struct err *err)
{
	CLEANUP(freep) char *source = xasprintf("remote.source.url=%s", m->config->ends.source);
	CLEANUP(freep) char *target = xasprintf("remote.target.url=%s", m->config->ends.target);
	CLEANUP(freep) char *address = xasprintf("lfs.url=%s/info/lfs", m->config->ends.target);
	const char *const fetch[] = {"-c", source, "lfs", "fetch", "--all", "source", NULL};
	const char *const push[] = {
		"-c", target, "-c", address, "lfs", "push", "--all", "target", NULL};

	if (check_program(err) < 0)
		return -1;
	migrate_progress_step(&m->progress, "fetching LFS objects");
	if (migrate_git_run(&m->git, fetch, (struct view){NULL, 0}, NULL, NULL, err) < 0)
		return err_wrap(err, "LFS objects of the source");
	migrate_progress_step(&m->progress, "sending LFS objects");
	if (migrate_git_run(&m->git, push, (struct view){NULL, 0}, NULL, NULL, err) < 0)
		return err_wrap(err, "LFS objects to the target");
	return 0;
}

/* "<digest> * path" -> the digest */
static int add_pointer(void *arg, struct view line, struct err *err UNUSED)
{
	map_set_view(arg, view_cut(&line, ' '), arg);
	return 0;
}

int migrate_lfs_verify(struct migrate *m, const struct migrate_git *check, struct err *err)
{
	CLEANUP(freep) char *target = xasprintf("remote.target.url=%s", m->config->ends.target);
	CLEANUP(freep) char *address = xasprintf("lfs.url=%s/info/lfs", m->config->ends.target);
	const char *const list[] = {"lfs", "ls-files", "--all", "--long", NULL};
	const char *const fetch[] = {
		"-c", target, "-c", address, "lfs", "fetch", "--all", "target", NULL};
	CLEANUP_MAP struct map pointers = MAP_INIT;

	migrate_progress_step(&m->progress, "fetching LFS objects back");
	if (migrate_git_run(&m->git, list, (struct view){NULL, 0}, add_pointer, &pointers, err) <
			0 ||
		migrate_git_run(check, fetch, (struct view){NULL, 0}, NULL, NULL, err) < 0)
		return err_wrap(err, "LFS objects of the target");
	map_foreach (p, &pointers) {
		CLEANUP(freep)
		char *path = xasprintf(
			"%s/lfs/objects/%.2s/%.2s/%s", check->dir, p->key, p->key + 2, p->key);

		if (!file_exists(path))
			return err_set(err, ERR_IO, "the target has not got LFS object %s", p->key);
	}
	m->report.lfs_objects = pointers.count;
	return 0;
}
