/* SPDX-License-Identifier: Apache-2.0 */
/* Agents that wait in a long poll for a command. Private to deploy/.
 *
 * One thread answers them: it wakes when a step that made commands has committed, and when a
 * poll's time is over. Nothing here is durable: an agent that got no answer asks again. */
#ifndef TOWPATH_DEPLOY_POLL_H
#define TOWPATH_DEPLOY_POLL_H

#include "codedeploy_commands.gen.h"
#include "wire/call.h"

struct deploy_engine;
struct deploy_poll;

int deploy_poll_new(struct deploy_engine *e, struct deploy_poll **ret, struct err *err);
/* Answers all that wait, ends the thread. NULL is fine. */
struct deploy_poll *deploy_poll_free(struct deploy_poll *p);
/* A step makes a command: look again when it has committed. */
void deploy_poll_expect(struct deploy_poll *p);
/* Keeps the call until a command is there for host, or for the length of a long poll. */
void deploy_poll_wait(
	struct deploy_poll *p, struct call *call, const char *host, const char *host_identifier);

/* Takes the next command of the host and marks it as polled; 0 when there is none.
 * Implemented in commands.c. */
int deploy_take_command(struct deploy_engine *e, const char *host, const char *host_identifier,
	const char *user_agent, struct arena *a,
	struct codedeploy_commands_poll_host_command_response *resp, struct err *err);

#endif
