/* SPDX-License-Identifier: Apache-2.0 */
/* Event buses, rules, targets and deliveries: what the files on events share.
 *
 * Invariants:
 * E1 An event is matched, archived and has its deliveries enqueued in one step, that of its journal
 *    entry, request, schedule or replay: it happens to all of them or to none.
 * E2 A delivery is one task a target and event. What it does within the store (topics, log groups,
 *    buses) lasts with the end of its task; what it does elsewhere carries the event's id.
 * E3 A delivery ends by success, as a dead letter, or with its rule or target. */
#ifndef TOWPATH_SIGNAL_EVENT_H
#define TOWPATH_SIGNAL_EVENT_H

#include "signal/internal.h"

#define EVENT_DEFAULT_BUS "default"
#define EVENT_PAGE 100

/* ---- names ---- */

/* The bus's name from its name or ARN; NULL: the default bus. */
const char *event_bus_name(const char *name_or_arn);
/* The owner of a bus's rules and archives in the store: "" for the default bus. */
const char *event_bus_owner(const char *bus);
/* The bus and the name of a rule by its ARN, as its metrics have them: no bus for the default one.
 */
void event_rule_of_arn(
	const char *arn, struct arena *a, const char **ret_bus, const char **ret_rule);
char *event_rule_key(struct arena *a, const char *bus, const char *rule);
char *event_target_key(struct arena *a, const char *rule_key, const char *target_id);
/* What stands behind the fifth colon of an ARN, or NULL. */
const char *event_arn_resource(const char *arn);
/* Whether the ARN is one of this service, and its resource begins so. */
bool event_arn_is(const char *arn, const char *service, const char *resource_prefix);

/* ResourceNotFoundException when there is none. The default bus is always there. */
int event_bus_need(struct signal_engine *e, struct db_tx *tx, const char *name_or_arn,
	struct arena *a, struct events_describe_event_bus_response *ret, struct err *err);
int event_rule_need(struct signal_engine *e, struct db_tx *tx, const char *bus, const char *name,
	struct arena *a, struct events_describe_rule_response *ret, struct err *err);

/* ---- events ---- */

/* An event on its way to the rules of a bus. */
struct event {
	const char *id, *text; /* text: the whole as JSON */
	const char *bus;
	int64_t ingested_usec;
	bool forwarded; /* it came from another bus */
	/* A replay's: not archived again, and for these rules (ARNs) alone; n_only 0: for all. */
	bool replayed;
	const char *const *only;
	size_t n_only;
};
/* 1: the bus has rules or archives; 0: nobody listens. */
int event_bus_heard(struct db_tx *tx, const char *bus, struct arena *a, struct err *err);
/* Archives it and enqueues its deliveries (E1). */
int event_publish(struct signal_engine *e, struct db_tx *tx, const struct event *x, struct arena *a,
	struct err *err);
/* Enqueues its deliveries to the targets of one rule. */
int event_publish_to_rule(struct signal_engine *e, struct db_tx *tx, const struct event *x,
	const struct events_describe_rule_response *rule, struct arena *a, struct err *err);

/* Kinds of the events of a build's phases, which have no journal entry of their own. */
#define EVENT_PHASE_SUCCEEDED "codebuild.phase-succeeded"
#define EVENT_PHASE_FAILED "codebuild.phase-failed"
#define EVENT_PHASE_STOPPED "codebuild.phase-stopped"

struct event_envelope {
	const char *kind; /* of its journal entry, or one of the above */
	const char *id, *source, *detail_type, *detail; /* detail: JSON */
	const char *additional; /* what notification rules tell beside it: JSON, or NULL */
	int64_t usec;
	const char *const *resources;
	size_t n_resources;
};
struct event_list {
	struct event_envelope *v;
	size_t n;
};
/* Whether entries of this kind are events. */
bool event_journal_kind(const char *kind);
/* The events that a journal entry is, in the arena: mostly one, or none. */
int event_of_journal(struct signal_engine *e, struct db_tx *tx, const struct journal_entry *entry,
	struct arena *a, struct event_list *ret, struct err *err);
char *event_envelope_text(struct signal_engine *e, const struct event_envelope *v, struct arena *a);

/* ---- what a target gets (event_input.c) ---- */

struct event_input {
	const struct events_target *target;
	const char *event; /* JSON */
	const char *rule_arn;
	int64_t ingested_usec;
};
/* Whether Input, InputPath and InputTransformer are well-formed; ValidationException. */
int event_input_check(const struct events_target *t, struct err *err);
/* The target's text; ERR_INVALID when a transformer made no JSON. */
int event_input_make(
	const struct event_input *in, struct arena *a, const char **ret, struct err *err);

/* ---- deliveries (event_deliver.c) ---- */

/* Whether events can be delivered to that ARN; *ret_role: only under a role. */
bool event_target_known(const char *arn, bool *ret_role);

/* ---- schedules (event_schedule.c) ---- */

/* ValidationException when it is none. */
int event_schedule_check(const char *expression, struct err *err);
/* The rule's next run is due as its expression says, or none is when the rule has no schedule or is
 * not enabled. */
int event_schedule_set(struct signal_engine *e, struct db_tx *tx,
	const struct events_describe_rule_response *rule, struct err *err);
int event_schedule_run(struct durable *d, const struct task *t, void *arg, struct err *err);

#endif
