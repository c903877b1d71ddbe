/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of events on API destinations. */
#include "base/id.h"
#include "signal/event_connection.h"

static int need_destination(struct db_tx *tx, const char *name, struct arena *a,
	struct events_describe_api_destination_response *ret, struct err *err)
{
	int r = store_document_get(tx, &STORE_EVENT_DESTINATION, name, a, ret, err);

	if (r == 0)
		return err_set_wire(err, "ResourceNotFoundException",
			"Failed to describe the api-destination(s). An api-destination '%s' does "
			"not exist.",
			name);
	return r < 0 ? -1 : 0;
}

static int check_destination(struct db_tx *tx, const char *connection_arn, const char *endpoint,
	struct arena *a, struct err *err)
{
	struct store_documents all;

	if (event_http_check(endpoint, "InvocationEndpoint", err) < 0 ||
		store_document_list(tx, &STORE_EVENT_CONNECTION, NULL, a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (streq(((struct events_describe_connection_response *)all.v[i])->connection_arn,
			    connection_arn))
			return 0;
	return err_set_wire(err, "ResourceNotFoundException", "Connection '%s' does not exist.",
		connection_arn);
}

static int put_destination(
	struct db_tx *tx, const struct events_describe_api_destination_response *d, struct err *err)
{
	return store_document_put(tx, &STORE_EVENT_DESTINATION, d->name, d->connection_arn, d, err);
}

static int create_api_destination_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, create_api_destination);
	int64_t now = durable_now(e->durable);
	struct events_describe_api_destination_response old,
		d = {
			.name = req->name,
			.api_destination_arn = signal_arn(
				e, a, "events", "api-destination/%s/%s", req->name, id_uuid().text),
			.api_destination_state = "ACTIVE",
			.connection_arn = req->connection_arn,
			.description = req->description,
			.invocation_endpoint = req->invocation_endpoint,
			.http_method = req->http_method,
			.invocation_rate_limit_per_second = WIRE_SET_INT(
				wire_or(req->invocation_rate_limit_per_second, EVENT_RATE)),
			.creation_time = WIRE_SET_TIME(now),
			.last_modified_time = WIRE_SET_TIME(now),
		};
	int r = store_document_get(tx, &STORE_EVENT_DESTINATION, req->name, a, &old, err);

	if (r > 0)
		return err_set_wire(err, "ResourceAlreadyExistsException",
			"An api-destination '%s' already exists.", req->name);
	if (r < 0 ||
		check_destination(tx, req->connection_arn, req->invocation_endpoint, a, err) < 0)
		return -1;
	wire_assign(&events_create_api_destination_response_shape, resp,
		&events_describe_api_destination_response_shape, &d);
	return put_destination(tx, &d, err);
}

static int update_api_destination_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, update_api_destination);
	struct events_describe_api_destination_response d;

	if (need_destination(tx, req->name, a, &d, err) < 0)
		return -1;
	wire_assign(&events_describe_api_destination_response_shape, &d,
		&events_update_api_destination_request_shape, req);
	d.last_modified_time = WIRE_SET_TIME(durable_now(e->durable));
	if (check_destination(tx, d.connection_arn, d.invocation_endpoint, a, err) < 0)
		return -1;
	wire_assign(&events_update_api_destination_response_shape, resp,
		&events_describe_api_destination_response_shape, &d);
	return put_destination(tx, &d, err);
}

static int describe_api_destination_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, describe_api_destination);

	return need_destination(tx, req->name, a, resp, err);
}

static int delete_api_destination_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, delete_api_destination);
	struct events_describe_api_destination_response d;

	return need_destination(tx, req->name, a, &d, err) < 0
		       ? -1
		       : store_document_delete(tx, &STORE_EVENT_DESTINATION, req->name, err);
}

static int list_api_destinations_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, list_api_destinations);
	size_t max = (size_t)wire_or(req->limit, EVENT_PAGE);
	struct store_documents all;

	if (store_document_list(tx, &STORE_EVENT_DESTINATION,
		    &(struct store_document_filter){.owner = req->connection_arn,
			    .prefix = req->name_prefix,
			    .after = req->next_token,
			    .max = max + 1},
		    a, &all, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->api_destinations, MIN(all.n, max));
	for (size_t i = 0; i < resp->api_destinations.n; i++) {
		resp->api_destinations.v[i] = (struct events_api_destination){0};
		wire_assign(&events_api_destination_shape, &resp->api_destinations.v[i],
			&events_describe_api_destination_response_shape, all.v[i]);
	}
	if (all.n > max)
		resp->next_token = all.ids[max - 1];
	return 0;
}

SIGNAL_DEFINE(events, create_api_destination, signal_write)
SIGNAL_DEFINE(events, delete_api_destination, signal_write)
SIGNAL_DEFINE(events, describe_api_destination, signal_read)
SIGNAL_DEFINE(events, list_api_destinations, signal_read)
SIGNAL_DEFINE(events, update_api_destination, signal_write)
