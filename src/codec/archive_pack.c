/* SPDX-License-Identifier: Apache-2.0 */
/* Packing files of a folder into zip, tar and tar.gz. */
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "codec/archive.h"
#include "codec/archive_locale.h"

struct packer {
	struct archive *out;
	int dir;
	struct archive_stats stats;
};

static int fail(struct archive *a, const char *name, struct err *err)
{
	int errnum = archive_errno(a);

	if (errnum == ENOSPC) /* of which the library says no more than "Write error" */
		return err_errno(err, errnum, "packing %s", name);
	return err_set(err, ERR_IO, "packing %s: %s", name, archive_error_string(a));
}

static int pack_content(struct packer *p, const char *name, int fd, struct err *err)
{
	char buf[64 * 1024];
	ssize_t got;

	while ((got = read(fd, buf, sizeof(buf))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(err, errno, "reading %s", name);
		if (archive_write_data(p->out, buf, (size_t)got) < 0)
			return fail(p->out, name, err);
		p->stats.bytes += got;
	}
	return 0;
}

static int set_link(
	struct packer *p, const char *name, struct archive_entry *entry, struct err *err)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(p->dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return err_errno(err, errno, "reading the link %s", name);
	target[n] = '\0';
	archive_entry_copy_symlink(entry, target);
	return 0;
}

static int pack_entry(
	struct packer *p, const char *name, struct archive_entry *entry, struct err *err)
{
	CLEANUP_FD int fd = -1;
	struct stat st;

	if (fstatat(p->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(err, errno, "packing %s", name);
	if (S_ISREG(st.st_mode)) {
		fd = openat(p->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0 || fstat(fd, &st) < 0)
			return err_errno(err, errno, "opening %s", name);
	} else if (!S_ISDIR(st.st_mode) && !S_ISLNK(st.st_mode)) {
		return err_set(err, ERR_INVALID,
			"%s is no file, folder or link: it cannot be packed", name);
	}
	archive_entry_copy_pathname(entry, name);
	archive_entry_copy_stat(entry, &st);
	archive_entry_set_uid(entry, 0);
	archive_entry_set_gid(entry, 0);
	archive_entry_unset_atime(entry);
	archive_entry_unset_ctime(entry);
	if (S_ISLNK(st.st_mode) && set_link(p, name, entry, err) < 0)
		return -1;
	if (!S_ISREG(st.st_mode))
		archive_entry_set_size(entry, 0);
	if (archive_write_header(p->out, entry) < ARCHIVE_WARN)
		return fail(p->out, name, err);
	p->stats.entries++;
	return fd >= 0 ? pack_content(p, name, fd, err) : 0;
}

static int set_format(struct packer *p, enum archive_kind kind)
{
	if (kind == ARCHIVE_KIND_ZIP)
		return archive_write_set_format_zip(p->out);
	if (kind == ARCHIVE_KIND_TGZ && archive_write_add_filter_gzip(p->out) != ARCHIVE_OK)
		return ARCHIVE_FATAL;
	return archive_write_set_format_pax_restricted(p->out);
}

static void packer_release(struct packer *p)
{
	if (p->out)
		archive_write_free(p->out);
	fd_closep(&p->dir);
}

static void entry_freep(struct archive_entry **e)
{
	archive_entry_free(*e);
}

int archive_pack(enum archive_kind kind, const char *dir, const struct strv *names, int fd,
	struct archive_stats *stats, struct err *err)
{
	ARCHIVE_LOCALE(locale);
	CLEANUP(packer_release) struct packer p = {.dir = -1};
	CLEANUP(entry_freep) struct archive_entry *entry = archive_entry_new();

	p.dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p.dir < 0)
		return err_errno(err, errno, "opening %s", dir);
	p.out = archive_write_new();
	if (!p.out || !entry)
		BUG("out of memory");
	archive_write_set_bytes_in_last_block(p.out, 1);
	if (set_format(&p, kind) != ARCHIVE_OK || archive_write_open_fd(p.out, fd) != ARCHIVE_OK)
		return fail(p.out, dir, err);
	for (size_t i = 0; i < names->n; i++) {
		archive_entry_clear(entry);
		if (pack_entry(&p, names->v[i], entry, err) < 0)
			return -1;
	}
	if (archive_write_close(p.out) != ARCHIVE_OK)
		return fail(p.out, dir, err);
	if (stats)
		*stats = p.stats;
	return 0;
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* The names in one folder, sorted. */
static int read_names(int at, const char *path, struct strv *names, struct err *err)
{
	int fd = openat(at, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	CLEANUP(closedirp) DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (!d)
		return err_errno(err, errno, "reading the folder %s", path);
	while ((entry = readdir(d)))
		if (!streq(entry->d_name, ".") && !streq(entry->d_name, ".."))
			strv_add(names, entry->d_name);
	if (names->n)
		qsort(names->v, names->n, sizeof(*names->v), compare_text);
	return 0;
}

static int list_below(int at, const char *path, int depth, struct strv *out, struct err *err)
{
	CLEANUP_STRV struct strv names = {0};
	struct stat st;

	if (depth > 256)
		return err_set(err, ERR_INVALID, "folders are nested too deep at %s", path);
	if (read_names(at, path, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP(freep)
		char *full = *path ? xasprintf("%s/%s", path, names.v[i]) : xstrdup(names.v[i]);

		strv_add(out, full);
		if (fstatat(at, full, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return err_errno(err, errno, "looking at %s", full);
		if (S_ISDIR(st.st_mode) && list_below(at, full, depth + 1, out, err) < 0)
			return -1;
	}
	return 0;
}

int archive_list_dir(const char *dir, struct strv *names, struct err *err)
{
	CLEANUP_FD int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, errno, "opening %s", dir);
	return list_below(fd, "", 0, names, err);
}

int archive_pack_all(enum archive_kind kind, const char *dir, int fd, struct archive_stats *stats,
	struct err *err)
{
	CLEANUP_STRV struct strv names = {0};

	if (archive_list_dir(dir, &names, err) < 0)
		return -1;
	return archive_pack(kind, dir, &names, fd, stats, err);
}
