/* SPDX-License-Identifier: Apache-2.0 */
#include "signal/tally.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"

#define MINUTE_USEC (60 * USEC_PER_SEC)
#define FASTEST_USEC (50 * USEC_PER_MSEC) /* between two steps of a clock that runs faster */
#define AGAIN_USEC (5 * USEC_PER_SEC)	  /* when the store took nothing */
#define SEPARATOR '\x1f'
#define DIMENSIONS 3

static const struct metric {
	const char *name_space, *name, *unit;
	const char *dimensions[DIMENSIONS];
	bool total; /* told without dimensions, too */
} metrics[TALLY_METRICS] = {
	[TALLY_EVENTS_PUT] = {"AWS/Events", "PutEventsEntriesCount", "Count"},
	[TALLY_EVENTS_PUT_FAILED] = {"AWS/Events", "PutEventsFailedEntriesCount", "Count"},
	[TALLY_EVENT_MATCHED] = {"AWS/Events", "MatchedEvents", "Count"},
	[TALLY_INVOCATION_CREATED] = {"AWS/Events", "InvocationsCreated", "Count"},
	[TALLY_RULE_MATCHED] = {"AWS/Events", "MatchedEvents", "Count",
		{"EventBusName", "RuleName"}},
	[TALLY_RULE_TRIGGERED] = {"AWS/Events", "TriggeredRules", "Count",
		{"EventBusName", "RuleName"}, true},
	[TALLY_RULE_THROTTLED] = {"AWS/Events", "ThrottledRules", "Count",
		{"EventBusName", "RuleName"}, true},
	[TALLY_ATTEMPT] = {"AWS/Events", "InvocationAttempts", "Count",
		{"EventBusName", "RuleName"}, true},
	[TALLY_ATTEMPT_AGAIN] = {"AWS/Events", "RetryInvocationAttempts", "Count",
		{"EventBusName", "RuleName"}, true},
	[TALLY_ATTEMPT_SUCCEEDED] = {"AWS/Events", "SuccessfulInvocationAttempts", "Count",
		{"EventBusName", "RuleName"}, true},
	[TALLY_INVOCATION] = {"AWS/Events", "Invocations", "Count", {"EventBusName", "RuleName"},
		true},
	[TALLY_INVOCATION_FAILED] = {"AWS/Events", "FailedInvocations", "Count",
		{"EventBusName", "RuleName"}, true},
	[TALLY_DEAD_LETTER] = {"AWS/Events", "InvocationsSentToDlq", "Count",
		{"EventBusName", "RuleName"}, true},
	[TALLY_DEAD_LETTER_LOST] = {"AWS/Events", "InvocationsFailedToBeSentToDlq", "Count",
		{"EventBusName", "RuleName"}, true},
	[TALLY_PUBLISHED] = {"AWS/SNS", "NumberOfMessagesPublished", "Count", {"TopicName"}},
	[TALLY_PUBLISHED_BYTES] = {"AWS/SNS", "PublishSize", "Bytes", {"TopicName"}},
	[TALLY_DELIVERED] = {"AWS/SNS", "NumberOfNotificationsDelivered", "Count", {"TopicName"}},
	[TALLY_DELIVERY_FAILED] = {"AWS/SNS", "NumberOfNotificationsFailed", "Count",
		{"TopicName"}},
	[TALLY_FILTERED_OUT] = {"AWS/SNS", "NumberOfNotificationsFilteredOut", "Count",
		{"TopicName"}},
	[TALLY_FILTERED_OUT_NO_ATTRIBUTES] = {"AWS/SNS",
		"NumberOfNotificationsFilteredOut-NoMessageAttributes", "Count", {"TopicName"}},
	[TALLY_LOG_BYTES] = {"AWS/Logs", "IncomingBytes", "Bytes", {"LogGroupName"}, true},
	[TALLY_LOG_EVENTS] = {"AWS/Logs", "IncomingLogEvents", "None", {"LogGroupName"}, true},
	[TALLY_FORWARDED_BYTES] = {"AWS/Logs", "ForwardedBytes", "Bytes",
		{"LogGroupName", "DestinationType", "FilterName"}},
	[TALLY_FORWARDED_EVENTS] = {"AWS/Logs", "ForwardedLogEvents", "None",
		{"LogGroupName", "DestinationType", "FilterName"}},
	[TALLY_FORWARD_FAILED] = {"AWS/Logs", "DeliveryErrors", "None",
		{"LogGroupName", "DestinationType", "FilterName"}},
};

/* One metric of one subject in one minute. */
struct cell {
	enum tally_metric metric;
	int64_t minute;
	char *subject; /* values of dimensions, each with a separator behind it */
	double n, sum, min, max;
};

struct tally {
	struct signal_engine *e;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct map cells; /* by metric, minute and subject */
	bool stop, started;
	pthread_t thread;
};

static void free_cell(void *p)
{
	free(((struct cell *)p)->subject);
	free(p);
}

/* ---- counting ---- */

static void cell_add(struct cell *c, const struct cell *more)
{
	c->min = c->n ? MIN(c->min, more->min) : more->min;
	c->max = c->n ? MAX(c->max, more->max) : more->max;
	c->n += more->n;
	c->sum += more->sum;
}

static void add_to(struct map *cells, const struct cell *more)
{
	struct str key CLEANUP_STR = STR_INIT;
	struct cell *c;

	str_add_n(&key, &more->metric, sizeof(more->metric));
	str_add_n(&key, &more->minute, sizeof(more->minute));
	str_add(&key, more->subject);
	c = map_get_view(cells, str_view(&key));
	if (!c) {
		if (cells->count >= LIMIT_COUNTED_METRICS)
			return;
		c = xcalloc(1, sizeof(*c));
		c->metric = more->metric;
		c->minute = more->minute;
		c->subject = xstrdup(more->subject);
		map_set_view(cells, str_view(&key), c);
	}
	cell_add(c, more);
}

static void add(struct tally *t, enum tally_metric metric, const char *subject, double value)
{
	const struct cell one = {.metric = metric,
		.minute = durable_now(t->e->durable) / MINUTE_USEC,
		.subject = (char *)(uintptr_t)subject,
		.n = 1,
		.sum = value,
		.min = value,
		.max = value};

	pthread_mutex_lock(&t->lock);
	if (!t->cells.count)
		pthread_cond_signal(&t->wake);
	add_to(&t->cells, &one);
	pthread_mutex_unlock(&t->lock);
}

static void subject_text(const struct tally_subject *subject, struct str *out)
{
	for (size_t i = 0; subject && i < ARRAY_SIZE(subject->v); i++) {
		str_add(out, subject->v[i] ? subject->v[i] : "");
		str_add_c(out, SEPARATOR);
	}
}

void tally_count(struct signal_engine *e, enum tally_metric metric,
	const struct tally_subject *subject, double value)
{
	struct str text CLEANUP_STR = STR_INIT;

	subject_text(subject, &text);
	add(e->tally, metric, str_text(&text), value);
}

/* What a step leaves to be counted. */
struct note {
	enum tally_metric metric;
	double value;
	char subject[];
};

static void count_note(void *arg, const void *bytes)
{
	const struct note *note = bytes;

	add(arg, note->metric, note->subject, note->value);
}

void tally_note(struct signal_engine *e, struct db_tx *tx, enum tally_metric metric,
	const struct tally_subject *subject, double value)
{
	struct str bytes CLEANUP_STR = STR_INIT;

	str_add_n(&bytes, &(const struct note){metric, value}, offsetof(struct note, subject));
	subject_text(subject, &bytes);
	durable_after(e->durable, tx, count_note, e->tally, str_text(&bytes), bytes.len + 1);
}

/* ---- into the metrics ---- */

static struct signal_datum datum_of(const struct cell *c, struct arena *a)
{
	const struct metric *m = &metrics[c->metric];
	struct signal_dimension *dimensions = arena_new_n(a, DIMENSIONS, struct signal_dimension);
	double *values = arena_new_n(a, 3, double), *counts = arena_new_n(a, 3, double);
	struct view rest = view_of(c->subject);
	struct signal_datum d = {
		.name_space = m->name_space,
		.name = m->name,
		.unit = m->unit,
		.dimensions = dimensions,
		.usec = c->minute * MINUTE_USEC,
		.values = values,
		.counts = counts,
		.n = signal_statistics_spread(c->n, c->sum, c->min, c->max, values, counts),
	};

	for (size_t i = 0; rest.len && i < DIMENSIONS && m->dimensions[i]; i++) {
		struct view value = view_cut(&rest, SEPARATOR);

		if (value.len)
			dimensions[d.n_dimensions++] = (struct signal_dimension){
				m->dimensions[i], arena_view_dup(a, value)};
	}
	return d;
}

static int put(struct tally *t, const struct map *cells, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct map totals CLEANUP_MAP = MAP_INIT;
	struct signal_datum *v;
	size_t n = 0;
	int r;

	map_foreach (it, cells) {
		struct cell sum = *(const struct cell *)it->value;

		sum.subject = (char[]){""};
		if (metrics[sum.metric].total)
			add_to(&totals, &sum);
	}
	v = arena_new_n(&a, cells->count + totals.count + 1, struct signal_datum);
	map_foreach (it, cells)
		v[n++] = datum_of(it->value, &a);
	map_foreach (it, &totals)
		v[n++] = datum_of(it->value, &a);
	r = signal_metric_put(t->e, v, n, err);
	map_release_with(&totals, free_cell);
	return r;
}

/* Under the lock, which is left meanwhile. What the store does not take is counted further. */
static int flush(struct tally *t)
{
	struct err err CLEANUP_ERR = ERR_INIT;
	struct map cells = t->cells;
	int r;

	t->cells = MAP_INIT;
	pthread_mutex_unlock(&t->lock);
	r = put(t, &cells, &err);
	if (r < 0)
		log_err("signal", &err, "the counts of a minute wait");
	pthread_mutex_lock(&t->lock);
	if (r < 0)
		map_foreach (it, &cells)
			add_to(&t->cells, it->value);
	map_release_with(&cells, free_cell);
	return r;
}

/* ---- the thread ---- */

/* Under the lock: until then, or until the engine ends. */
static void wait_until(struct tally *t, int64_t monotonic)
{
	struct timespec ts = {
		.tv_sec = monotonic / USEC_PER_SEC, .tv_nsec = (monotonic % USEC_PER_SEC) * 1000};

	while (!t->stop && monotonic_usec() < monotonic)
		pthread_cond_timedwait(&t->wake, &t->lock, &ts);
}

static int64_t to_end_of_minute(struct tally *t)
{
	int64_t now = durable_now(t->e->durable);
	int64_t end = now - now % MINUTE_USEC + MINUTE_USEC;

	int64_t wait = clock_true_wait(durable_clock(t->e->durable), end);

	return MIN(MAX(wait, FASTEST_USEC), MINUTE_USEC);
}

static void *run(void *arg)
{
	struct tally *t = arg;

	pthread_mutex_lock(&t->lock);
	while (!t->stop) {
		if (!t->cells.count) {
			pthread_cond_wait(&t->wake, &t->lock);
			continue;
		}
		wait_until(t, monotonic_usec() + to_end_of_minute(t));
		if (!t->stop && flush(t) < 0)
			wait_until(t, monotonic_usec() + AGAIN_USEC);
	}
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

struct tally *tally_new(struct signal_engine *e)
{
	struct tally *t = xcalloc(1, sizeof(*t));
	pthread_condattr_t attr;

	t->e = e;
	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&t->wake, &attr);
	pthread_condattr_destroy(&attr);
	return t;
}

int tally_start(struct tally *t, struct err *err)
{
	int failed = pthread_create(&t->thread, NULL, run, t);

	if (failed)
		return err_errno(err, failed, "thread that puts counts into metrics");
	pthread_setname_np(t->thread, "tally");
	t->started = true;
	return 0;
}

void tally_free(struct tally *t)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->stop = true;
	pthread_cond_signal(&t->wake);
	pthread_mutex_unlock(&t->lock);
	if (t->started) {
		pthread_join(t->thread, NULL);
		pthread_mutex_lock(&t->lock);
		if (t->cells.count)
			flush(t);
		pthread_mutex_unlock(&t->lock);
	}
	map_release_with(&t->cells, free_cell);
	pthread_cond_destroy(&t->wake);
	pthread_mutex_destroy(&t->lock);
	free(t);
}
