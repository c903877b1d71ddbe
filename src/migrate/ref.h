/* SPDX-License-Identifier: Apache-2.0 */
/* References of a repository as git lists them, and which of them a migration carries. */
#ifndef TOWPATH_MIGRATE_REF_H
#define TOWPATH_MIGRATE_REF_H

#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"
#include "migrate/git.h"

enum migrate_kind { MIGRATE_TAG, MIGRATE_BRANCH, MIGRATE_NOTE, MIGRATE_PULL, MIGRATE_KINDS };

struct migrate_ref {
	const char *name, *id; /* full name; 40 hexadecimal digits */
	enum migrate_kind kind;
};

struct migrate_refs {
	struct arena arena;
	VEC(struct migrate_ref) list; /* in the order of the listing */
	struct map by_name;	      /* -> index + 1 */
	const char *head;	      /* what HEAD names, or NULL */
};

void migrate_refs_release(struct migrate_refs *r);
#define CLEANUP_MIGRATE_REFS CLEANUP(migrate_refs_release)
/* The id of a reference, or NULL; borrowed. */
const char *migrate_refs_find(const struct migrate_refs *r, const char *name);

/* Whether a reference is carried: branches, tags and notes; with pulls also the heads of pull
 * requests as GitHub, Gitea and Forgejo (refs/pull/N/head), GitLab (refs/merge-requests/N/head)
 * and Bitbucket (refs/pull-requests/N/from) show them. Everything else is the host's own. */
bool migrate_ref_carried(struct view name, bool pulls, enum migrate_kind *ret);

/* Lists what an address offers (git ls-remote), versions of tags in their order. */
int migrate_refs_remote(const struct migrate_git *g, const char *url, bool pulls,
	struct migrate_refs *ret, struct err *err);
/* Lists what stands in the repository g->dir, the oldest first. */
int migrate_refs_local(
	const struct migrate_git *g, bool pulls, struct migrate_refs *ret, struct err *err);

#endif
