/* SPDX-License-Identifier: Apache-2.0 */
/* A source engine on its own data folder and a simulated clock, and calls made to it. */
#ifndef TOWPATH_TESTS_SOURCE_FIXTURE_H
#define TOWPATH_TESTS_SOURCE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "source/engine.h"
#include "store/migrations.h"

struct fixture {
	char dir[64];
	struct db *db;
	struct clock clock;
	struct durable *d;
	struct source_engine *e;
	struct arena arena;
	struct call call;
};

#define OK(call_)                                                       \
	({                                                              \
		struct err err_ = ERR_INIT;                             \
		int rc_ = (call_);                                      \
		if (rc_ < 0)                                            \
			fail_msg("%s: %s", #call_, err_message(&err_)); \
		err_release(&err_);                                     \
		rc_;                                                    \
	})
#define E (&err_)
/* The call fails with this exception. */
#define FAILS(call_, name)                                                                         \
	do {                                                                                       \
		struct err err_ = ERR_INIT;                                                        \
		int rc_ = (call_);                                                                 \
		if (rc_ >= 0)                                                                      \
			fail_msg("%s succeeded", #call_);                                          \
		if (!streq(err_wire_name(&err_), name "Exception"))                                \
			fail_msg(                                                                  \
				"%s, not %s: %s", err_wire_name(&err_), name, err_message(&err_)); \
		err_release(&err_);                                                                \
	} while (0)

static inline void start_engine(struct fixture *f)
{
	struct source_config c = {
		.account = "111122223333", .region = "eu-west-1", .data_dir = f->dir};
	char *url = xasprintf("sqlite:%s/towpath.db", f->dir);

	OK(db_open(url, &f->db, E));
	free(url);
	OK(store_migrate(f->db, E));
	OK(durable_new(f->db, &f->clock, &f->d, E));
	c.durable = f->d;
	OK(source_engine_new(&c, &f->e, E));
}

static inline void stop_engine(struct fixture *f)
{
	f->e = source_engine_free(f->e);
	f->d = durable_free(f->d);
	f->db = db_close(f->db);
}

static inline int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/towpath-source-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	clock_init_simulated(&f->clock, INT64_C(1700000000) * USEC_PER_SEC);
	start_engine(f);
	f->call = (struct call){.arena = &f->arena,
		.account = "111122223333",
		.region = "eu-west-1",
		.partition = "aws",
		.principal_arn = "arn:aws:iam::111122223333:user/ann",
		.endpoint = "http://127.0.0.1:8080"};
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	stop_engine(f);
	clock_release(&f->clock);
	arena_release(&f->arena);
	file_remove_tree(f->dir, NULL);
	free(f);
	return 0;
}

struct entries {
	struct fixture *f;
	struct journal_entry *v;
	size_t n;
};

static inline int read_entries(struct db_tx *tx, void *arg, struct err *err)
{
	struct entries *e = arg;

	return journal_read(tx, 0, 1000, &e->f->arena, &e->v, &e->n, err);
}

/* All of the journal. */
static inline struct entries journal_of(struct fixture *f)
{
	struct entries e = {.f = f};

	OK(db_read(f->db, read_entries, &e, E));
	return e;
}

static inline const char *create(struct fixture *f, const char *name)
{
	struct codecommit_create_repository_request req = {.repository_name = name};
	struct codecommit_create_repository_response resp = {0};

	OK(source_create_repository(f->e, &f->call, &req, &resp, E));
	return resp.repository_metadata->repository_id;
}

/* Puts one file; returns the commit. */
static inline const char *put(struct fixture *f, const char *repository, const char *branch,
	const char *parent, const char *path, const char *content)
{
	struct codecommit_put_file_request req = {.repository_name = repository,
		.branch_name = branch,
		.parent_commit_id = parent,
		.file_path = path,
		.file_content = view_of(content)};
	struct codecommit_put_file_response resp = {0};

	OK(source_put_file(f->e, &f->call, &req, &resp, E));
	return resp.commit_id;
}

#endif
