/* SPDX-License-Identifier: Apache-2.0 */
/* What a build writes: the log spool, with secrets masked, and the leader's own lines in it. */
#ifndef TOWPATH_LEADER_OUTPUT_H
#define TOWPATH_LEADER_OUTPUT_H

#include "base/clock.h"
#include "base/err.h"
#include "codec/spool.h"
#include "leader/mask.h"

struct output {
	struct spool_writer *spool;
	struct clock *clock; /* borrowed */
	struct mask mask;
	int echo_fd;	 /* a copy goes here; -1: no */
	int pipe_fds[2]; /* the build's processes write to [1]; this end is never closed */
	char *buffer;
	bool command_wrote; /* since output_begin_command() */
	char tail[4096];    /* the last bytes written, for patterns on failures */
	size_t tail_len;
};

int output_open(struct output *o, const char *spool_path, struct clock *clock, int echo_fd,
	struct err *err);
void output_release(struct output *o);
/* "[Container] 2026/11/23 04:39:00.123456 text" */
int output_line(struct output *o, struct err *err, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Takes what is in the pipe now, without waiting. */
int output_drain(struct output *o, struct err *err);
/* Takes at most one buffer: 1 something came, 0 nothing there. */
int output_pump(struct output *o, struct err *err);
void output_begin_command(struct output *o);
/* After a command ended: everything it wrote goes out, on lines of its own. */
int output_end_command(struct output *o, struct err *err);
/* Bytes that did not come through the pipe. */
int output_bytes(struct output *o, struct view bytes, struct err *err);

#endif
