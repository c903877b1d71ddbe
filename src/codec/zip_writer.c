/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/zip_writer.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"

#define CHUNK (256 * KIB)

struct zip_writer {
	struct archive *a;
	char *buffer;
};

static int fail(struct zip_writer *z, const char *what, struct err *err)
{
	int number = archive_errno(z->a);

	if (number == ENOSPC) /* of which the library says no more than "Write error" */
		return err_errno(err, number, "cannot %s", what);
	return err_set(err, ERR_IO, "cannot %s: %s", what, archive_error_string(z->a));
}

int zip_writer_new(int fd, struct zip_writer **ret, struct err *err)
{
	struct zip_writer *z CLEANUP_ZIP_WRITER = xcalloc(1, sizeof(*z));

	z->buffer = xmalloc(CHUNK);
	z->a = archive_write_new();
	if (!z->a)
		return err_set(err, ERR_INTERNAL, "cannot make a ZIP writer");
	/* The fastest level: artifacts are written once and read once or twice. */
	if (archive_write_set_format_zip(z->a) != ARCHIVE_OK ||
		archive_write_set_options(z->a, "zip:compression-level=1,hdrcharset=UTF-8") <
			ARCHIVE_WARN ||
		archive_write_open_fd(z->a, fd) != ARCHIVE_OK)
		return fail(z, "start a ZIP archive", err);
	*ret = TAKE_PTR(z);
	return 0;
}

void zip_writer_free(struct zip_writer *z)
{
	if (!z)
		return;
	archive_write_free(z->a);
	free(z->buffer);
	free(z);
}

static struct archive_entry *entry(const char *name, const struct stat *st)
{
	struct archive_entry *e = archive_entry_new();

	archive_entry_copy_stat(e, st);
	archive_entry_set_pathname_utf8(e, name);
	if (!archive_entry_pathname(e)) /* not UTF-8: as it is */
		archive_entry_set_pathname(e, name);
	return e;
}

static int copy(struct zip_writer *z, const char *name, int fd, struct err *err)
{
	ssize_t got;

	while ((got = read(fd, z->buffer, CHUNK)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(err, errno, "cannot read %s", name);
		if (archive_write_data(z->a, z->buffer, (size_t)got) < 0)
			return fail(z, "write a ZIP archive", err);
	}
	return 0;
}

int zip_writer_add_file(
	struct zip_writer *z, const char *name, int fd, const struct stat *st, struct err *err)
{
	struct archive_entry *e = entry(name, st);
	int r = archive_write_header(z->a, e);

	archive_entry_free(e);
	if (r < ARCHIVE_WARN)
		return fail(z, "write a ZIP archive", err);
	return copy(z, name, fd, err);
}

int zip_writer_add_link(struct zip_writer *z, const char *name, const char *target,
	const struct stat *st, struct err *err)
{
	struct archive_entry *e = entry(name, st);
	int r;

	archive_entry_set_symlink(e, target);
	archive_entry_set_size(e, (int64_t)strlen(target));
	r = archive_write_header(z->a, e);
	archive_entry_free(e);
	return r < ARCHIVE_WARN ? fail(z, "write a ZIP archive", err) : 0;
}

int zip_writer_close(struct zip_writer *z, struct err *err)
{
	return archive_write_close(z->a) == ARCHIVE_OK ? 0 : fail(z, "finish a ZIP archive", err);
}
