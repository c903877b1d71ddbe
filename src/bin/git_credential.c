/* SPDX-License-Identifier: Apache-2.0 */
/* `towpath git-credential get`: a git credential helper for this server, as the aws CLI's is. */
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "bin/client.h"
#include "bin/command.h"

#define REQUEST_MAX (64 * KIB)

static const struct option_spec options[] = {
	{NULL, 0, NULL, NULL, NULL},
};

/* The value of a line "name=value" of git's request, or an empty view. */
static struct view value_of(struct view text, const char *name)
{
	while (text.len) {
		struct view value = view_cut(&text, '\n'), key = view_cut(&value, '=');

		if (view_eq_str(key, name))
			return value;
	}
	return (struct view){"", 0};
}

/* "v1/repos/NAME" of "v1/repos/NAME/info/lfs": what passwords are made for. */
static struct view repository_path(struct view path)
{
	size_t slashes = 0, n = 0;

	for (; n < path.len; n++)
		if (path.p[n] == '/' && ++slashes == 3)
			break;
	return (struct view){path.p, n};
}

static int run(const struct options *o, struct err *err)
{
	struct client *client CLEANUP(client_freep) = NULL;
	struct str request CLEANUP_STR = STR_INIT, password CLEANUP_STR = STR_INIT;
	char *host CLEANUP(freep) = NULL, *path CLEANUP(freep) = NULL;
	struct view where;

	if (!streq(o->words.v[0], "get")) /* nothing is stored, nothing to erase */
		return EXIT_OK;
	if (fd_read_all(STDIN_FILENO, REQUEST_MAX, &request, err) < 0 ||
		client_open(o, &client, err) < 0)
		return -1;
	where = value_of(str_view(&request), "host");
	host = xstrndup(where.p, where.len);
	where = repository_path(value_of(str_view(&request), "path"));
	path = xasprintf("/" VIEW_FMT, VIEW_ARG(where));
	client_git_password(client, host, path, &password);
	printf("username=%s\npassword=%s\n", client_key_id(client), str_text(&password));
	return EXIT_OK;
}

const struct command command_git_credential = {
	.name = "git-credential",
	.arguments = "get|store|erase",
	.summary = "give git a password for a repository of the server",
	.details = "A credential helper of git's (gitcredentials(7)): signs with the key that the\n"
		   "other commands use. The password holds for 15 minutes. Set it up with\n"
		   "  git config --global credential.URL.helper '!towpath git-credential'\n"
		   "  git config --global credential.URL.useHttpPath true",
	.options = options,
	.min_words = 1,
	.max_words = 1,
	.run = run,
};
