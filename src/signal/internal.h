/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the signal engine share. */
#ifndef TOWPATH_SIGNAL_INTERNAL_H
#define TOWPATH_SIGNAL_INTERNAL_H

#include <pthread.h>

#include "base/id.h"
#include "base/map.h"
#include "base/vec.h"
#include "codec/json.h"
#include "crypto/seal.h"
#include "signal/signal.h"
#include "store/document.h"
#include "store/log_event.h"
#include "store/metric.h"
#include "towpath.gen.h"

struct signal_engine {
	struct signal_config cfg;
	struct durable *durable;
	struct arena arena; /* strings of cfg */
	/* Signs notifications: PEM, and the path at which the certificate is served. */
	struct seal_key seal; /* of the secrets of connections */
	/* API destinations by ARN: when each may be called next (int64_t *). */
	struct map slots;
	pthread_mutex_t slots_lock;
	const char *signer_key, *signer_certificate, *signer_path;
	struct log_live *live; /* live tails of logs */
	struct tally *tally;   /* counts that become metrics */
};

/* An operation on its way into a step. */
struct signal_op {
	struct signal_engine *e;
	struct call *call;
	const void *req;
	void *resp;
};
#define SIGNAL_OP_ARGS(service, op)                                  \
	struct signal_op *o_ = arg;                                  \
	struct signal_engine *e UNUSED = o_->e;                      \
	struct arena *a UNUSED = o_->call->arena;                    \
	const struct service##_##op##_request *req UNUSED = o_->req; \
	struct service##_##op##_response *resp UNUSED = o_->resp
/* Defines the public operation over op##_step(tx, arg, err). */
#define SIGNAL_DEFINE(service, op, runner)                                      \
	int signal_##service##_##op(struct signal_engine *e, struct call *call, \
		const struct service##_##op##_request *req,                     \
		struct service##_##op##_response *resp, struct err *err)        \
	{                                                                       \
		struct signal_op o = {e, call, req, resp};                      \
                                                                                \
		return runner(e, op##_step, &o, err);                           \
	}
int signal_write(struct signal_engine *e, db_fn fn, void *arg, struct err *err);
int signal_read(struct signal_engine *e, db_fn fn, void *arg, struct err *err);
char *signal_arn(struct signal_engine *e, struct arena *a, const char *service, const char *fmt,
	...) PRINTF_LIKE(4, 5);

#define SIGNAL_TASK_ALARM "signal.alarm"
#define SIGNAL_TASK_AUTHORIZE "signal.authorize"
#define SIGNAL_TASK_BUILDS "signal.builds"
#define SIGNAL_TASK_COMPOSITE "signal.composite"
#define SIGNAL_TASK_DELIVER "signal.deliver"
#define SIGNAL_TASK_FORWARD "signal.forward"
#define SIGNAL_TASK_NOTIFY "signal.notify"
#define SIGNAL_TASK_PRUNE "signal.prune"
#define SIGNAL_TASK_REPLAY "signal.replay"
#define SIGNAL_TASK_SCHEDULE "signal.schedule"
#define SIGNAL_TASK_SUPPRESS "signal.suppress"
#define SIGNAL_TASK_TAIL "signal.tail"
#define SIGNAL_TASK_WEBHOOK "signal.webhook"

/* How long a delivery waits after `tried` failures (from 0): 1 s doubling to eight minutes, each a
 * little shorter by chance that the token decides. (event_deliver.c) */
int64_t signal_retry_delay(const char *token, int tried);
/* In the step that has done the task t: the same task again, with this payload, at due_usec. */
int signal_try_again(struct signal_engine *e, struct db_tx *tx, const struct task *t,
	const struct wire_shape *shape, const void *payload, int64_t due_usec, struct err *err);

/* ---- policies of topics and buses (policy_change.c) ---- */

/* The statements of a policy (or NULL) without the one of that id, and with another (JSON, or
 * empty); *ret is NULL when none is left. *ret_had: there was one of that id. */
int signal_policy_change(const char *policy, const char *without, struct view with, struct arena *a,
	char **ret, bool *ret_had, struct err *err);

/* ---- metrics (metric.c, statistic.c) ---- */

enum signal_statistic {
	SIGNAL_SAMPLE_COUNT,
	SIGNAL_SUM,
	SIGNAL_AVERAGE,
	SIGNAL_MINIMUM,
	SIGNAL_MAXIMUM,
	SIGNAL_PERCENTILE,
	/* Of the samples between two bounds: */
	SIGNAL_TRIMMED_MEAN,
	SIGNAL_TRIMMED_COUNT,
	SIGNAL_TRIMMED_SUM,
	SIGNAL_WINSORIZED_MEAN, /* those beyond count as the nearest within */
	SIGNAL_PERCENTILE_RANK, /* how many percent they are */
};
struct signal_stat {
	enum signal_statistic kind;
	double percent; /* SIGNAL_PERCENTILE: 0..100 */
	/* Bounds: above low, up to high; of ranks in percent, or of values. */
	double low, high;
	bool by_rank;
};
/* "Sum", "p99.9": false when the statistic is not known. */
bool signal_stat_parse(const char *text, struct signal_stat *ret);
/* Of all sets together; false when they hold no sample (or no values for a percentile). */
bool signal_stat_value(
	const struct signal_stat *stat, const struct store_metric_set *sets, size_t n, double *ret);
/* The name of a dimension that is there twice, which the text below could not tell apart; or NULL.
 */
const char *signal_dimension_twice(const struct cloudwatch_dimensions *dimensions);
/* "{"Name":"value"}" with sorted keys. */
char *signal_dimensions_text(const struct signal_dimension *dimensions, size_t n, struct arena *a);
int signal_dimensions_parse(
	const char *text, struct arena *a, struct cloudwatch_dimensions *ret, struct err *err);

/* Consecutive buckets of period seconds from from_sec on; present[i] says whether one has data. */
struct signal_series {
	double *values, *samples;
	const char *unit; /* of all its data; NULL: it differs, or there is none */
	bool *present;
	size_t n;
};
struct signal_query {
	const char *name_space, *name, *dimensions, *unit; /* unit NULL: all */
	struct signal_stat stat;
	int64_t from_sec;
	int period;
	size_t n;
};
int signal_series_read(struct db_tx *tx, const struct signal_query *q, struct arena *a,
	struct signal_series *ret, struct err *err);
/* signal_metric_put() as a part of a step. */
int signal_metric_put_step(struct signal_engine *e, struct db_tx *tx, const struct signal_datum *v,
	size_t n, struct err *err);
int signal_prune_run(struct durable *d, const struct task *t, void *arg, struct err *err);
/* Takes note of a journal entry codebuild.build; the task puts what was noted into the metrics of
 * AWS/CodeBuild (metric_build.c). */
int metric_build_heard(struct signal_engine *e, struct db_tx *tx, const struct journal_entry *entry,
	struct err *err);
int metric_build_run(struct durable *d, const struct task *t, void *arg, struct err *err);

/* ---- alarms (alarm_decide.c, alarm.c) ---- */

enum alarm_missing { MISSING_MISSING, MISSING_IGNORE, MISSING_BREACHING, MISSING_NOT_BREACHING };
enum alarm_outcome {
	ALARM_OUTCOME_OK,
	ALARM_OUTCOME_ALARM,
	ALARM_OUTCOME_NO_DATA,
	ALARM_OUTCOME_KEEP
};
struct alarm_rule {
	size_t n, m; /* evaluation periods, datapoints to alarm */
	enum alarm_missing missing;
	const char *comparison;
	double threshold;
};
/* Slots looked at beyond the evaluation periods. */
#define ALARM_EXTRA_SLOTS 2
bool alarm_breaches(const struct alarm_rule *rule, double value);
/* values and present: rule->n + ALARM_EXTRA_SLOTS slots, the newest last. Pure. */
enum alarm_outcome alarm_decide(
	const struct alarm_rule *rule, const double *values, const bool *present);
int signal_alarm_run(struct durable *d, const struct task *t, void *arg, struct err *err);

/* ---- logs ---- */

/* Appends one event; makes group and stream when missing. */
int signal_log_append(struct signal_engine *e, struct db_tx *tx, const char *group,
	const char *stream, int64_t msec, const char *message, struct err *err);

/* ---- events ---- */

int signal_event_journal(struct durable *d, struct db_tx *tx, const struct journal_entry *entry,
	void *arg, struct err *err);

#endif
