/* SPDX-License-Identifier: Apache-2.0 */
/* The server's clock across restarts. */
#include "bin/server_clock.h"

#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "towpath.gen.h"
#include "wire/wire.h"

/* What the last server's clock would show now; true time when it never ran faster. */
static int read_past(const char *path, int64_t true_usec, int64_t *ret, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct str text CLEANUP_STR = STR_INIT;
	struct towpath_server_clock past;

	*ret = true_usec;
	if (access(path, F_OK) < 0)
		return 0;
	if (file_read(path, 4 * KIB, &text, err) < 0 ||
		wire_decode_json(&towpath_server_clock_shape, str_view(&text), &a, &past, err) < 0)
		return err_wrap(err, "%s", path);
	*ret = MAX(true_usec,
		past.clock_usec.v + (true_usec - past.true_usec.v) * wire_or(past.rate, 1));
	return 0;
}

int server_clock_open(const char *data_dir, double rate, struct clock *c, struct err *err)
{
	char *path CLEANUP(freep) = xasprintf("%s/clock.json", data_dir);
	struct str text CLEANUP_STR = STR_INIT;
	int64_t true_usec = clock_true_now(), now_usec;

	if (read_past(path, true_usec, &now_usec, err) < 0)
		return -1;
	clock_release(c);
	clock_init_real_from(c, rate, now_usec);
	if (rate == 1.0 && now_usec == true_usec)
		return 0;
	wire_encode_json(&towpath_server_clock_shape,
		&(struct towpath_server_clock){.rate = WIRE_SET_LONG((int64_t)rate),
			.true_usec = WIRE_SET_LONG(true_usec),
			.clock_usec = WIRE_SET_LONG(now_usec)},
		&text);
	return file_write_atomic(path, str_view(&text), 0600, err);
}
