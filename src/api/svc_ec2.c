/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of ec2, served by the fleet engine. */
#include "api/svc_ec2.h"

CALL_ADAPTER(fleet_ec2_create_tags)
CALL_ADAPTER(fleet_ec2_delete_tags)
CALL_ADAPTER(fleet_ec2_describe_instances)
CALL_ADAPTER(fleet_ec2_describe_tags)
CALL_ADAPTER(fleet_ec2_terminate_instances)

static const call_handler handlers[EC2_OP_COUNT] = {
	[EC2_OP_CREATE_TAGS] = fleet_ec2_create_tags_call,
	[EC2_OP_DELETE_TAGS] = fleet_ec2_delete_tags_call,
	[EC2_OP_DESCRIBE_INSTANCES] = fleet_ec2_describe_instances_call,
	[EC2_OP_DESCRIBE_TAGS] = fleet_ec2_describe_tags_call,
	[EC2_OP_TERMINATE_INSTANCES] = fleet_ec2_terminate_instances_call,
};

struct call_service svc_ec2(struct fleet_engine *e)
{
	return (struct call_service){
		.wire = &ec2_service,
		.engine = e,
		.handlers = handlers,
		.refusals = {.missing = "MissingParameter"},
	};
}
