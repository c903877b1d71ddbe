/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

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

void clock_init_real(struct clock *c, double rate)
{
	clock_init_real_from(c, rate, read_usec(CLOCK_REALTIME));
	c->base_usec = c->origin_usec;
}

void clock_init_real_from(struct clock *c, double rate, int64_t now_usec)
{
	BUG_ON(rate <= 0);
	*c = (struct clock){.kind = CLOCK_REAL,
		.rate = rate,
		.origin_usec = read_usec(CLOCK_REALTIME),
		.base_usec = now_usec};
	pthread_mutex_init(&c->lock, NULL);
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

int64_t clock_now(struct clock *c)
{
	int64_t now;

	if (c->kind == CLOCK_REAL) {
		now = read_usec(CLOCK_REALTIME);
		if (c->rate == 1.0)
			return now + (c->base_usec - c->origin_usec);
		return c->base_usec + (int64_t)((double)(now - c->origin_usec) * c->rate);
	}
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
