/* SPDX-License-Identifier: Apache-2.0 */
/* The command service of host agents: polls, acknowledgements, completions, logs.
 *
 * C1 A command is handed to one agent process at a time; one that was polled but never
 *    acknowledged is handed out again after REDELIVERY, or at once to another process.
 * C2 The first completion of a command counts; every later one is answered with success.
 * C3 A host's principal gets that host's commands and no others. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"
#include "deploy/specification.h"
#include "deploy/task_step.h"
#include "store/deploy_command.h"

#define REDELIVERY (90 * USEC_PER_SEC)
#define LOG_TAIL_MAX 4096

/* ---- who asks for whom ---- */

struct host_query {
	struct deploy_engine *e;
	struct call *call;
	const char *identifier;
	const char *host; /* target id */
};

static const char *last_part(const char *arn)
{
	const char *slash = strrchr(arn, '/');

	return slash ? slash + 1 : arn;
}

static bool is_instance_session(const char *who)
{
	return strstr(who, ":assumed-role/") && starts_with(last_part(who), "i-");
}

/* Whether the principal is some other host's own. */
static int refuse_stranger(const struct host_query *q, struct db_tx *tx, struct err *err)
{
	const char *who = q->call->principal_arn ? q->call->principal_arn : "";
	struct store_onprem own;
	int found;

	if (streq(who, q->identifier) || ends_with(who, ":root"))
		return 0;
	if (is_instance_session(who) && !streq(last_part(who), q->host))
		return err_set_wire(
			err, "ClientException", "%s is not the host %s", who, q->identifier);
	found = store_onprem_by_arn(tx, who, q->call->arena, &own, err);
	if (found > 0 && !streq(own.info.instance_name, q->host))
		return err_set_wire(
			err, "ClientException", "%s is not the host %s", who, q->identifier);
	return MIN(found, 0);
}

static int find_own_host(struct db_tx *tx, void *arg, struct err *err)
{
	struct host_query *q = arg;
	struct store_onprem own;
	int found = store_onprem_by_arn(tx, q->identifier, q->call->arena, &own, err);

	q->host = found > 0 ? own.info.instance_name : NULL;
	return MIN(found, 0);
}

bool deploy_is_host(struct deploy_engine *e, struct call *call)
{
	struct host_query q = {
		.e = e, .call = call, .identifier = call->principal_arn ? call->principal_arn : ""};

	if (is_instance_session(q.identifier))
		return true;
	return deploy_read(e, find_own_host, &q, NULL) == 0 && q.host;
}

static int find_host(struct db_tx *tx, void *arg, struct err *err)
{
	struct host_query *q = arg;
	struct store_onprem o;
	int found;

	if (strstr(q->identifier, ":instance/") || starts_with(q->identifier, "i-")) {
		q->host = last_part(q->identifier);
		return refuse_stranger(q, tx, err);
	}
	found = store_onprem_by_arn(tx, q->identifier, q->call->arena, &o, err);
	if (found == 0)
		found = store_onprem_get(tx, q->identifier, q->call->arena, &o, err);
	if (found < 0)
		return -1;
	if (!found || !o.registered)
		return err_set_wire(err, "ClientException",
			"The host %s is not registered: register it as an on-premises instance",
			q->identifier);
	q->host = o.info.instance_name;
	return refuse_stranger(q, tx, err);
}

/* ---- poll ---- */

struct take {
	struct deploy_engine *e;
	const char *host, *user_agent;
	struct arena *a;
	bool found;
	struct store_command command;
	const char *execution_id;
};

static int look_for_command(struct db_tx *tx, struct take *t, struct err *err)
{
	int64_t now = durable_now(t->e->durable);
	int found = store_command_next(
		tx, t->host, now - REDELIVERY, t->user_agent, t->a, &t->command, err);

	t->found = found > 0;
	return MIN(found, 0);
}

static int peek(struct db_tx *tx, void *arg, struct err *err)
{
	return look_for_command(tx, arg, err);
}

/* At most 129 characters, in four parts. */
static const char *execution_id(
	const struct deploy_engine *e, const struct store_deployment *d, struct arena *a)
{
	return arena_printf(a, "%s/%.40s/%.40s/%s", e->account, d->info.application_name,
		d->info.deployment_group_name, d->info.deployment_id);
}

static int take(struct db_tx *tx, void *arg, struct err *err)
{
	struct take *t = arg;
	struct store_deployment d;
	int found;

	if (look_for_command(tx, t, err) < 0 || !t->found)
		return t->found ? -1 : 0;
	found = store_deployment_get(tx, t->command.deployment_id, t->a, &d, err);
	if (found < 0)
		return -1;
	if (!found || !d.active) {
		t->found = false;
		t->command.state = STORE_COMMAND_ENDED;
		return store_command_update(tx, &t->command, err);
	}
	t->execution_id = execution_id(t->e, &d, t->a);
	t->command.state = STORE_COMMAND_POLLED;
	t->command.polled_usec = durable_now(t->e->durable);
	t->command.polled_by = t->user_agent ? t->user_agent : "";
	return store_command_update(tx, &t->command, err);
}

int deploy_take_command(struct deploy_engine *e, const char *host, const char *host_identifier,
	const char *user_agent, struct arena *a,
	struct codedeploy_commands_poll_host_command_response *resp, struct err *err)
{
	struct take t = {.e = e, .host = host, .user_agent = user_agent, .a = a};

	if (deploy_read(e, peek, &t, err) < 0)
		return -1;
	if (t.found && deploy_write(e, take, &t, err) < 0)
		return -1;
	if (!t.found)
		return 0;
	resp->host_command = arena_new(a, struct codedeploy_commands_host_command);
	*resp->host_command = (struct codedeploy_commands_host_command){
		.host_command_identifier = t.command.id,
		.host_identifier = host_identifier,
		.deployment_execution_id = t.execution_id,
		.command_name = t.command.event,
		.nonce = WIRE_SET_LONG(t.command.created_usec),
	};
	return 1;
}

int deploy_poll_host_command(struct deploy_engine *e, struct call *call,
	const struct codedeploy_commands_poll_host_command_request *req,
	struct codedeploy_commands_poll_host_command_response *resp, struct err *err)
{
	struct host_query q = {.e = e, .call = call, .identifier = req->host_identifier};
	int found;

	if (deploy_read(e, find_host, &q, err) < 0)
		return -1;
	if (e->ports->host_seen)
		e->ports->host_seen(e->ports->arg, q.host);
	found = deploy_take_command(
		e, q.host, req->host_identifier, call->user_agent, call->arena, resp, err);
	if (found != 0 || !call->defer)
		return MIN(found, 0);
	deploy_poll_wait(e->poll, call, q.host, req->host_identifier);
	return CALL_LATER;
}

/* ---- specification ---- */

struct spec_query {
	struct host_query host;
	const char *deployment_id;
	struct store_deployment d;
};

static int load_specification(struct db_tx *tx, void *arg, struct err *err)
{
	struct spec_query *q = arg;
	struct store_target t;
	int found;

	if (find_host(tx, &q->host, err) < 0)
		return -1;
	found = store_deployment_get(tx, q->deployment_id, q->host.call->arena, &q->d, err);
	if (found > 0)
		found = store_target_get(
			tx, q->deployment_id, q->host.host, q->host.call->arena, &t, err);
	if (found == 0)
		return err_set_wire(err, "ClientException",
			"The host %s has no part in deployment %s", q->host.identifier,
			q->deployment_id);
	return MIN(found, 0);
}

int deploy_get_deployment_specification(struct deploy_engine *e, struct call *call,
	const struct codedeploy_commands_get_deployment_specification_request *req,
	struct codedeploy_commands_get_deployment_specification_response *resp, struct err *err)
{
	struct spec_query q = {
		.host = {.e = e, .call = call, .identifier = req->host_identifier},
		.deployment_id = last_part(req->deployment_execution_id),
	};
	struct codedeploy_commands_deployment_specification *spec =
		arena_new(call->arena, struct codedeploy_commands_deployment_specification);

	if (deploy_read(e, load_specification, &q, err) < 0)
		return -1;
	spec->generic_envelope =
		arena_new(call->arena, struct codedeploy_commands_specification_envelope);
	spec->generic_envelope->format = "PKCS7/JSON";
	if (deploy_specification_sign(e, &q.d, call->arena, &spec->generic_envelope->payload, err) <
		0)
		return -1;
	resp->deployment_system = "CodeDeploy";
	resp->deployment_specification = spec;
	return 0;
}

/* ---- acknowledgement and completion ---- */

struct command_step {
	struct deploy_engine *e;
	struct call *call;
	const char *id;
	struct store_command command;
	bool over; /* ended before */
	const struct codedeploy_commands_put_host_command_complete_request *complete;
};

/* Loads the command and refuses other hosts' principals. */
static int open_command(struct command_step *c, struct db_tx *tx, struct err *err)
{
	struct host_query q = {.e = c->e, .call = c->call, .identifier = ""};
	int found = store_command_get(tx, c->id, c->call->arena, &c->command, err);

	if (found < 0)
		return -1;
	if (!found)
		return err_set_wire(err, "ClientException", "There is no host command %s", c->id);
	q.host = q.identifier = c->command.host;
	if (refuse_stranger(&q, tx, err) < 0)
		return -1;
	c->over = c->command.state == STORE_COMMAND_ENDED;
	return 0;
}

/* The target whose current event is the command's, or NULL. */
static struct store_target *command_target(
	struct command_step *c, struct step *s, struct db_tx *tx, struct err *err)
{
	struct store_target *t;

	if (step_open(c->e, tx, c->command.deployment_id, c->call->arena, s, err) <= 0 ||
		step_targets(s, err) < 0)
		return NULL;
	t = step_target(s, c->command.host);
	if (!t || !s->d.active || !t->state.wave.v ||
		!streq(t->info.lifecycle_events.v[t->state.current.v].lifecycle_event_name,
			c->command.event))
		return NULL;
	return t;
}

static int acknowledge(struct db_tx *tx, void *arg, struct err *err)
{
	struct command_step *c = arg;
	struct store_target *t;
	struct step s;

	if (open_command(c, tx, err) < 0)
		return -1;
	if (c->over || c->command.state == STORE_COMMAND_RUNNING)
		return 0;
	t = command_target(c, &s, tx, err);
	if (!t) {
		c->over = true;
		return err && err->kind != ERR_NONE ? -1 : 0;
	}
	c->command.state = STORE_COMMAND_RUNNING;
	if (store_command_update(tx, &c->command, err) < 0 ||
		step_set_event(&s, t, (size_t)t->state.current.v,
			CODEDEPLOY_LIFECYCLE_EVENT_STATUS_INPROGRESS, NULL, err) < 0 ||
		step_timer(&s, DEPLOY_TASK_EVENT_TIMER, t->info.target_id,
			s.now + DEPLOY_EVENT_LIMIT, err) < 0)
		return -1;
	return step_close(&s, err);
}

int deploy_put_host_command_acknowledgement(struct deploy_engine *e, struct call *call,
	const struct codedeploy_commands_put_host_command_acknowledgement_request *req,
	struct codedeploy_commands_put_host_command_acknowledgement_response *resp, struct err *err)
{
	struct command_step c = {.e = e, .call = call, .id = req->host_command_identifier};

	if (deploy_write(e, acknowledge, &c, err) < 0)
		return -1;
	/* "Failed" keeps the agent from running what has ended already. */
	resp->command_status = c.over ? CODEDEPLOY_COMMANDS_COMMAND_STATUS_FAILED
				      : CODEDEPLOY_COMMANDS_COMMAND_STATUS_INPROGRESS;
	return 0;
}

static const char *error_code_name(int64_t code)
{
	static const char *const names[] = {CODEDEPLOY_LIFECYCLE_ERROR_CODE_SUCCESS,
		CODEDEPLOY_LIFECYCLE_ERROR_CODE_SCRIPTMISSING,
		CODEDEPLOY_LIFECYCLE_ERROR_CODE_SCRIPTNOTEXECUTABLE,
		CODEDEPLOY_LIFECYCLE_ERROR_CODE_SCRIPTTIMEDOUT,
		CODEDEPLOY_LIFECYCLE_ERROR_CODE_SCRIPTFAILED,
		CODEDEPLOY_LIFECYCLE_ERROR_CODE_UNKNOWNERROR,
		CODEDEPLOY_LIFECYCLE_ERROR_CODE_SCRIPTFAILED /* outputs left open */};

	return code >= 0 && code < (int64_t)ARRAY_SIZE(names)
		       ? names[code]
		       : CODEDEPLOY_LIFECYCLE_ERROR_CODE_UNKNOWNERROR;
}

/* The end of the text, beginning with a whole character. */
static const char *tail(struct arena *a, const char *text, size_t max)
{
	size_t n = text ? strlen(text) : 0;

	if (n <= max)
		return text ? text : "";
	text += n - max;
	while ((*text & 0xc0) == 0x80)
		text++;
	return arena_strdup(a, text);
}

/* What the agent says of a command: JSON within JSON, with a number or a text as error code. */
static void read_diagnostics(const struct codedeploy_commands_envelope *envelope, bool ok,
	struct arena *a, struct codedeploy_diagnostics *ret)
{
	struct view payload = view_of(envelope && envelope->payload ? envelope->payload : "{}");
	struct towpath_deploy_diagnostics d = {0};
	struct towpath_deploy_diagnostics_named named = {0};

	if (wire_decode_json(&towpath_deploy_diagnostics_shape, payload, a, &d, NULL) < 0) {
		d = (struct towpath_deploy_diagnostics){0};
		if (wire_decode_json(
			    &towpath_deploy_diagnostics_named_shape, payload, a, &named, NULL) == 0)
			d = (struct towpath_deploy_diagnostics){.script_name = named.script_name,
				.message = named.message,
				.log = named.log};
	}
	ret->error_code = ok ? CODEDEPLOY_LIFECYCLE_ERROR_CODE_SUCCESS
			     : error_code_name(wire_or(d.error_code, 5));
	ret->script_name = d.script_name ? d.script_name : "";
	ret->message = ok ? "Succeeded" : d.message ? d.message : "";
	ret->log_tail = tail(a, d.log, LOG_TAIL_MAX);
}

static int complete(struct db_tx *tx, void *arg, struct err *err)
{
	struct command_step *c = arg;
	bool ok = streq(c->complete->command_status, CODEDEPLOY_COMMANDS_COMMAND_STATUS_SUCCEEDED);
	struct codedeploy_diagnostics diagnostics = {0};
	struct store_target *t;
	struct step s;

	if (open_command(c, tx, err) < 0)
		return -1;
	if (c->over) /* C2 */
		return 0;
	t = command_target(c, &s, tx, err);
	if (!t && err && err->kind != ERR_NONE)
		return -1;
	c->command.state = STORE_COMMAND_ENDED;
	if (store_command_update(tx, &c->command, err) < 0)
		return -1;
	if (!t)
		return 0;
	read_diagnostics(c->complete->diagnostics, ok, c->call->arena, &diagnostics);
	if (deploy_event_ended(&s, t, ok, &diagnostics, err) < 0)
		return -1;
	return step_close(&s, err);
}

int deploy_put_host_command_complete(struct deploy_engine *e, struct call *call,
	const struct codedeploy_commands_put_host_command_complete_request *req,
	struct codedeploy_commands_put_host_command_complete_response *resp, struct err *err)
{
	struct command_step c = {
		.e = e, .call = call, .id = req->host_command_identifier, .complete = req};

	(void)resp;
	if (!streq(req->command_status, CODEDEPLOY_COMMANDS_COMMAND_STATUS_SUCCEEDED) &&
		!streq(req->command_status, CODEDEPLOY_COMMANDS_COMMAND_STATUS_FAILED))
		return err_set_wire(err, "ClientException",
			"A command is complete as Succeeded or Failed, not as %s",
			req->command_status);
	return deploy_write(e, complete, &c, err);
}

static int only_open(struct db_tx *tx, void *arg, struct err *err)
{
	return open_command(arg, tx, err);
}

int deploy_post_host_command_update(struct deploy_engine *e, struct call *call,
	const struct codedeploy_commands_post_host_command_update_request *req,
	struct codedeploy_commands_post_host_command_update_response *resp, struct err *err)
{
	struct command_step c = {.e = e, .call = call, .id = req->host_command_identifier};

	if (deploy_read(e, only_open, &c, err) < 0)
		return -1;
	resp->command_status = c.over ? CODEDEPLOY_COMMANDS_COMMAND_STATUS_FAILED
				      : CODEDEPLOY_COMMANDS_COMMAND_STATUS_INPROGRESS;
	return 0;
}

/* ---- the whole log of hooks ---- */

char *deploy_hook_log_path(
	const struct deploy_engine *e, const char *deployment_id, const char *target_id)
{
	char *path = xasprintf("%s/deploy/logs/%s/%s.log", e->data_dir, deployment_id, target_id);
	char *name = path + strlen(path) - strlen(target_id) - strlen(".log");

	for (char *p = name; *p; p++)
		if (*p == '/')
			*p = '_';
	return path;
}

static int write_log(
	const char *path, int64_t offset, struct view data, int64_t *ret_next, struct err *err)
{
	int fd CLEANUP_FD = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);

	if (fd < 0 || size < 0)
		return err_errno(err, errno, "%s", path);
	*ret_next = size;
	if (offset > size) /* bytes are missing before: the agent goes back */
		return 0;
	while (data.len) {
		ssize_t n = pwrite(fd, data.p, data.len, offset);

		if (n < 0)
			return err_errno(err, errno, "%s", path);
		data.p += n;
		data.len -= (size_t)n;
		offset += n;
	}
	*ret_next = MAX((int64_t)size, offset);
	return 0;
}

int deploy_put_host_command_log(struct deploy_engine *e, struct call *call,
	const struct codedeploy_commands_put_host_command_log_request *req,
	struct codedeploy_commands_put_host_command_log_response *resp, struct err *err)
{
	struct command_step c = {.e = e, .call = call, .id = req->host_command_identifier};
	char *path CLEANUP(freep) = NULL, *dir CLEANUP(freep) = NULL;
	int64_t next = 0;

	if (deploy_read(e, only_open, &c, err) < 0)
		return -1;
	path = deploy_hook_log_path(e, c.command.deployment_id, c.command.host);
	dir = xasprintf("%s/deploy/logs/%s", e->data_dir, c.command.deployment_id);
	if (file_make_dirs(dir, 0750, err) < 0 ||
		write_log(path, req->offset.v, req->data, &next, err) < 0)
		return -1;
	resp->next_offset = WIRE_SET_LONG(next);
	return 0;
}
