/* SPDX-License-Identifier: Apache-2.0 */
/* Who fails to say who he is over and over waits: for each key at an address, and for each address
 * whatever the key. An attempt that must wait is refused before anything of it is looked at. */
#include "identity/engine.h"

#define WINDOW_USEC (60 * USEC_PER_SEC)
#define PER_KEY 30
#define PER_ADDRESS 300
#define MOST_KNOWN 10000 /* then all is forgotten: memory is not the attacker's */

struct failures {
	int64_t since_usec;
	int n;
};

static int count(struct identity_engine *e, const char *who, int64_t now)
{
	const struct failures *f = map_get(&e->failures, who);

	return f && now - f->since_usec < WINDOW_USEC ? f->n : 0;
}

static void add(struct identity_engine *e, const char *who, int64_t now)
{
	struct failures *f = map_get(&e->failures, who);

	if (!f) {
		if (e->failures.count >= MOST_KNOWN)
			map_release_with(&e->failures, free);
		f = xcalloc(1, sizeof(*f));
		map_set(&e->failures, who, f);
	}
	if (now - f->since_usec >= WINDOW_USEC)
		*f = (struct failures){.since_usec = now};
	f->n++;
}

static char *both(const char *key_id, const char *address)
{
	return xasprintf("%s@%s", key_id ? key_id : "", address ? address : "");
}

static bool must_wait(struct identity_engine *e, const char *key_id, const char *address)
{
	char *pair CLEANUP(freep) = NULL;
	bool wait = false;

	pthread_mutex_lock(&e->lock);
	if (e->failures.count) {
		int64_t now = monotonic_usec();

		pair = both(key_id, address);
		wait = count(e, pair, now) >= PER_KEY ||
		       count(e, address ? address : "", now) >= PER_ADDRESS;
	}
	pthread_mutex_unlock(&e->lock);
	return wait;
}

int identity_failures_check(
	struct identity_engine *e, const char *key_id, const char *address, struct err *err)
{
	if (!must_wait(e, key_id, address))
		return 0;
	return err_set_wire(err, "ThrottlingException",
		"Rate exceeded: too many requests with wrong credentials came from %s. Try again "
		"in a "
		"minute.",
		address ? address : "there");
}

void identity_failures_note(struct identity_engine *e, const char *key_id, const char *address)
{
	char *pair CLEANUP(freep) = both(key_id, address);
	int64_t now = monotonic_usec();

	pthread_mutex_lock(&e->lock);
	add(e, pair, now);
	add(e, address ? address : "", now);
	pthread_mutex_unlock(&e->lock);
}
