/* SPDX-License-Identifier: Apache-2.0 */
/* The interface that a git host has beside git, as far as builds need it. Private to build/. */
#ifndef TOWPATH_BUILD_HOST_API_H
#define TOWPATH_BUILD_HOST_API_H

#include "build/engine.h"
#include "build/host.h"
#include "net/http_client.h"

enum build_host_family { BUILD_HOST_GITHUB, BUILD_HOST_GITLAB, BUILD_HOST_BITBUCKET };
enum build_host_family build_host_family_of(const struct build_host *host);

/* Texts live in the arena that it was opened with. */
struct build_host_api {
	const struct build_host *host;
	enum build_host_family family;
	const char *root; /* of the source's repository: "https://api.github.com/repos/team/shop" */
	const char *header;
	bool insecure_tls;
};

/* With the source's credential (build_credential_of()): 1, 0 when there is none, -1. */
int build_host_api_open(const struct build_engine *e, const struct build_role *role,
	const struct codebuild_project_source *source, struct arena *a, struct build_host_api *ret,
	struct err *err);
/* One request; body: JSON or empty. Any answer is a success but those that may be another one
 * later: ERR_UNAVAILABLE, ERR_TIMEOUT. */
int build_host_api_call(const struct build_host_api *api, const char *method, const char *url,
	struct view body, struct http_answer *ret, struct err *err);

#endif
