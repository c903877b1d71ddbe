/* SPDX-License-Identifier: Apache-2.0 */
/* Artifacts into S3: one object, or a tree of them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "codec/archive.h"
#include "provider/build_world.h"

static void copy_metadata(
	const struct towpath_string_map *from, struct arena *a, struct s3_metadata *to)
{
	if (!from || !from->n)
		return;
	wire_list_alloc(a, to, from->n);
	for (size_t i = 0; i < from->n; i++) {
		to->v[i].key = from->v[i].key;
		to->v[i].value = from->v[i].value;
	}
}

static int need_bucket(const struct build_world *w, const char *bucket, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;

	if (!w->artifact)
		return err_set(err, ERR_UNSUPPORTED, "there are no buckets in this server");
	if (artifact_is_versioned(w->artifact, bucket, err) < 0)
		return err_wrap(err, "bucket %s", bucket);
	return 0;
}

int build_artifact_put_file(void *world, const char *bucket, const char *key, const char *path,
	const struct towpath_string_map *metadata, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct build_world *w = world;
	struct s3_metadata meta = {0};
	struct artifact_put put = {.bucket = bucket,
		.key = key,
		.content_type = "application/zip",
		.metadata = &meta,
		.server_side_encryption = BUCKET_ENCRYPTION};

	copy_metadata(metadata, &a, &meta);
	if (need_bucket(w, bucket, err) < 0)
		return -1;
	return artifact_put_path(w->artifact, &put, path, &a, NULL, err);
}

/* Opens a file of the tree; links are followed inside of it only. */
static int open_inside(int root, const char *name, struct err *err)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, root, name, &how, sizeof(how));

	return fd < 0 ? err_errno(err, errno, "artifact file %s", name) : fd;
}

static int put_one(struct build_world *w, const struct build_role *role, int root, const char *name,
	struct artifact_put *put, const char *prefix, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_FD int fd = open_inside(root, name, err);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return err_errno(err, errno, "artifact file %s", name);
	if (!S_ISREG(st.st_mode))
		return 0;
	put->key = arena_printf(&a, "%s%s", prefix, name);
	if (build_world_may_object(w, role, "s3:PutObject", put->bucket, put->key, err) < 0)
		return -1;
	return artifact_put_fd(w->artifact, put, fd, &a, NULL, err);
}

int build_artifact_put_tree(void *world, const struct build_role *role, const char *bucket,
	const char *prefix, const char *dir, const struct towpath_string_map *metadata,
	struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRV struct strv names = {0};
	CLEANUP_FD int root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct build_world *w = world;
	struct s3_metadata meta = {0};
	struct artifact_put put = {
		.bucket = bucket, .metadata = &meta, .server_side_encryption = BUCKET_ENCRYPTION};

	if (root < 0)
		return err_errno(err, errno, "open %s", dir);
	copy_metadata(metadata, &a, &meta);
	if (need_bucket(w, bucket, err) < 0 || archive_list_dir(dir, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (put_one(w, role, root, names.v[i], &put, prefix, err) < 0)
			return -1;
	return 0;
}
