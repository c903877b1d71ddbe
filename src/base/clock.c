/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_usec(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

int64_t monotonic_usec(void)
{
	return read_usec(CLOCK_MONOTONIC);
}

int64_t clock_true_now(void)
{
	return read_usec(CLOCK_REALTIME);
}

static void init_real(struct clock *c, double rate, int64_t origin_usec, int64_t base_usec)
{
	BUG_ON(rate <= 0);
	*c = (struct clock){.kind = CLOCK_REAL,
		.rate = rate,
		.origin_usec = origin_usec,
		.base_usec = base_usec};
	pthread_mutex_init(&c->lock, NULL);
}

void clock_init_real(struct clock *c, double rate)
{
	int64_t now_usec = read_usec(CLOCK_REALTIME);

	init_real(c, rate, now_usec, now_usec);
}

void clock_init_real_from(struct clock *c, double rate, int64_t now_usec)
{
	init_real(c, rate, read_usec(CLOCK_REALTIME), now_usec);
}

void clock_describe(const struct clock *c, struct str *out)
{
	if (c->kind == CLOCK_REAL && (c->rate != 1.0 || c->base_usec != c->origin_usec))
		str_addf(out, "%.17g %lld %lld", c->rate, (long long)c->origin_usec,
			(long long)c->base_usec);
}

int clock_init_described(struct clock *c, const char *text, struct err *err)
{
	long long origin_usec, base_usec;
	double rate;

	if (!text || !*text) {
		clock_init_real(c, 1.0);
		return 0;
	}
	if (sscanf(text, "%lf %lld %lld", &rate, &origin_usec, &base_usec) != 3 || !(rate > 0)) {
		clock_init_real(c, 1.0);
		return err_set(err, ERR_MALFORMED, "\"%s\" does not describe a clock", text);
	}
	init_real(c, rate, origin_usec, base_usec);
	return 0;
}

void clock_init_simulated(struct clock *c, int64_t start_usec)
{
	*c = (struct clock){.kind = CLOCK_SIMULATED, .rate = 1.0, .simulated_usec = start_usec};
	pthread_mutex_init(&c->lock, NULL);
}

void clock_release(struct clock *c)
{
	pthread_mutex_destroy(&c->lock);
}

int64_t clock_at(const struct clock *c, int64_t true_usec)
{
	BUG_ON(c->kind != CLOCK_REAL);
	if (c->rate == 1.0)
		return true_usec + (c->base_usec - c->origin_usec);
	return c->base_usec + (int64_t)((double)(true_usec - c->origin_usec) * c->rate);
}

int64_t clock_now(struct clock *c)
{
	int64_t now;

	if (c->kind == CLOCK_REAL)
		return clock_at(c, read_usec(CLOCK_REALTIME));
	pthread_mutex_lock(&c->lock);
	now = c->simulated_usec;
	pthread_mutex_unlock(&c->lock);
	return now;
}

void clock_set(struct clock *c, int64_t now_usec)
{
	BUG_ON(c->kind != CLOCK_SIMULATED);
	pthread_mutex_lock(&c->lock);
	c->simulated_usec = MAX(c->simulated_usec, now_usec);
	pthread_mutex_unlock(&c->lock);
}

void clock_advance(struct clock *c, int64_t usec)
{
	BUG_ON(c->kind != CLOCK_SIMULATED || usec < 0);
	pthread_mutex_lock(&c->lock);
	c->simulated_usec += usec;
	pthread_mutex_unlock(&c->lock);
}

int64_t clock_true_wait(struct clock *c, int64_t due_usec)
{
	int64_t now = clock_now(c), left;

	if (due_usec <= now)
		return 0;
	left = due_usec - now;
	if (c->kind == CLOCK_SIMULATED)
		return INT64_MAX;
	return (int64_t)((double)left / c->rate) + 1;
}
