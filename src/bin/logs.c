/* SPDX-License-Identifier: Apache-2.0 */
/* `towpath logs [-f] BUILD-ID`: the log of a build. */
#include <stdio.h>
#include <time.h>

#include "base/log.h"
#include "bin/client.h"
#include "bin/command.h"
#include "codebuild.gen.h"
#include "logs.gen.h"

#define FOLLOW_PAUSE_MSEC 250

static const struct option_spec options[] = {
	{"follow", 'f', NULL, NULL, "go on as the build does, until it ends"},
	{NULL, 0, NULL, NULL, NULL},
};

struct log {
	struct client *client;
	const char *id;
	char *group, *stream; /* NULL until the build has them */
	char *token;
	bool complete; /* the build has ended */
	bool json;
};

static int look_at_build(struct log *log, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct codebuild_batch_get_builds_request req = {0};
	struct codebuild_batch_get_builds_response resp;
	struct codebuild_build *build;

	wire_list_alloc(&a, &req.ids, 1);
	req.ids.v[0] = log->id;
	if (client_call(log->client, &codebuild_service, CODEBUILD_OP_BATCH_GET_BUILDS, &req, &a,
		    &resp, err) < 0)
		return -1;
	if (resp.builds.n == 0) {
		err_set(err, ERR_NOT_FOUND, "there is no build %s", log->id);
		return err_hint(err, "ids look like project:uuid; `aws codebuild list-builds` "
				     "shows them");
	}
	build = &resp.builds.v[0];
	log->complete = wire_or(build->build_complete, false);
	if (build->logs && build->logs->group_name && !log->group) {
		log->group = xstrdup(build->logs->group_name);
		log->stream = xstrdup(build->logs->stream_name);
	}
	return 0;
}

static void print_event(const struct log *log, const struct logs_output_log_event *e)
{
	struct str line CLEANUP_STR = STR_INIT;

	if (!log->json) {
		puts(e->message ? e->message : "");
		return;
	}
	wire_encode_json(&logs_output_log_event_shape, e, &line);
	puts(str_text(&line));
}

/* Prints what is new; 1 when there was something. */
static int print_more(struct log *log, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct logs_get_log_events_request req = {
		.log_group_name = log->group,
		.log_stream_name = log->stream,
		.next_token = log->token,
		.start_from_head = WIRE_SET_BOOL(true),
	};
	struct logs_get_log_events_response resp;

	if (client_call(log->client, &logs_service, LOGS_OP_GET_LOG_EVENTS, &req, &a, &resp, err) <
		0)
		return -1;
	wire_foreach (e, &resp.events)
		print_event(log, e);
	fflush(stdout);
	free(log->token);
	log->token = xstrdup_or_null(resp.next_forward_token);
	return resp.events.n > 0;
}

static int show(struct log *log, bool follow, struct err *err)
{
	for (;;) {
		int more = 0;

		if (look_at_build(log, err) < 0)
			return -1;
		while (log->group && (more = print_more(log, err)) > 0)
			;
		if (more < 0)
			return -1;
		if (!follow || log->complete)
			return 0;
		nanosleep(&(struct timespec){0, FOLLOW_PAUSE_MSEC * 1000000L}, NULL);
	}
}

static int run(const struct options *o, struct err *err)
{
	struct client *client CLEANUP(client_freep) = NULL;
	struct log log = {.id = o->words.v[0]};
	int r;

	if (client_open(o, &client, err) < 0)
		return -1;
	log.client = client;
	log.json = option_flag(o, "json");
	r = show(&log, option_flag(o, "follow"), err);
	free(log.group);
	free(log.stream);
	free(log.token);
	return r < 0 ? -1 : EXIT_OK;
}

const struct command command_logs = {
	.name = "logs",
	.arguments = "[-f] BUILD-ID",
	.summary = "print the log of a build; -f follows it live",
	.details = "With --json each event of the log is an object on a line of its own.",
	.options = options,
	.min_words = 1,
	.max_words = 1,
	.run = run,
};
