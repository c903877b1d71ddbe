/* SPDX-License-Identifier: Apache-2.0 */
/* Queries that refer to one another by id: metrics with a statistic, and expressions over them. */
#ifndef TOWPATH_SIGNAL_MATH_QUERY_H
#define TOWPATH_SIGNAL_MATH_QUERY_H

#include "signal/internal.h"

#define MATH_PERIOD_DEFAULT 60

/* Ids, forms, statistics, periods: ValidationError names the query and what is wrong. */
int math_queries_check(const struct cloudwatch_metric_data_queries *queries, struct err *err);
/* Seconds between the query's points: its metric's, or the longest of those it refers to. */
int math_query_period(const struct cloudwatch_metric_data_queries *queries,
	const struct cloudwatch_metric_data_query *q);

struct math_range {
	int64_t from_sec;
	int period;
	size_t n;
	size_t *room; /* as of expressions (signal/expression.h), for all queries of a request;
			 NULL: LIMIT_MATH_POINTS for this one */
};
/* The query's series: one, or more where an expression is over all metrics. In the arena. */
int math_query_read(struct db_tx *tx, const struct cloudwatch_metric_data_queries *queries,
	const struct cloudwatch_metric_data_query *q, const struct math_range *range,
	struct arena *a, struct signal_series **ret, size_t *ret_n, struct err *err);
/* Of one metric. */
int math_metric_read(struct db_tx *tx, const struct cloudwatch_metric_stat *stat,
	const struct math_range *range, struct arena *a, struct signal_series *ret,
	struct err *err);
/* 1, 5, 10, 20, 30 or a multiple of 60. */
int math_period_check(int period, struct err *err);

#endif
