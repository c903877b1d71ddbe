/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/lfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/path.h"
#include "crypto/digest.h"

#define OID_LENGTH 64
#define CHUNK (64 * KIB)

bool vcs_lfs_oid_valid(const char *oid)
{
	return oid && strlen(oid) == OID_LENGTH && strspn(oid, "0123456789abcdef") == OID_LENGTH;
}

/* As git-lfs itself has it: lfs/objects/ab/cd/abcd... */
static char *object_path(const char *path, const char *oid)
{
	return xasprintf("%s/lfs/objects/%.2s/%.2s/%s", path, oid, oid + 2, oid);
}

int vcs_lfs_find(const char *path, const char *oid, int64_t *ret_size, struct err *err)
{
	CLEANUP(freep) char *file = object_path(path, oid);
	struct stat st;

	if (stat(file, &st) == 0) {
		*ret_size = st.st_size;
		return 1;
	}
	return errno == ENOENT ? 0 : err_errno(err, errno, "cannot look for LFS object %s", oid);
}

int vcs_lfs_open(const char *path, const char *oid, int *ret_fd, int64_t *ret_size, struct err *err)
{
	CLEANUP(freep) char *file = object_path(path, oid);
	CLEANUP_FD int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "there is no LFS object %s", oid);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, errno, "cannot open LFS object %s", oid);
	*ret_size = st.st_size;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* ---- receiving ---- */

static int copy(const char *oid, const struct vcs_stream *s, int fd, struct err *err)
{
	CLEANUP_DIGEST struct digest d = {0};
	CLEANUP(freep) char *buf = xmalloc(CHUNK);
	struct digest_value v;
	int64_t total = 0;
	ssize_t got;

	digest_init(&d, DIGEST_SHA256);
	while ((got = s->read(s->arg, buf, CHUNK, err)) > 0) {
		total += got;
		if (total > VCS_LFS_OBJECT_MAX)
			return err_set(err, ERR_TOO_LARGE, "an LFS object has at most %lld GiB",
				(long long)(VCS_LFS_OBJECT_MAX / GIB));
		digest_update(&d, buf, (size_t)got);
		if (fd_write_all(fd, buf, (size_t)got, err) < 0)
			return err_wrap(err, "LFS object %s", oid);
	}
	if (got < 0)
		return -1;
	v = digest_value(&d);
	if (!streq(digest_hex(&v).text, oid))
		return err_set(err, ERR_INVALID,
			"what was sent is not the LFS object %s: its SHA-256 is %s", oid,
			digest_hex(&v).text);
	if (fsync(fd) < 0)
		return err_errno(err, errno, "cannot sync LFS object %s", oid);
	return 0;
}

/* Moves the finished file to its place; the folders on the way there are synced, for they may be
 * new. */
static int settle(const char *path, const char *oid, const char *tmp, struct err *err)
{
	CLEANUP(freep) char *file = object_path(path, oid);
	CLEANUP(freep) char *folder = xstrndup(file, (size_t)(path_base(file) - file - 1));

	if (file_make_dirs(folder, 0755, err) < 0)
		return -1;
	if (rename(tmp, file) < 0)
		return err_errno(err, errno, "cannot keep LFS object %s", oid);
	while (strlen(folder) >= strlen(path)) {
		if (file_sync_dir(folder, err) < 0)
			return -1;
		folder[path_base(folder) - folder - 1] = '\0';
	}
	return 0;
}

int vcs_lfs_receive(const char *path, const char *oid, const struct vcs_stream *s, struct err *err)
{
	CLEANUP(freep) char *folder = path_join(path, "lfs/tmp");
	CLEANUP(freep) char *tmp = path_join(folder, id_uuid().text);
	CLEANUP_FD int fd = -1;
	int rc;

	if (!file_exists(path))
		return err_set(err, ERR_NOT_FOUND, "the repository has been deleted");
	if (file_make_dirs(folder, 0755, err) < 0)
		return -1;
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_errno(err, errno, "cannot write LFS object %s", oid);
	rc = copy(oid, s, fd, err);
	if (rc == 0)
		rc = settle(path, oid, tmp, err);
	if (rc < 0)
		unlink(tmp);
	return rc;
}
