/* SPDX-License-Identifier: Apache-2.0 */
/* `towpath agent`. */
#include "agent/agent.h"
#include "bin/command.h"

static const struct option_spec options[] = {
	{"config-file", 0, "FILE", NULL,
		"the agent's file (default: " AGENT_CONFIG_FILE ", if there is one)"},
	{"ca-bundle", 0, "FILE", NULL,
		"certificates that say which servers to believe (default: AWS_CA_BUNDLE)"},
	{"endpoint", 0, "URL", NULL, "the server (default: AWS_ENDPOINT_URL, or the file)"},
	{"s3-endpoint", 0, "URL", NULL, "where revisions are (default: the server)"},
	{"host-id", 0, "ARN", NULL,
		"who this host is (default: TOWPATH_INSTANCE_ID, or the on-premises file)"},
	{"region", 0, "REGION", NULL, "(default: AWS_REGION, or the on-premises file)"},
	{"root", 0, "DIR", NULL,
		"where revisions and records are kept (default: " AGENT_ROOT_DIR ")"},
	{0},
};

static int run(const struct options *o, struct err *err)
{
	struct agent_config config CLEANUP(agent_config_release) = {0};
	struct agent_flags flags = {
		.config_file = option_text(o, "config-file"),
		.ca_bundle = option_text(o, "ca-bundle"),
		.endpoint = option_text(o, "endpoint"),
		.s3_endpoint = option_text(o, "s3-endpoint"),
		.host_id = option_text(o, "host-id"),
		.region = option_text(o, "region"),
		.root_dir = option_text(o, "root"),
	};

	if (agent_config_load(&flags, &config, err) < 0 || agent_run(&config, err) < 0)
		return -1;
	return EXIT_OK;
}

const struct command command_agent = {
	.name = "agent",
	.arguments = "",
	.summary = "run deployments on this host",
	.details = "Asks the server for commands of CodeDeploy deployments to this host and runs "
		   "them: fetches revisions, installs files, runs the hooks of the AppSpec file. "
		   "Credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or from the "
		   "on-premises file of the stock CodeDeploy agent, whose configuration file is "
		   "read as well.\n\n"
		   "SIGTERM ends the agent when what it runs has ended.",
	.options = options,
	.run = run,
};
