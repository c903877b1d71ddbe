/* SPDX-License-Identifier: Apache-2.0 */
#include "build/host.h"

#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "vcs/remote.h"

static const struct build_host hosts[] = {
	{"GITHUB", "GitHub", "github.com", "refs/pull/", "x-access-token"},
	{"GITHUB_ENTERPRISE", "GitHub Enterprise", NULL, "refs/pull/", "x-access-token"},
	{"GITLAB", "GitLab", "gitlab.com", "refs/merge-requests/", "oauth2"},
	{"GITLAB_SELF_MANAGED", "GitLab", NULL, "refs/merge-requests/", "oauth2"},
	{"BITBUCKET", "Bitbucket", "bitbucket.org", NULL, "x-token-auth"},
};

const struct build_host *build_host_of(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
		if (streq(hosts[i].type, type))
			return &hosts[i];
	return NULL;
}

static bool is_plain(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || *text == 0x7f || strchr("\\\"'?#", *text))
			return false;
	return true;
}

int build_host_check(const struct build_host *h, const char *location, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const char *folder;

	if (vcs_remote_url_has_secret(location))
		return err_set(err, ERR_INVALID,
			"source location must not hold a password or token; give it to "
			"ImportSourceCredentials");
	if (!vcs_remote_is_url(location) || (h->host && !starts_with(location, "https://")))
		return err_set(err, ERR_INVALID,
			"source location %s is not an HTTP%s clone URL of %s "
			"(https://%s/OWNER/REPOSITORY)",
			location, h->host ? "S" : " or HTTPS", h->label,
			h->host ? h->host : "HOST");
	folder = build_host_folder(location, &a);
	if (h->host &&
		(strncmp(folder, h->host, strlen(h->host)) != 0 || folder[strlen(h->host)] != '/'))
		return err_set(err, ERR_INVALID,
			"source location %s is not on %s; for a host of your own use source type "
			"GITHUB_ENTERPRISE or GITLAB_SELF_MANAGED",
			location, h->host);
	if (!strchr(folder, '/') || ends_with(folder, "/") || !is_plain(location) ||
		!path_is_inside(folder))
		return err_set(
			err, ERR_INVALID, "source location %s names no repository", location);
	return 0;
}

const char *build_host_folder(const char *location, struct arena *a)
{
	const char *host = strstr(location, "://"), *at;
	size_t n;
	char *text;

	host = host ? host + 3 : location;
	n = strcspn(host, "/");
	at = memrchr(host, '@', n);
	if (at)
		host = at + 1;
	n = strcspn(host, ":/");
	text = arena_printf(a, "%.*s%s", (int)n, host, host + strcspn(host, "/"));
	while (ends_with(text, "/"))
		text[strlen(text) - 1] = 0;
	if (ends_with(text, ".git"))
		text[strlen(text) - strlen(".git")] = 0;
	return text;
}
