/* SPDX-License-Identifier: Apache-2.0 */
/* The store of unpacked layers: DIGEST is a layer, whole; DIGEST.lease is locked, shared, by
 * whoever uses it, and was changed last when somebody last took it; partial-... is being made or
 * removed.
 *
 * A layer is renamed away and its lease removed only under the exclusive lock of the lease. A lease
 * that is no longer in its place when its lock is had is taken anew. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/path.h"
#include "compute/image_internal.h"

/* ---- names ---- */

char *image_partial(const char *store)
{
	char tail[13];

	id_random_text(tail, 12, ID_ALPHABET_HEX);
	return xasprintf("%s/" IMAGE_PARTIAL "%s", store, tail);
}

static bool is_layer(const char *name)
{
	size_t n = 0;

	while (isdigit((unsigned char)name[n]) || (name[n] >= 'a' && name[n] <= 'f'))
		n++;
	return n == IMAGE_LAYER_DIGITS && !name[n];
}

/* ---- leases ---- */

static bool in_place(int fd, const char *path)
{
	struct stat here, there;

	return fstat(fd, &here) == 0 && stat(path, &there) == 0 && here.st_ino == there.st_ino &&
	       here.st_dev == there.st_dev;
}

/* 1; 0: somebody else has it (with LOCK_NB); -1. */
static int lock_lease(const char *path, int operation, int *ret, struct err *err)
{
	for (;;) {
		int fd CLEANUP_FD = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

		if (fd < 0)
			return err_errno(err, errno, "cannot open %s", path);
		if (flock(fd, operation) < 0) {
			if (errno == EINTR)
				continue;
			return errno == EWOULDBLOCK ? 0 : err_errno(err, errno, "%s", path);
		}
		if (in_place(fd, path)) {
			*ret = TAKE_FD(fd);
			return 1;
		}
	}
}

int image_lease(const struct image_store *store, const char *layer, int *ret, struct err *err)
{
	char *path CLEANUP(freep) = xasprintf("%s/%s.lease", store->dir, layer);
	const struct timespec now = {
		.tv_sec = store->now_usec / USEC_PER_SEC,
		.tv_nsec = store->now_usec % USEC_PER_SEC * 1000,
	};

	if (lock_lease(path, LOCK_SH, ret, err) < 0)
		return -1;
	if (futimens(*ret, (const struct timespec[]){now, now}) < 0)
		log_warn("compute", "cannot note the use of layer %s", layer);
	return 0;
}

/* ---- collection ---- */

/* Under the lease's exclusive lock; *ret is where the layer is now. */
static int take_out(const char *path, const char *lease, const char *partial, struct err *err)
{
	if (rename(path, partial) < 0)
		return err_errno(err, errno, "cannot move %s", path);
	return unlink(lease) < 0 ? err_errno(err, errno, "cannot remove %s", lease) : 0;
}

static int collect(const struct image_store *store, const char *layer, int64_t idle_usec,
	const char *mounts, struct err *err)
{
	char *path CLEANUP(freep) = path_join(store->dir, layer);
	char *lease CLEANUP(freep) = xasprintf("%s.lease", path);
	char *partial CLEANUP(freep) = image_partial(store->dir);
	int fd CLEANUP_FD = -1;
	struct stat st;
	int r;

	if (strstr(mounts, layer))
		return 0;
	r = lock_lease(lease, LOCK_EX | LOCK_NB, &fd, err);
	if (r <= 0)
		return r;
	if (fstat(fd, &st) < 0)
		return err_errno(err, errno, "%s", lease);
	if ((int64_t)st.st_mtime * USEC_PER_SEC > store->now_usec - idle_usec)
		return 0;
	if (take_out(path, lease, partial, err) < 0)
		return -1;
	fd_closep(&fd);
	log_info("compute", "layer %s is removed: nothing was started from it for long", layer);
	return file_remove_tree(partial, err);
}

int image_store_collect(const struct image_store *store, int64_t idle_usec, struct err *err)
{
	struct str mounts CLEANUP_STR = STR_INIT;
	DIR *dir = opendir(store->dir);
	const struct dirent *entry;
	int r;

	if (!dir)
		return errno == ENOENT ? 0 : err_errno(err, errno, "cannot open %s", store->dir);
	/* The layers below every mounted root are named there. */
	r = file_read("/proc/self/mountinfo", MOUNTS_MAX, &mounts, err);
	while (r == 0 && (entry = readdir(dir)))
		if (is_layer(entry->d_name))
			r = collect(store, entry->d_name, idle_usec, str_text(&mounts), err);
	closedir(dir);
	return r;
}

int image_store_clean(const char *store, struct err *err)
{
	DIR *dir = opendir(store);
	const struct dirent *entry;
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0 : err_errno(err, errno, "cannot open %s", store);
	while (r == 0 && (entry = readdir(dir))) {
		char *path CLEANUP(freep) = path_join(store, entry->d_name);

		if (starts_with(entry->d_name, IMAGE_PARTIAL))
			r = file_remove_tree(path, err);
	}
	closedir(dir);
	return r;
}
