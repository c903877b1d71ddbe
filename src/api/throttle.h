/* SPDX-License-Identifier: Apache-2.0 */
/* Rates at which the services answer, for installations that want them and for tests of clients:
 * token buckets of a service or of one operation of it. git's fetches and pushes are the operations
 * codecommit.GitPull and codecommit.GitPush; what comes to the image registry is counted as the
 * operation of ecr that it amounts to. */
#ifndef TOWPATH_API_THROTTLE_H
#define TOWPATH_API_THROTTLE_H

#include "api/protocol.h"

struct throttle;

/* Reads rules, parted by commas, each NAME=RATE[:BURST] in requests a second (BURST: RATE). NAME is
 * "default" (each service by itself), SERVICE (all its operations together, but for those with a
 * rule of their own) or SERVICE.OPERATION. ERR_INVALID names the rule and what is wrong with it. */
int throttle_new(const char *rules, const struct call_service *const *services, size_t n,
	struct throttle **ret, struct err *err);
struct throttle *throttle_free(struct throttle *t);
DEFINE_FREEP(struct throttle, throttle_free)
/* Takes one request at now_usec of a clock that only goes forward: ThrottlingException, and
 * *ret_wait_usec says when one would be taken. `service` is the index among those of
 * throttle_new(), `operation` its own. Any thread. */
int throttle_take(struct throttle *t, size_t service, size_t operation, int64_t now_usec,
	int64_t *ret_wait_usec, struct err *err);
/* The same for what comes by another way than the API: an action such as "ecr:PutImage", or a
 * service ("ecr"), taken now. t may be NULL. The error's message says when to come again, as does
 * *ret_wait_sec. */
int throttle_take_action(
	struct throttle *t, const char *action, int64_t *ret_wait_sec, struct err *err);
/* A wait as Retry-After tells it. */
int64_t throttle_seconds(int64_t wait_usec);

#endif
