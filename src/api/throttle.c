/* SPDX-License-Identifier: Apache-2.0 */
#include "api/throttle.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

#define MOST 1e6

/* A bucket as one number: when it would be full again. A request moves that by `step`; it is taken
 * while the bucket would not be empty longer than `depth` (the generic cell rate algorithm). */
struct bucket {
	int64_t step_usec, depth_usec; /* step 0: no rule */
	_Atomic int64_t full_usec;
};

struct of_service {
	const struct wire_service *wire;
	struct bucket all;	  /* of operations without one of their own */
	struct bucket *operation; /* the model's, then those of git; NULL: none has */
};

/* What no model has. */
static const struct {
	const char *service, *operation;
} of_git[] = {{"codecommit", "GitPull"}, {"codecommit", "GitPush"}};

struct throttle {
	size_t n;
	struct of_service *v;
};

static void set_rate(struct bucket *b, double rate, double burst)
{
	b->step_usec = MAX((int64_t)(USEC_PER_SEC / rate), 1);
	b->depth_usec = (int64_t)((burst - 1) * USEC_PER_SEC / rate);
}

static int bad_rule(struct view rule, const char *why, struct err *err)
{
	err_set(err, ERR_INVALID, "'" VIEW_FMT "' is no rate of requests: %s", VIEW_ARG(rule), why);
	return err_hint(err, "a rule is default=RATE[:BURST], SERVICE=RATE[:BURST] or "
			     "SERVICE.OPERATION=RATE[:BURST], in requests a second");
}

/* RATE[:BURST] */
static bool read_rate(struct view text, double *ret_rate, double *ret_burst)
{
	char buf[64], *end;

	if (!text.len || text.len >= sizeof(buf))
		return false;
	memcpy(buf, text.p, text.len);
	buf[text.len] = '\0';
	*ret_rate = *ret_burst = strtod(buf, &end);
	if (end != buf && *end == ':') {
		char *burst = end + 1;

		*ret_burst = strtod(burst, &end);
		if (end == burst)
			return false;
	}
	*ret_burst = MAX(*ret_burst, 1);
	return end != buf && !*end && *ret_rate > 1e-6 && *ret_rate <= MOST && *ret_burst <= MOST;
}

/* The place of an operation's bucket; SIZE_MAX: the service has no such operation. */
static size_t find_operation(const struct of_service *of, struct view name)
{
	const struct wire_operation *op = wire_operation_find(of->wire, name);

	if (op)
		return (size_t)(op - of->wire->operations);
	for (size_t i = 0; i < ARRAY_SIZE(of_git); i++)
		if (streq(of_git[i].service, of->wire->name) &&
			view_eq_str(name, of_git[i].operation))
			return of->wire->n_operations + i;
	return SIZE_MAX;
}

static struct bucket *bucket_of(struct of_service *of, size_t operation)
{
	return of->operation && of->operation[operation].step_usec ? &of->operation[operation]
								   : &of->all;
}

static int read_rule(struct throttle *t, struct view rule, struct err *err)
{
	struct view rest = rule, name = view_trim(view_cut(&rest, '=')), operation = name;
	struct view service = view_cut(&operation, '.');
	bool any = view_eq_str(name, "default"), found = any;
	double rate, burst;

	if (!read_rate(view_trim(rest), &rate, &burst))
		return bad_rule(rule, "after = stands a number, or two with a colon between", err);
	for (size_t i = 0; i < t->n; i++) {
		struct of_service *of = &t->v[i];
		size_t op;

		if (any && !of->all.step_usec)
			set_rate(&of->all, rate, burst);
		if (any || !view_eq_str(service, of->wire->name))
			continue;
		found = true;
		if (!operation.p) {
			set_rate(&of->all, rate, burst);
			continue;
		}
		op = find_operation(of, operation);
		if (op == SIZE_MAX)
			return bad_rule(rule, "the service has no such operation", err);
		if (!of->operation)
			of->operation = xcalloc(of->wire->n_operations + ARRAY_SIZE(of_git),
				sizeof(*of->operation));
		set_rate(&of->operation[op], rate, burst);
	}
	return found ? 0 : bad_rule(rule, "there is no such service", err);
}

/* The default holds for what has no rule, wherever it stands in the list. */
static int read_rules(struct throttle *t, const char *rules, bool defaults, struct err *err)
{
	struct view rest = view_of(rules);

	while (rest.p) {
		struct view rule = view_trim(view_cut(&rest, ','));

		if (rule.len && view_starts_with(rule, "default=") == defaults &&
			read_rule(t, rule, err) < 0)
			return -1;
	}
	return 0;
}

int throttle_new(const char *rules, const struct call_service *const *services, size_t n,
	struct throttle **ret, struct err *err)
{
	struct throttle *t CLEANUP(throttle_freep) = xcalloc(1, sizeof(*t));

	t->n = n;
	t->v = xcalloc(n + 1, sizeof(*t->v));
	for (size_t i = 0; i < n; i++)
		t->v[i].wire = services[i]->wire;
	if (read_rules(t, rules, false, err) < 0 || read_rules(t, rules, true, err) < 0)
		return -1;
	*ret = TAKE_PTR(t);
	return 0;
}

struct throttle *throttle_free(struct throttle *t)
{
	if (!t)
		return NULL;
	for (size_t i = 0; i < t->n; i++)
		free(t->v[i].operation);
	free(t->v);
	free(t);
	return NULL;
}

static int take(struct bucket *b, int64_t now_usec, int64_t *ret_wait_usec, struct err *err)
{
	int64_t full, from;

	if (!b->step_usec)
		return 0;
	full = atomic_load(&b->full_usec);
	do {
		from = MAX(full, now_usec);
		if (from - now_usec > b->depth_usec) {
			*ret_wait_usec = from - now_usec - b->depth_usec;
			return err_set_wire(err, "ThrottlingException", "Rate exceeded");
		}
	} while (!atomic_compare_exchange_weak(&b->full_usec, &full, from + b->step_usec));
	return 0;
}

int throttle_take(struct throttle *t, size_t service, size_t operation, int64_t now_usec,
	int64_t *ret_wait_usec, struct err *err)
{
	return take(bucket_of(&t->v[service], operation), now_usec, ret_wait_usec, err);
}

int64_t throttle_seconds(int64_t wait_usec)
{
	return (wait_usec + USEC_PER_SEC - 1) / USEC_PER_SEC;
}

static struct bucket *bucket_of_action(struct throttle *t, const char *action)
{
	struct view name = view_of(action), service = view_cut(&name, ':');

	for (size_t i = 0; i < t->n; i++) {
		struct of_service *of = &t->v[i];
		size_t op;

		if (!view_eq_str(service, of->wire->name))
			continue;
		op = name.p ? find_operation(of, name) : SIZE_MAX;
		return op == SIZE_MAX ? &of->all : bucket_of(of, op);
	}
	return NULL;
}

int throttle_take_action(
	struct throttle *t, const char *action, int64_t *ret_wait_sec, struct err *err)
{
	struct bucket *b = t ? bucket_of_action(t, action) : NULL;
	int64_t wait = 0;

	if (!b || take(b, monotonic_usec(), &wait, NULL) == 0)
		return 0;
	*ret_wait_sec = throttle_seconds(wait);
	return err_set_wire(err, "ThrottlingException",
		"Rate exceeded. Too many requests for %s at once; try again in %lld seconds.",
		action, (long long)*ret_wait_sec);
}
