/* SPDX-License-Identifier: Apache-2.0 */
/* Where projects' caches are: folders on this host, <cache>/<project>/<generation>/<mode>, where an
 * invalidated cache is one of an older generation; or objects of a bucket. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "build/engine.h"

#define LAYERS "docker"

const char *build_cache_dir(const struct build_engine *e, const struct store_build_record *r,
	const char *mode, struct arena *a)
{
	static const struct {
		const char *mode, *dir;
	} kinds[] = {
		{CODEBUILD_CACHE_MODE_LOCAL_CUSTOM_CACHE, "custom"},
		{CODEBUILD_CACHE_MODE_LOCAL_DOCKER_LAYER_CACHE, LAYERS},
		{CODEBUILD_CACHE_MODE_LOCAL_SOURCE_CACHE, "source"},
	};
	const struct codebuild_project_cache *c = r->spec.cache;
	bool has = false;

	if (!c || !streq(c->type, CODEBUILD_CACHE_TYPE_LOCAL))
		return NULL;
	wire_foreach (it, &c->modes)
		has |= streq(*it, mode);
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && has; i++)
		if (streq(kinds[i].mode, mode))
			return arena_printf(a, "%s/%s/%d/%s", e->cache_dir, r->spec.name,
				wire_or(r->extra.cache_generation, 0), kinds[i].dir);
	return NULL;
}

void build_cache_place(const struct codebuild_project *p, struct arena *a, const char **ret_bucket,
	const char **ret_prefix)
{
	const struct codebuild_project_cache *c = p->cache;
	struct view rest, bucket, path;

	*ret_bucket = *ret_prefix = NULL;
	if (!c || !streq(c->type, CODEBUILD_CACHE_TYPE_S3) || !c->location)
		return;
	rest = view_of(build_bucket_of(c->location));
	bucket = view_cut(&rest, '/');
	path = rest;
	while (path.len && path.p[path.len - 1] == '/')
		path.len--;
	*ret_bucket = arena_strndup(a, bucket.p, bucket.len);
	*ret_prefix = arena_printf(a, "%.*s%s%s", (int)path.len, path.len ? path.p : "",
		path.len ? "/" : "", c->cache_namespace ? c->cache_namespace : p->name);
}

/* Takes docker layers away that no engine uses: one that does holds the lock (leader/engine.c). */
static void remove_layers(const char *generation)
{
	char *dir CLEANUP(freep) = path_join(generation, LAYERS);
	char *lock CLEANUP(freep) = path_join(dir, "lock");
	struct err err CLEANUP_ERR = ERR_INIT;
	int fd CLEANUP_FD = open(lock, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return;
	if (file_remove_tree(dir, &err) < 0)
		log_err("build", &err, "cannot take away an invalidated cache");
	rmdir(generation); /* when there was nothing else */
}

void build_cache_sweep(const struct build_engine *e, const struct store_build_record *r)
{
	char *project CLEANUP(freep) = path_join(e->cache_dir, r->spec.name);
	DIR *dir = opendir(project);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char *generation CLEANUP(freep) = path_join(project, entry->d_name);

		if (entry->d_name[0] != '.' &&
			atoi(entry->d_name) < wire_or(r->extra.cache_generation, 0))
			remove_layers(generation);
	}
	if (dir)
		closedir(dir);
}
