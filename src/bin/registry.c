/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of the program. */
#include "bin/command.h"

const struct command *const commands[] = {
	&command_agent,
	&command_approve,
	&command_audit,
	&command_backup,
	&command_completion,
	&command_connection,
	&command_destroy,
	&command_doctor,
	&command_env,
	&command_git_credential,
	&command_git_remote_codecommit,
	&command_halt,
	&command_help,
	&command_key,
	&command_lint,
	&command_logs,
	&command_migrate,
	&command_pipeline,
	&command_reject,
	&command_reports,
	&command_restore,
	&command_retry,
	&command_rollback,
	&command_run,
	&command_serve,
	&command_status,
	&command_version,
	NULL,
};

const struct command *command_find(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (streq(commands[i]->name, name))
			return commands[i];
	return NULL;
}
