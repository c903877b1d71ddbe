/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's calls: the command service (JSON 1.1) and objects in S3, both signed. */
#ifndef TOWPATH_AGENT_CLIENT_H
#define TOWPATH_AGENT_CLIENT_H

#include "agent/config.h"
#include "codedeploy_commands.gen.h"
#include "net/http_client.h"

/* One a thread. */
struct agent_client {
	const struct agent_config *config;
	struct http_client *http;
	const char *run; /* names this process, in the user agent */
	bool (*cancelled)(void *arg);
	void *arg;
};

/* Calls operation `name`; req and *ret are of the operation's shapes. ERR_UNAVAILABLE,
 * ERR_TIMEOUT: ask again; ERR_SERVICE: the server refused (a 4xx). */
int agent_call(struct agent_client *c, const char *name, const void *req, struct arena *a,
	void *ret, struct err *err);
/* Fetches an object into the open file; *ret_etag (in the arena) without quotes. */
int agent_get_object(struct agent_client *c, const char *bucket, const char *key,
	const char *version, int fd, struct arena *a, const char **ret_etag, struct err *err);
/* GitHub's archive of a commit; token may be NULL. */
int agent_get_github(struct agent_client *c, const char *account, const char *repository,
	const char *commit, const char *bundle_type, const char *token, int fd, struct err *err);

#endif
