/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a cache in a bucket that runs inside the root: every path means what it means to the
 * build, so nothing of the host is packed, and nothing outside of the root is written. */
#include <stdio.h>
#include <unistd.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/vec.h"
#include "codec/archive.h"
#include "codec/glob.h"
#include "leader/cache_object.h"

struct packing {
	const char *source;
	struct strv names; /* relative to the root, without a slash in front */
	struct map seen;   /* values are not used */
};

static void packing_release(struct packing *p)
{
	strv_release(&p->names);
	map_release(&p->seen);
}

/* A link to an absolute path could not be unpacked again. */
static bool can_be_packed(const char *path, const struct stat *st)
{
	char first;

	if (S_ISLNK(st->st_mode))
		return readlink(path, &first, 1) == 1 && first != '/';
	return S_ISREG(st->st_mode);
}

static int take(const char *path, const struct stat *st, void *arg)
{
	struct packing *p = arg;
	char *full CLEANUP(freep) = path_join(p->source, path);
	char *normal CLEANUP(freep) = path_normalise(full);

	if (!normal || normal[0] != '/' || !can_be_packed(normal, st) ||
		map_has(&p->seen, normal + 1))
		return 0;
	map_set(&p->seen, normal + 1, p);
	strv_add(&p->names, normal + 1);
	return 0;
}

/* A folder stands for all that is in it. */
static void find(struct packing *p, const char *pattern)
{
	char *full CLEANUP(freep) = path_join(p->source, pattern);
	struct str all CLEANUP_STR = STR_INIT;
	struct stat st;

	str_add(&all, pattern);
	if (!glob_is_pattern(pattern) && stat(full, &st) == 0 && S_ISDIR(st.st_mode))
		str_addf(&all, "%s**", ends_with(pattern, "/") ? "" : "/");
	glob_walk(p->source, str_text(&all), false, take, p);
}

static int report(int fd, int failed, const struct archive_stats *stats, const struct err *why)
{
	if (failed)
		return dprintf(fd, "error %s", err_message(why)) < 0;
	return dprintf(fd, "ok %lld %lld", (long long)stats->entries, (long long)stats->bytes) < 0;
}

int cache_pack_inside(char **argv, const int *fds, size_t n_fds)
{
	struct packing p CLEANUP(packing_release) = {.source = argv[1]};
	struct archive_stats stats = {0};
	struct err why CLEANUP_ERR = ERR_INIT;
	int failed;

	if (n_fds != 2)
		return 1;
	for (char **pattern = argv + 2; *pattern; pattern++)
		find(&p, *pattern);
	failed = p.names.n &&
		 archive_pack(ARCHIVE_KIND_TGZ, "/", &p.names, fds[0], &stats, &why) < 0;
	return report(fds[1], failed, &stats, &why);
}

int cache_unpack_inside(char **argv UNUSED, const int *fds, size_t n_fds)
{
	struct archive_stats stats = {0};
	struct err why CLEANUP_ERR = ERR_INIT;
	int failed;

	if (n_fds != 2)
		return 1;
	failed = archive_unpack(ARCHIVE_KIND_TGZ, fds[0], "/", NULL, &stats, &why) < 0;
	return report(fds[1], failed, &stats, &why);
}
