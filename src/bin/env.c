/* SPDX-License-Identifier: Apache-2.0 */
/* `eval "$(towpath env)"`: points the aws CLI, SDKs and git to this server. */
#include <stdio.h>
#include <unistd.h>

#include "base/spawn.h"
#include "bin/command.h"
#include "bin/data_dir.h"

static const struct option_spec options[] = {
	{"no-function", 0, NULL, NULL, "only variables, also for an old aws CLI"},
	{NULL, 0, NULL, NULL, NULL},
};

/* The aws CLI takes AWS_ENDPOINT_URL since 2.13 and 1.29; Debian 12 has 2.9. */
static bool cli_is_old(void)
{
	const char *argv[] = {"aws", "--version", NULL};
	struct str out CLEANUP_STR = STR_INIT;
	int major, minor;

	if (spawn_check(argv, &out, NULL) < 0 ||
		sscanf(str_text(&out), "aws-cli/%d.%d", &major, &minor) != 2)
		return false;
	return (major == 2 && minor < 13) || (major == 1 && minor < 29);
}

/* The CLI's helper gives passwords; asked to store or erase one it would complain of the option. */
static const char git_helper[] = "!f() { test \"$1\" != get || aws codecommit credential-helper "
				 "--ignore-host-check get; }; f";

static int run(const struct options *o, struct err *err)
{
	char *data_dir CLEANUP(freep) = option_data_dir(o);
	struct server_info info CLEANUP(server_info_release) = {0};
	struct server_profile p CLEANUP(server_profile_release) = {0};

	if (server_info_read(data_dir, &info, err) < 0 ||
		server_profile_read(data_dir, &p, err) < 0)
		return -1;
	if (option_flag(o, "json")) {
		printf("{\"AWS_ENDPOINT_URL\":\"%s\",\"AWS_ACCESS_KEY_ID\":\"%s\","
		       "\"AWS_SECRET_ACCESS_KEY\":\"%s\",\"AWS_REGION\":\"%s\"",
			info.endpoint, p.key_id, p.secret, info.region);
		if (info.ca_file)
			printf(",\"AWS_CA_BUNDLE\":\"%s\"", info.ca_file);
		printf("}\n");
		return EXIT_OK;
	}
	printf("export AWS_ENDPOINT_URL='%s'\n", info.endpoint);
	printf("export AWS_ACCESS_KEY_ID='%s'\n", p.key_id);
	printf("export AWS_SECRET_ACCESS_KEY='%s'\n", p.secret);
	printf("export AWS_REGION='%s'\n", info.region);
	printf("export AWS_DEFAULT_REGION='%s'\n", info.region);
	/* Some operations would be asked at names in front of the endpoint's, which nobody knows.
	 */
	printf("export AWS_DISABLE_HOST_PREFIX_INJECTION=true\n");
	if (info.ca_file) {
		printf("export AWS_CA_BUNDLE='%s'\n", info.ca_file);
		printf("export NODE_EXTRA_CA_CERTS='%s'\n", info.ca_file);
	}
	printf("unset AWS_SESSION_TOKEN AWS_PROFILE AWS_DEFAULT_PROFILE\n");
	/* git asks the CLI's helper for passwords, for this server's repositories only. */
	printf("export GIT_CONFIG_COUNT='%d'\n", info.ca_file ? 3 : 2);
	printf("export GIT_CONFIG_KEY_0='credential.%s.helper'\n", info.endpoint);
	printf("export GIT_CONFIG_VALUE_0='%s'\n", git_helper);
	printf("export GIT_CONFIG_KEY_1='credential.%s.useHttpPath'\n", info.endpoint);
	printf("export GIT_CONFIG_VALUE_1='true'\n");
	if (info.ca_file) {
		printf("export GIT_CONFIG_KEY_2='http.%s.sslCAInfo'\n", info.endpoint);
		printf("export GIT_CONFIG_VALUE_2='%s'\n", info.ca_file);
	}
	if (!option_flag(o, "no-function") && cli_is_old())
		printf("aws() { command aws --endpoint-url \"$AWS_ENDPOINT_URL\" \"$@\"; }\n");
	return EXIT_OK;
}

const struct command command_env = {
	.name = "env",
	.summary = "print shell lines that point aws and git to the server",
	.details =
		"Use it as  eval \"$(towpath env)\" . An aws CLI too old to know AWS_ENDPOINT_URL\n"
		"is wrapped in a shell function that passes --endpoint-url.",
	.options = options,
	.run = run,
};
