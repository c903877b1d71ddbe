/* SPDX-License-Identifier: Apache-2.0 */
/* `towpath connection complete ARN`: gives a connection its token, which its host is asked about;
 * `towpath connection show ARN`: how far it is, and with which host. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "bin/answer.h"
#include "bin/client.h"
#include "bin/command.h"
#include "towpath_connections.gen.h"

#define PAUSE_MSEC 100
#define PAUSES 600 /* the server gives the host half of this time */
#define TOKEN_MAX (4 * KIB)

typedef struct towpath_connections_describe_completion_response completion;

static const struct option_spec options[] = {
	{"token-file", 0, "FILE", NULL, "holds the token; - is standard input"},
	{"repository", 'r', "OWNER/NAME", NULL,
		"the host is asked for this one, which the token may read"},
	{"url", 0, "URL", NULL,
		"the host's address (default: of the connection's host, or the "
		"provider's public one)"},
	{"user", 0, "NAME", NULL, "goes with the token (default: as the provider wants it)"},
	{NULL, 0, NULL, NULL, NULL},
};

static int need(const struct options *o, const char *name, const char **ret, struct err *err)
{
	*ret = option_text(o, name);
	if (*ret)
		return 0;
	err_set(err, ERR_INVALID, "--%s is missing", name);
	return err_hint(err, "towpath connection complete ARN --token-file FILE --repository "
			     "OWNER/NAME");
}

static int read_token(const char *path, struct arena *a, const char **ret, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;
	int r = streq(path, "-") ? fd_read_all(STDIN_FILENO, TOKEN_MAX, &text, err)
				 : file_read(path, TOKEN_MAX, &text, err);

	if (r < 0)
		return err_wrap(err, "--token-file");
	*ret = arena_view_dup(a, view_trim(str_view(&text)));
	explicit_bzero(text.p, text.len);
	return **ret ? 0 : err_set(err, ERR_INVALID, "--token-file: %s holds no token", path);
}

static int describe(
	struct client *client, const char *arn, struct arena *a, completion *ret, struct err *err)
{
	struct towpath_connections_describe_completion_request req = {.connection_arn = arn};

	return client_call(client, &towpath_connections_service,
		TOWPATH_CONNECTIONS_OP_DESCRIBE_COMPLETION, &req, a, ret, err);
}

static void show(const struct options *o, const completion *c)
{
	answer_print(o,
		(const struct answer_member[]){{"status", c->connection_status, 0},
			{c->url ? "url" : NULL, c->url, 0}, {NULL, NULL, 0}},
		"%s%s%s", c->connection_status, c->url ? ": " : "", c->url ? c->url : "");
}

/* Until the host has been asked. */
static int await(
	struct client *client, const char *arn, struct arena *a, completion *ret, struct err *err)
{
	for (int i = 0; i < PAUSES; i++) {
		if (describe(client, arn, a, ret, err) < 0)
			return -1;
		if (!wire_or(ret->checking, false))
			return 0;
		nanosleep(&(struct timespec){0, PAUSE_MSEC * 1000000L}, NULL);
	}
	return err_set(err, ERR_TIMEOUT, "the server still waits for the host");
}

static int complete(const struct options *o, struct err *err)
{
	struct client *client CLEANUP(client_freep) = NULL;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const char *file, *arn = o->words.v[1];
	struct towpath_connections_complete_connection_request req = {.connection_arn = arn,
		.url = option_text(o, "url"),
		.user_name = option_text(o, "user")};
	struct towpath_connections_complete_connection_response started;
	completion c;

	if (need(o, "token-file", &file, err) < 0 ||
		need(o, "repository", &req.repository, err) < 0 ||
		read_token(file, &a, &req.token, err) < 0 || client_open(o, &client, err) < 0 ||
		client_call(client, &towpath_connections_service,
			TOWPATH_CONNECTIONS_OP_COMPLETE_CONNECTION, &req, &a, &started, err) < 0 ||
		await(client, arn, &a, &c, err) < 0)
		return -1;
	if (c.reason) {
		err_set(err, ERR_INVALID, "the host does not take the token: %s", c.reason);
		return err_hint(err, "nothing has changed: %s is %s", arn, c.connection_status);
	}
	show(o, &c);
	return EXIT_OK;
}

static int show_one(const struct options *o, struct err *err)
{
	struct client *client CLEANUP(client_freep) = NULL;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	completion c;

	if (client_open(o, &client, err) < 0 || describe(client, o->words.v[1], &a, &c, err) < 0)
		return -1;
	show(o, &c);
	return EXIT_OK;
}

static int run(const struct options *o, struct err *err)
{
	if (streq(o->words.v[0], "complete"))
		return complete(o, err);
	if (streq(o->words.v[0], "show"))
		return show_one(o, err);
	return err_set(err, ERR_INVALID, "connection can complete or show, not %s", o->words.v[0]);
}

const struct command command_connection = {
	.name = "connection",
	.arguments = "complete ARN --token-file FILE --repository OWNER/NAME | show ARN",
	.summary = "give a connection to a git host its token",
	.details = "What a browser does elsewhere: the connection is AVAILABLE once the host has "
		   "let git read\n"
		   "the repository with the token. Done again, it gives the connection another "
		   "token; the one of\n"
		   "before stays in force until the host has taken the new one.",
	.options = options,
	.min_words = 2,
	.max_words = 2,
	.run = run,
};
