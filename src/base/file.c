/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/id.h"
#include "base/mem.h"

int file_read(const char *path, size_t limit, struct str *out, struct err *err)
{
	int fd CLEANUP_FD = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, errno, "cannot open %s", path);
	if (fd_read_all(fd, limit, out, err) < 0)
		return err_wrap(err, "%s", path);
	return 0;
}

int file_sync_dir(const char *path, struct err *err)
{
	int fd CLEANUP_FD = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return err_errno(err, errno, "cannot sync folder %s", path);
	return 0;
}

static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

static int write_new(const char *path, struct view bytes, mode_t mode, bool sync, struct err *err)
{
	int fd CLEANUP_FD = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	if (fd < 0)
		return err_errno(err, errno, "cannot create %s", path);
	if (fd_write_all(fd, bytes.p, bytes.len, err) < 0)
		return err_wrap(err, "%s", path);
	if (fchmod(fd, mode) < 0 || (sync && fsync(fd) < 0))
		return err_errno(err, errno, "cannot sync %s", path);
	return 0;
}

static int replace(const char *path, struct view bytes, mode_t mode, bool sync, struct err *err)
{
	char suffix[9];
	char *temp CLEANUP(freep) = NULL;

	id_random_text(suffix, 8, ID_ALPHABET_HEX);
	temp = xasprintf("%s.%s.tmp", path, suffix);
	if (write_new(temp, bytes, mode, sync, err) < 0) {
		unlink(temp);
		return -1;
	}
	if (rename(temp, path) < 0) {
		err_errno(err, errno, "cannot rename %s to %s", temp, path);
		unlink(temp);
		return -1;
	}
	return 0;
}

int file_replace(const char *path, struct view bytes, mode_t mode, struct err *err)
{
	return replace(path, bytes, mode, false, err);
}

int file_write_atomic(const char *path, struct view bytes, mode_t mode, struct err *err)
{
	char *dir CLEANUP(freep) = parent_of(path);

	return replace(path, bytes, mode, true, err) < 0 ? -1 : file_sync_dir(dir, err);
}

int file_make_dirs(const char *path, mode_t mode, struct err *err)
{
	char *part CLEANUP(freep) = xstrdup(path);

	for (char *p = part + 1;; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(part, mode) < 0 && errno != EEXIST)
			return err_errno(err, errno, "cannot make folder %s", part);
		*p = c;
		if (c == '\0')
			return 0;
	}
}

void file_spread_folders(const char *path)
{
	int fd CLEANUP_FD = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int flags;

	if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0 || flags & FS_TOPDIR_FL)
		return;
	flags |= FS_TOPDIR_FL;
	if (ioctl(fd, FS_IOC_SETFLAGS, &flags) < 0)
		errno = 0; /* a hint only */
}

static int remove_at(int dirfd, const char *name, dev_t dev, struct err *err);

static int remove_children(int fd, dev_t dev, struct err *err)
{
	DIR *dir = fdopendir(fd);
	struct dirent *e;
	int r = 0;

	if (!dir) {
		close(fd);
		return err_errno(err, errno, "fdopendir");
	}
	while (r == 0 && (e = readdir(dir)))
		if (!streq(e->d_name, ".") && !streq(e->d_name, ".."))
			r = remove_at(dirfd(dir), e->d_name, dev, err);
	closedir(dir);
	return r;
}

static int remove_at(int parent, const char *name, dev_t dev, struct err *err)
{
	struct stat st;
	int fd;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_errno(err, errno, "cannot stat %s", name);
	if (!S_ISDIR(st.st_mode)) {
		if (unlinkat(parent, name, 0) < 0 && errno != ENOENT)
			return err_errno(err, errno, "cannot remove %s", name);
		return 0;
	}
	if (dev && st.st_dev != dev)
		return err_set(err, ERR_IO,
			"cannot remove %s: another file system is mounted there", name);
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) /* somebody else may be removing the same tree */
		return errno == ENOENT ? 0 : err_errno(err, errno, "cannot open folder %s", name);
	if (remove_children(fd, st.st_dev, err) < 0)
		return err_wrap(err, "%s", name);
	if (unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_errno(err, errno, "cannot remove folder %s", name);
	return 0;
}

int file_remove_tree(const char *path, struct err *err)
{
	return remove_at(AT_FDCWD, path, 0, err);
}

int file_tree_usage(const char *path, uint64_t enough, uint64_t *ret, struct err *err)
{
	char *paths[] = {(char *)(uintptr_t)path, NULL};
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	FTSENT *e;

	*ret = 0;
	if (!tree)
		return err_errno(err, errno, "cannot look at %s", path);
	while (*ret <= enough && (e = fts_read(tree)))
		if (e->fts_info != FTS_DP && e->fts_info != FTS_NS && e->fts_info != FTS_ERR &&
			e->fts_info != FTS_DNR)
			*ret += (uint64_t)e->fts_statp->st_blocks * 512;
	fts_close(tree);
	return 0;
}

bool file_exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}
