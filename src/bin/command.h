/* SPDX-License-Identifier: Apache-2.0 */
/* A command of the program: one file a command, its row in the registry (registry.c). */
#ifndef TOWPATH_BIN_COMMAND_H
#define TOWPATH_BIN_COMMAND_H

#include "bin/options.h"

/* Exit statuses, as the manual states them. */
enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1, /* what was asked for did not work or its answer is "no" */
	EXIT_USAGE = 2,	 /* the command line is wrong */
};

struct command {
	const char *name;
	const char *arguments;		   /* in the usage line, e.g. "[-f] BUILD-ID" */
	const char *summary;		   /* one line, for the list of commands */
	const char *details;		   /* paragraphs for `towpath help NAME`, or NULL */
	const struct option_spec *options; /* ends with a row whose name is NULL; or NULL */
	int min_words, max_words;	   /* positional arguments; max -1: any number */
	bool hidden;			   /* for Towpath's own use: not listed */
	/* Returns an exit status, or -1 with err set (printed, status 1). */
	int (*run)(const struct options *o, struct err *err);
};

/* All commands, sorted by name; ends with NULL. */
extern const struct command *const commands[];
/* By name, or NULL. */
const struct command *command_find(const char *name);

/* The rows, one a file. */
extern const struct command command_agent, command_destroy, command_approve, command_audit,
	command_backup, command_completion, command_connection, command_doctor, command_reports,
	command_restore, command_env, command_git_credential, command_git_remote_codecommit,
	command_halt, command_help, command_key, command_lint, command_logs, command_migrate,
	command_pipeline, command_reject, command_retry, command_rollback, command_run,
	command_serve, command_status, command_version;

#endif
