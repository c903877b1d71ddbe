/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/backup_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/path.h"
#include "codec/archive.h"
#include "crypto/digest.h"

#define MANIFEST_LIMIT (256 * MIB)

/* Length and digest of a file. */
static int measure(const char *path, int64_t *ret_length, struct digest_text *ret, struct err *err)
{
	int fd CLEANUP_FD = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct digest d CLEANUP_DIGEST = {0};
	struct digest_value value;
	static char buf[256 * 1024];
	ssize_t got;

	if (fd < 0)
		return err_errno(err, errno, "cannot open %s", path);
	digest_init(&d, DIGEST_SHA256);
	*ret_length = 0;
	while ((got = fd_read_full(fd, buf, sizeof(buf), err)) > 0) {
		digest_update(&d, buf, (size_t)got);
		*ret_length += got;
	}
	if (got < 0)
		return err_wrap(err, "%s", path);
	value = digest_value(&d);
	*ret = digest_hex(&value);
	return 0;
}

static bool is_file(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode);
}

int backup_manifest_write(const char *dir, size_t *ret_files, struct err *err)
{
	char *manifest CLEANUP(freep) = path_join(dir, BACKUP_MANIFEST);
	struct strv names CLEANUP_STRV = {0};
	struct str text CLEANUP_STR = STR_INIT;

	*ret_files = 0;
	if (archive_list_dir(dir, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		char *path CLEANUP(freep) = path_join(dir, names.v[i]);
		struct digest_text digest;
		int64_t length;

		if (!is_file(path))
			continue;
		if (measure(path, &length, &digest, err) < 0)
			return -1;
		str_addf(&text, "%s %lld %s\n", digest.text, (long long)length, names.v[i]);
		(*ret_files)++;
	}
	return file_write_atomic(manifest, str_view(&text), 0600, err);
}

static int check_line(const char *dir, struct view line, struct err *err)
{
	struct view digest = view_cut(&line, ' '), length = view_cut(&line, ' ');
	char *name CLEANUP(freep) = line.p ? xstrndup(line.p, line.len) : NULL;
	char *path CLEANUP(freep) = NULL;
	struct digest_text found;
	int64_t n;

	if (!name || !path_is_inside(name))
		return err_set(err, ERR_INVALID,
			"line \"" VIEW_FMT "\" of the manifest is unusable", VIEW_ARG(digest));
	path = path_join(dir, name);
	if (measure(path, &n, &found, err) < 0)
		return -1;
	if (!view_eq_str(digest, found.text))
		return err_set(err, ERR_INVALID,
			"%s is not as it was backed up (%lld bytes, " VIEW_FMT " before)", name,
			(long long)n, VIEW_ARG(length));
	return 0;
}

int backup_manifest_check(const char *dir, size_t *ret_files, struct err *err)
{
	char *manifest CLEANUP(freep) = path_join(dir, BACKUP_MANIFEST);
	struct str text CLEANUP_STR = STR_INIT;
	struct view rest;

	if (file_read(manifest, MANIFEST_LIMIT, &text, err) < 0)
		return err_wrap(err, "this is no backup of towpath");
	rest = str_view(&text);
	*ret_files = 0;
	while (rest.len) {
		struct view line = view_cut(&rest, '\n');

		if (line.len && check_line(dir, line, err) < 0)
			return -1;
		*ret_files += line.len > 0;
	}
	return 0;
}
