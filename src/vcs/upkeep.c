/* SPDX-License-Identifier: Apache-2.0 */
/* What keeps a repository tidy: leftovers of killed processes, packing. */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/path.h"
#include "base/vec.h"
#include "vcs/child.h"
#include "vcs/git2.h"

/* Pack when so many loose objects (one of 256 folders is counted) or packs have gathered. */
#define LOOSE_IN_ONE_FOLDER 4
#define PACKS_MAX 8
#define LOOSE_REFS_MAX 64

static void remove_lock(const char *path, const char *name)
{
	CLEANUP(freep) char *lock = xasprintf("%s/%s.lock", path, name);

	unlink(lock);
}

/* A new reference that lost its content with the power. */
static void remove_empty(const char *path, const char *name)
{
	CLEANUP(freep) char *file = path_join(path, name);
	struct stat st;

	if (lstat(file, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0)
		unlink(file);
}

void vcs_remove_stale_locks(const char *path, const char *const *ref_names, size_t n)
{
	remove_lock(path, "HEAD");
	remove_lock(path, "packed-refs");
	for (size_t i = 0; i < n; i++) {
		remove_lock(path, ref_names[i]);
		remove_empty(path, ref_names[i]);
	}
}

/* What of a folder starts with prefix and is older. */
static void remove_older(const char *path, const char *sub, const char *prefix, int64_t since_usec)
{
	CLEANUP(freep) char *folder = path_join(path, sub);
	DIR *dir = opendir(folder);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		CLEANUP(freep) char *entry = path_join(folder, e->d_name);
		struct stat st;

		if (starts_with(e->d_name, prefix) && !streq(e->d_name, ".") &&
			!streq(e->d_name, "..") && lstat(entry, &st) == 0 &&
			(int64_t)st.st_mtim.tv_sec * USEC_PER_SEC < since_usec)
			file_remove_tree(entry, NULL);
	}
	if (dir)
		closedir(dir);
}

void vcs_remove_leftovers(const char *path, int64_t since_usec)
{
	static const struct {
		const char *sub, *prefix;
	} places[] = {
		{"objects", "tmp_"},	   /* folders of pushes' objects, objects in the making */
		{"objects/pack", "tmp_"},  /* packs and indexes in the making */
		{"objects/pack", ".tmp-"}, /* packs of a repack */
		{"objects/info", "tmp_"},  /* commit graphs */
		{"objects/info/commit-graphs", "tmp_"},
		{"lfs/tmp", ""}, /* uploads of LFS objects */
	};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		remove_older(path, places[i].sub, places[i].prefix, since_usec);
}

static size_t count_names(const char *path, const char *sub, const char *suffix)
{
	CLEANUP(freep) char *full = path_join(path, sub);
	DIR *dir = opendir(full);
	struct dirent *e;
	size_t n = 0;

	while (dir && (e = readdir(dir)))
		n += e->d_name[0] != '.' && ends_with(e->d_name, suffix);
	if (dir)
		closedir(dir);
	return n;
}

int vcs_pack_objects(const char *path, const struct vcs_bounds *bounds, struct err *err)
{
	/* Packs grow by halves, so that what is packed again stays in proportion to what came. */
	static const char *const repack[] = {"repack", "-d", "-l", "-q", "--geometric=2",
		"--write-midx", "--write-bitmap-index", NULL};
	static const char *const graph[] = {
		"commit-graph", "write", "--reachable", "--split", "--no-progress", NULL};
	const struct vcs_child_how how = {.bounds = bounds};

	if (count_names(path, "objects/17", "") < LOOSE_IN_ONE_FOLDER &&
		count_names(path, "objects/pack", ".pack") <= PACKS_MAX)
		return 0;
	if (vcs_git_how(path, repack, &how, -1, -1, err) < 0)
		return err_wrap(err, "cannot pack %s", path);
	if (vcs_git_how(path, graph, &how, -1, -1, err) < 0)
		return err_wrap(err, "cannot write the commit graph of %s", path);
	return 1;
}

int vcs_pack_refs(const char *path, struct err *err)
{
	static const char *const args[] = {"pack-refs", "--all", "--prune", NULL};

	if (count_names(path, "refs/heads", "") <= LOOSE_REFS_MAX &&
		count_names(path, "refs/tags", "") <= LOOSE_REFS_MAX)
		return 0;
	return vcs_git(path, args, -1, -1, err) < 0
		       ? err_wrap(err, "cannot pack the references of %s", path)
		       : 0;
}
