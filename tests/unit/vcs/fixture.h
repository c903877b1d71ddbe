/* SPDX-License-Identifier: Apache-2.0 */
/* A repository in a folder of its own, for the tests of vcs/. */
#ifndef TOWPATH_TESTS_VCS_FIXTURE_H
#define TOWPATH_TESTS_VCS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "vcs/diff.h"

struct fixture {
	char dir[64];
	char *path;
	struct arena arena;
	struct vcs_repository *r;
};

#define OK(call)                                                       \
	({                                                             \
		struct err err_ = ERR_INIT;                            \
		int rc_ = (call);                                      \
		if (rc_ < 0)                                           \
			fail_msg("%s: %s", #call, err_message(&err_)); \
		err_release(&err_);                                    \
		rc_;                                                   \
	})
#define E (&err_)

static inline int setup_below(void **state, const char *parent)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "%s/towpath-vcs-XXXXXX", parent);
	assert_non_null(mkdtemp(f->dir));
	f->path = xasprintf("%s/r.git", f->dir);
	OK(vcs_repository_create(f->path, E));
	OK(vcs_repository_open(f->path, &f->r, E));
	*state = f;
	return 0;
}

static inline int setup(void **state)
{
	return setup_below(state, "/tmp");
}

/* For tests that write thousands of objects, each of which is synced. */
static inline int setup_in_memory(void **state)
{
	return setup_below(state, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	vcs_repository_close(f->r);
	arena_release(&f->arena);
	file_remove_tree(f->dir, NULL);
	free(f->path);
	free(f);
	return 0;
}

/* A commit that puts (or, content NULL, removes) one file on top of a parent (NULL: none). */
static inline struct vcs_id make_commit(struct fixture *f, const struct vcs_id *parent,
	const char *path, const char *content, int64_t when)
{
	struct vcs_id tree = VCS_ID_ZERO, id;
	struct vcs_commit before = {0};
	struct vcs_edit edit = {.path = path, .mode = content ? VCS_MODE_FILE : 0};
	struct vcs_signature who = {"Ann <x>", "ann@example.test", when, 90};

	if (parent) {
		assert_int_equal(OK(vcs_commit_read(f->r, parent, &f->arena, &before, E)), 1);
		tree = before.tree;
	}
	if (content)
		OK(vcs_blob_write(f->r, view_of(content), &edit.blob, E));
	OK(vcs_tree_edit(f->r, &tree, &edit, 1, &tree, E));
	OK(vcs_commit_write(f->r, &tree, parent, parent ? 1 : 0, &who, "message\n", &id, E));
	return id;
}

#endif
