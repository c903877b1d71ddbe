/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of logs on metric filters and subscription filters. */
#include "signal/log_filter.h"

#include <stdlib.h>
#include <string.h>

#define MAX_METRIC_FILTERS 100
#define MAX_SUBSCRIPTIONS 2
#define MAX_DIMENSIONS 3
#define PAGE 50
#define BAD(...) err_set_wire(err, "InvalidParameterException", __VA_ARGS__)

static char *filter_key(struct arena *a, const char *group, const char *name)
{
	return arena_printf(a, "%s:%s", group, name);
}

static int need_group(struct db_tx *tx, const char *name, struct arena *a, struct err *err)
{
	struct logs_log_group g;

	return log_group_need(tx, name, a, &g, err);
}

static int parse(const char *text, struct arena *a, const struct log_pattern **ret, struct err *err)
{
	struct err why CLEANUP_ERR = ERR_INIT;

	return log_pattern_parse(text, a, ret, &why) < 0 ? BAD("%s", err_message(&why)) : 0;
}

static int refuse_parts(const char *criteria, bool transformed, size_t n_fields, struct err *err)
{
	const char *what = criteria && *criteria ? "fieldSelectionCriteria"
			   : transformed	 ? "applyOnTransformedLogs"
			   : n_fields		 ? "emission of system fields"
						 : NULL;

	return what ? err_set(err, ERR_UNSUPPORTED,
			      "%s of log filters is not implemented; leave it out", what)
		    : 0;
}

/* Whether one more may stand beside the others of the group. */
static int check_room(struct db_tx *tx, const struct store_document_kind *kind, const char *group,
	const char *key, size_t most, struct arena *a, struct err *err)
{
	struct store_documents all;

	if (store_document_list(
		    tx, kind, &(struct store_document_filter){.owner = group}, a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (streq(all.ids[i], key))
			return 0;
	return all.n < most ? 0
			    : err_set_wire(err, "LimitExceededException",
				      "Resource limit exceeded: log group %s has %zu such filters.",
				      group, most);
}

/* ---- metric filters ---- */

static int check_transformation(const struct logs_metric_transformation *t, struct err *err)
{
	char *end;

	if (*t->metric_value != '$' &&
		((void)strtod(t->metric_value, &end), *end || end == t->metric_value))
		return BAD(
			"metricValue '%s' is neither a number nor begins with $", t->metric_value);
	if (t->dimensions.n > MAX_DIMENSIONS)
		return BAD("A metric filter has at most %d dimensions", MAX_DIMENSIONS);
	if (t->dimensions.n && t->default_value.set)
		return BAD("Invalid metric transformation: dimensions and default value are "
			   "mutually exclusive properties.");
	wire_foreach (kv, &t->dimensions) {
		if (*kv->value != '$')
			return BAD(
				"The dimension %s must name a field that begins with $", kv->key);
	}
	return 0;
}

static int put_metric_filter_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, put_metric_filter);
	const char *key = filter_key(a, req->log_group_name, req->filter_name);
	const struct log_pattern *p;
	struct logs_metric_filter f = {
		.filter_name = req->filter_name,
		.filter_pattern = req->filter_pattern,
		.log_group_name = req->log_group_name,
		.metric_transformations = req->metric_transformations,
		.creation_time = WIRE_SET_LONG(durable_now(e->durable) / 1000),
	};

	if (refuse_parts(req->field_selection_criteria,
		    wire_or(req->apply_on_transformed_logs, false),
		    req->emit_system_field_dimensions.n, err) < 0 ||
		need_group(tx, req->log_group_name, a, err) < 0 ||
		parse(req->filter_pattern, a, &p, err) < 0 ||
		check_transformation(&req->metric_transformations.v[0], err) < 0 ||
		check_room(tx, &STORE_LOG_METRIC_FILTER, req->log_group_name, key,
			MAX_METRIC_FILTERS, a, err) < 0 ||
		store_document_put(
			tx, &STORE_LOG_METRIC_FILTER, key, req->log_group_name, &f, err) < 0)
		return -1;
	return log_tail_begin(e, tx, req->log_group_name, err);
}

static int describe_metric_filters_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, describe_metric_filters);
	size_t max = (size_t)wire_or(req->limit, PAGE), n = 0;
	struct store_documents all;

	if ((req->log_group_name && need_group(tx, req->log_group_name, a, err) < 0) ||
		store_document_list(tx, &STORE_LOG_METRIC_FILTER,
			&(struct store_document_filter){
				.owner = req->log_group_name, .after = req->next_token},
			a, &all, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->metric_filters, MIN(all.n, max));
	for (size_t i = 0; i < all.n; i++) {
		const struct logs_metric_filter *f = all.v[i];
		const struct logs_metric_transformation *t = &f->metric_transformations.v[0];

		if ((req->filter_name_prefix &&
			    !starts_with(f->filter_name, req->filter_name_prefix)) ||
			(req->metric_name && !streq(req->metric_name, t->metric_name)) ||
			(req->metric_namespace &&
				!streq(req->metric_namespace, t->metric_namespace)))
			continue;
		if (n == max) {
			const struct logs_metric_filter *last = &resp->metric_filters.v[n - 1];

			resp->next_token = filter_key(a, last->log_group_name, last->filter_name);
			break;
		}
		resp->metric_filters.v[n++] = *f;
	}
	resp->metric_filters.n = n;
	return 0;
}

static int delete_filter(struct db_tx *tx, const struct store_document_kind *kind,
	const char *group, const char *name, void *old, struct arena *a, struct err *err)
{
	const char *key = filter_key(a, group, name);
	int r;

	if (need_group(tx, group, a, err) < 0)
		return -1;
	r = store_document_get(tx, kind, key, a, old, err);
	if (r == 0)
		return err_set_wire(err, "ResourceNotFoundException",
			"The specified filter does not exist: %s", name);
	return r < 0 ? -1 : store_document_delete(tx, kind, key, err);
}

static int delete_metric_filter_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, delete_metric_filter);
	struct logs_metric_filter old;

	return delete_filter(
		tx, &STORE_LOG_METRIC_FILTER, req->log_group_name, req->filter_name, &old, a, err);
}

static int test_metric_filter_step(struct db_tx *tx UNUSED, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, test_metric_filter);
	const struct log_pattern *p;
	const char **selectors;
	size_t n_selectors;

	if (parse(req->filter_pattern, a, &p, err) < 0)
		return -1;
	n_selectors = log_pattern_selectors(p, a, &selectors);
	wire_list_alloc(a, &resp->matches, req->log_event_messages.n);
	resp->matches.n = 0;
	for (size_t i = 0; i < req->log_event_messages.n; i++) {
		const char *message = req->log_event_messages.v[i];
		struct logs_metric_filter_match_record *m = &resp->matches.v[resp->matches.n];
		struct log_line line;

		if (!log_pattern_matches(p, view_of(message), a, &line))
			continue;
		resp->matches.n++;
		*m = (struct logs_metric_filter_match_record){
			.event_message = message, .event_number = WIRE_SET_LONG((int64_t)i + 1)};
		wire_list_alloc(a, &m->extracted_values, n_selectors);
		m->extracted_values.n = 0;
		for (size_t k = 0; k < n_selectors; k++) {
			const char *value = log_pattern_value(p, &line, selectors[k], a);

			if (value) {
				m->extracted_values.v[m->extracted_values.n].key = selectors[k];
				m->extracted_values.v[m->extracted_values.n++].value = value;
			}
		}
	}
	return 0;
}

/* ---- subscription filters ---- */

static int put_subscription_filter_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, put_subscription_filter);
	const char *key = filter_key(a, req->log_group_name, req->filter_name);
	const struct log_pattern *p;
	struct logs_subscription_filter f = {
		.filter_name = req->filter_name,
		.filter_pattern = req->filter_pattern,
		.log_group_name = req->log_group_name,
		.destination_arn = req->destination_arn,
		.role_arn = req->role_arn,
		.distribution = req->distribution ? req->distribution : "ByLogStream",
		.creation_time = WIRE_SET_LONG(durable_now(e->durable) / 1000),
	};

	if (refuse_parts(req->field_selection_criteria,
		    wire_or(req->apply_on_transformed_logs, false), req->emit_system_fields.n,
		    err) < 0 ||
		need_group(tx, req->log_group_name, a, err) < 0 ||
		parse(req->filter_pattern, a, &p, err) < 0 ||
		log_destination_check(req->destination_arn, req->role_arn, err) < 0 ||
		check_room(tx, &STORE_LOG_SUBSCRIPTION, req->log_group_name, key, MAX_SUBSCRIPTIONS,
			a, err) < 0 ||
		store_document_put(tx, &STORE_LOG_SUBSCRIPTION, key, req->log_group_name, &f, err) <
			0)
		return -1;
	return log_tail_begin(e, tx, req->log_group_name, err);
}

static int describe_subscription_filters_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, describe_subscription_filters);
	size_t max = (size_t)wire_or(req->limit, PAGE);
	struct store_documents all;

	if (need_group(tx, req->log_group_name, a, err) < 0 ||
		store_document_list(tx, &STORE_LOG_SUBSCRIPTION,
			&(struct store_document_filter){.owner = req->log_group_name,
				.after = req->next_token,
				.prefix = req->filter_name_prefix
						  ? filter_key(a, req->log_group_name,
							    req->filter_name_prefix)
						  : NULL,
				.max = max + 1},
			a, &all, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->subscription_filters, MIN(all.n, max));
	for (size_t i = 0; i < resp->subscription_filters.n; i++)
		resp->subscription_filters.v[i] = *(struct logs_subscription_filter *)all.v[i];
	if (all.n > max)
		resp->next_token = all.ids[max - 1];
	return 0;
}

static int delete_subscription_filter_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, delete_subscription_filter);
	struct logs_subscription_filter old;

	return delete_filter(
		tx, &STORE_LOG_SUBSCRIPTION, req->log_group_name, req->filter_name, &old, a, err);
}

/* ---- of a group ---- */

int log_filters_forget(struct db_tx *tx, const char *group, struct err *err)
{
	return store_document_delete_owned(tx, &STORE_LOG_METRIC_FILTER, group, err) < 0 ||
			       store_document_delete_owned(
				       tx, &STORE_LOG_SUBSCRIPTION, group, err) < 0 ||
			       store_document_delete_owned(tx, &STORE_LOG_CURSOR, group, err) < 0
		       ? -1
		       : 0;
}

int log_filters_count(
	struct db_tx *tx, const char *group, struct arena *a, size_t *ret, struct err *err)
{
	struct store_documents all;

	if (store_document_list(tx, &STORE_LOG_METRIC_FILTER,
		    &(struct store_document_filter){.owner = group}, a, &all, err) < 0)
		return -1;
	*ret = all.n;
	return 0;
}

SIGNAL_DEFINE(logs, delete_metric_filter, signal_write)
SIGNAL_DEFINE(logs, delete_subscription_filter, signal_write)
SIGNAL_DEFINE(logs, describe_metric_filters, signal_read)
SIGNAL_DEFINE(logs, describe_subscription_filters, signal_read)
SIGNAL_DEFINE(logs, put_metric_filter, signal_write)
SIGNAL_DEFINE(logs, put_subscription_filter, signal_write)
SIGNAL_DEFINE(logs, test_metric_filter, signal_read)
