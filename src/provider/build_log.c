/* SPDX-License-Identifier: Apache-2.0 */
/* Log streams of builds: the signal engine reads their spool files. */
#include "provider/build_world.h"

static int open_stream(void *arg, struct db_tx *tx, const char *group, const char *stream,
	const char *spool_path, int64_t usec UNUSED, struct err *err)
{
	struct build_world *w = arg;

	return signal_log_stream_attach(w->signal, tx, group, stream, spool_path, err);
}

void build_world_log_port(struct build_world *w, struct build_ports *ret)
{
	ret->logs = (struct build_logs){.arg = w, .open_stream = open_stream};
}
