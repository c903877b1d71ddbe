/* SPDX-License-Identifier: Apache-2.0 */
/* `towpath pipeline [NAME] [--watch]`: one pipeline's stages and actions, live; or all names. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "bin/client.h"
#include "bin/command.h"
#include "bin/pipeline_view.h"

#define WATCH_PAUSE_MSEC 500

static const struct option_spec options[] = {
	{"watch", 'w', NULL, NULL, "go on until nothing is in progress"},
	{NULL, 0, NULL, NULL, NULL},
};

static int64_t now_usec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * USEC_PER_SEC;
}

static int list(struct client *client, bool json, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct codepipeline_list_pipelines_request req = {0};
	struct codepipeline_list_pipelines_response resp;
	struct str out CLEANUP_STR = STR_INIT;

	do {
		if (client_call(client, &codepipeline_service, CODEPIPELINE_OP_LIST_PIPELINES, &req,
			    &a, &resp, err) < 0)
			return -1;
		if (json) {
			wire_encode_json(&codepipeline_list_pipelines_response_shape, &resp, &out);
			str_add_c(&out, '\n');
		}
		wire_foreach (p, &resp.pipelines)
			if (!json)
				str_addf(&out, "%s\n", p->name);
		req.next_token = resp.next_token;
	} while (req.next_token);
	fputs(str_text(&out), stdout);
	return 0;
}

/* Lines drawn before are drawn over, on a terminal; elsewhere only changes are printed. */
static void draw(struct str *text, struct str *last, bool terminal)
{
	int lines = 0;

	if (!terminal) {
		if (!streq(str_text(text), str_text(last)))
			printf("%s\n", str_text(text));
	} else {
		for (const char *p = str_text(last); *p; p++)
			lines += *p == '\n';
		if (lines)
			printf("\033[%dA\033[J", lines);
		fputs(str_text(text), stdout);
	}
	fflush(stdout);
	str_clear(last);
	str_add_view(last, str_view(text));
}

/* 1 while something is in progress. */
static int show(struct client *client, const struct options *o, const char *name, struct str *last,
	struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct codepipeline_get_pipeline_state_request req = {.name = name};
	struct codepipeline_get_pipeline_state_response resp;
	struct str text CLEANUP_STR = STR_INIT;

	if (client_call(client, &codepipeline_service, CODEPIPELINE_OP_GET_PIPELINE_STATE, &req, &a,
		    &resp, err) < 0)
		return -1;
	if (option_flag(o, "json")) {
		wire_encode_json(&codepipeline_get_pipeline_state_response_shape, &resp, &text);
		str_add_c(&text, '\n');
		draw(&text, last, false);
	} else {
		pipeline_view(&resp, option_colours(o), now_usec(), &text);
		draw(&text, last, isatty(STDOUT_FILENO));
	}
	return pipeline_view_is_active(&resp);
}

static int run(const struct options *o, struct err *err)
{
	struct client *client CLEANUP(client_freep) = NULL;
	struct str last CLEANUP_STR = STR_INIT;
	int active;

	if (client_open(o, &client, err) < 0)
		return -1;
	if (o->words.n == 0)
		return list(client, option_flag(o, "json"), err) < 0 ? -1 : EXIT_OK;
	while ((active = show(client, o, o->words.v[0], &last, err)) > 0 && option_flag(o, "watch"))
		nanosleep(&(struct timespec){0, WATCH_PAUSE_MSEC * 1000000L}, NULL);
	return active < 0 ? -1 : EXIT_OK;
}

const struct command command_pipeline = {
	.name = "pipeline",
	.arguments = "[--watch] [NAME]",
	.summary = "show a pipeline's stages and actions, live with --watch; or list the pipelines",
	.options = options,
	.max_words = 1,
	.run = run,
};
