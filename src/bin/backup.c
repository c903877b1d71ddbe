/* SPDX-License-Identifier: Apache-2.0 */
/* `towpath backup FILE`: everything of a data folder that cannot be made again, consistent at one
 * moment, while the server runs.
 *
 * B1 What the database names at that moment is in the backup: files of objects and repositories
 *    are linked before the database is copied and once more after it, so that neither what was
 *    about to go nor what had just come is missing. Object files and git's packs never change.
 *    The audit's head is copied before its records, which may go on behind it: a start takes them
 * in. B2 FILE appears whole or not at all. B3 MANIFEST holds length and SHA-256 of every file;
 * restore checks each. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/timefmt.h"
#include "bin/answer.h"
#include "bin/backup_files.h"
#include "bin/command.h"
#include "codec/archive.h"
#include "db/db.h"

static const struct option_spec options[] = {
	{"db", 0, "URL", "TOWPATH_DB", "the server's --db, when it is not SQLite"},
	{NULL, 0, NULL, NULL, NULL},
};

#define AUDIT_HEAD "/audit/head"

/* What a backup holds beside the database. Runtimes and build caches can be had again; instances
 * are made anew by their groups. */
static const struct folder {
	const char *name;
	bool grows; /* files are appended to: copied, since a link would grow on */
} folders[] = {
	{"audit", true},
	{"builds", true},
	{"deploy", true},
	{"git", false},
	{"keys", true},
	{"objects", false},
};

/* Where nftw's callback works: it has no argument. */
static struct {
	const char *from, *to;
	bool copy;
	struct err *err;
} linking;

/* What the file holds at this moment. */
static int copy_file(const char *from, const char *to, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;
	int in CLEANUP_FD = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int out CLEANUP_FD = -1;
	ssize_t got;

	if (in < 0)
		return errno == ENOENT ? 0 : err_errno(err, errno, "cannot open %s", from);
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (out < 0)
		return err_errno(err, errno, "cannot create %s", to);
	str_reserve(&text, MIB);
	while ((got = fd_read_full(in, text.p, MIB, err)) > 0)
		if (fd_write_all(out, text.p, (size_t)got, err) < 0)
			return err_wrap(err, "%s", to);
	return (int)got;
}

/* What pushes, uploads and packing have half done in a repository, told by its path in the data
 * folder. */
static bool is_half_done(const char *below)
{
	static const char *const places[] = {
		"/lfs/tmp/", "/objects/tmp_", "/objects/pack/tmp_", "/objects/pack/.tmp-"};
	const char *in = starts_with(below, "/git/") ? strchr(below + strlen("/git/"), '/') : NULL;

	for (size_t i = 0; in && i < ARRAY_SIZE(places); i++)
		if (starts_with(in, places[i]))
			return true;
	return false;
}

static int link_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	char *target CLEANUP(freep) = xasprintf("%s%s", linking.to, path + strlen(linking.from));

	(void)ftw;
	if (type == FTW_D)
		return file_make_dirs(target, st->st_mode & 07777, linking.err) < 0 ? -1 : 0;
	if (!S_ISREG(st->st_mode) || ends_with(path, ".tmp") || ends_with(path, ".lock") ||
		ends_with(path, AUDIT_HEAD) || is_half_done(path + strlen(linking.from)))
		return 0;
	if (linking.copy)
		return copy_file(path, target, linking.err);
	if (link(path, target) < 0 && errno != EEXIST && errno != ENOENT) {
		err_errno(linking.err, errno, "cannot link %s", path);
		return -1;
	}
	return 0;
}

static int copy_audit_head(const char *data_dir, const char *stage, struct err *err)
{
	char *from CLEANUP(freep) = xasprintf("%s" AUDIT_HEAD, data_dir);
	char *dir CLEANUP(freep) = xasprintf("%s/audit", stage);
	char *to CLEANUP(freep) = xasprintf("%s" AUDIT_HEAD, stage);

	return file_make_dirs(dir, 0700, err) < 0 ? -1 : copy_file(from, to, err);
}

static int link_folders(const char *data_dir, const char *stage, struct err *err)
{
	linking.from = data_dir;
	linking.to = stage;
	linking.err = err;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		char *folder CLEANUP(freep) = xasprintf("%s/%s", data_dir, folders[i].name);

		linking.copy = folders[i].grows;
		if (file_exists(folder) && nftw(folder, link_one, 32, FTW_PHYS) != 0)
			return -1;
	}
	return 0;
}

/* References are replaced by rename: a link keeps the state of its moment. They are linked before
 * what they point to. */
static int stage_all(const char *data_dir, const char *url, const char *stage, struct err *err)
{
	char *copy CLEANUP(freep) = xasprintf("%s/towpath.db", stage);
	char *from CLEANUP(freep) = xasprintf("%s/credentials", data_dir);
	char *to CLEANUP(freep) = xasprintf("%s/credentials", stage);
	struct db *db CLEANUP(db_closep) = NULL;

	if (copy_audit_head(data_dir, stage, err) < 0 || link_folders(data_dir, stage, err) < 0 ||
		db_open(url, &db, err) < 0 || db_backup(db, copy, err) < 0 ||
		link_folders(data_dir, stage, err) < 0)
		return -1;
	if (link(from, to) < 0 && errno != ENOENT)
		return err_errno(err, errno, "cannot link %s", from);
	return 0;
}

static int pack(const char *stage, const char *file, struct archive_stats *stats, struct err *err)
{
	char *temp CLEANUP(freep) = xasprintf("%s.tmp", file);
	char *slash = strrchr(file, '/');
	char *dir CLEANUP(freep) = slash ? xstrndup(file, (size_t)(slash - file)) : xstrdup(".");
	int fd CLEANUP_FD = open(temp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_errno(err, errno, "cannot create %s", temp);
	if (archive_pack_all(ARCHIVE_KIND_TGZ, stage, fd, stats, err) < 0) {
		unlink(temp);
		return -1;
	}
	if (fsync(fd) < 0 || rename(temp, file) < 0) {
		err_errno(err, errno, "cannot write %s", file);
		unlink(temp);
		return -1;
	}
	return file_sync_dir(dir[0] ? dir : "/", err);
}

static int backup(const char *data_dir, const char *url, const char *file,
	struct archive_stats *stats, size_t *ret_files, struct err *err)
{
	char *stage CLEANUP(freep) = xasprintf("%s/run/backup-XXXXXX", data_dir);
	int r;

	if (!mkdtemp(stage))
		return err_errno(err, errno, "cannot make a folder in %s/run", data_dir);
	r = stage_all(data_dir, url, stage, err);
	if (r == 0)
		r = backup_manifest_write(stage, ret_files, err);
	if (r == 0)
		r = pack(stage, file, stats, err);
	file_remove_tree(stage, NULL);
	return r;
}

static int run(const struct options *o, struct err *err)
{
	char *data_dir CLEANUP(freep) = option_data_dir(o);
	char *sqlite CLEANUP(freep) = xasprintf("sqlite:%s/towpath.db", data_dir);
	const char *url = option_text(o, "db") ? option_text(o, "db") : sqlite;
	const char *file = o->words.v[0];
	struct archive_stats stats = {0};
	size_t files;
	int64_t start = monotonic_usec();

	if (!file_exists(data_dir)) {
		err_set(err, ERR_NOT_FOUND, "there is no data folder %s", data_dir);
		return err_hint(err, "name the server's folder with --data");
	}
	if (backup(data_dir, url, file, &stats, &files, err) < 0)
		return err_wrap(err, "backup of %s", data_dir);
	answer_print(o,
		(const struct answer_member[]){{"file", file, 0}, {"files", NULL, (int64_t)files},
			{"bytes", NULL, (int64_t)stats.bytes}, {NULL, NULL, 0}},
		"%s: %zu files, %.1f MB in %s", file, files, (double)stats.bytes / 1e6,
		timefmt_duration(monotonic_usec() - start).text);
	return EXIT_OK;
}

const struct command command_backup = {
	.name = "backup",
	.arguments = "FILE.tar.gz",
	.summary = "copy all state of a server to one file, while it runs",
	.details = "The file holds keys and secrets: keep it as safe as the data folder.",
	.options = options,
	.min_words = 1,
	.max_words = 1,
	.run = run,
};
