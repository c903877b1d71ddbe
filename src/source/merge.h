/* SPDX-License-Identifier: Apache-2.0 */
/* Inside source/ only: a merge of two commits of a repository as the API asks for it. Commits are
 * "source" (what is merged) and "destination" (what it is merged into). */
#ifndef TOWPATH_SOURCE_MERGE_H
#define TOWPATH_SOURCE_MERGE_H

#include "source/engine.h"
#include "towpath.gen.h"
#include "vcs/merge.h"

enum merge_option { MERGE_FAST_FORWARD, MERGE_SQUASH, MERGE_THREE_WAY };

struct merge_author {
	const char *name, *email, *message;
};

/* What requests about merges have in common; members that an operation lacks are NULL. */
struct merge {
	struct source_engine *e;
	struct call *call;
	const char *repository_name, *source_specifier, *destination_specifier;
	const char *level_name, *strategy_name;
	const struct codecommit_conflict_resolution *resolution;
	struct merge_author author;
	bool keep_empty_folders;
	/* found by merge_open(): */
	struct store_source_repository r;
	struct vcs_repository *git;
	struct vcs_commit source, destination;
	const char *destination_branch; /* when the specifier was one */
	struct vcs_id base;
	bool related; /* there is a base */
	/* made by merge_commit(): */
	struct vcs_id tree, commit;
};

void merge_release(struct merge *m);
#define CLEANUP_SOURCE_MERGE CLEANUP(merge_release)

/* The members of a request that names both sides. */
#define MERGE_FROM(req)                                                  \
	.e = e, .call = call, .repository_name = (req)->repository_name, \
	.source_specifier = (req)->source_commit_specifier,              \
	.destination_specifier = (req)->destination_commit_specifier
/* The members of how conflicts are met. */
#define MERGE_CONFLICTS_FROM(req)                   \
	.level_name = (req)->conflict_detail_level, \
	.strategy_name = (req)->conflict_resolution_strategy
/* The members of requests that make a commit. */
#define MERGE_COMMIT_FROM(req)                                               \
	.resolution = (req)->conflict_resolution,                            \
	.author = {(req)->author_name, (req)->email, (req)->commit_message}, \
	.keep_empty_folders = wire_or((req)->keep_empty_folders, false)

/* MergeOptionRequiredException, InvalidMergeOptionException. */
int merge_option(const char *name, enum merge_option *ret, struct err *err);
const char *merge_option_name(enum merge_option option);
/* Level and strategy (NULL: the defaults): InvalidConflictDetailLevelException,
 * InvalidConflictResolutionStrategyException. */
int merge_check_names(const struct merge *m, struct err *err);
/* Checks the names, opens the repository and finds both commits and their base. */
int merge_open(struct merge *m, struct err *err);
/* The same of commits that are known already, in a repository that is open. */
int merge_find_base(struct merge *m, struct err *err);

/* Merges without settling what is left by the request's resolution. */
int merge_run(struct merge *m, struct vcs_merge **ret, struct err *err);
/* Lines or files, as conflicts are counted. */
bool merge_by_file(const struct merge *m);
/* 1 when source can be merged so, 0 when not. */
int merge_possible(struct merge *m, enum merge_option option, struct err *err);
/* Settles conflicts as the request's resolution says. */
int merge_resolve(struct merge *m, struct vcs_merge *v, struct err *err);
/* Makes the commit (a fast forward: none, the source's is the result):
 * ManualMergeRequiredException and those of the resolution. */
int merge_commit(
	struct merge *m, enum merge_option option, const char *default_message, struct err *err);
/* Writes down that the merge was made, for GetMergeCommit. */
int merge_record(struct merge *m, struct err *err);
/* What the event of a reference says of a merge. */
struct towpath_event_ref merge_event(struct merge *m, enum merge_option option);

/* A conflict of one file in the API's form, with up to max pieces from number `start` on (hunks
 * NULL: none); *ret_more: there are further ones. */
int merge_describe(struct merge *m, const struct vcs_merge_conflict *c, bool conflict,
	struct codecommit_conflict_metadata *ret, struct codecommit_merge_hunks *hunks,
	size_t start, size_t max, bool *ret_more, struct err *err);

#endif
