/* SPDX-License-Identifier: Apache-2.0 */
/* The program: finds the command in the registry, parses its options, runs it. */
#include <signal.h>
#include <stdio.h>

#include "base/log.h"
#include "base/path.h"
#include "bin/command.h"

/* git finds its helper by this name: a link to this program. */
#define REMOTE_HELPER "git-remote-codecommit"

static int complain(const struct err *err)
{
	fprintf(stderr, "towpath: %s\n", err_message(err));
	if (err->hint)
		fprintf(stderr, "  %s\n", err->hint);
	return EXIT_FAILED;
}

static int run_command(const struct command *c, int argc, char **argv, struct err *err)
{
	struct options o CLEANUP(options_release) = {0};
	int status;

	if (options_parse(&o, c, argc, argv, err) < 0) {
		complain(err);
		return EXIT_USAGE;
	}
	if (option_flag(&o, "help")) {
		char *words[] = {(char *)(uintptr_t)c->name};

		return run_command(&command_help, 1, words, err);
	}
	status = c->run(&o, err);
	return status < 0 ? complain(err) : status;
}

int main(int argc, char **argv)
{
	struct err err CLEANUP_ERR = ERR_INIT;
	const char *name = argc > 1 ? argv[1] : "help";
	const struct command *c;

	if (argc > 0 && streq(path_base(argv[0]), REMOTE_HELPER))
		return run_command(&command_git_remote_codecommit, argc - 1, argv + 1, &err);
	log_setup(getenv("TOWPATH_LOG"));
	signal(SIGPIPE, SIG_IGN);
	if (streq(name, "--version"))
		name = "version";
	if (streq(name, "--help") || streq(name, "-h"))
		name = "help";
	c = command_find(name);
	if (!c) {
		err_set(&err, ERR_INVALID, "there is no command %s", name);
		err_hint(&err, "`towpath help` lists them");
		complain(&err);
		return EXIT_USAGE;
	}
	return run_command(c, MAX(argc - 2, 0), argv + 2, &err);
}
