/* SPDX-License-Identifier: Apache-2.0 */
/* Git over SSH, behind the gate (src/gate): ssh://<SSH key id>@host:port/v1/repos/<name>.
 *
 * A client logs in with a key of an IAM user, by the key's id; only git-upload-pack and
 * git-receive-pack run. Permissions, the way of a push and records are those of HTTP
 * (git_access.h). */
#ifndef TOWPATH_API_GITSSH_H
#define TOWPATH_API_GITSSH_H

#include "api/git_access.h"

/* Serves one client over its link (net/ssh_link.h), which it closes, to its end. Blocks. address is
 * the client's. */
void gitssh_serve(const struct git_access_config *c, int link, const char *address);

#endif
