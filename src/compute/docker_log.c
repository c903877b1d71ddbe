/* SPDX-License-Identifier: Apache-2.0 */
/* What a root writes, from the engine's log into a spool: whole, in order and once, also when the
 * server or the engine was killed in between.
 *
 * The engine keeps the log with a time a piece. A stream of it is a row of frames (8 bytes: source,
 * three zeros, length; then the time, a blank, the bytes). All bytes from the start are counted;
 * as many as the spool has already are passed over. So that a long log is not read from its start
 * each time, `log-mark` in the root's folder remembers a time and how many bytes came before it.
 * The engine stamps both outputs by themselves and may put them down in another order by a few
 * microseconds; so a mark is only set behind a pause in which nothing was written.
 *
 * Invariants
 * 1. What stands in the spool is the start of the log.
 * 2. Every piece before a mark's time is among the bytes that it counts, and no other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/path.h"
#include "codec/spool.h"
#include "compute/docker_internal.h"
#include "compute/oci_internal.h"

#define MARK_FILE "log-mark"
#define MARK_PAUSE_NSEC INT64_C(50000000)
#define MARK_BYTES (256 * KIB) /* between marks */
#define HEAD_BYTES 8
#define FRAME_MAX (8 * MIB)
#define NSEC_PER_SEC INT64_C(1000000000)

struct docker_log {
	struct spool_writer *spool;
	int64_t kept; /* bytes that went into the spool, ever */
	struct {
		int64_t nsec, bytes;
	} mark;
};

/* One stream. */
struct reading {
	struct docker_follow *f;
	struct docker_log *log;
	bool (*cancelled)(void *arg);
	int64_t at;	   /* bytes of the log before the next frame */
	int64_t last_nsec; /* of the frame before it; 0: none */
	struct str frame;
	size_t want; /* bytes of the frame; 0: its head is not there yet */
};

struct docker_log *docker_log_free(struct docker_log *log)
{
	if (!log)
		return NULL;
	spool_writer_free(log->spool);
	free(log);
	return NULL;
}

static int spool_bytes(const char *path, int64_t *ret, struct err *err)
{
	struct spool_reader *reader CLEANUP_SPOOL_READER = NULL;
	struct spool_stat stat;

	if (spool_reader_open(path, &reader, err) < 0 || spool_stat(reader, &stat, err) < 0)
		return -1;
	*ret = stat.bytes;
	return 0;
}

static void read_mark(const char *dir, struct docker_log *log)
{
	char *path CLEANUP(freep) = path_join(dir, MARK_FILE);
	struct str text CLEANUP_STR = STR_INIT;
	long long nsec, bytes;

	if (file_read(path, 64, &text, NULL) == 0 &&
		sscanf(str_text(&text), "%lld %lld", &nsec, &bytes) == 2 && bytes <= log->kept) {
		log->mark.nsec = nsec;
		log->mark.bytes = bytes;
	}
}

static int open_log(struct docker_follow *f, struct err *err)
{
	struct docker_log *log;

	if (f->log)
		return 0;
	log = xcalloc(1, sizeof(*log));
	if (spool_writer_open(f->log_path, &log->spool, err) < 0 ||
		spool_bytes(f->log_path, &log->kept, err) < 0) {
		docker_log_free(log);
		return -1;
	}
	read_mark(f->dir, log);
	f->log = log;
	return 0;
}

/* "2026-01-02T03:04:05.123456789Z" to nanoseconds; 0 when it is none. */
static int64_t time_of(struct view text)
{
	char copy[40];
	struct tm tm = {0};
	const char *rest;
	int64_t nsec = 0, unit = NSEC_PER_SEC / 10;

	snprintf(copy, sizeof(copy), VIEW_FMT, VIEW_ARG(text));
	rest = strptime(copy, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!rest)
		return 0;
	if (*rest == '.')
		for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
			nsec += (*rest - '0') * unit;
	return timegm(&tm) * NSEC_PER_SEC + nsec;
}

/* Before a frame of this time, all of whose bytes are still to come. */
static void consider_mark(struct reading *r, int64_t nsec)
{
	struct docker_log *log = r->log;
	struct str text CLEANUP_STR = STR_INIT;

	if (!r->last_nsec || nsec - r->last_nsec < MARK_PAUSE_NSEC ||
		r->at - log->mark.bytes < (int64_t)MARK_BYTES || r->at > log->kept)
		return;
	str_addf(&text, "%lld %lld\n", (long long)nsec, (long long)r->at);
	if (oci_write(r->f->dir, MARK_FILE, str_view(&text), 0600, NULL) < 0)
		return;
	log->mark.nsec = nsec;
	log->mark.bytes = r->at;
}

static int take_frame(struct reading *r, struct err *err)
{
	struct view bytes = {r->frame.p + HEAD_BYTES, r->frame.len - HEAD_BYTES};
	struct view stamp = view_cut(&bytes, ' ');
	int64_t nsec = time_of(stamp);
	size_t known;

	if (!nsec)
		return err_set(err, ERR_MALFORMED, "the engine's log of %s has a line without time",
			r->f->id);
	consider_mark(r, nsec);
	r->last_nsec = nsec;
	known = (size_t)MIN(MAX(r->log->kept - r->at, 0), (int64_t)bytes.len);
	r->at += (int64_t)bytes.len;
	bytes.p += known;
	bytes.len -= known;
	if (!bytes.len)
		return 0;
	if (spool_write(r->log->spool, bytes, clock_at(&r->f->clock, nsec / 1000), err) < 0)
		return -1;
	r->log->kept += (int64_t)bytes.len;
	return 0;
}

static size_t frame_length(const unsigned char *head)
{
	return (size_t)head[4] << 24 | (size_t)head[5] << 16 | (size_t)head[6] << 8 | head[7];
}

static int on_bytes(void *arg, const char *bytes, size_t n, struct err *err)
{
	struct reading *r = arg;

	while (n) {
		size_t target = r->want ? r->want : HEAD_BYTES;
		size_t take = MIN(n, target - r->frame.len);

		str_add_n(&r->frame, bytes, take);
		bytes += take;
		n -= take;
		if (r->frame.len < target)
			return 0;
		if (!r->want) {
			r->want = HEAD_BYTES + frame_length((const unsigned char *)r->frame.p);
			if (r->want > FRAME_MAX)
				return err_set(err, ERR_TOO_LARGE,
					"a piece of the engine's log of %s has %zu bytes", r->f->id,
					r->want);
			if (r->want > HEAD_BYTES)
				continue;
		}
		if (r->want > HEAD_BYTES && take_frame(r, err) < 0)
			return -1;
		str_clear(&r->frame);
		r->want = 0;
	}
	return 0;
}

static bool is_cancelled(void *arg)
{
	const struct reading *r = arg;

	return r->cancelled && r->cancelled(r->f);
}

int docker_log_read(struct docker_follow *f, const char *path, bool follow,
	bool (*cancelled)(void *arg), struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct reading r = {.f = f, .cancelled = cancelled};
	struct docker_call c = {.timeout_usec = follow ? -1 : 0,
		.write = on_bytes,
		.cancelled = is_cancelled,
		.arg = &r};
	int result;

	if (open_log(f, err) < 0)
		return -1;
	r.log = f->log;
	r.at = r.log->mark.bytes;
	c.path = arena_printf(&a, "%s&timestamps=1&follow=%d&since=%lld.%09lld", path, follow,
		(long long)(r.log->mark.nsec / NSEC_PER_SEC),
		(long long)(r.log->mark.nsec % NSEC_PER_SEC));
	result = docker_call(f->engine, &c, &a, NULL, err);
	str_release(&r.frame);
	return result;
}

int docker_log_finish(struct docker_follow *f, struct err *err)
{
	int64_t usec = clock_now(&f->clock);

	if (!f->log_path)
		return 0;
	if (open_log(f, err) < 0)
		return -1;
	if (spool_break_line(f->log->spool, usec, err) < 0 ||
		spool_finish(f->log->spool, usec, err) < 0)
		return -1;
	f->log = docker_log_free(f->log);
	return 0;
}
