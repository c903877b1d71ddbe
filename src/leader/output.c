/* SPDX-License-Identifier: Apache-2.0 */
#include "leader/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

#define OUTPUT_BUFFER (256 * KIB)

int output_open(
	struct output *o, const char *spool_path, struct clock *clock, int echo_fd, struct err *err)
{
	*o = (struct output){.clock = clock, .echo_fd = echo_fd, .pipe_fds = {-1, -1}};
	if (spool_writer_open(spool_path, &o->spool, err) < 0)
		return -1;
	if (pipe2(o->pipe_fds, O_CLOEXEC) < 0)
		return err_errno(err, errno, "cannot make the pipe of a build's output");
	/* Larger than the default for fewer, larger reads; refusal does no harm. */
	fcntl(o->pipe_fds[1], F_SETPIPE_SZ, 1024 * 1024);
	o->buffer = xmalloc(OUTPUT_BUFFER);
	return fd_set_nonblock(o->pipe_fds[0], true, err);
}

void output_release(struct output *o)
{
	spool_writer_freep(&o->spool);
	mask_release(&o->mask);
	fd_closep(&o->pipe_fds[0]);
	fd_closep(&o->pipe_fds[1]);
	freep(&o->buffer);
}

static void keep_tail(struct output *o, struct view v)
{
	size_t keep;

	if (v.len >= sizeof(o->tail)) {
		memcpy(o->tail, v.p + v.len - sizeof(o->tail), sizeof(o->tail));
		o->tail_len = sizeof(o->tail);
		return;
	}
	keep = MIN(o->tail_len, sizeof(o->tail) - v.len);
	memmove(o->tail, o->tail + o->tail_len - keep, keep);
	memcpy(o->tail + keep, v.p, v.len);
	o->tail_len = keep + v.len;
}

/* Masked bytes go to the disk, and to whoever looks on. */
static int emit(struct output *o, struct view v, struct err *err)
{
	if (v.len == 0)
		return 0;
	keep_tail(o, v);
	if (o->echo_fd >= 0 && fd_write_all(o->echo_fd, v.p, v.len, NULL) < 0)
		o->echo_fd = -1; /* the looker went away; the build goes on */
	return spool_write(o->spool, v, clock_now(o->clock), err);
}

int output_bytes(struct output *o, struct view bytes, struct err *err)
{
	return emit(o, mask_bytes(&o->mask, bytes), err);
}

static int flush_line(struct output *o, struct err *err)
{
	if (emit(o, mask_flush(&o->mask), err) < 0)
		return -1;
	if (o->tail_len && o->tail[o->tail_len - 1] != '\n')
		return emit(o, VIEW("\n"), err);
	return 0;
}

int output_line(struct output *o, struct err *err, const char *fmt, ...)
{
	struct str line CLEANUP_STR = STR_INIT;
	int64_t now = clock_now(o->clock);
	time_t sec = (time_t)(now / USEC_PER_SEC);
	char stamp[32];
	struct tm tm;
	va_list ap;

	if (flush_line(o, err) < 0)
		return -1;
	strftime(stamp, sizeof(stamp), "%Y/%m/%d %H:%M:%S", gmtime_r(&sec, &tm));
	str_addf(&line, "[Container] %s.%06d ", stamp, (int)(now % USEC_PER_SEC));
	va_start(ap, fmt);
	str_vaddf(&line, fmt, ap);
	va_end(ap);
	str_add_c(&line, '\n');
	if (output_bytes(o, str_view(&line), err) < 0)
		return -1;
	return flush_line(o, err);
}

int output_pump(struct output *o, struct err *err)
{
	size_t have = 0;
	ssize_t got;

	/* A writer of small pieces fills the buffer while we read: one block of the log for many.
	 */
	do {
		got = read(o->pipe_fds[0], o->buffer + have, OUTPUT_BUFFER - have);
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			return err_errno(err, errno, "cannot read the build's output");
		have += got > 0 ? (size_t)got : 0;
	} while (got > 0 && have < OUTPUT_BUFFER);
	if (have == 0)
		return 0;
	o->command_wrote = true;
	return output_bytes(o, (struct view){o->buffer, have}, err) < 0 ? -1 : 1;
}

int output_drain(struct output *o, struct err *err)
{
	int left = 0, got;

	/* No more than was there at the start: what runs on in the background may never pause. */
	if (ioctl(o->pipe_fds[0], FIONREAD, &left) < 0)
		return err_errno(err, errno, "cannot read the build's output");
	while (left > 0) {
		got = output_pump(o, err);
		if (got <= 0)
			return got;
		left -= (int)MIN((size_t)left, (size_t)OUTPUT_BUFFER);
	}
	return 0;
}

void output_begin_command(struct output *o)
{
	o->command_wrote = false;
}

int output_end_command(struct output *o, struct err *err)
{
	if (output_drain(o, err) < 0 || flush_line(o, err) < 0)
		return -1;
	return o->command_wrote ? emit(o, VIEW("\n"), err) : 0;
}
