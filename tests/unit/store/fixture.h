/* SPDX-License-Identifier: Apache-2.0 */
/* A fresh database with all tables: SQLite, or what TOWPATH_TEST_DB names. */
#ifndef TOWPATH_TESTS_STORE_FIXTURE_H
#define TOWPATH_TESTS_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/migrations.h"

static struct db *db;
static char dir[64];

static int set_up(void **state)
{
	const char *url = getenv("TOWPATH_TEST_DB");
	char *sqlite CLEANUP(freep) = NULL;
	struct err err CLEANUP_ERR = ERR_INIT;

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/towpath-store-XXXXXX");
	assert_non_null(mkdtemp(dir));
	sqlite = xasprintf("sqlite:%s/test.db", dir);
	if (db_open(url ? url : sqlite, &db, &err) < 0 || store_migrate(db, &err) < 0)
		fail_msg("%s", err_message(&err));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	db_close(db);
	return file_remove_tree(dir, NULL);
}

#endif
