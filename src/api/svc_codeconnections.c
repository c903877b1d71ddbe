/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of codeconnections, also under its former name, and ours beside them; served by
 * the connection engine. */
#include "api/svc_codeconnections.h"

CALL_ADAPTER(connection_codeconnections_create_connection)
CALL_ADAPTER(connection_codeconnections_create_host)
CALL_ADAPTER(connection_codeconnections_delete_connection)
CALL_ADAPTER(connection_codeconnections_delete_host)
CALL_ADAPTER(connection_codeconnections_get_connection)
CALL_ADAPTER(connection_codeconnections_get_host)
CALL_ADAPTER(connection_codeconnections_list_connections)
CALL_ADAPTER(connection_codeconnections_list_hosts)
CALL_ADAPTER(connection_codeconnections_list_tags_for_resource)
CALL_ADAPTER(connection_codeconnections_tag_resource)
CALL_ADAPTER(connection_codeconnections_untag_resource)
CALL_ADAPTER(connection_codeconnections_update_host)
CALL_ADAPTER(connection_towpath_connections_complete_connection)
CALL_ADAPTER(connection_towpath_connections_describe_completion)

static const call_handler handlers[CODECONNECTIONS_OP_COUNT] = {
	[CODECONNECTIONS_OP_CREATE_CONNECTION] = connection_codeconnections_create_connection_call,
	[CODECONNECTIONS_OP_CREATE_HOST] = connection_codeconnections_create_host_call,
	[CODECONNECTIONS_OP_DELETE_CONNECTION] = connection_codeconnections_delete_connection_call,
	[CODECONNECTIONS_OP_DELETE_HOST] = connection_codeconnections_delete_host_call,
	[CODECONNECTIONS_OP_GET_CONNECTION] = connection_codeconnections_get_connection_call,
	[CODECONNECTIONS_OP_GET_HOST] = connection_codeconnections_get_host_call,
	[CODECONNECTIONS_OP_LIST_CONNECTIONS] = connection_codeconnections_list_connections_call,
	[CODECONNECTIONS_OP_LIST_HOSTS] = connection_codeconnections_list_hosts_call,
	[CODECONNECTIONS_OP_LIST_TAGS_FOR_RESOURCE] =
		connection_codeconnections_list_tags_for_resource_call,
	[CODECONNECTIONS_OP_TAG_RESOURCE] = connection_codeconnections_tag_resource_call,
	[CODECONNECTIONS_OP_UNTAG_RESOURCE] = connection_codeconnections_untag_resource_call,
	[CODECONNECTIONS_OP_UPDATE_HOST] = connection_codeconnections_update_host_call,
};

static const call_handler own_handlers[TOWPATH_CONNECTIONS_OP_COUNT] = {
	[TOWPATH_CONNECTIONS_OP_COMPLETE_CONNECTION] =
		connection_towpath_connections_complete_connection_call,
	[TOWPATH_CONNECTIONS_OP_DESCRIBE_COMPLETION] =
		connection_towpath_connections_describe_completion_call,
};

/* Policies name actions as the client does: by either name of the service. */
static int access_of(void *engine UNUSED, struct call *call, const void *req UNUSED,
	struct call_access *ret, struct err *err UNUSED)
{
	ret->action = arena_printf(call->arena, "%s:%s", call->service, call->operation->name);
	return 0;
}

struct call_service svc_codeconnections(struct connection_engine *e)
{
	return (struct call_service){
		.wire = &codeconnections_service,
		.engine = e,
		.handlers = handlers,
		.access = access_of,
	};
}

struct call_service svc_codestar_connections(struct connection_engine *e)
{
	static struct wire_service former;

	former = codeconnections_service;
	former.target_prefix = "com.amazonaws.codestar.connections.CodeStar_connections_20191201";
	former.signing_name = "codestar-connections";
	former.api_version = "2019-12-01";
	return (struct call_service){
		.wire = &former,
		.engine = e,
		.handlers = handlers,
		.access = access_of,
	};
}

struct call_service svc_towpath_connections(struct connection_engine *e)
{
	return (struct call_service){
		.wire = &towpath_connections_service,
		.engine = e,
		.handlers = own_handlers,
		.action_prefix = "codeconnections",
	};
}
