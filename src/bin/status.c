/* SPDX-License-Identifier: Apache-2.0 */
/* `towpath status`: the server, and the state of each pipeline in one line. */
#include <stdio.h>

#include "bin/client.h"
#include "bin/command.h"
#include "codepipeline.gen.h"

/* "Source Succeeded > Build InProgress > Deploy -" */
static int add_pipeline(
	struct client *client, const char *name, bool json, struct str *out, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct codepipeline_get_pipeline_state_request req = {.name = name};
	struct codepipeline_get_pipeline_state_response state;
	const char *separator = "";

	if (client_call(client, &codepipeline_service, CODEPIPELINE_OP_GET_PIPELINE_STATE, &req, &a,
		    &state, err) < 0)
		return -1;
	if (json) {
		wire_encode_json(&codepipeline_get_pipeline_state_response_shape, &state, out);
		return 0;
	}
	str_addf(out, "%-24s", name);
	wire_foreach (stage, &state.stage_states) {
		str_addf(out, "%s %s %s", separator, stage->stage_name,
			stage->latest_execution ? stage->latest_execution->status : "-");
		separator = " >";
	}
	str_add_c(out, '\n');
	return 0;
}

static void open_output(const struct client *client, bool json, struct str *out)
{
	int rate = client_clock_rate(client);

	if (json) {
		str_addf(out, "{\"endpoint\":\"%s\",", client_endpoint(client));
		if (rate)
			str_addf(out, "\"clockRate\":%d,", rate);
		str_add(out, "\"pipelines\":[");
		return;
	}
	str_addf(out, "server %s answers\n", client_endpoint(client));
	if (rate > 1)
		str_addf(out, "its clock runs %d times as fast as true time\n", rate);
}

static int run(const struct options *o, struct err *err)
{
	struct client *client CLEANUP(client_freep) = NULL;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct codepipeline_list_pipelines_request req = {0};
	struct codepipeline_list_pipelines_response resp;
	struct str out CLEANUP_STR = STR_INIT;
	bool json = option_flag(o, "json");
	const char *separator = "";

	if (client_open(o, &client, err) < 0)
		return -1;
	open_output(client, json, &out);
	do {
		if (client_call(client, &codepipeline_service, CODEPIPELINE_OP_LIST_PIPELINES, &req,
			    &a, &resp, err) < 0)
			return -1;
		wire_foreach (p, &resp.pipelines) {
			if (json)
				str_add(&out, separator);
			separator = ",";
			if (add_pipeline(client, p->name, json, &out, err) < 0)
				return -1;
		}
		req.next_token = resp.next_token;
	} while (req.next_token);
	printf("%s%s", str_text(&out), json ? "]}\n" : "");
	return EXIT_OK;
}

const struct command command_status = {
	.name = "status",
	.summary = "whether the server answers, and where each pipeline stands",
	.run = run,
};
