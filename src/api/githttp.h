/* SPDX-License-Identifier: Apache-2.0 */
/* Git over smart HTTP, below /v1/repos/<name>: clone, fetch and push by real git clients.
 *
 * Every request authenticates by HTTP Basic: none answers 401, a wrong one 403 (so that git keeps
 * asking its helper rather than the user), an unknown repository 404. Fetching needs
 * codecommit:GitPull. Pushing needs codecommit:GitPush twice: when references are advertised,
 * without codecommit:References, and for each reference of the push, with it. */
#ifndef TOWPATH_API_GITHTTP_H
#define TOWPATH_API_GITHTTP_H

#include "api/git_access.h"

/* Whether a request is one of git's: the server's routes ask this first. */
bool githttp_matches(const struct http_exchange *x);
/* The mode of such a request; may reply at once and answer HTTP_REFUSE. */
enum http_mode githttp_classify(const struct git_access_config *c, struct http_exchange *x);
/* Serves it, on a thread that may block. */
void githttp_handle(const struct git_access_config *c, struct http_exchange *x);

#endif
