/* SPDX-License-Identifier: Apache-2.0 */
/* Git LFS, below /v1/repos/<name>/info/lfs: the batch API with basic transfers, and locks.
 *
 * Downloads and lists need codecommit:GitPull, all else codecommit:GitPush, with
 * codecommit:References where the client names a reference. Clients come with the credentials of
 * git, or with a ticket that git-lfs-authenticate (over SSH) has given them. */
#ifndef TOWPATH_API_GITLFS_H
#define TOWPATH_API_GITLFS_H

#include "api/git_access.h"

/* The part of the repository's URL that is LFS's. */
#define GITLFS_PATH "info/lfs/"

/* Whether such a request is one of LFS's; tail is what follows the repository's name. */
bool gitlfs_matches(const char *tail);
/* Serves it, on a thread that may block. g: config, protocol, name and call.arena are set. */
void gitlfs_handle(struct git_access *g, struct http_exchange *x, const char *tail);
/* The answer to git-lfs-authenticate, as JSON: where and how whoever has that SSH key goes on. */
void gitlfs_authenticate(struct git_access *g, const char *ssh_key_id, struct str *out);

#endif
