/* SPDX-License-Identifier: Apache-2.0 */
/* `git-remote-codecommit`, as git calls it for codecommit://repo and codecommit::region://repo: the
 * helper of the same name for this server. Its link of that name leads to this program. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/spawn.h"
#include "bin/client.h"
#include "bin/command.h"
#include "codec/base64.h"

#define SCHEME "codecommit"

struct address {
	char *region;  /* NULL: any */
	char *profile; /* NULL: the environment's */
	char *repository;
};

static void address_release(struct address *a)
{
	free(a->region);
	free(a->profile);
	free(a->repository);
}

/* codecommit://[profile@]repo, or region://[profile@]repo. */
static int parse(const char *text, struct address *ret, struct err *err)
{
	const char *at = strstr(text, "://"), *name = at ? at + strlen("://") : "";
	const char *end = strchr(name, '@');

	if (at && end)
		ret->profile = xstrndup(name, (size_t)(end - name));
	name = end ? end + 1 : name;
	if (!*name || strchr(name, '/') || at == text)
		return err_set(err, ERR_INVALID,
			"%s is no address of a repository: codecommit://[profile@]NAME or "
			"codecommit::REGION://[profile@]NAME",
			text);
	ret->repository = xstrdup(name);
	if (!starts_with(text, SCHEME "://"))
		ret->region = xstrndup(text, (size_t)(at - text));
	return 0;
}

/* What the aws CLI's configuration says of a profile becomes the environment's. */
static int use_profile(const char *profile, struct err *err)
{
	static const struct {
		const char *setting, *variable;
		bool optional;
	} values[] = {{"aws_access_key_id", "AWS_ACCESS_KEY_ID", false},
		{"aws_secret_access_key", "AWS_SECRET_ACCESS_KEY", false},
		{"aws_session_token", "AWS_SESSION_TOKEN", true}};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		const char *argv[] = {
			"aws", "configure", "get", values[i].setting, "--profile", profile, NULL};
		CLEANUP_STR struct str out = STR_INIT;
		CLEANUP_ERR struct err failed = ERR_INIT;

		unsetenv(values[i].variable);
		if (spawn_check(argv, &out, &failed) < 0 && !values[i].optional)
			return err_set(err, ERR_NOT_FOUND, "the profile %s has no %s: %s", profile,
				values[i].setting, err_message(&failed));
		while (out.len && out.p[out.len - 1] == '\n')
			str_truncate(&out, out.len - 1);
		if (out.len)
			setenv(values[i].variable, str_text(&out), 1);
	}
	return 0;
}

static int check_region(const char *asked, struct err *err)
{
	const char *region = getenv("AWS_REGION");

	if (!asked || !region || streq(asked, region))
		return 0;
	return err_set(err, ERR_INVALID, "the server's region is %s, not %s", region, asked);
}

/* One more setting of git's for its children, in the environment: on a command line others would
 * see it. */
static void add_setting(const char *key, const char *value)
{
	const char *text = getenv("GIT_CONFIG_COUNT");
	int n = text ? atoi(text) : 0;
	CLEANUP(freep) char *key_name = xasprintf("GIT_CONFIG_KEY_%d", n);
	CLEANUP(freep) char *value_name = xasprintf("GIT_CONFIG_VALUE_%d", n);
	CLEANUP(freep) char *count = xasprintf("%d", n + 1);

	setenv(key_name, key, 1);
	setenv(value_name, value, 1);
	setenv("GIT_CONFIG_COUNT", count, 1);
}

static void add_credentials(const struct client *c, const char *repository)
{
	const char *url = client_url(c), *host = strstr(url, "://") + strlen("://");
	const char *token = getenv("AWS_SESSION_TOKEN");
	CLEANUP(freep) char *path = xasprintf("/v1/repos/%s", repository);
	CLEANUP(freep) char *key = xasprintf("http.%s%s.extraHeader", url, path);
	CLEANUP_STR struct str plain = STR_INIT, header = STR_INIT;

	str_addf(&plain, "%s%s%s:", client_key_id(c), token ? "%" : "", token ? token : "");
	client_git_password(c, host, path, &plain);
	str_add(&header, "Authorization: Basic ");
	base64_encode(str_view(&plain), &header);
	add_setting(key, str_text(&header));
}

static int run(const struct options *o, struct err *err)
{
	CLEANUP(address_release) struct address address = {0};
	CLEANUP(client_freep) struct client *c = NULL;
	CLEANUP(freep) char *url = NULL;

	if (parse(o->words.v[1], &address, err) < 0 || check_region(address.region, err) < 0 ||
		(address.profile && use_profile(address.profile, err) < 0) ||
		client_open(o, &c, err) < 0)
		return -1;
	add_credentials(c, address.repository);
	url = xasprintf("%s/v1/repos/%s", client_url(c), address.repository);
	execlp("git", "git", starts_with(url, "https:") ? "remote-https" : "remote-http",
		o->words.v[0], url, NULL);
	return err_errno(err, errno, "cannot start git");
}

const struct command command_git_remote_codecommit = {
	.name = "git-remote-codecommit",
	.arguments = "REMOTE URL",
	.summary = "git's helper for codecommit:// addresses",
	.details = "git finds it when a link named git-remote-codecommit in the PATH leads to "
		   "towpath.\n"
		   "Then  git clone codecommit://NAME  works, with the server and the key that\n"
		   "`towpath env` names, or those of a profile of the aws CLI: "
		   "codecommit://PROFILE@NAME.",
	.min_words = 2,
	.max_words = 2,
	.run = run,
};
