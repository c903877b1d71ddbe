/* SPDX-License-Identifier: Apache-2.0 */
/* Which spool files log streams still need. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "codec/spool.h"
#include "signal/internal.h"
#include "store/migrations.h"

#define DAY (86400 * USEC_PER_SEC)
#define NOW (INT64_C(20000) * DAY)

static struct {
	char dir[64];
	char *keys;
	struct db *db;
	struct clock clock;
	struct durable *durable;
	struct signal_engine *e;
} t;

static int setup(void **state)
{
	char *url CLEANUP(freep) = NULL;
	struct err err CLEANUP_ERR = ERR_INIT;
	struct signal_config c = {.account = "123456789012", .region = "eu-central-1"};

	(void)state;
	snprintf(t.dir, sizeof(t.dir), "/tmp/towpath-retention-XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	url = xasprintf("sqlite:%s/test.db", t.dir);
	t.keys = xasprintf("%s/keys", t.dir);
	clock_init_simulated(&t.clock, NOW);
	c.keys_dir = t.keys;
	if (file_make_dirs(t.keys, 0700, &err) < 0 || db_open(url, &t.db, &err) < 0 ||
		store_migrate(t.db, &err) < 0 || durable_new(t.db, &t.clock, &t.durable, &err) < 0)
		fail_msg("%s", err_message(&err));
	c.durable = t.durable;
	if (signal_engine_new(&c, &t.e, &err) < 0)
		fail_msg("%s", err_message(&err));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	signal_engine_free(t.e);
	durable_free(t.durable);
	db_close(t.db);
	clock_release(&t.clock);
	free(t.keys);
	return file_remove_tree(t.dir, NULL);
}

/* ---- streams ---- */

struct stream {
	const char *group, *name;
	char *path;
	struct wire_int days;
};

static int stream_step(struct db_tx *tx, void *arg, struct err *err)
{
	const struct stream *s = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct logs_log_group g;

	if (signal_log_stream_attach(t.e, tx, s->group, s->name, s->path, err) < 0 ||
		store_document_get(tx, &STORE_LOG_GROUP, s->group, &a, &g, err) <= 0)
		return -1;
	g.retention_in_days = s->days;
	return store_document_put(tx, &STORE_LOG_GROUP, s->group, NULL, &g, err);
}

/* A stream that was made `made` ago, with one line of `line` ago (-1: no file at all). */
static char *stream(
	const char *folder, const char *name, int64_t made, int64_t line, struct wire_int days)
{
	char *dir CLEANUP(freep) = xasprintf("%s/%s", t.dir, folder);
	struct stream s = {name, name, xasprintf("%s/%s", dir, name), days};
	struct err err CLEANUP_ERR = ERR_INIT;
	struct spool_writer *w = NULL;

	clock_release(&t.clock);
	clock_init_simulated(&t.clock, NOW - made);
	if (file_make_dirs(dir, 0700, &err) < 0 ||
		durable_step(t.durable, stream_step, &s, &err) < 0)
		fail_msg("%s", err_message(&err));
	clock_release(&t.clock);
	clock_init_simulated(&t.clock, NOW);
	if (line < 0)
		return s.path;
	assert_int_equal(spool_writer_open(s.path, &w, &err), 0);
	assert_int_equal(spool_write(w, VIEW("a line\n"), NOW - line, &err), 0);
	assert_int_equal(spool_finish(w, NOW - line, &err), 0);
	spool_writer_free(w);
	return s.path;
}

struct pruning {
	char *dir;
	struct map kept;
};

static int prune_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct pruning *p = arg;

	return signal_log_spools_prune(t.e, tx, p->dir, &p->kept, err);
}

static int path_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct towpath_signal_stream s;
	const char *name = arg;
	char *key CLEANUP(freep) = xasprintf("%s:%s", name, name);

	if (store_document_get(tx, &STORE_LOG_STREAM, key, &a, &s, err) <= 0)
		return -1;
	return s.path ? -1 : 0;
}

static void test_retention(void **state)
{
	const struct wire_int forever = {0}, three = WIRE_SET_INT(3);
	char *kept[] = {
		stream("own", "forever", 900 * DAY, 900 * DAY, forever),
		stream("own", "young", 9 * DAY, 2 * DAY, three),
		stream("own", "not-yet-written", DAY, -1, three),
	};
	char *gone[] = {
		stream("own", "old", 9 * DAY, 4 * DAY, three),
		stream("own", "never-written", 9 * DAY, -1, three),
	};
	char *others = stream("owner", "old-elsewhere", 9 * DAY, 4 * DAY, three);
	struct pruning p = {.dir = xasprintf("%s/own", t.dir)};
	struct err err CLEANUP_ERR = ERR_INIT;

	(void)state;
	if (durable_step(t.durable, prune_step, &p, &err) < 0)
		fail_msg("%s", err_message(&err));
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		assert_true(map_has(&p.kept, kept[i]));
		free(kept[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(gone); i++) {
		assert_false(map_has(&p.kept, gone[i]));
		free(gone[i]);
	}
	assert_false(map_has(&p.kept, others));
	/* the stream stays, without lines; what lies in another folder is another's affair */
	assert_int_equal(db_read(t.db, path_step, "old", &err), 0);
	assert_int_equal(db_read(t.db, path_step, "forever", &err), -1);
	assert_int_equal(db_read(t.db, path_step, "old-elsewhere", &err), -1);
	free(others);
	free(p.dir);
	map_release(&p.kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_retention, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
