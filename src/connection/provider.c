/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of git hosts. */
#include "base/mem.h"
#include "connection/engine.h"

static const struct connection_provider providers[] = {
	{"Bitbucket", "https://bitbucket.org", "x-token-auth", "commits"},
	{"GitHub", "https://github.com", "x-access-token", "commit"},
	{"GitHubEnterpriseServer", NULL, "x-access-token", "commit"},
	{"GitLab", "https://gitlab.com", "oauth2", "-/commit"},
	{"GitLabSelfManaged", NULL, "oauth2", "-/commit"},
};

const struct connection_provider *connection_provider_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(providers); i++)
		if (streq(providers[i].name, name))
			return &providers[i];
	return NULL;
}
