/* SPDX-License-Identifier: Apache-2.0 */
/* What a service does next: rolling updates, the circuit breaker, waits between starts. Pure. */
#include <math.h>

#include "fleet/containers.h"

#define BREAKER_MIN 3
#define BREAKER_MAX 200
#define BACKOFF_FREE 3 /* failures in a row without a wait */
#define BACKOFF_FIRST_SEC 5
#define BACKOFF_MAX_SEC 900

int fleet_breaker_threshold(int desired)
{
	return MIN(MAX((desired + 1) / 2, BREAKER_MIN), BREAKER_MAX);
}

int64_t fleet_backoff_usec(int failures)
{
	int64_t sec = BACKOFF_FIRST_SEC;

	if (failures <= BACKOFF_FREE)
		return 0;
	for (int i = BACKOFF_FREE + 1; i < failures && sec < BACKOFF_MAX_SEC; i++)
		sec *= 2;
	return MIN(sec, BACKOFF_MAX_SEC) * USEC_PER_SEC;
}

int fleet_computed_desired(int desired, double scale_percent)
{
	return (int)ceil(desired * scale_percent / 100 - 1e-9);
}

/* ---- rolling ---- */

/* Whether a leaves before b: what serves least, then the youngest. */
static bool leaves_first(const struct fleet_roll_member *a, const struct fleet_roll_member *b)
{
	static const int rank[] = {[MEMBER_UNHEALTHY] = 0,
		[MEMBER_STARTING] = 1,
		[MEMBER_SETTLING] = 2,
		[MEMBER_HEALTHY] = 3};

	if (rank[a->state] != rank[b->state])
		return rank[a->state] < rank[b->state];
	return a->created_usec > b->created_usec;
}

/* The member to stop next among those of one kind, or SIZE_MAX. */
static size_t next_to_leave(const struct fleet_roll *r, const bool *stop, bool primary)
{
	size_t chosen = SIZE_MAX;

	for (size_t i = 0; i < r->n; i++)
		if (!stop[i] && r->v[i].primary == primary &&
			(chosen == SIZE_MAX || leaves_first(&r->v[i], &r->v[chosen])))
			chosen = i;
	return chosen;
}

struct roll_counts {
	int live, primary, healthy, primary_healthy, starting;
};

static struct roll_counts count(const struct fleet_roll *r, const bool *stop)
{
	struct roll_counts c = {0};

	for (size_t i = 0; i < r->n; i++) {
		const struct fleet_roll_member *m = &r->v[i];

		if (stop[i])
			continue;
		c.live++;
		c.primary += m->primary;
		c.healthy += m->state == MEMBER_HEALTHY;
		c.primary_healthy += m->primary && m->state == MEMBER_HEALTHY;
		c.starting += m->state == MEMBER_STARTING || m->state == MEMBER_SETTLING;
	}
	return c;
}

void fleet_roll_decide(const struct fleet_roll *r, struct fleet_roll_decision *ret)
{
	int lower = (r->desired * r->minimum_percent + 99) / 100;
	int upper = MAX(r->desired * r->maximum_percent / 100, 0);
	struct roll_counts c;
	size_t i;

	ret->start = 0;
	ret->done = ret->stuck = false;
	for (i = 0; i < r->n; i++)
		ret->stop[i] = r->v[i].state == MEMBER_UNHEALTHY;
	c = count(r, ret->stop);
	for (; c.primary > r->desired; c = count(r, ret->stop))
		ret->stop[next_to_leave(r, ret->stop, true)] = true;
	/* The old ones leave: those that serve only while enough others do. */
	while ((i = next_to_leave(r, ret->stop, false)) != SIZE_MAX) {
		if (r->v[i].state == MEMBER_HEALTHY &&
			(c.healthy - 1 < lower || (r->halted && r->desired)))
			break;
		ret->stop[i] = true;
		c = count(r, ret->stop);
	}
	ret->start = r->halted ? 0 : MAX(MIN(r->desired - c.primary, upper - c.live), 0);
	ret->done = c.live == c.primary && c.primary_healthy >= r->desired && !ret->start;
	ret->stuck = !ret->start && !c.starting && !ret->done && !r->halted;
	for (i = 0; i < r->n; i++)
		ret->stuck &= !ret->stop[i];
}
