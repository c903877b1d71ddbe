/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of cloudwatch on alarms. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signal/alarm.h"
#include "store/resource_tags.h"

#define DEFAULT_RECORDS 50
#define MAX_RECORDS 100

/* ---- describing ---- */

static bool one_of(const struct cloudwatch_alarm_names *names, const char *name)
{
	wire_foreach (x, names) {
		if (streq(*x, name))
			return true;
	}
	return false;
}

static bool wants(const struct cloudwatch_alarm_types *types, const char *type, bool otherwise)
{
	if (!types->n)
		return otherwise;
	wire_foreach (t, types) {
		if (streq(*t, type))
			return true;
	}
	return false;
}

static bool has_action(const struct cloudwatch_resource_list *actions, const char *prefix)
{
	wire_foreach (x, actions) {
		if (starts_with(*x, prefix))
			return true;
	}
	return false;
}

/* The alarms that the rule of one names, or the composite alarms whose rule names one. */
struct family {
	const char *children_of, *parents_of;
	struct store_documents links;
};

static bool in_family(const struct family *f, const char *name)
{
	if (!f->children_of && !f->parents_of)
		return true;
	for (size_t i = 0; i < f->links.n; i++) {
		const struct towpath_signal_alarm_link *link = f->links.v[i];

		if (f->parents_of
				? streq(link->alarm_name, name)
				: streq(strchr(f->links.ids[i], '|') + 1 + strlen("alarm "), name))
			return true;
	}
	return false;
}

static int load_family(struct db_tx *tx, struct family *f, struct arena *a, struct err *err)
{
	struct store_document_filter filter = {0};

	if (f->children_of)
		filter.prefix = arena_printf(a, "%s|alarm ", f->children_of);
	else if (f->parents_of)
		filter.owner = arena_printf(a, "alarm %s", f->parents_of);
	else
		return 0;
	return store_document_list(tx, &STORE_ALARM_LINK, &filter, a, &f->links, err);
}

struct described {
	const struct cloudwatch_describe_alarms_request *req;
	struct cloudwatch_describe_alarms_response *resp;
	struct family family;
	size_t max;
};

static bool is_asked(const struct described *d, const struct alarm *alarm)
{
	const struct cloudwatch_describe_alarms_request *req = d->req;
	const char *prefix = req->action_prefix;
	bool composite = alarm->composite;

	return (!req->alarm_names.n || one_of(&req->alarm_names, alarm_name(alarm))) &&
	       (!req->state_value || streq(req->state_value, alarm_state(alarm))) &&
	       in_family(&d->family, alarm_name(alarm)) &&
	       (!prefix ||
		       has_action(composite ? &alarm->both.alarm_actions
					    : &alarm->metric.alarm_actions,
			       prefix) ||
		       has_action(composite ? &alarm->both.ok_actions : &alarm->metric.ok_actions,
			       prefix) ||
		       has_action(composite ? &alarm->both.insufficient_data_actions
					    : &alarm->metric.insufficient_data_actions,
			       prefix));
}

/* Adds what is asked for of one kind; tokens are the kind and the last name. */
static int describe_kind(
	struct db_tx *tx, struct described *d, bool composite, struct arena *a, struct err *err)
{
	char kind = composite ? 'c' : 'm';
	const char *token = d->req->next_token;
	struct store_document_filter filter = {.prefix = d->req->alarm_name_prefix};
	struct store_documents all;

	if (d->resp->next_token || (token && composite && token[0] == 'm'))
		return 0;
	if (token && token[0] == kind)
		filter.after = token + 1;
	if (store_document_list(tx, composite ? &STORE_COMPOSITE_ALARM : &STORE_ALARM, &filter, a,
		    &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		struct alarm alarm = {.composite = composite};

		if (composite)
			alarm.both = *(struct cloudwatch_composite_alarm *)all.v[i];
		else
			alarm.metric = *(struct cloudwatch_metric_alarm *)all.v[i];
		if (!is_asked(d, &alarm))
			continue;
		if (d->resp->composite_alarms.n + d->resp->metric_alarms.n == d->max) {
			d->resp->next_token =
				arena_printf(a, "%c%s", kind, i ? all.ids[i - 1] : "");
			return 0;
		}
		if (composite)
			d->resp->composite_alarms.v[d->resp->composite_alarms.n++] = alarm.both;
		else
			d->resp->metric_alarms.v[d->resp->metric_alarms.n++] = alarm.metric;
	}
	return 0;
}

static int describe_alarms_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(cloudwatch, describe_alarms);
	struct described d = {
		.req = req,
		.resp = resp,
		.family = {.children_of = req->children_of_alarm_name,
			.parents_of = req->parents_of_alarm_name},
		.max = (size_t)wire_or(req->max_records, DEFAULT_RECORDS),
	};

	wire_list_alloc(a, &resp->metric_alarms, d.max + 1);
	wire_list_alloc(a, &resp->composite_alarms, d.max + 1);
	resp->metric_alarms.n = resp->composite_alarms.n = 0;
	if (req->alarm_names.n && req->alarm_name_prefix)
		return err_set_wire(err, "ValidationError",
			"AlarmNames and AlarmNamePrefix are mutually exclusive");
	if (req->next_token && !strchr("cm", req->next_token[0]))
		return err_set_wire(err, "InvalidNextToken", "The next token is not valid");
	if (load_family(tx, &d.family, a, err) < 0)
		return -1;
	/* Composite alarms come first, as in the real service. */
	if (wants(&req->alarm_types, "CompositeAlarm", d.family.parents_of != NULL) &&
		describe_kind(tx, &d, true, a, err) < 0)
		return -1;
	return wants(&req->alarm_types, "MetricAlarm", true) ? describe_kind(tx, &d, false, a, err)
							     : 0;
}

static bool same_dimensions(
	const struct cloudwatch_dimensions *x, const struct cloudwatch_dimensions *y)
{
	size_t same = 0;

	wire_foreach (a, x) {
		wire_foreach (b, y)
			same += streq(a->name, b->name) && streq(a->value, b->value);
	}
	return x->n == y->n && same == x->n;
}

static int describe_alarms_for_metric_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(cloudwatch, describe_alarms_for_metric);
	struct store_documents all;

	if (store_document_list(tx, &STORE_ALARM, NULL, a, &all, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->metric_alarms, all.n);
	resp->metric_alarms.n = 0;
	for (size_t i = 0; i < all.n; i++) {
		const struct cloudwatch_metric_alarm *alarm = all.v[i];

		if (streq(alarm->namespace, req->namespace) &&
			streq(alarm->metric_name, req->metric_name) &&
			(!req->statistic || streq(req->statistic, alarm->statistic)) &&
			(!req->extended_statistic ||
				streq(req->extended_statistic, alarm->extended_statistic)) &&
			(!req->period.set || req->period.v == alarm->period.v) &&
			same_dimensions(&alarm->dimensions, &req->dimensions))
			resp->metric_alarms.v[resp->metric_alarms.n++] = *alarm;
	}
	return 0;
}

static int newest_first(const void *x, const void *y)
{
	int64_t a = ((const struct cloudwatch_alarm_history_item *)x)->timestamp.usec;
	int64_t b = ((const struct cloudwatch_alarm_history_item *)y)->timestamp.usec;

	return (a < b) - (a > b);
}

static int oldest_first(const void *x, const void *y)
{
	return newest_first(y, x);
}

/* Where the page begins: behind `seen` items of the moment that the token names. */
static size_t history_start(const struct cloudwatch_alarm_history_items *items, int64_t usec,
	size_t seen, int (*order)(const void *, const void *))
{
	const struct cloudwatch_alarm_history_item mark = {.timestamp = WIRE_SET_TIME(usec)};
	size_t from = 0;

	while (from < items->n && order(&items->v[from], &mark) < 0)
		from++;
	while (seen-- && from < items->n && items->v[from].timestamp.usec == usec)
		from++;
	return from;
}

/* Tokens hold the moment of the last item shown, and how many of that moment were shown. */
static int page_of_history(const struct cloudwatch_describe_alarm_history_request *req,
	struct cloudwatch_describe_alarm_history_response *resp, size_t max,
	int (*order)(const void *, const void *), struct arena *a, struct err *err)
{
	struct cloudwatch_alarm_history_items *items = &resp->alarm_history_items;
	long long usec = 0;
	size_t from = 0, end, seen = 0;

	if (req->next_token && sscanf(req->next_token, "%lld %zu", &usec, &seen) != 2)
		return err_set_wire(err, "InvalidNextToken", "The next token is not valid");
	if (req->next_token)
		from = history_start(items, usec, seen, order);
	end = MIN(from + max, items->n);
	if (end < items->n) {
		usec = items->v[end - 1].timestamp.usec;
		for (seen = 0; seen < end && items->v[end - 1 - seen].timestamp.usec == usec;)
			seen++;
		resp->next_token = arena_printf(a, "%lld %zu", usec, seen);
	}
	items->v += from;
	items->n = end - from;
	return 0;
}

static int describe_alarm_history_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(cloudwatch, describe_alarm_history);
	int (*order)(const void *, const void *) =
		streq(req->scan_by, CLOUDWATCH_SCAN_BY_TIMESTAMPASCENDING) ? oldest_first
									   : newest_first;
	struct store_documents all;

	if (store_document_list(tx, &STORE_ALARM_HISTORY,
		    &(struct store_document_filter){.owner = req->alarm_name}, a, &all, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->alarm_history_items, all.n);
	resp->alarm_history_items.n = 0;
	for (size_t i = 0; i < all.n; i++) {
		const struct cloudwatch_alarm_history_item *item = all.v[i];

		if (!wants(&req->alarm_types, item->alarm_type, true) ||
			(req->history_item_type &&
				!streq(req->history_item_type, item->history_item_type)) ||
			(req->start_date.set && item->timestamp.usec < req->start_date.usec) ||
			(req->end_date.set && item->timestamp.usec > req->end_date.usec))
			continue;
		resp->alarm_history_items.v[resp->alarm_history_items.n++] = *item;
	}
	qsort(resp->alarm_history_items.v, resp->alarm_history_items.n,
		sizeof(*resp->alarm_history_items.v), order);
	return page_of_history(
		req, resp, (size_t)wire_or(req->max_records, MAX_RECORDS), order, a, err);
}

/* ---- changing ---- */

static int delete_alarm(struct signal_engine *e, struct db_tx *tx, const char *name,
	struct arena *a, struct err *err)
{
	struct alarm alarm;
	int r = alarm_load(tx, name, a, &alarm, err);

	if (r <= 0)
		return r;
	if (store_document_delete(
		    tx, alarm.composite ? &STORE_COMPOSITE_ALARM : &STORE_ALARM, name, err) < 0 ||
		store_tags_forget(tx, alarm_arn(&alarm), err) < 0 ||
		alarm_unlink(tx, name, a, err) < 0 ||
		task_cancel(e->durable, tx,
			alarm.composite ? SIGNAL_TASK_COMPOSITE : SIGNAL_TASK_ALARM, name, NULL,
			err) < 0 ||
		task_cancel(e->durable, tx, SIGNAL_TASK_SUPPRESS, name, NULL, err) < 0 ||
		alarm_journal_configuration(e, tx, "delete", &alarm, NULL, err) < 0)
		return -1;
	return alarm_history(e, tx, &alarm, "ConfigurationUpdate",
		arena_printf(a, "Alarm \"%s\" deleted", name), NULL, err);
}

/* Whether a composite alarm that stays looks at the alarm, by its rule or as its suppressor. */
static int is_needed(struct db_tx *tx, const struct cloudwatch_alarm_names *going, const char *name,
	struct arena *a, bool *ret, struct err *err)
{
	static const char *const as[] = {"alarm", "suppressor"};

	*ret = false;
	for (size_t k = 0; k < ARRAY_SIZE(as); k++) {
		struct store_document_filter filter = {
			.owner = arena_printf(a, "%s %s", as[k], name)};
		struct store_documents links;

		if (store_document_list(tx, &STORE_ALARM_LINK, &filter, a, &links, err) < 0)
			return -1;
		for (size_t i = 0; i < links.n; i++) {
			const struct towpath_signal_alarm_link *link = links.v[i];

			*ret |= !one_of(going, link->alarm_name);
		}
	}
	return 0;
}

static int check_needed(struct db_tx *tx, const struct cloudwatch_alarm_names *going,
	struct arena *a, struct err *err)
{
	struct str names CLEANUP_STR = STR_INIT;
	size_t n = 0;

	wire_foreach (name, going) {
		bool needed;

		if (is_needed(tx, going, *name, a, &needed, err) < 0)
			return -1;
		if (needed)
			str_addf(&names, "%s%s", n++ ? "," : "", *name);
	}
	return n == 0 ? 0
		      : err_set_wire(err, "ValidationError",
				"Cannot delete %s as there are composite alarm(s) depending on %s.",
				str_text(&names), n == 1 ? "it" : "them");
}

static int delete_alarms_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(cloudwatch, delete_alarms);
	size_t composites = 0;

	wire_foreach (name, &req->alarm_names) {
		struct alarm alarm;

		if (alarm_load(tx, *name, a, &alarm, err) < 0)
			return -1;
		composites += alarm_name(&alarm) && alarm.composite;
	}
	if (composites > 1)
		return err_set_wire(err, "ValidationError",
			"One operation deletes at most one composite alarm");
	if (check_needed(tx, &req->alarm_names, a, err) < 0)
		return -1;
	wire_foreach (name, &req->alarm_names) {
		if (delete_alarm(e, tx, *name, a, err) < 0)
			return -1;
	}
	return 0;
}

static int switch_actions(struct signal_engine *e, struct db_tx *tx,
	const struct cloudwatch_alarm_names *names, bool on, struct arena *a, struct err *err)
{
	wire_foreach (name, names) {
		struct alarm alarm, old;
		int r = alarm_load(tx, *name, a, &alarm, err);

		if (r < 0)
			return -1;
		if (r == 0 || wire_or(ALARM_OF(&alarm, actions_enabled), true) == on)
			continue;
		old = alarm;
		if (alarm.composite)
			alarm.both.actions_enabled = WIRE_SET_BOOL(on);
		else
			alarm.metric.actions_enabled = WIRE_SET_BOOL(on);
		if (alarm_store(tx, &alarm, err) < 0 ||
			alarm_journal_configuration(e, tx, "update", &alarm, &old, err) < 0)
			return -1;
	}
	return 0;
}

static int disable_alarm_actions_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(cloudwatch, disable_alarm_actions);

	return switch_actions(e, tx, &req->alarm_names, false, a, err);
}

static int enable_alarm_actions_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(cloudwatch, enable_alarm_actions);

	return switch_actions(e, tx, &req->alarm_names, true, a, err);
}

static int set_alarm_state_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(cloudwatch, set_alarm_state);
	const struct json_node *data;
	struct alarm alarm;
	int r = alarm_load(tx, req->alarm_name, a, &alarm, err);

	if (r == 0)
		return err_set_wire(err, "ResourceNotFound", "Unknown alarm: %s", req->alarm_name);
	if (r > 0 && req->state_reason_data && *req->state_reason_data &&
		json_parse(view_of(req->state_reason_data), a, &data, NULL) < 0)
		return err_set_wire(
			err, "InvalidFormatFault", "StateReasonData must be a JSON document");
	return r < 0 ? -1
		     : alarm_set_state(e, tx, &alarm, req->state_value, req->state_reason,
			       req->state_reason_data, err);
}

/* ---- tags ---- */

static int need_tagged(struct db_tx *tx, const char *arn, struct call *call, struct err *err)
{
	struct cloudwatch_resource_not_found_exception *missing;
	struct arena *a = call->arena;
	struct alarm alarm;
	int r = alarm_load(tx, alarm_name_of(arn), a, &alarm, err);

	if (r == 0 || (r > 0 && !streq(alarm_arn(&alarm), arn))) {
		missing = arena_new(a, struct cloudwatch_resource_not_found_exception);
		missing->resource_id = arn;
		missing->resource_type = "Alarm";
		call->exception = (struct call_exception){
			&cloudwatch_resource_not_found_exception_shape, missing};
		return err_set_wire(err, "ResourceNotFoundException", "%s does not exist", arn);
	}
	return r < 0 ? -1 : 0;
}

static int list_tags_for_resource_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(cloudwatch, list_tags_for_resource);
	struct towpath_string_map tags;

	if (need_tagged(tx, req->resource_arn, o_->call, err) < 0 ||
		store_tags_read(tx, req->resource_arn, a, &tags, err) < 0)
		return -1;
	TAG_LIST(a, &tags, &resp->tags);
	return 0;
}

static int tag_resource_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(cloudwatch, tag_resource);
	struct towpath_string_map tags;

	TAG_MAP(a, &req->tags, &tags);
	return need_tagged(tx, req->resource_arn, o_->call, err) < 0
		       ? -1
		       : store_tags_add(tx, req->resource_arn, &tags,
				 "InvalidParameterValueException", a, err);
}

static int untag_resource_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(cloudwatch, untag_resource);

	return need_tagged(tx, req->resource_arn, o_->call, err) < 0
		       ? -1
		       : store_tags_remove(
				 tx, req->resource_arn, req->tag_keys.v, req->tag_keys.n, a, err);
}

SIGNAL_DEFINE(cloudwatch, delete_alarms, signal_write)
SIGNAL_DEFINE(cloudwatch, describe_alarm_history, signal_read)
SIGNAL_DEFINE(cloudwatch, describe_alarms, signal_read)
SIGNAL_DEFINE(cloudwatch, describe_alarms_for_metric, signal_read)
SIGNAL_DEFINE(cloudwatch, disable_alarm_actions, signal_write)
SIGNAL_DEFINE(cloudwatch, enable_alarm_actions, signal_write)
SIGNAL_DEFINE(cloudwatch, list_tags_for_resource, signal_read)
SIGNAL_DEFINE(cloudwatch, set_alarm_state, signal_write)
SIGNAL_DEFINE(cloudwatch, tag_resource, signal_write)
SIGNAL_DEFINE(cloudwatch, untag_resource, signal_write)
