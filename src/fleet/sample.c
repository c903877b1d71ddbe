/* SPDX-License-Identifier: Apache-2.0 */
/* Follows the data plane: applies plans, sees targets change their health and drain, and counts
 * requests, once a second (more often while something is on its way). */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "fleet/internal.h"

/* Looks fall shortly after the full seconds of the clock, so that a second's counts are whole. */
#define AFTER_SECOND_USEC (2 * USEC_PER_MSEC)
#define BUSY_USEC (200 * USEC_PER_MSEC)
#define HOSTS_EVERY_USEC (5 * USEC_PER_SEC)
#define IDLE_ROUNDS 2
/* Fewer response times than this are those of all requests. */
#define FEWEST_SAMPLED 100

void fleet_watched_free(void *watched)
{
	struct fleet_watched *w = watched;

	if (!w)
		return;
	free(w->key);
	free(w->target_group);
	free(w->load_balancer);
	free(w->state);
	free(w);
}

/* ---- applying ---- */

struct plan_query {
	struct fleet_engine *e;
	struct arena *a;
	struct fleet_plan plan;
};

static int plan_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct plan_query *q = arg;

	return fleet_plan_make(q->e, tx, q->a, &q->plan, err);
}

static void set_text(char **at, const char *text)
{
	free(*at);
	*at = xstrdup_or_null(text);
}

static void watch_planned(struct fleet_engine *e, const struct fleet_plan *plan)
{
	map_foreach (it, &e->watched)
		((struct fleet_watched *)it->value)->seen = false;
	for (size_t i = 0; i < plan->n_servers; i++) {
		const struct fleet_planned *p = &plan->servers[i];
		struct fleet_watched *w = map_get(&e->watched, p->key);
		struct arena a CLEANUP_ARENA = ARENA_INIT;
		bool draining = streq(p->target->state, TARGET_DRAINING);

		if (!w) {
			w = xcalloc(1, sizeof(*w));
			map_set(&e->watched, p->key, w);
		}
		set_text(&w->key, fleet_target_key(&a, p->target));
		set_text(&w->target_group, fleet_dimension(p->target_group_arn));
		set_text(&w->load_balancer, fleet_dimension(p->load_balancer_arn));
		set_text(&w->state, p->target->state);
		if (!draining || !w->draining)
			w->idle_rounds = 0;
		w->draining = draining;
		w->seen = true;
	}
	map_foreach (it, &e->watched) {
		if (!((struct fleet_watched *)it->value)->seen)
			fleet_watched_free(map_remove(&e->watched, it->key));
	}
}

/* Draining targets that the data plane does not know have left. */
static int leave_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_op *o = arg;
	const struct fleet_plan *plan = o->req;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct store_documents all;

	if (store_document_list(tx, &STORE_TARGET, NULL, &a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		struct towpath_fleet_target *t = all.v[i];
		bool planned = false;

		if (!streq(t->state, TARGET_DRAINING) || wire_or(t->drained, false))
			continue;
		for (size_t k = 0; k < plan->n_servers; k++)
			planned |= streq(plan->servers[k].target->server, t->server);
		if (!planned && fleet_target_set_state(o->e, tx, t, TARGET_UNUSED, t->reason,
					t->description, err) < 0)
			return -1;
	}
	return 0;
}

static int apply_locked(struct fleet_engine *e, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct plan_query q = {.e = e, .a = &a};

	if (fleet_read(e, plan_step, &q, err) < 0)
		return -1;
	if (e->cfg.traffic && e->cfg.traffic->driver->apply(e->cfg.traffic, &q.plan.plan, err) < 0)
		return -1;
	fleet_watch_traffic(e);
	watch_planned(e, &q.plan);
	return fleet_write(e, leave_step, &(struct fleet_op){.e = e, .req = &q.plan}, err);
}

int fleet_traffic_apply(struct fleet_engine *e, struct err *err)
{
	int r;

	pthread_mutex_lock(&e->traffic_lock);
	r = apply_locked(e, err);
	pthread_mutex_unlock(&e->traffic_lock);
	fleet_sampler_hurry(e);
	return r;
}

int fleet_traffic_run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	(void)d;
	(void)t;
	return fleet_traffic_apply(arg, err);
}

/* ---- health ---- */

struct health {
	const char *state, *reason, *description;
};

static struct health health_of(const struct traffic_server_stat *s, struct arena *a)
{
	if (s->health == TRAFFIC_UP)
		return (struct health){TARGET_HEALTHY, NULL, NULL};
	if (s->health == TRAFFIC_UNCHECKED)
		return (struct health){
			TARGET_HEALTHY, "Target.HealthCheckDisabled", "Health checks are disabled"};
	if (s->health == TRAFFIC_CHECKING)
		return (struct health){TARGET_INITIAL, "Elb.InitialHealthChecking",
			"Initial health checks in progress"};
	if (s->check && strstr(s->check, "TOUT"))
		return (struct health){TARGET_UNHEALTHY, "Target.Timeout", "Request timed out"};
	if (s->check && strstr(s->check, "L7STS"))
		return (struct health){TARGET_UNHEALTHY, "Target.ResponseCodeMismatch",
			arena_printf(
				a, "Health checks failed with these codes: [%d]", s->check_code)};
	return (struct health){
		TARGET_UNHEALTHY, "Target.FailedHealthChecks", "Health checks failed"};
}

struct health_change {
	struct fleet_engine *e;
	const char *key;
	struct health now;
};

static int health_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct health_change *c = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct towpath_fleet_target t;
	bool draining;
	int r = store_document_get(tx, &STORE_TARGET, c->key, &a, &t, err);

	if (r <= 0)
		return r;
	/* It may have been deregistered or registered anew meanwhile. */
	draining = streq(t.state, TARGET_DRAINING);
	if (draining != streq(c->now.state, TARGET_UNUSED) || wire_or(t.drained, false) ||
		(streq(t.state, c->now.state) && streq(t.reason, c->now.reason)))
		return 0;
	if (fleet_target_set_state(
		    c->e, tx, &t, c->now.state, c->now.reason, c->now.description, err) < 0)
		return -1;
	if (draining)
		return fleet_wake(c->e, tx, FLEET_TASK_TRAFFIC, "", 0, err);
	return 0;
}

static bool needs_change(
	struct fleet_watched *w, const struct traffic_server_stat *s, const struct health *now)
{
	if (!w->draining)
		return !streq(w->state, now->state);
	w->idle_rounds = s->current == 0 ? w->idle_rounds + 1 : 0;
	return w->idle_rounds >= IDLE_ROUNDS;
}

static int follow_server(struct fleet_engine *e, struct fleet_watched *w,
	const struct traffic_server_stat *s, struct arena *a, struct err *err)
{
	struct health_change c = {.e = e, .key = w->key, .now = health_of(s, a)};

	if (!needs_change(w, s, &c.now))
		return 0;
	if (w->draining)
		c.now = (struct health){TARGET_UNUSED, "Target.DeregistrationInProgress",
			"Target deregistration is in progress"};
	if (fleet_write(e, health_step, &c, err) < 0)
		return -1;
	set_text(&w->state, c.now.state);
	return 0;
}

/* ---- metrics ---- */

enum count { REQUESTS, ANSWERS_2, ANSWERS_3, ANSWERS_4, ANSWERS_5, ERRORS, REFUSALS, N_COUNTS };
static const char *const count_names[N_COUNTS] = {
	"RequestCount",
	"HTTPCode_Target_2XX_Count",
	"HTTPCode_Target_3XX_Count",
	"HTTPCode_Target_4XX_Count",
	"HTTPCode_Target_5XX_Count",
	"TargetConnectionErrorCount",
	"HTTPCode_ELB_5XX_Count",
};

/* What came together for one target group since the last look. */
struct tally {
	const char *target_group, *load_balancer, *pool;
	int64_t counts[N_COUNTS];
	int64_t healthy, unhealthy;
};

static struct tally *tally_of(
	struct map *tallies, struct arena *a, const struct fleet_watched *w, const char *pool)
{
	struct tally *t = map_get(tallies, w->target_group);

	if (!t) {
		t = arena_new(a, struct tally);
		t->target_group = w->target_group;
		t->load_balancer = w->load_balancer;
		t->pool = pool;
		map_set(tallies, w->target_group, t);
	}
	return t;
}

/* Counters start anew when the data plane was reloaded. */
static int64_t grown(int64_t now, int64_t before)
{
	return now >= before ? now - before : now;
}

static void count_server(
	struct tally *t, struct fleet_watched *w, const struct traffic_server_stat *s)
{
	const int64_t *now = s->answers, *before = w->last.answers;

	for (int k = 2; k <= 5; k++) {
		int64_t n = grown(now[k], before[k]);

		t->counts[ANSWERS_2 + k - 2] += n;
		t->counts[REQUESTS] += n;
	}
	t->counts[ERRORS] += grown(s->errors, w->last.errors);
	if (!w->draining && streq(w->state, TARGET_HEALTHY))
		t->healthy++;
	else if (!w->draining && streq(w->state, TARGET_UNHEALTHY))
		t->unhealthy++;
	memcpy(w->last.answers, s->answers, sizeof(s->answers));
	w->last.errors = s->errors;
}

typedef VEC(struct fleet_metric) metric_vec;

static void add_metric(
	metric_vec *v, struct arena *a, const struct tally *t, const char *name, double value)
{
	double *pair = arena_new_n(a, 2, double);

	pair[0] = value;
	pair[1] = 1;
	vec_push(v, ((struct fleet_metric){
			    .name = name,
			    .load_balancer = t->load_balancer,
			    .target_group = t->target_group,
			    .unit = "Count",
			    .values = &pair[0],
			    .counts = &pair[1],
			    .n = 1,
		    }));
}

/* Response times: equal milliseconds together; over 100 ms two digits count. */
static int64_t bucket(int64_t msec)
{
	int64_t unit = 1;

	while (msec / unit >= 100)
		unit *= 10;
	return msec / unit * unit;
}

/* Under load only a sample of the requests is timed: what one of them stands for. */
static double stands_for(const struct tally *t, const struct traffic_stats *stats)
{
	int64_t timed = 0;

	for (size_t i = 0; i < stats->n_timings; i++)
		if (stats->timings[i].msec >= 0 && streq(stats->timings[i].pool, t->pool))
			timed += stats->timings[i].count;
	return timed >= FEWEST_SAMPLED && t->counts[REQUESTS] > timed
		       ? (double)t->counts[REQUESTS] / (double)timed
		       : 1;
}

static void add_timings(
	metric_vec *v, struct arena *a, const struct tally *t, const struct traffic_stats *stats)
{
	double weight = stands_for(t, stats);
	double *values = arena_new_n(a, stats->n_timings + 1, double);
	double *counts = arena_new_n(a, stats->n_timings + 1, double);
	size_t n = 0;

	for (size_t i = 0; i < stats->n_timings; i++) {
		const struct traffic_timing *x = &stats->timings[i];
		double seconds = (double)bucket(x->msec) / 1000;
		size_t k = 0;

		if (x->msec < 0 || !streq(x->pool, t->pool))
			continue;
		while (k < n && values[k] != seconds)
			k++;
		if (k == n) {
			values[n] = seconds;
			counts[n++] = 0;
		}
		counts[k] += (double)x->count * weight;
	}
	if (n)
		vec_push(v, ((struct fleet_metric){
				    .name = "TargetResponseTime",
				    .load_balancer = t->load_balancer,
				    .target_group = t->target_group,
				    .unit = "Seconds",
				    .values = values,
				    .counts = counts,
				    .n = n,
			    }));
}

/* When they changed, and now and then. */
static void add_hosts(struct fleet_engine *e, metric_vec *v, struct arena *a, const struct tally *t)
{
	struct fleet_hosts_sent *sent = map_get(&e->hosts, t->target_group);
	int64_t now = durable_now(e->durable);

	if (!sent) {
		sent = xcalloc(1, sizeof(*sent));
		sent->healthy = -1;
		map_set(&e->hosts, t->target_group, sent);
	}
	if (sent->healthy == t->healthy && sent->unhealthy == t->unhealthy &&
		now - sent->usec < HOSTS_EVERY_USEC)
		return;
	*sent = (struct fleet_hosts_sent){t->healthy, t->unhealthy, now};
	add_metric(v, a, t, "HealthyHostCount", (double)t->healthy);
	add_metric(v, a, t, "UnHealthyHostCount", (double)t->unhealthy);
}

static void count_refusals(struct tally *t, const struct traffic_stats *stats)
{
	for (size_t i = 0; i < stats->n_timings; i++)
		if (stats->timings[i].msec < 0 && streq(stats->timings[i].pool, t->pool))
			t->counts[REFUSALS] += stats->timings[i].count;
}

static int send_metrics(struct fleet_engine *e, const struct map *tallies,
	const struct traffic_stats *stats, int64_t usec, struct arena *a, struct err *err)
{
	metric_vec v = {0};
	int r = 0;

	map_foreach (it, tallies) {
		struct tally *t = it->value;

		count_refusals(t, stats);
		for (int c = 0; c < N_COUNTS; c++)
			if (t->counts[c])
				add_metric(&v, a, t, count_names[c], (double)t->counts[c]);
		add_hosts(e, &v, a, t);
		add_timings(&v, a, t, stats);
	}
	if (v.n && e->cfg.metrics)
		r = e->cfg.metrics(e->cfg.arg, usec, v.v, v.n, err);
	vec_release(&v);
	if (r == 0 && e->cfg.metrics_complete && e->complete_sec != e->looked_usec / USEC_PER_SEC)
		r = e->cfg.metrics_complete(e->cfg.arg, e->looked_usec / USEC_PER_SEC, err);
	e->complete_sec = e->looked_usec / USEC_PER_SEC;
	return r;
}

/* ---- the round ---- */

/* What came between two looks belongs to the second in the middle of them. */
static int64_t look(struct fleet_engine *e)
{
	int64_t now = durable_now(e->durable);
	int64_t before = e->looked_usec ? e->looked_usec : now - USEC_PER_SEC;

	e->looked_usec = now;
	return before + (now - before) / 2;
}

static int sample_locked(struct fleet_engine *e, bool *ret_busy, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct map tallies CLEANUP_MAP = MAP_INIT;
	struct traffic_stats stats;
	int64_t usec = look(e);

	*ret_busy = false;
	if (!e->cfg.traffic || e->watched.count == 0)
		return 0;
	if (e->cfg.traffic->driver->stats(e->cfg.traffic, &a, &stats, err) < 0)
		return -1;
	for (size_t i = 0; i < stats.n_servers; i++) {
		const struct traffic_server_stat *s = &stats.servers[i];
		char *key = arena_printf(&a, "%s/%s", s->pool, s->name);
		struct fleet_watched *w = map_get(&e->watched, key);

		if (!w)
			continue;
		if (follow_server(e, w, s, &a, err) < 0)
			return -1;
		*ret_busy |= w->draining || streq(w->state, TARGET_INITIAL);
		count_server(tally_of(&tallies, &a, w, s->pool), w, s);
	}
	return send_metrics(e, &tallies, &stats, usec, &a, err);
}

static int begin_locked(struct fleet_engine *e, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct traffic_stats stats;

	if (e->watched.count == 0)
		return 0;
	if (e->cfg.traffic->driver->stats(e->cfg.traffic, &a, &stats, err) < 0)
		return -1;
	for (size_t i = 0; i < stats.n_servers; i++) {
		const struct traffic_server_stat *s = &stats.servers[i];
		struct fleet_watched *w =
			map_get(&e->watched, arena_printf(&a, "%s/%s", s->pool, s->name));

		if (!w)
			continue;
		memcpy(w->last.answers, s->answers, sizeof(s->answers));
		w->last.errors = s->errors;
	}
	return 0;
}

int fleet_sampler_begin(struct fleet_engine *e, struct err *err)
{
	int r;

	pthread_mutex_lock(&e->traffic_lock);
	r = begin_locked(e, err);
	pthread_mutex_unlock(&e->traffic_lock);
	return r;
}

/* The data plane died: it is started anew. */
static int revive(struct fleet_engine *e, struct err *err)
{
	log_warn("fleet", "the data plane does not answer (%s); starting it", err_message(err));
	err_release(err);
	return apply_locked(e, err);
}

static int sample(struct fleet_engine *e, bool *ret_busy, struct err *err)
{
	int r;

	pthread_mutex_lock(&e->traffic_lock);
	r = sample_locked(e, ret_busy, err);
	if (r < 0 && err_is(err, ERR_UNAVAILABLE))
		r = revive(e, err);
	pthread_mutex_unlock(&e->traffic_lock);
	return r;
}

int fleet_sample(struct fleet_engine *e, struct err *err)
{
	bool busy;

	return sample(e, &busy, err);
}

void fleet_sampler_hurry(struct fleet_engine *e)
{
	pthread_mutex_lock(&e->sample_lock);
	pthread_cond_signal(&e->sample_cond);
	pthread_mutex_unlock(&e->sample_lock);
}

static void add_usec(struct timespec *t, int64_t usec)
{
	t->tv_nsec += usec * 1000;
	t->tv_sec += t->tv_nsec / 1000000000;
	t->tv_nsec %= 1000000000;
}

static int64_t pause_usec(struct fleet_engine *e, bool busy)
{
	int64_t now = durable_now(e->durable);
	int64_t to_second = USEC_PER_SEC - now % USEC_PER_SEC + AFTER_SECOND_USEC;

	return busy ? MIN(to_second, BUSY_USEC) : to_second;
}

void *fleet_sampler_main(void *arg)
{
	struct fleet_engine *e = arg;
	bool busy = false, failing = false;

	pthread_mutex_lock(&e->sample_lock);
	while (!e->stopping) {
		struct err err CLEANUP_ERR = ERR_INIT, why CLEANUP_ERR = ERR_INIT;
		struct timespec until;
		bool failed;

		pthread_mutex_unlock(&e->sample_lock);
		failed = sample(e, &busy, &err) < 0;
		if (failed && !failing)
			log_err("fleet", &err, "following the data plane");
		failing = failed;
		if (fleet_usage_look(e, &why) < 0)
			log_err("fleet", &why, "looking at what services use");
		clock_gettime(CLOCK_MONOTONIC, &until);
		add_usec(&until, pause_usec(e, busy));
		pthread_mutex_lock(&e->sample_lock);
		if (!e->stopping)
			pthread_cond_timedwait(&e->sample_cond, &e->sample_lock, &until);
	}
	pthread_mutex_unlock(&e->sample_lock);
	return NULL;
}
