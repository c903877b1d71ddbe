/* SPDX-License-Identifier: Apache-2.0 */
/* Lines for subscribers: a batch is one task, which posts them to an address or an API destination
 * in the envelope of the service ({"awslogs": {"data": ...}}, gzip in base64) and tries again for a
 * day. */
#include <string.h>

#include "base/log.h"
#include "codec/base64.h"
#include "codec/gzip.h"
#include "net/http_client.h"
#include "signal/event_connection.h"
#include "signal/event_deliver.h"
#include "signal/log_filter.h"
#include "signal/tally.h"

#define SERVICE "logs.amazonaws.com"
#define TIMEOUT_USEC (15 * USEC_PER_SEC)
#define MOST_AGE_USEC (INT64_C(86400) * USEC_PER_SEC)
#define DESTINATION "api-destination/"

int log_destination_check(const char *destination, const char *role_arn, struct err *err)
{
	struct err why CLEANUP_ERR = ERR_INIT;

	if (event_arn_is(destination, "events", DESTINATION))
		return role_arn
			       ? 0
			       : err_set_wire(err, "InvalidParameterException",
					 "roleArn is required for the destination %s", destination);
	if (starts_with(destination, "arn:"))
		return err_set(err, ERR_UNSUPPORTED,
			"log lines cannot go to %s: functions and streams are not implemented; an "
			"https address or an API destination can take them",
			destination);
	return event_http_check(destination, "destinationArn", &why) < 0
		       ? err_set_wire(err, "InvalidParameterException", "%s", err_message(&why))
		       : 0;
}

int log_forward(struct signal_engine *e, struct db_tx *tx,
	const struct logs_subscription_filter *filter, const char *stream,
	const struct log_event *v, size_t n, struct arena *a, struct err *err)
{
	struct towpath_signal_forward f = {
		.since = WIRE_SET_TIME(durable_now(e->durable)), .events = WIRE_SET_INT(n)};
	struct str text CLEANUP_STR = STR_INIT;
	struct str payload CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &text};

	json_open(&w, '{');
	json_put_member(&w, "messageType", "DATA_MESSAGE");
	json_put_member(&w, "owner", e->cfg.account);
	json_put_member(&w, "logGroup", filter->log_group_name);
	json_put_member(&w, "logStream", stream);
	json_key(&w, "subscriptionFilters");
	json_open(&w, '[');
	json_put_text(&w, filter->filter_name);
	json_close(&w, ']');
	json_key(&w, "logEvents");
	json_open(&w, '[');
	for (size_t i = 0; i < n; i++) {
		json_open(&w, '{');
		json_put_member(&w, "id", log_event_id(a, &v[i], stream));
		json_key(&w, "timestamp");
		json_put_int(&w, v[i].msec);
		json_put_member(&w, "message", v[i].message);
		json_close(&w, '}');
	}
	json_close(&w, ']');
	json_close(&w, '}');
	f.body = str_text(&text);
	wire_encode_json(&towpath_signal_forward_shape, &f, &payload);
	return task_enqueue(e->durable, tx,
		&(struct task){.kind = SIGNAL_TASK_FORWARD,
			.subject = arena_printf(
				a, "%s:%s", filter->log_group_name, filter->filter_name),
			.token = log_event_id(a, &v[0], stream),
			.payload = str_text(&payload)},
		err);
}

/* ---- the task ---- */

struct forward {
	struct signal_engine *e;
	const struct task *t;
	struct arena *a;
	struct towpath_signal_forward f;
	struct logs_subscription_filter filter;
	int64_t not_before_usec;
	bool wanted, waits;
	size_t bytes; /* packed */
};

static int look(struct db_tx *tx, void *arg, struct err *err)
{
	struct forward *x = arg;
	int r = store_document_get(
		tx, &STORE_LOG_SUBSCRIPTION, x->t->subject, x->a, &x->filter, err);

	x->wanted = r > 0;
	return r < 0 ? -1 : 0;
}

static const char *envelope(struct forward *x)
{
	struct str packed CLEANUP_STR = STR_INIT;
	struct str body CLEANUP_STR = STR_INIT;

	gzip_pack(view_of(x->f.body), &packed);
	x->bytes = packed.len;
	str_add(&body, "{\"awslogs\":{\"data\":\"");
	base64_encode(str_view(&packed), &body);
	str_add(&body, "\"}}");
	return arena_strdup(x->a, str_text(&body));
}

static int post_to_destination(struct forward *x, struct err *err)
{
	const struct signal_config *cfg = &x->e->cfg;
	struct event_delivery d = {
		.e = x->e,
		.t = x->t,
		.a = x->a,
		.target = {.id = x->filter.filter_name, .arn = x->filter.destination_arn},
		.input = envelope(x),
		.d = {.event = "{}", .slot = x->f.slot},
	};
	const struct signal_agent by = {
		.service = SERVICE,
		.source_arn = arena_printf(x->a, "arn:aws:logs:%s:%s:log-group:%s:*", cfg->region,
			cfg->account, x->filter.log_group_name),
	};
	int r;

	if (cfg->role_may &&
		cfg->role_may(cfg->arg, &by, x->filter.role_arn, "events:InvokeApiDestination",
			x->filter.destination_arn, NULL, err) < 0)
		return -1;
	r = event_call_destination(&d, err);
	x->waits = d.waits;
	x->not_before_usec = d.not_before_usec;
	x->f.slot = d.d.slot;
	return r;
}

static int post(struct forward *x, struct err *err)
{
	static const char *const headers[] = {
		"Content-Type: application/json", "User-Agent: Amazon CloudWatch Logs", NULL};
	struct http_client *client CLEANUP(http_client_freep) = http_client_new();
	struct http_answer answer CLEANUP_HTTP_ANSWER = HTTP_ANSWER_INIT;

	if (starts_with(x->filter.destination_arn, "arn:"))
		return post_to_destination(x, err);
	if (http_client_call(client,
		    &(struct http_call){.method = "POST",
			    .url = x->filter.destination_arn,
			    .headers = headers,
			    .body = view_of(envelope(x)),
			    .timeout_usec = TIMEOUT_USEC},
		    &answer, err) < 0)
		return -1;
	return answer.status / 100 == 2
		       ? 0
		       : err_set(err, ERR_UNAVAILABLE, "the subscriber answered %d", answer.status);
}

static int again_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct forward *x = arg;
	int tried = (int)wire_or(x->f.tried, 0) + !x->waits;
	int64_t due = durable_now(x->e->durable) +
		      (x->waits ? 0 : signal_retry_delay(x->t->token, tried - 1));
	struct towpath_signal_forward f = x->f;

	if (task_done(x->e->durable, tx, x->t, err) < 0)
		return -1;
	if (due > x->f.since.usec + MOST_AGE_USEC) {
		log_warn("signal", "subscription %s: lines are given up after %d tries",
			x->t->subject, tried);
		return 0;
	}
	f.tried = WIRE_SET_INT(tried);
	f.slot.set &= x->waits;
	return signal_try_again(x->e, tx, x->t, &towpath_signal_forward_shape, &f,
		MAX(due, x->not_before_usec), err);
}

static void count_try(struct forward *x, bool done)
{
	const char *to = starts_with(x->filter.destination_arn, "arn:") ? "ApiDestination" : "Http";
	const struct tally_subject *filter =
		TALLY_OF(x->filter.log_group_name, to, x->filter.filter_name);
	double events = (double)wire_or(x->f.events, 0);

	if (!done) {
		tally_count(x->e, TALLY_FORWARD_FAILED, filter, events);
		return;
	}
	tally_count(x->e, TALLY_FORWARDED_BYTES, filter, (double)x->bytes);
	tally_count(x->e, TALLY_FORWARDED_EVENTS, filter, events);
}

int log_forward_run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct err why CLEANUP_ERR = ERR_INIT;
	struct forward x = {.e = arg, .t = t, .a = &a};

	(void)d;
	if (wire_decode_json(&towpath_signal_forward_shape, view_of(t->payload), &a, &x.f, err) <
			0 ||
		signal_read(x.e, look, &x, err) < 0)
		return -1;
	if (!x.wanted)
		return 0;
	if (post(&x, &why) == 0) {
		if (x.waits)
			return signal_write(x.e, again_step, &x, err);
		count_try(&x, true);
		return 0;
	}
	log_info("signal", "subscription %s: %s", t->subject, err_message(&why));
	if (signal_write(x.e, again_step, &x, err) < 0)
		return -1;
	count_try(&x, false);
	return 0;
}
