/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of notification rules: topics in the step of the event; Slack channels and webhooks by a
 * task that reads the address's secret, fills the template and tries again for a day. */
#include <string.h>

#include "base/log.h"
#include "codec/json_path.h"
#include "net/http_client.h"
#include "signal/event_connection.h"
#include "signal/notice.h"
#include "signal/topic.h"

#define TIMEOUT_USEC (15 * USEC_PER_SEC)
#define MOST_AGE_USEC (INT64_C(86400) * USEC_PER_SEC)

static const char slack_template[] =
	"{\"text\":\"<$.detailType>: <$.resources[0]> <$.detail.state><$.detail.build-status>"
	"<$.detail.event>\",\"blocks\":[{\"type\":\"header\",\"text\":{\"type\":\"plain_text\","
	"\"text\":\"<$.detailType>\"}},{\"type\":\"section\",\"fields\":["
	"{\"type\":\"mrkdwn\",\"text\":\"*Resource*\\n<$.resources[0]>\"},"
	"{\"type\":\"mrkdwn\",\"text\":\"*State*\\n<$.detail.state><$.detail.build-status>"
	"<$.detail.event>\"}]},{\"type\":\"context\",\"elements\":[{\"type\":\"mrkdwn\","
	"\"text\":\"<$.time> · <$.region> · <$.account>\"}]}]}";

int notice_send(struct signal_engine *e, struct db_tx *tx, const notice_rule *rule,
	const struct codestar_notifications_target_summary *t, const char *event_id,
	const char *message, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct str payload CLEANUP_STR = STR_INIT;
	struct err lost CLEANUP_ERR = ERR_INIT;
	const struct signal_agent by = {.service = NOTICE_SERVICE, .source_arn = rule->arn};
	struct towpath_signal_webhook w = {
		.type = t->target_type,
		.address = t->target_address,
		.message = message,
		.since = WIRE_SET_TIME(durable_now(e->durable)),
	};

	if (streq(t->target_type, NOTICE_SNS)) {
		if (signal_publish_step(e, tx, &by, t->target_address, NULL, message, &lost) == 0)
			return 0;
		if (!topic_refused(&lost))
			return err_move(err, &lost);
		log_warn("signal", "notification rule %s: %s", rule->arn, err_message(&lost));
		return 0;
	}
	wire_encode_json(&towpath_signal_webhook_shape, &w, &payload);
	return task_enqueue(e->durable, tx,
		&(struct task){.kind = SIGNAL_TASK_WEBHOOK,
			.subject = arena_printf(&a, "%s|%s", rule->arn, t->target_address),
			.token = event_id,
			.payload = str_text(&payload)},
		err);
}

/* ---- templates ---- */

static void put_value(const struct json_node *node, bool escaped, struct str *out)
{
	struct str raw CLEANUP_STR = STR_INIT;
	struct str quoted CLEANUP_STR = STR_INIT;

	if (!node)
		return;
	if (node->kind == JSON_KIND_STRING)
		str_add_view(&raw, node->text);
	else
		json_write(node, &raw);
	if (!escaped) {
		str_add_view(out, str_view(&raw));
		return;
	}
	json_write_string(&quoted, str_view(&raw));
	str_add_n(out, quoted.p + 1, quoted.len - 2);
}

void notice_fill(const char *template, const struct json_node *message, struct str *out)
{
	bool escaped = view_trim(view_of(template)).len && *view_trim(view_of(template)).p == '{';

	for (const char *p = template; *p;) {
		const char *end = p[0] == '<' && p[1] == '$' ? strchr(p, '>') : NULL;
		struct view path = {p + 1, end ? (size_t)(end - p) - 1 : 0};

		if (!end || !json_path_valid(path)) {
			str_add_c(out, *p++);
			continue;
		}
		put_value(json_path_find(message, path), escaped, out);
		p = end + 1;
	}
}

/* ---- the task ---- */

struct sending {
	struct signal_engine *e;
	const struct task *t;
	struct arena *a;
	struct towpath_signal_webhook w;
};

/* The secret's text: the address alone, or a document with the address and a template. */
static int read_address(
	struct sending *x, const char **ret_url, const char **ret_template, struct err *err)
{
	const struct signal_config *cfg = &x->e->cfg;
	const struct json_node *node;
	struct err why CLEANUP_ERR = ERR_INIT;
	const char *text;

	if (!cfg->read_secret)
		return err_set(err, ERR_UNSUPPORTED, "there are no secrets here");
	if (cfg->read_secret(cfg->arg, x->w.address, x->a, &text, err) < 0)
		return -1;
	*ret_url = arena_view_dup(x->a, view_trim(view_of(text)));
	*ret_template = streq(x->w.type, NOTICE_SLACK) ? slack_template : NULL;
	if (json_parse(view_of(text), x->a, &node, NULL) == 0 && json_member_text(node, "url")) {
		*ret_url = json_member_text(node, "url");
		if (json_member_text(node, "template"))
			*ret_template = json_member_text(node, "template");
	}
	return event_http_check(*ret_url, "url", &why) < 0
		       ? err_set(err, ERR_INVALID, "the secret %s holds no https or http address",
				 x->w.address)
		       : 0;
}

static int post(struct sending *x, struct err *err)
{
	static const char *const headers[] = {
		"Content-Type: application/json; charset=utf-8", "User-Agent: Towpath", NULL};
	struct http_client *client CLEANUP(http_client_freep) = http_client_new();
	struct http_answer answer CLEANUP_HTTP_ANSWER = HTTP_ANSWER_INIT;
	struct str body CLEANUP_STR = STR_INIT;
	struct err why CLEANUP_ERR = ERR_INIT;
	const char *url, *template;
	const struct json_node *message;

	if (read_address(x, &url, &template, err) < 0 ||
		json_parse(view_of(x->w.message), x->a, &message, err) < 0)
		return -1;
	if (template)
		notice_fill(template, message, &body);
	else
		str_add(&body, x->w.message);
	/* What the client says of a failure may name the address: it stays here. */
	if (http_client_call(client,
		    &(struct http_call){.method = "POST",
			    .url = url,
			    .headers = headers,
			    .body = str_view(&body),
			    .timeout_usec = TIMEOUT_USEC},
		    &answer, &why) < 0)
		return err_set(err, ERR_UNAVAILABLE, "the webhook cannot be reached");
	if (answer.status / 100 == 2)
		return 0;
	return err_set(err,
		answer.status >= 500 || answer.status == 429 ? ERR_UNAVAILABLE : ERR_INVALID,
		"the webhook answered %d", answer.status);
}

static int again_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct sending *x = arg;
	int tried = (int)wire_or(x->w.tried, 0);
	int64_t due = durable_now(x->e->durable) + signal_retry_delay(x->t->token, tried);
	struct towpath_signal_webhook w = x->w;

	if (task_done(x->e->durable, tx, x->t, err) < 0)
		return -1;
	if (due > x->w.since.usec + MOST_AGE_USEC) {
		log_warn("signal", "notification %s is given up after %d tries", x->t->token,
			tried + 1);
		return 0;
	}
	w.tried = WIRE_SET_INT(tried + 1);
	return signal_try_again(x->e, tx, x->t, &towpath_signal_webhook_shape, &w, due, err);
}

int notice_send_run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct err why CLEANUP_ERR = ERR_INIT;
	struct sending x = {.e = arg, .t = t, .a = &a};

	(void)d;
	if (wire_decode_json(&towpath_signal_webhook_shape, view_of(t->payload), &a, &x.w, err) < 0)
		return -1;
	if (post(&x, &why) == 0)
		return 0;
	log_warn("signal", "notification to %s: %s", x.w.address, err_message(&why));
	if (err_is(&why, ERR_INVALID) || err_is(&why, ERR_NOT_FOUND))
		return 0;
	return signal_write(x.e, again_step, &x, err);
}
