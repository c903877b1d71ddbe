/* SPDX-License-Identifier: Apache-2.0 */
/* Inside source/ only: the engine's parts, and what the operations share. */
#ifndef TOWPATH_SOURCE_ENGINE_H
#define TOWPATH_SOURCE_ENGINE_H

#include "source/ref_locks.h"
#include "source/source.h"
#include "store/source_repository.h"
#include "vcs/diff.h"

#define SOURCE_TASK_HEAD "source.head"	       /* subject: repository id */
#define SOURCE_TASK_REMOVE "source.remove"     /* subject: repository id */
#define SOURCE_TASK_MAINTAIN "source.maintain" /* subject: repository id */
#define SOURCE_TASK_SWEEP "source.sweep"       /* subject: "" */

#define SOURCE_FILE_MAX ((size_t)6291456) /* one file through the API */

struct source_engine {
	struct durable *durable;
	char *account, *region, *git_dir;
	int ssh_port;
	struct ref_locks locks;
	pthread_mutex_t mutex;
	struct map unsettled; /* ids of repositories with changes left to settle */
	int64_t started_usec; /* true time */
	struct source_teller teller;
};

/* Folder of a repository; in the arena. */
char *source_path(const struct source_engine *e, const char *repository_id, struct arena *a);
char *source_arn(const struct source_engine *e, const char *repository_name, struct arena *a);

/* Reads a repository by name: RepositoryNameRequiredException, InvalidRepositoryNameException,
 * RepositoryDoesNotExistException. */
int source_load(struct source_engine *e, const char *name, struct arena *a,
	struct store_source_repository *ret, struct err *err);
/* Its name, in the arena, or NULL. */
const char *source_name_by_id(struct source_engine *e, const char *id, struct arena *a);
/* The same as source_load(), and opens it on disk. */
int source_open(struct source_engine *e, const char *name, struct arena *a,
	struct store_source_repository *ret, struct vcs_repository **ret_git, struct err *err);

/* Makes HEAD on disk name the default branch that is stored. */
int source_write_head(struct source_engine *e, const char *repository_id, struct err *err);

/* Of a repository that is deleted: its pull requests, comments, rules' links, triggers, merges. */
int source_forget_reviews(struct db_tx *tx, const char *repository_id, struct err *err);

/* ---- checks of names: nonzero sets the exception ---- */

int source_check_repository_name(const char *name, struct err *err);
int source_check_branch_name(const char *name, struct err *err);
/* A full commit id; the exceptions are named by the caller. */
int source_check_id(const char *text, const char *required, const char *invalid, struct vcs_id *ret,
	struct err *err);
/* A file's path below the root. */
int source_check_path(const char *path, struct err *err);
/* Of a file that an operation puts there: that not too many folders lead to it. */
int source_check_depth(const char *path, struct err *err);

/* Author and message of a commit (each may be NULL): CommitMessageLengthExceededException,
 * NameLengthExceededException, InvalidEmailException. */
int source_check_author(const char *name, const char *email, const char *message, struct err *err);

/* A commit specifier (NULL: the default branch): *ret_branch (may be NULL) gets the branch it
 * named or NULL. CommitDoesNotExistException, InvalidCommitException. */
int source_find_commit(const struct store_source_repository *r, struct vcs_repository *git,
	const char *specifier, struct arena *a, struct vcs_commit *ret, const char **ret_branch,
	struct err *err);
/* The commit in the API's form. */
struct codecommit_commit *source_commit_of(const struct vcs_commit *c, struct arena *a);
/* NORMAL, EXECUTABLE or SYMLINK. */
const char *source_file_mode_name(uint32_t mode);

/* ---- pages of lists that may change in between ---- */

/* InvalidContinuationTokenException */
int source_bad_token(struct err *err);

/* Behind which one the page begins, and how many stood up to it (NULL and 0: at the start). */
struct source_page {
	const char *last;
	size_t place;
};
/* Reads a token of source_page_behind(): InvalidContinuationTokenException. */
int source_page_open(const char *token, struct source_page *ret, struct err *err);
/* Where in the list the page begins. keys: the first one's name, a pointer; others follow by
 * stride. */
size_t source_page_begin(const struct source_page *p, const void *keys, size_t n, size_t stride);
/* The token of the page from number next on, behind the one of this name. */
const char *source_page_behind(struct arena *a, size_t next, const char *last);

/* ---- pages of what one or two commits hold ---- */

/* The commits that the first page was of, whatever became of the branch that it was asked for, and
 * the last thing shown. All NULL: the first page. */
struct source_pin {
	const char *one, *two; /* ids; two may be NULL */
	const char *last;
};
/* Reads a token of source_pin_behind(): InvalidContinuationTokenException. */
int source_pin_open(const char *token, struct arena *a, struct source_pin *ret, struct err *err);
/* The token of the page behind `last`; two may be NULL. */
const char *source_pin_behind(
	struct arena *a, const struct vcs_id *one, const struct vcs_id *two, const char *last);
/* What is asked for on this page: the pinned commit, on the first page what the request says. */
static inline const char *source_pin_or(const char *pinned, const char *specifier)
{
	return pinned ? pinned : specifier;
}

/* InvalidMaxResultsException unless within 1..max. */
int source_page_size(struct wire_int asked, size_t dflt, size_t max, size_t *ret, struct err *err);

/* ---- events (event.c) ---- */

/* Tue Jun 18 10:34:20 UTC 2019, as the events have it; in the arena. */
const char *source_event_date(struct wire_time t, struct arena *a);

#endif
