/* SPDX-License-Identifier: Apache-2.0 */
/* Deliveries: one task a target and event, tried again as the target's retry policy says; what
 * cannot be delivered becomes a dead letter. */
#include "signal/event_deliver.h"

#include <string.h>

#include "base/log.h"
#include "crypto/digest.h"
#include "signal/log_policy.h"
#include "signal/tally.h"
#include "signal/topic.h"

#define SERVICE "events.amazonaws.com"
#define MOST_RETRIES 185
#define MOST_AGE_SEC 86400
#define MOST_DELAY_SEC 480
#define TOKEN_DIGITS 36

static struct signal_agent agent_of(const struct event_delivery *x)
{
	return (struct signal_agent){.service = SERVICE, .source_arn = x->d.rule_arn};
}

/* ---- by kind of target ---- */

static int deliver_log_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct event_delivery *x = arg;
	char *group = arena_strdup(x->a, event_arn_resource(x->target.arn) + strlen("log-group:"));
	int64_t msec = durable_now(x->e->durable) / 1000;
	const struct json_node *node, *time = NULL;
	const char *message = x->input;

	if (ends_with(group, ":*"))
		group[strlen(group) - 2] = '\0';
	/* A template for log groups: {"timestamp": ..., "message": ...}. */
	if (x->target.input_transformer && json_parse(view_of(x->input), x->a, &node, NULL) == 0 &&
		json_member_text(node, "message")) {
		message = json_member_text(node, "message");
		time = json_member(node, "timestamp");
	}
	if (time && time->kind == JSON_KIND_INT)
		msec = time->integer;
	if (signal_log_append(x->e, tx, group, x->t->token, msec, message, err) < 0)
		return -1;
	return task_done(x->e->durable, tx, x->t, err);
}

static int deliver_topic_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct event_delivery *x = arg;

	const struct signal_agent by = agent_of(x);

	if (signal_publish_step(x->e, tx, &by, x->target.arn, NULL, x->input, err) < 0)
		return -1;
	return task_done(x->e->durable, tx, x->t, err);
}

static int deliver_bus_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct event_delivery *x = arg;
	struct events_describe_event_bus_response bus;
	struct event event = {
		.id = x->t->token,
		.text = x->input,
		.ingested_usec = durable_now(x->e->durable),
		.forwarded = true,
	};

	if (event_bus_need(x->e, tx, x->target.arn, x->a, &bus, err) < 0)
		return -1;
	event.bus = bus.name;
	if (event_publish(x->e, tx, &event, x->a, err) < 0)
		return -1;
	return task_done(x->e->durable, tx, x->t, err);
}

static int in_step(struct event_delivery *x, db_fn fn, struct err *err)
{
	x->in_step = signal_write(x->e, fn, x, err) == 0;
	return x->in_step ? 0 : -1;
}

static int deliver_log(struct event_delivery *x, struct err *err)
{
	return in_step(x, deliver_log_step, err);
}

static int deliver_topic(struct event_delivery *x, struct err *err)
{
	return in_step(x, deliver_topic_step, err);
}

static int deliver_bus(struct event_delivery *x, struct err *err)
{
	if (wire_or(x->d.forwarded, false))
		return err_set(err, ERR_UNSUPPORTED,
			"an event that came from another bus goes no further: %s", x->target.arn);
	return in_step(x, deliver_bus_step, err);
}

/* Two targets of an event may start the same thing, each with its own input: the event's id alone
 * would make them one. */
static const char *start_token(const struct event_delivery *x)
{
	struct digest_value d = digest_hmac_sha256(view_of(x->t->token), view_of(x->t->subject));

	return arena_strndup(x->a, digest_hex(&d).text, TOKEN_DIGITS);
}

static struct signal_start start_of(const struct event_delivery *x)
{
	const struct events_target *t = &x->target;
	bool made = t->input || t->input_path || t->input_transformer;

	return (struct signal_start){
		.target_arn = t->arn,
		.rule_arn = x->d.rule_arn,
		.input = made ? x->input : NULL,
		.token = start_token(x),
		.task = t->ecs_parameters,
	};
}

static int start_by(struct event_delivery *x,
	int (*start)(void *arg, const struct signal_start *s, struct err *err), struct err *err)
{
	struct signal_start s = start_of(x);

	if (!start)
		return err_set(err, ERR_UNSUPPORTED, "events cannot be delivered to %s here",
			x->target.arn);
	return start(x->e->cfg.arg, &s, err);
}

static int deliver_pipeline(struct event_delivery *x, struct err *err)
{
	return start_by(x, x->e->cfg.start_pipeline, err);
}

static int deliver_build(struct event_delivery *x, struct err *err)
{
	return start_by(x, x->e->cfg.start_build, err);
}

static int deliver_task(struct event_delivery *x, struct err *err)
{
	return start_by(x, x->e->cfg.start_task, err);
}

static const struct target_kind {
	const char *service, *resource;
	bool role;	    /* it must be named */
	const char *action; /* what the role must allow; NULL: nobody asks */
	int (*deliver)(struct event_delivery *x, struct err *err);
} kinds[] = {
	{"codebuild", "project/", true, "codebuild:StartBuild", deliver_build},
	{"codepipeline", "", true, "codepipeline:StartPipelineExecution", deliver_pipeline},
	{"ecs", "cluster/", true, "ecs:RunTask", deliver_task},
	{"events", "api-destination/", true, "events:InvokeApiDestination", event_call_destination},
	{"events", "event-bus/", false, "events:PutEvents", deliver_bus},
	{"logs", "log-group:", false, NULL, deliver_log},
	{"sns", "", false, NULL, deliver_topic},
};

static const struct target_kind *kind_of(const char *arn)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (event_arn_is(arn, kinds[i].service, kinds[i].resource))
			return &kinds[i];
	return NULL;
}

bool event_target_known(const char *arn, bool *ret_role)
{
	const struct target_kind *k = kind_of(arn);

	*ret_role = k && k->role;
	return k != NULL;
}

/* ---- one try ---- */

/* The log stream that the event becomes: its group's ARN may end in ":*". */
static const char *log_stream_arn(const struct event_delivery *x)
{
	size_t n = strlen(x->target.arn) - (ends_with(x->target.arn, ":*") ? 2 : 0);

	return arena_printf(x->a, "%.*s:log-stream:%s", (int)n, x->target.arn, x->t->token);
}

/* What policies say: of the target's role, of the bus that the event goes to, and of log groups.
 * Within the account these need no policy, but may deny. */
static int ask_policies(
	const struct event_delivery *x, const struct target_kind *k, struct err *err)
{
	const struct events_target *t = &x->target;
	const struct signal_config *cfg = &x->e->cfg;
	const char *resource = t->ecs_parameters ? t->ecs_parameters->task_definition_arn : t->arn;
	struct signal_agent by = agent_of(x);
	const char *policy = NULL;

	if (k->deliver == deliver_bus &&
		signal_event_bus_policy(x->e, t->arn, x->a, &policy, err) < 0)
		return -1;
	if (k->action && t->role_arn && cfg->role_may)
		return cfg->role_may(cfg->arg, &by, t->role_arn, k->action, resource, policy, err);
	by.under_role = true;
	if (k->deliver == deliver_log)
		return log_policy_may(x->e, &by, log_stream_arn(x), x->a, err);
	return policy && cfg->service_may
		       ? cfg->service_may(cfg->arg, &by, k->action, resource, policy, err)
		       : 0;
}

static int deliver(struct event_delivery *x, struct err *err)
{
	const struct target_kind *k = kind_of(x->target.arn);
	const struct event_input in = {
		.target = &x->target,
		.event = x->d.event,
		.rule_arn = x->d.rule_arn,
		.ingested_usec = x->d.ingested.usec,
	};

	if (!k)
		return err_set(
			err, ERR_UNSUPPORTED, "events cannot be delivered to %s", x->target.arn);
	if (event_input_make(&in, x->a, &x->input, err) < 0 || ask_policies(x, k, err) < 0)
		return -1;
	return k->deliver(x, err);
}

/* ---- what a failure means ---- */

struct failure {
	const char *code;
	bool final; /* another try would fail as well */
};

static struct failure failure_of(const struct err *why)
{
	static const struct {
		enum err_kind kind;
		struct failure f;
	} by_kind[] = {{ERR_NOT_FOUND, {"NO_RESOURCE", true}},
		{ERR_DENIED, {"NO_PERMISSIONS", true}}, {ERR_UNSUPPORTED, {"NO_RESOURCE", true}},
		{ERR_INVALID, {"INVALID_PARAMETER", true}}, {ERR_TIMEOUT, {"TIMEOUT", false}},
		{ERR_BUSY, {"THROTTLING", false}},
		{ERR_UNAVAILABLE, {"CONNECTION_FAILURE", false}}};
	static const struct {
		const char *part;
		struct failure f;
	} by_name[] = {{"NotFound", {"NO_RESOURCE", true}},
		{"AccessDenied", {"NO_PERMISSIONS", true}}, {"Limit", {"THROTTLING", false}},
		{"Throttling", {"THROTTLING", false}},
		{"ClientException", {"INVALID_PARAMETER", true}},
		{"Invalid", {"INVALID_PARAMETER", true}},
		{"Validation", {"INVALID_PARAMETER", true}}};

	for (size_t i = 0; why->wire && i < ARRAY_SIZE(by_name); i++)
		if (strstr(why->wire, by_name[i].part))
			return by_name[i].f;
	for (size_t i = 0; !why->wire && i < ARRAY_SIZE(by_kind); i++)
		if (err_is(why, by_kind[i].kind))
			return by_kind[i].f;
	return (struct failure){"SDK_CLIENT_ERROR", false};
}

struct again {
	struct event_delivery *x;
	const struct err *why;
	struct failure f;
	/* what has become of it */
	bool ended;
	enum letter { LETTER_NONE, LETTER_SENT, LETTER_LOST } letter;
};

int64_t signal_retry_delay(const char *token, int tried)
{
	int64_t delay = MIN(INT64_C(1) << MIN(tried, 20), MOST_DELAY_SEC) * USEC_PER_SEC;
	uint32_t h = 2166136261u + (uint32_t)tried;

	for (; *token; token++)
		h = (h ^ (unsigned char)*token) * 16777619u;
	return delay - delay / 4 * (h % 256) / 256;
}

int signal_try_again(struct signal_engine *e, struct db_tx *tx, const struct task *t,
	const struct wire_shape *shape, const void *payload, int64_t due_usec, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct task next = *t;

	wire_encode_json(shape, payload, &text);
	next.payload = str_text(&text);
	next.due_usec = due_usec;
	return task_enqueue(e->durable, tx, &next, err);
}

static int64_t next_try(const struct event_delivery *x, int tried)
{
	return MAX(durable_now(x->e->durable) + signal_retry_delay(x->t->token, tried - 1),
		x->not_before_usec);
}

/* Which limit of the retry policy the next try would be over, or NULL. */
static const char *exhausted(const struct event_delivery *x, int tried, int64_t due_usec)
{
	const struct events_retry_policy *p = x->target.retry_policy;
	int retries = p ? wire_or(p->maximum_retry_attempts, MOST_RETRIES) : MOST_RETRIES;
	int64_t age = p ? wire_or(p->maximum_event_age_in_seconds, MOST_AGE_SEC) : MOST_AGE_SEC;

	if (tried > retries)
		return "MaximumRetryAttempts";
	return due_usec > x->d.ingested.usec + age * USEC_PER_SEC ? "MaximumEventAgeInSeconds"
								  : NULL;
}

/* ---- dead letters ---- */

struct attribute {
	const char *name, *value;
};

static int letter_to_topic(struct event_delivery *x, struct db_tx *tx, const char *arn,
	const struct attribute *v, size_t n, struct err *err)
{
	struct sns_message_attribute_map map;
	const struct signal_agent by = agent_of(x);
	struct topic_message m = {
		.topic_arn = arn, .message = x->d.event, .attributes = &map, .by = &by};
	const char *id;

	wire_list_alloc(x->a, &map, n);
	map.n = 0;
	for (size_t i = 0; i < n; i++) {
		struct sns_message_attribute_value *value =
			arena_new(x->a, struct sns_message_attribute_value);

		if (!v[i].value || !*v[i].value)
			continue;
		*value = (struct sns_message_attribute_value){
			.data_type = "String", .string_value = v[i].value};
		map.v[map.n].key = v[i].name;
		map.v[map.n++].value = value;
	}
	return topic_publish(x->e, tx, &m, x->a, &id, err);
}

static int letter_to_log(struct event_delivery *x, struct db_tx *tx, const char *arn,
	const struct attribute *v, size_t n, struct err *err)
{
	char *group = arena_strdup(x->a, event_arn_resource(arn) + strlen("log-group:"));
	struct str line CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &line};

	if (ends_with(group, ":*"))
		group[strlen(group) - 2] = '\0';
	json_open(&w, '{');
	for (size_t i = 0; i < n; i++)
		json_put_member(&w, v[i].name, v[i].value);
	json_key(&w, "event");
	json_put_raw(&w, view_of(x->d.event));
	json_close(&w, '}');
	return signal_log_append(x->e, tx, group, x->d.rule, durable_now(x->e->durable) / 1000,
		str_text(&line), err);
}

static int give_up(
	struct again *g, struct db_tx *tx, int tried, const char *condition, struct err *err)
{
	struct event_delivery *x = g->x;
	const struct attribute v[] = {
		{"RULE_ARN", x->d.rule_arn},
		{"TARGET_ARN", x->target.arn},
		{"ERROR_CODE", g->f.code},
		{"ERROR_MESSAGE", err_message(g->why)},
		{"EXHAUSTED_RETRY_CONDITION", condition},
		{"RETRY_ATTEMPTS", arena_printf(x->a, "%d", tried - 1)},
	};
	const char *arn = x->target.dead_letter_config ? x->target.dead_letter_config->arn : NULL;
	struct err lost CLEANUP_ERR = ERR_INIT;
	int r;

	log_warn("signal", "rule %s, target %s: given up after %d tries: %s", x->d.rule,
		x->d.target_id, tried, err_message(g->why));
	g->ended = true;
	g->letter = arn ? LETTER_SENT : LETTER_NONE;
	if (!arn)
		return 0;
	if (!event_arn_is(arn, "sns", ""))
		return letter_to_log(x, tx, arn, v, ARRAY_SIZE(v), err);
	r = letter_to_topic(x, tx, arn, v, ARRAY_SIZE(v), &lost);
	if (r < 0 && !topic_refused(&lost))
		return err_move(err, &lost);
	if (r < 0) {
		log_warn("signal", "rule %s, target %s: its dead letter is lost: %s", x->d.rule,
			x->d.target_id, err_message(&lost));
		g->letter = LETTER_LOST;
	}
	return 0;
}

static int again_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct again *g = arg;
	struct event_delivery *x = g->x;
	int tried = (int)wire_or(x->d.tried, 0) + 1;
	int64_t due = next_try(x, tried);
	const char *condition = g->f.final ? NULL : exhausted(x, tried, due);
	struct towpath_signal_delivery d = x->d;

	if (task_done(x->e->durable, tx, x->t, err) < 0)
		return -1;
	if (g->f.final || condition)
		return give_up(g, tx, tried, condition, err);
	d.tried = WIRE_SET_INT(tried);
	d.slot.set = false;
	return signal_try_again(x->e, tx, x->t, &towpath_signal_delivery_shape, &d, due, err);
}

static int wait_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct event_delivery *x = arg;

	if (task_done(x->e->durable, tx, x->t, err) < 0)
		return -1;
	return signal_try_again(
		x->e, tx, x->t, &towpath_signal_delivery_shape, &x->d, x->not_before_usec, err);
}

/* ---- counting ---- */

static void count(const struct event_delivery *x, enum tally_metric metric)
{
	const char *bus, *rule;

	event_rule_of_arn(x->d.rule_arn, x->a, &bus, &rule);
	tally_count(x->e, metric, TALLY_OF(bus, rule), 1);
}

static void count_attempt(const struct event_delivery *x)
{
	count(x, TALLY_ATTEMPT);
	if (wire_or(x->d.tried, 0))
		count(x, TALLY_ATTEMPT_AGAIN);
}

static void count_success(const struct event_delivery *x)
{
	count_attempt(x);
	count(x, TALLY_ATTEMPT_SUCCEEDED);
	count(x, TALLY_INVOCATION);
}

static void count_failure(const struct again *g)
{
	count_attempt(g->x);
	if (!g->ended)
		return;
	count(g->x, TALLY_INVOCATION);
	count(g->x, TALLY_INVOCATION_FAILED);
	if (g->letter != LETTER_NONE)
		count(g->x, g->letter == LETTER_SENT ? TALLY_DEAD_LETTER : TALLY_DEAD_LETTER_LOST);
}

/* ---- the task ---- */

static int look(struct db_tx *tx, void *arg, struct err *err)
{
	struct event_delivery *x = arg;
	int r = store_document_get(tx, &STORE_EVENT_TARGET, x->t->subject, x->a, &x->target, err);

	x->wanted = r > 0;
	return r < 0 ? -1 : 0;
}

static int put_off(struct event_delivery *x, struct err *err)
{
	if (signal_write(x->e, wait_step, x, err) < 0)
		return -1;
	count(x, TALLY_RULE_THROTTLED);
	return 0;
}

int signal_deliver_run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct err why CLEANUP_ERR = ERR_INIT;
	struct event_delivery x = {.e = arg, .t = t, .a = &a};
	struct again g = {.x = &x, .why = &why};

	(void)d;
	if (wire_decode_json(&towpath_signal_delivery_shape, view_of(t->payload), &a, &x.d, err) <
			0 ||
		signal_read(x.e, look, &x, err) < 0)
		return -1;
	if (!x.wanted)
		return 0;
	if (deliver(&x, &why) == 0) {
		if (x.waits)
			return put_off(&x, err);
		count_success(&x);
		return 0;
	}
	log_info("signal", "rule %s, target %s: %s", x.d.rule, x.d.target_id, err_message(&why));
	g.f = failure_of(&why);
	if (signal_write(x.e, again_step, &g, err) < 0)
		return -1;
	count_failure(&g);
	return 0;
}
