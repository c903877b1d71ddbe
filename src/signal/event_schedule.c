/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that run by the clock: rate(5 minutes), cron(0 10 * * ? *). One durable task a rule waits
 * for its next run; runs that were missed while no server was there are one. */
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "codec/cron.h"
#include "signal/event.h"

#define WRONG() \
	err_set_wire(err, "ValidationException", "Parameter ScheduleExpression is not valid.")

/* What an expression says: every so often, or a cron expression. */
struct schedule {
	int64_t every_usec; /* 0: cron */
	struct cron cron;
};

static bool read_rate(struct view body, struct schedule *ret)
{
	static const struct {
		const char *one, *many;
		int64_t usec;
	} units[] = {{"minute", "minutes", 60 * USEC_PER_SEC},
		{"hour", "hours", 3600 * USEC_PER_SEC}, {"day", "days", 86400 * USEC_PER_SEC}};
	struct view number = view_cut(&body, ' ');
	int64_t n = 0;

	if (!number.len || number.len > 6)
		return false;
	for (size_t i = 0; i < number.len; i++) {
		if (number.p[i] < '0' || number.p[i] > '9')
			return false;
		n = n * 10 + (number.p[i] - '0');
	}
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (n > 0 && view_eq_str(body, n == 1 ? units[i].one : units[i].many)) {
			ret->every_usec = n * units[i].usec;
			return true;
		}
	return false;
}

/* Six fields: minute, hour, day of the month, month, day of the week, year; exactly one of the days
 * is
 * `?`. */
static bool read_cron(struct view body, struct schedule *ret)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct view rest = body, word;
	size_t fields = 0, open_days = 0;

	while (rest.p) {
		word = view_cut(&rest, ' ');
		if (!word.len)
			return false;
		fields++;
		if ((fields == 3 || fields == 5) && view_eq_str(word, "?"))
			open_days++;
	}
	if (fields != 6 || open_days != 1)
		return false;
	str_add(&text, "0 ");
	str_add_view(&text, body);
	return cron_parse(str_text(&text), &ret->cron, NULL) == 0;
}

static bool read_schedule(const char *expression, struct schedule *ret)
{
	struct view body = view_of(expression);
	bool rate = view_starts_with(body, "rate("), cron = view_starts_with(body, "cron(");

	*ret = (struct schedule){0};
	if ((!rate && !cron) || body.p[body.len - 1] != ')')
		return false;
	body.p += strlen("rate(");
	body.len -= strlen("rate()");
	return rate ? read_rate(body, ret) : read_cron(body, ret);
}

int event_schedule_check(const char *expression, struct err *err)
{
	struct schedule s;

	return read_schedule(expression, &s) ? 0 : WRONG();
}

/* When it runs next after a moment; INT64_MAX: never. */
static int64_t next_run(const struct schedule *s, int64_t after_usec)
{
	return s->every_usec ? after_usec + s->every_usec : cron_next(&s->cron, after_usec);
}

static int enqueue(struct signal_engine *e, struct db_tx *tx,
	const struct events_describe_rule_response *rule, int64_t after_usec, struct err *err)
{
	struct schedule s;
	int64_t due;

	if (!read_schedule(rule->schedule_expression, &s))
		return WRONG();
	due = next_run(&s, after_usec);
	if (due == INT64_MAX)
		return 0;
	return task_enqueue(e->durable, tx,
		&(struct task){.kind = SIGNAL_TASK_SCHEDULE,
			.subject = rule->name,
			.token = "",
			.due_usec = due},
		err);
}

int event_schedule_set(struct signal_engine *e, struct db_tx *tx,
	const struct events_describe_rule_response *rule, struct err *err)
{
	if (!streq(rule->event_bus_name, EVENT_DEFAULT_BUS))
		return 0;
	if (task_cancel(e->durable, tx, SIGNAL_TASK_SCHEDULE, rule->name, NULL, err) < 0)
		return -1;
	return rule->schedule_expression && !streq(rule->state, "DISABLED")
		       ? enqueue(e, tx, rule, durable_now(e->durable), err)
		       : 0;
}

struct run {
	struct signal_engine *e;
	const struct task *t;
};

static int run_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct run *x = arg;
	struct signal_engine *e = x->e;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct events_describe_rule_response rule;
	struct event_envelope v = {
		.id = arena_strdup(&a, id_uuid().text),
		.source = "aws.events",
		.detail_type = "Scheduled Event",
		.detail = "{}",
		.usec = x->t->due_usec,
		.n_resources = 1,
	};
	struct event event = {
		.id = v.id, .bus = EVENT_DEFAULT_BUS, .ingested_usec = durable_now(e->durable)};
	int64_t now = durable_now(e->durable);
	struct schedule s;
	int r = store_document_get(tx, &STORE_EVENT_RULE, x->t->subject, &a, &rule, err);

	if (r < 0 || task_done(e->durable, tx, x->t, err) < 0)
		return -1;
	if (r == 0 || !rule.schedule_expression || streq(rule.state, "DISABLED"))
		return 0;
	v.resources = (const char *const[]){rule.arn};
	event.text = event_envelope_text(e, &v, &a);
	if (event_publish_to_rule(e, tx, &event, &rule, &a, err) < 0)
		return -1;
	/* A rate keeps its beat; what was missed is not made up for. */
	if (read_schedule(rule.schedule_expression, &s) && s.every_usec)
		now -= (now - x->t->due_usec) % s.every_usec;
	return enqueue(e, tx, &rule, now, err);
}

int event_schedule_run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct run x = {.e = arg, .t = t};

	return durable_step(d, run_step, &x, err);
}
