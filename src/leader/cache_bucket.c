/* SPDX-License-Identifier: Apache-2.0 */
/* A project's cache in a bucket: an archive of what the buildspec's cache paths name, brought
 * before the phases and stored after them. Without a key there is one archive, replaced when its
 * content changed; with a key one archive a key, which is never replaced. Archives of other paths
 * are not seen: their digest is part of the object's name. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/path.h"
#include "crypto/digest.h"
#include "leader/cache_object.h"

/* A file of no name in the job's folder. */
static int open_scratch(struct job *j, struct err *err)
{
	int fd = open(j->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd < 0 ? err_errno(err, errno, "cannot make a file in %s", j->dir) : fd;
}

/* ---- names ---- */

static const char *folder_of(struct job *j)
{
	const struct towpath_leader_cache *c = j->spec->cache;
	struct str paths CLEANUP_STR = STR_INIT;
	struct digest_value version;

	wire_foreach (path, &c->paths)
		str_addf(&paths, "%s\n", *path);
	version = digest_of(DIGEST_SHA256, str_view(&paths));
	return arena_printf(&j->arena, "%s/%.32s", c->prefix, digest_hex(&version).text);
}

static int keyed_name(struct job *j, const char *key, const char **ret, struct err *err)
{
	struct str value CLEANUP_STR = STR_INIT;

	if (shell_expand(j, key, &value, err) < 0)
		return -1;
	*ret = arena_printf(&j->arena, "%s/key/%s", folder_of(j), str_text(&value));
	return 0;
}

static int choose_key(struct job *j, struct err *err)
{
	const char *key = j->spec->cache->key;

	if (key)
		return keyed_name(j, key, &j->cache.key, err);
	j->cache.key = arena_printf(&j->arena, "%s/cache.tar.gz", folder_of(j));
	return 0;
}

/* ---- what runs inside ---- */

static int run_inside(struct job *j, compute_builtin fn, const struct strv *argv, int fd,
	long long *ret_files, struct err *err)
{
	int report CLEANUP_FD = memfd_create("cache", MFD_CLOEXEC);
	struct str text CLEANUP_STR = STR_INIT;
	struct job_exit ended;
	const int fds[] = {fd, report};

	if (report < 0)
		return err_errno(err, errno, "cannot make a file in memory");
	if (job_builtin(j, fn, (const char *const *)argv->v, fds, ARRAY_SIZE(fds), &ended, err) < 0)
		return -1;
	if (lseek(report, 0, SEEK_SET) < 0 ||
		fd_read_all(report, LIMIT_COMMAND_OUTPUT, &text, err) < 0)
		return -1;
	if (starts_with(str_text(&text), "error "))
		return err_set(err, ERR_IO, "%s", str_text(&text) + strlen("error "));
	if (sscanf(str_text(&text), "ok %lld", ret_files) != 1)
		return err_set(err, ERR_IO, "it was ended too early");
	return 0;
}

/* ---- bringing ---- */

/* The object of the key, else the newest of the first fallback key that has one: 1, 0 none. */
static int fetch(
	struct job *j, struct cache_objects *o, int fd, const char **ret_key, struct err *err)
{
	const struct towpath_leader_cache *c = j->spec->cache;
	const char *prefix;
	int found = cache_object_get(o, j->cache.key, fd, &j->cache.sha256, err);

	*ret_key = j->cache.key;
	j->cache.hit = found > 0;
	for (size_t i = 0; found == 0 && c->key && i < c->fallback_keys.n; i++) {
		if (keyed_name(j, c->fallback_keys.v[i], &prefix, err) < 0)
			return -1;
		found = cache_object_latest(o, prefix, ret_key, err);
		if (found > 0)
			found = cache_object_get(o, *ret_key, fd, &j->cache.sha256, err);
	}
	return found;
}

static int restore(struct job *j, struct err *err)
{
	struct cache_objects o CLEANUP_CACHE_OBJECTS = {0};
	struct strv argv CLEANUP_STRV = {0};
	int fd CLEANUP_FD = open_scratch(j, err);
	long long files = 0;
	const char *key;
	int found;

	if (fd < 0 || cache_objects_open(j, &o, err) < 0)
		return -1;
	found = fetch(j, &o, fd, &key, err);
	if (found < 0)
		return -1;
	if (!found)
		return output_line(&j->output, err, "There is no cache s3://%s/%s yet", o.bucket,
			j->cache.key);
	strv_add(&argv, "unpack");
	if (lseek(fd, 0, SEEK_SET) < 0 ||
		run_inside(j, cache_unpack_inside, &argv, fd, &files, err) < 0)
		return err_wrap(err, "s3://%s/%s", o.bucket, key);
	return output_line(
		&j->output, err, "Downloaded cache s3://%s/%s: %lld file(s)", o.bucket, key, files);
}

int cache_bucket_restore(struct job *j, struct err *err)
{
	const struct towpath_leader_cache *c = j->spec->cache;
	struct err why CLEANUP_ERR = ERR_INIT;

	if (!c || !c->bucket || job_check_end(j))
		return 0;
	if (choose_key(j, &why) == 0 && (!wire_or(c->restore, true) || restore(j, &why) == 0))
		return 0;
	return output_line(&j->output, err, "Unable to download cache: %s", err_message(&why));
}

/* ---- storing ---- */

static int digest_all(int fd, struct digest_text *ret, struct err *err)
{
	struct digest sha CLEANUP_DIGEST = {0};
	char *buf CLEANUP(freep) = xmalloc(256 * KIB);
	struct digest_value value;
	ssize_t got;

	digest_init(&sha, DIGEST_SHA256);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_errno(err, errno, "cannot read the archive of the cache");
	while ((got = fd_read_full(fd, buf, 256 * KIB, err)) > 0)
		digest_update(&sha, buf, (size_t)got);
	value = digest_value(&sha);
	*ret = digest_hex(&value);
	return got < 0 ? -1 : 0;
}

static int pack(struct job *j, int fd, long long *ret_files, struct err *err)
{
	struct strv argv CLEANUP_STRV = {0};

	strv_add(&argv, "pack");
	strv_add(&argv, j->source_target);
	wire_foreach (path, &j->spec->cache->paths) {
		struct str value CLEANUP_STR = STR_INIT;

		if (shell_expand(j, *path, &value, err) < 0)
			return -1;
		strv_add(&argv, str_text(&value));
	}
	return run_inside(j, cache_pack_inside, &argv, fd, ret_files, err);
}

static int save(struct job *j, struct err *err)
{
	struct cache_objects o CLEANUP_CACHE_OBJECTS = {0};
	int fd CLEANUP_FD = open_scratch(j, err);
	bool keyed = j->spec->cache->key;
	struct digest_text sha256;
	long long files = 0;
	int stored;

	if (fd < 0 || pack(j, fd, &files, err) < 0 || digest_all(fd, &sha256, err) < 0)
		return -1;
	if (!files)
		return output_line(&j->output, err, "Skip cache due to: no file fits its paths");
	if (!keyed && streq(sha256.text, j->cache.sha256))
		return output_line(&j->output, err, "The cache has not changed");
	if (cache_objects_open(j, &o, err) < 0)
		return -1;
	stored = cache_object_put(&o, j->cache.key, fd, sha256.text, keyed, err);
	if (stored < 0)
		return -1;
	return output_line(&j->output, err,
		stored ? "Uploaded cache s3://%s/%s: %lld file(s)"
		       : "Cache s3://%s/%s is there already: %lld file(s) not stored",
		o.bucket, j->cache.key, files);
}

int cache_bucket_save(struct job *j, struct err *err)
{
	const struct towpath_leader_cache *c = j->spec->cache;
	struct err why CLEANUP_ERR = ERR_INIT;

	if (!c || !c->bucket || !j->cache.key || !wire_or(c->save, true) || job_check_end(j))
		return 0;
	if (c->key && j->cache.hit)
		return output_line(&j->output, err, "Cache s3://%s/%s is there already", c->bucket,
			j->cache.key);
	if (save(j, &why) == 0)
		return 0;
	return output_line(&j->output, err, "Unable to upload cache: %s", err_message(&why));
}
