/* SPDX-License-Identifier: Apache-2.0 */
/* `towpath key rotate`: seals every secret of a stopped server with a new key. */
#include <stdio.h>

#include "base/fd.h"
#include "bin/answer.h"
#include "bin/command.h"
#include "bin/data_dir.h"
#include "bin/server_key.h"
#include "store/migrations.h"

static const struct option_spec options[] = {
	{"db", 0, "URL", "TOWPATH_DB", "the server's --db, when it is not SQLite"},
	{"key-file", 0, "FILE", "TOWPATH_KEY_FILE",
		"the server's --key-file, when it is not in the data folder"},
	{NULL, 0, NULL, NULL, NULL},
};

static int run(const struct options *o, struct err *err)
{
	char *data_dir CLEANUP(freep) = option_data_dir(o);
	char *sqlite CLEANUP(freep) = xasprintf("sqlite:%s/towpath.db", data_dir);
	char *path CLEANUP(freep) = server_key_path(data_dir, option_text(o, "key-file"));
	struct db *db CLEANUP(db_closep) = NULL;
	int lock CLEANUP_FD = -1;
	size_t n;

	if (!streq(o->words.v[0], "rotate"))
		return err_set(err, ERR_INVALID, "key can rotate, not %s", o->words.v[0]);
	if (data_dir_lock(data_dir, &lock, err) < 0 ||
		db_open(option_text(o, "db") ? option_text(o, "db") : sqlite, &db, err) < 0 ||
		store_migrate(db, err) < 0 || server_key_rotate(db, path, &n, err) < 0)
		return -1;
	answer_print(o,
		(const struct answer_member[]){
			{"keyFile", path, 0}, {"secrets", NULL, (int64_t)n}, {NULL, NULL, 0}},
		"%s: a new key, with which %zu secrets are sealed", path, n);
	return EXIT_OK;
}

const struct command command_key = {
	.name = "key",
	.arguments = "rotate",
	.summary = "seal all secrets with a new key",
	.details = "The server must be stopped; several that share a database, all of them. Access "
		   "keys,\n"
		   "parameters, secrets and connections are sealed anew, at once or not at all.\n"
		   "Temporary credentials and passwords of the image registry are good until they "
		   "end;\n"
		   "tokens of pages and of git LFS over SSH end.\n"
		   "The old key opens older backups: it is gone from this machine.",
	.options = options,
	.min_words = 1,
	.max_words = 1,
	.run = run,
};
