/* SPDX-License-Identifier: Apache-2.0 */
/* One host command. */
#include "agent/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/event.h"
#include "agent/tracking.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/cms.h"

#define SHIP_CHUNK (512 * KIB)
#define RETRY_FIRST_MSEC 200
#define RETRY_MAX_MSEC 10000

/* ---- calls ---- */

int agent_call_patiently(struct agent_client *c, const char *name, const void *req, struct arena *a,
	void *ret, struct err *err)
{
	for (int wait = RETRY_FIRST_MSEC;; wait = MIN(wait * 2, RETRY_MAX_MSEC)) {
		struct err why CLEANUP_ERR = ERR_INIT;

		if (agent_call(c, name, req, a, ret, &why) == 0)
			return 0;
		if (err_is(&why, ERR_SERVICE) || err_is(&why, ERR_MALFORMED) ||
			err_is(&why, ERR_CANCELLED))
			return err_move(err, &why);
		log_warn("agent", "%s: asking again in %d ms", err_message(&why), wait);
		poll(NULL, 0, wait);
	}
}

struct run {
	struct agent_client *c;
	struct towpath_agent_command *record;
	struct arena a;
	struct agent_event event;
	struct agent_result result;
	int64_t shipped;
	bool ship_refused;
};

/* ---- the log goes to the server ---- */

/* Sends what is new. A server that knows no logs is asked once. */
static void ship(void *arg)
{
	struct run *r = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	int fd CLEANUP_FD = open(layout_log(&r->event.layout), O_RDONLY | O_CLOEXEC);
	char *buf CLEANUP(freep) = xmalloc(SHIP_CHUNK);
	ssize_t n;

	while (fd >= 0 && !r->ship_refused && (n = pread(fd, buf, SHIP_CHUNK, r->shipped)) > 0) {
		struct codedeploy_commands_put_host_command_log_response resp = {0};
		struct codedeploy_commands_put_host_command_log_request req = {
			.host_command_identifier = r->record->host_command_identifier,
			.offset = WIRE_SET_LONG(r->shipped),
			.data = {buf, (size_t)n}};
		struct err why CLEANUP_ERR = ERR_INIT;

		if (agent_call(r->c, "PutHostCommandLog", &req, &a, &resp, &why) < 0) {
			r->ship_refused = err_is(&why, ERR_SERVICE);
			log_debug("agent", "shipping the log: %s", err_message(&why));
			return;
		}
		if (resp.next_offset.v == r->shipped)
			return;
		r->shipped = resp.next_offset.v;
	}
}

/* What earlier events logged was shipped then; the server says how much it has. */
static void find_shipped(struct run *r)
{
	struct stat st;

	r->shipped = stat(layout_log(&r->event.layout), &st) == 0 ? st.st_size : 0;
}

/* ---- specification ---- */

static int check_specification(const struct towpath_deploy_specification *s, struct err *err)
{
	const struct {
		const char *value, *name;
	} needs[] = {{s->deployment_id, "DeploymentId"},
		{s->deployment_group_id, "DeploymentGroupId"},
		{s->deployment_group_name, "DeploymentGroupName"},
		{s->application_name, "ApplicationName"}};
	const struct towpath_deploy_specification_s3_revision *s3 =
		s->revision ? s->revision->s3_revision : NULL;

	for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
		if (!needs[i].value || !*needs[i].value)
			return err_set(
				err, ERR_INVALID, "Deployment Spec has no %s", needs[i].name);
	if (!layout_id_ok(s->deployment_group_id) || !layout_id_ok(s->deployment_id))
		return err_set(err, ERR_INVALID, "Deployment Spec has ids that are no names");
	if (!s->revision)
		return err_set(err, ERR_INVALID, "Must specify a revison");
	if ((s3 != NULL) + (s->revision->git_hub_revision != NULL) != 1)
		return err_set(err, ERR_INVALID,
			"Exactly one of S3Revision, GitHubRevision, or LocalRevision must be "
			"specified");
	if (s3 && (!s3->bucket || !s3->key || !s3->bundle_type))
		return err_set(err, ERR_INVALID,
			"S3Revision in Deployment Spec must specify Bucket, Key and BundleType");
	return 0;
}

static int get_specification(
	struct run *r, struct towpath_deploy_specification *ret, struct err *err)
{
	struct codedeploy_commands_get_deployment_specification_request req = {
		.deployment_execution_id = r->record->deployment_execution_id,
		.host_identifier = r->c->config->host_id};
	struct codedeploy_commands_get_deployment_specification_response resp = {0};
	struct codedeploy_commands_specification_envelope *envelope;
	struct str json CLEANUP_STR = STR_INIT;
	const char *slash;

	if (agent_call_patiently(r->c, "GetDeploymentSpecification", &req, &r->a, &resp, err) < 0)
		return -1;
	envelope = resp.deployment_specification ? resp.deployment_specification->generic_envelope
						 : NULL;
	if (!streq(resp.deployment_system, "CodeDeploy") || !envelope || !envelope->payload)
		return err_set(err, ERR_INVALID, "the server sent no deployment specification");
	if (!streq(envelope->format, "PKCS7/JSON"))
		return err_set(err, ERR_INVALID, "Unsupported DeploymentSpecification format: %s",
			envelope->format);
	if (cms_open(view_of(envelope->payload), &json, err) < 0 ||
		wire_decode_json(
			&towpath_deploy_specification_shape, str_view(&json), &r->a, ret, err) < 0)
		return -1;
	slash = ret->deployment_id ? strrchr(ret->deployment_id, '/') : NULL;
	if (slash)
		ret->deployment_id = slash + 1;
	return check_specification(ret, err);
}

/* ---- completion ---- */

static void complete(struct run *r)
{
	struct codedeploy_commands_envelope diagnostics = {
		.format = "JSON", .payload = r->record->diagnostics};
	struct codedeploy_commands_put_host_command_complete_request req = {
		.host_command_identifier = r->record->host_command_identifier,
		.command_status = r->record->status,
		.diagnostics = &diagnostics};
	struct codedeploy_commands_put_host_command_complete_response resp;
	struct err why CLEANUP_ERR = ERR_INIT;

	if (agent_call_patiently(r->c, "PutHostCommandComplete", &req, &r->a, &resp, &why) < 0) {
		bool refused = err_is(&why, ERR_SERVICE);

		log_err("agent", &why, "reporting %s", r->record->host_command_identifier);
		if (!refused)
			return; /* the record stays for the next start */
	}
	tracking_remove(r->c->config, r->record, NULL);
}

/* Writes down how it ended, then tells (T2). */
static void finish(struct run *r)
{
	struct str json CLEANUP_STR = STR_INIT;
	struct err why CLEANUP_ERR = ERR_INIT;

	agent_result_json(&r->result, &json);
	r->record->status = r->result.code == AGENT_SUCCESS
				    ? CODEDEPLOY_COMMANDS_COMMAND_STATUS_SUCCEEDED
				    : CODEDEPLOY_COMMANDS_COMMAND_STATUS_FAILED;
	r->record->diagnostics = arena_strdup(&r->a, str_text(&json));
	if (tracking_write(r->c->config, r->record, &why) < 0)
		log_err("agent", &why, "recording the end of a command");
	if (r->event.layout.group_id)
		ship(r);
	complete(r);
}

/* ---- acknowledgement ---- */

/* 1: run it; 0: the server wants nothing more of it. */
static int acknowledge(struct run *r, bool noop, struct err *err)
{
	struct codedeploy_commands_envelope diagnostics = {.format = "JSON",
		.payload = noop ? "{\"IsCommandNoop\":true}" : "{\"IsCommandNoop\":false}"};
	struct codedeploy_commands_put_host_command_acknowledgement_request req = {
		.host_command_identifier = r->record->host_command_identifier,
		.diagnostics = &diagnostics};
	struct codedeploy_commands_put_host_command_acknowledgement_response resp = {0};

	if (agent_call_patiently(r->c, "PutHostCommandAcknowledgement", &req, &r->a, &resp, err) <
		0)
		return -1;
	if (streq(resp.command_status, CODEDEPLOY_COMMANDS_COMMAND_STATUS_SUCCEEDED) ||
		streq(resp.command_status, CODEDEPLOY_COMMANDS_COMMAND_STATUS_FAILED))
		return 0;
	return 1;
}

static void run_fresh(struct run *r)
{
	struct towpath_deploy_specification spec = {0};
	struct err why CLEANUP_ERR = ERR_INIT;
	int wanted;

	if (get_specification(r, &spec, &why) < 0) {
		if (err_is(&why, ERR_CANCELLED) || err_is(&why, ERR_UNAVAILABLE))
			return;
		agent_fail_err(&r->result, &why);
		finish(r);
		return;
	}
	agent_event_init(&r->event, r->c, &spec, r->record->command_name, &r->a);
	find_shipped(r);
	r->event.logged = ship;
	r->event.arg = r;
	wanted = acknowledge(r, agent_event_is_noop(&r->event), &why);
	if (wanted <= 0) {
		if (wanted < 0)
			log_err("agent", &why, "acknowledging %s",
				r->record->host_command_identifier);
		tracking_remove(r->c->config, r->record, NULL);
		return;
	}
	r->record->status = TRACKING_STARTED;
	if (tracking_write(r->c->config, r->record, &why) < 0) { /* T2 */
		agent_fail_err(&r->result, &why);
		finish(r);
		return;
	}
	log_info("agent", "%s: %s", spec.deployment_id, r->record->command_name);
	agent_event_run(&r->event, &r->result);
	if (r->result.code != AGENT_SUCCESS)
		log_warn("agent", "%s: %s: %s", spec.deployment_id, r->record->command_name,
			r->result.message);
	finish(r);
}

void agent_command_run(struct agent_client *c, struct towpath_agent_command *record)
{
	struct run r = {.c = c, .record = record};

	if (streq(record->status, TRACKING_POLLED)) {
		run_fresh(&r);
	} else if (streq(record->status, TRACKING_STARTED)) { /* T3 */
		agent_fail(&r.result, AGENT_FAILED_AFTER_RESTART, NULL,
			"Failed: Failing in-progress lifecycle event after an agent restart.");
		finish(&r);
	} else {
		complete(&r);
	}
	agent_result_release(&r.result);
	arena_release(&r.a);
}
