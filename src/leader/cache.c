/* SPDX-License-Identifier: Apache-2.0 */
/* The local cache of a project: folders that live on between its builds on this host, mounted
 * where the buildspec's cache paths say. One build at a time writes to the cache; what runs beside
 * it gets a view whose changes are thrown away. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"
#include "codec/glob.h"
#include "crypto/digest.h"
#include "leader/job.h"

/* The folder that a cache path names, absolute; NULL when it names no single folder. */
static const char *cached_folder(struct job *j, const char *pattern)
{
	char *text CLEANUP(freep) = xstrdup(pattern), *full CLEANUP(freep) = NULL;
	char *normal CLEANUP(freep) = NULL;
	static const char *const ends[] = {"/**/*", "/**", "/*", "/"};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (ends_with(text, ends[i]))
			text[strlen(text) - strlen(ends[i])] = '\0';
	if (!text[0] || glob_is_pattern(text))
		return NULL;
	full = path_join(j->source_target, text);
	normal = path_normalise(full);
	if (!normal || normal[0] != '/' || streq(normal, "/"))
		return NULL;
	return arena_strdup(&j->arena, normal);
}

/* True when this build may write. The lock falls with the process. */
static bool take_cache(struct job *j, struct err *err)
{
	char *path CLEANUP(freep) = path_join(j->spec->cache->dir, "lock");
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return false;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return true; /* kept open on purpose */
	close(fd);
	output_line(&j->output, err,
		"Another build writes to the cache: this one reads it, its changes are not kept");
	return false;
}

static int mount_folder(struct job *j, const char *folder, bool write, struct err *err)
{
	struct digest_value name = digest_of(DIGEST_SHA256, view_of(folder));
	const char *path =
		arena_printf(&j->arena, "%s/%.32s", j->spec->cache->dir, digest_hex(&name).text);

	/* action: save starts from nothing. */
	if (write && !wire_or(j->spec->cache->restore, true) && file_remove_tree(path, err) < 0)
		return -1;
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return err_errno(err, errno, "cannot make cache folder %s", path);
	vec_push(&j->mounts, (struct compute_mount){
				     .kind = write ? COMPUTE_BIND : COMPUTE_OVERLAY,
				     .source = path,
				     .target = folder,
			     });
	return output_line(&j->output, err, "Cache: %s", folder);
}

int cache_restore(struct job *j, struct err *err)
{
	const struct towpath_leader_cache *c = j->spec->cache;
	bool write;

	if (c && c->bucket)
		return 0; /* cache_bucket.c */
	if (!c || !c->dir)
		return output_line(&j->output, err, "Cache is not defined in the buildspec");
	if (!c->paths.n)
		return output_line(
			&j->output, err, "Skip cache due to: no paths specified to be cached");
	if (file_make_dirs(c->dir, 0700, err) < 0)
		return -1;
	write = wire_or(c->save, true) && take_cache(j, err);
	for (size_t i = 0; i < c->paths.n; i++) {
		const char *folder = cached_folder(j, c->paths.v[i]);

		if (!folder) {
			if (output_line(&j->output, err,
				    "Skip cache path %s: a local cache holds whole folders",
				    c->paths.v[i]) < 0)
				return -1;
		} else if (mount_folder(j, folder, write, err) < 0) {
			return -1;
		}
	}
	return 0;
}
