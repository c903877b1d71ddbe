/* SPDX-License-Identifier: Apache-2.0 */
/* Inside migrate/ only: a migration under way, and its folder:
 *   source      the source's address
 *   git/        a bare repository with the source's references under their own names
 *   send/       while a piece is sent: a repository with its references only
 *   check/      while all is proved: what the target gave back
 *   sent        what was sent, "<id> <reference>" a line, written before it is sent (plan.h, M2)
 *   scanned     the ids whose history was looked through for LFS
 *   lfs         stands there when the source uses LFS */
#ifndef TOWPATH_MIGRATE_STATE_H
#define TOWPATH_MIGRATE_STATE_H

#include "migrate/migrate.h"

struct migrate {
	const struct migrate_config *config;
	struct migrate_progress progress;
	struct migrate_git git; /* of git/ */
	struct migrate_report report;
	char *git_dir;
	struct map sent;
	int lock_fd, sent_fd;
	struct arena arena; /* what the report points to */
};

char *migrate_path(const struct migrate *m, const char *name) MUST_CHECK;
/* Notes that these are about to be sent. */
int migrate_sent_add(
	struct migrate *m, const struct migrate_change *const *changes, size_t n, struct err *err);
bool migrate_sent_has(const struct migrate *m, const char *name, const char *id);

/* fetch.c: brings git/ to what the source lists; *ret_done: something had to be done. */
int migrate_fetch(
	struct migrate *m, const struct migrate_refs *source, bool *ret_done, struct err *err);
/* push.c: carries out a plan; conflicts and the default branch's deletion are left out. */
int migrate_push(struct migrate *m, const struct migrate_plan *plan, const char *target_head,
	bool *ret_done, struct err *err);
/* lfs.c: whether the history uses LFS, looking at what is new in it. */
int migrate_lfs_detect(struct migrate *m, const struct migrate_refs *local, struct err *err);
bool migrate_lfs_used(const struct migrate *m);
/* Brings the LFS objects of git/ to the target. */
int migrate_lfs_carry(struct migrate *m, struct err *err);
/* Fetches the target's into another repository and compares with the pointers of git/. */
int migrate_lfs_verify(struct migrate *m, const struct migrate_git *check, struct err *err);

#endif
