/* SPDX-License-Identifier: Apache-2.0 */
/* `towpath restore FILE`: makes a data folder from a backup. It is unpacked beside the folder's
 * place, every file is checked, and only then it takes that place. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "bin/answer.h"
#include "bin/backup_files.h"
#include "bin/command.h"
#include "codec/archive.h"
#include "store/migrations.h"

/* Opening and migrating proves that the database is whole and not of a newer program. */
static int check_database(const char *dir, struct err *err)
{
	char *url CLEANUP(freep) = xasprintf("sqlite:%s/towpath.db", dir);
	struct db *db CLEANUP(db_closep) = NULL;

	if (db_open(url, &db, err) < 0)
		return -1;
	return store_migrate(db, err);
}

static int unpack(const char *file, const char *dir, size_t *ret_files, struct err *err)
{
	int fd CLEANUP_FD = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, errno, "cannot open %s", file);
	if (archive_unpack(ARCHIVE_KIND_TGZ, fd, dir, NULL, NULL, err) < 0 ||
		backup_manifest_check(dir, ret_files, err) < 0)
		return err_wrap(err, "%s", file);
	return check_database(dir, err);
}

static int restore(const char *file, const char *data_dir, size_t *ret_files, struct err *err)
{
	char *beside CLEANUP(freep) = xasprintf("%s.restore-XXXXXX", data_dir);

	if (!mkdtemp(beside))
		return err_errno(err, errno, "cannot make %s", beside);
	/* An empty folder at the place is fine; rename() refuses any other. */
	if (unpack(file, beside, ret_files, err) < 0 || rename(beside, data_dir) < 0) {
		if (err->kind == ERR_NONE)
			err_errno(err, errno, "cannot put the data folder at %s", data_dir);
		if (errno == ENOTEMPTY || errno == EEXIST)
			err_hint(err, "restore into a folder that does not exist yet");
		file_remove_tree(beside, NULL);
		return -1;
	}
	return 0;
}

static int run(const struct options *o, struct err *err)
{
	char *data_dir CLEANUP(freep) = option_data_dir(o);
	size_t files;

	if (restore(o->words.v[0], data_dir, &files, err) < 0)
		return -1;
	answer_print(o,
		(const struct answer_member[]){
			{"dataDir", data_dir, 0}, {"files", NULL, (int64_t)files}, {NULL, NULL, 0}},
		"%s: %zu files restored and checked; start it with `towpath serve --data %s`",
		data_dir, files, data_dir);
	return EXIT_OK;
}

const struct command command_restore = {
	.name = "restore",
	.arguments = "FILE.tar.gz",
	.summary = "make a data folder from a backup, and check every file of it",
	.min_words = 1,
	.max_words = 1,
	.run = run,
};
