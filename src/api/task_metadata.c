/* SPDX-License-Identifier: Apache-2.0 */
#include "api/task_metadata.h"

#include "base/log.h"
#include "base/mem.h"

bool task_metadata_matches(const struct http_exchange *x)
{
	return starts_with(http_raw_path(x), TASK_METADATA_PREFIX);
}

void task_metadata_handle(const struct task_metadata *m, struct http_exchange *x)
{
	const char *path = http_raw_path(x) + strlen(TASK_METADATA_PREFIX);
	struct str json CLEANUP_STR = STR_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;
	int given = m->give(m->arg, path, &json, &err);

	http_set_header(x, "Content-Type", "application/json");
	if (given > 0) {
		http_reply(x, 200, str_view(&json));
		return;
	}
	if (given < 0)
		log_err("api", &err, "metadata of a task");
	http_reply(x, given < 0 ? 500 : 404,
		VIEW("\"There is no such metadata. Offered are that of a container and, with "
		     "/task, "
		     "that of its task; statistics are not.\""));
}
