/* SPDX-License-Identifier: Apache-2.0 */
/* Platform versions of the launch type FARGATE, as the service lists them for Linux. They name what
 * a task is promised; here all of them run alike. */
#include "base/mem.h"
#include "fleet/containers.h"

#define LATEST "1.4.0"

int fleet_platform_version(
	const char *launch_type, const char *asked, const char **ret, struct err *err)
{
	static const char *const versions[] = {"1.4.0", "1.3.0"};

	if (!streq(launch_type, "FARGATE")) {
		*ret = NULL;
		if (!asked)
			return 0;
		return err_set_wire(err, "InvalidParameterException",
			"The platform version must be null when specifying an EC2 launch type.");
	}
	*ret = LATEST;
	if (!asked || streq(asked, "LATEST"))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++)
		if (streq(asked, versions[i])) {
			*ret = versions[i];
			return 0;
		}
	err_set_wire(err, "PlatformUnknownException", "There is no platform version %s.", asked);
	return err_hint(err, "use LATEST, 1.4.0 or 1.3.0");
}
