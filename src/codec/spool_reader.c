/* SPDX-License-Identifier: Apache-2.0 */
/* The reading side of a spool; layout and invariants in spool_format.h.
 *
 * A position is always inside or behind a block that exists: behind the last line of a block it
 * is (block, len), not the start of the next one, which may not be there yet. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "codec/spool.h"
#include "codec/spool_format.h"

#define BUFFER_SIZE (2 * (SPOOL_TEXT_MAX + sizeof(struct spool_header)))

struct spool_reader {
	int fd, watch_fd;
	char *path;
	char *buf; /* BUFFER_SIZE bytes: the file from buf_at on */
	int64_t buf_at;
	size_t buf_len;
	int64_t checked; /* file offset of a block in the buffer found whole; 0: none */
	struct spool_header checked_h;
	struct spool_header h; /* of the block at pos.block, once it was loaded */
	bool ended;
	struct spool_pos pos;
};

int spool_reader_open(const char *path, struct spool_reader **ret, struct err *err)
{
	struct spool_reader *r CLEANUP_SPOOL_READER = xcalloc(1, sizeof(*r));

	r->watch_fd = -1;
	r->path = xstrdup(path);
	r->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (r->fd < 0)
		return err_errno(err, errno, "cannot open log %s", path);
	r->buf = xmalloc(BUFFER_SIZE);
	spool_seek_start(r);
	*ret = TAKE_PTR(r);
	return 0;
}

void spool_reader_free(struct spool_reader *r)
{
	if (!r)
		return;
	fd_closep(&r->fd);
	fd_closep(&r->watch_fd);
	free(r->buf);
	free(r->path);
	free(r);
}

static int fill(struct spool_reader *r, int64_t at, struct err *err)
{
	ssize_t got;

	do
		got = pread(r->fd, r->buf, BUFFER_SIZE, at);
	while (got < 0 && errno == EINTR);
	r->buf_at = at;
	r->buf_len = got > 0 ? (size_t)got : 0;
	r->checked = 0;
	return got < 0 ? err_errno(err, errno, "cannot read log %s", r->path) : 0;
}

/* Bytes of the buffer from file offset at on, and how many there are. */
static const char *buffered(const struct spool_reader *r, int64_t at, size_t *ret_len)
{
	if (at < r->buf_at || at >= r->buf_at + (int64_t)r->buf_len) {
		*ret_len = 0;
		return NULL;
	}
	*ret_len = r->buf_len - (size_t)(at - r->buf_at);
	return r->buf + (at - r->buf_at);
}

static bool whole_block(const char *p, size_t len, struct spool_header *ret)
{
	if (len < sizeof(*ret))
		return false;
	memcpy(ret, p, sizeof(*ret));
	return ret->magic == SPOOL_BLOCK_MAGIC && ret->len <= SPOOL_TEXT_MAX &&
	       len >= sizeof(*ret) + ret->len &&
	       spool_digest(ret, p + sizeof(*ret), ret->len, NULL, 0) == ret->digest;
}

/* Makes sure the block at file offset `at` is in the buffer: 1 whole, 0 not there (yet). On a
 * miss the buffer is filled from `from` on. */
static int load(
	struct spool_reader *r, int64_t at, int64_t from, struct spool_header *ret, struct err *err)
{
	size_t len;
	const char *p;

	if (r->checked == at) {
		*ret = r->checked_h;
		return 1;
	}
	p = buffered(r, at, &len);
	if (!p || !whole_block(p, len, ret)) {
		if (fill(r, from, err) < 0)
			return -1;
		p = buffered(r, at, &len);
		if (!p || !whole_block(p, len, ret))
			return 0;
	}
	r->checked = at;
	r->checked_h = *ret;
	return 1;
}

static struct view block_text(const struct spool_reader *r)
{
	return (struct view){
		r->buf + (r->pos.block - r->buf_at) + sizeof(struct spool_header), r->h.len};
}

/* The block of the position, in the buffer. */
static int current(struct spool_reader *r, struct err *err)
{
	return load(r, r->pos.block, r->pos.block, &r->h, err);
}

static int64_t block_size(const struct spool_header *h)
{
	return (int64_t)(sizeof(*h) + h->len);
}

/* Moves to the start of the next block: 1 done, 0 there is none with text. */
static int step_forward(struct spool_reader *r, struct err *err)
{
	struct spool_header h;
	int64_t at = r->pos.block + block_size(&r->h);
	int got = load(r, at, at, &h, err);

	if (got <= 0)
		return got;
	if (h.flags & SPOOL_END) {
		/* A writer that goes on puts another block in this place: look again next time. */
		r->buf_len = 0;
		r->checked = 0;
		r->ended = true;
		return 0;
	}
	r->h = h;
	r->pos = (struct spool_pos){at, 0, h.line};
	return 1;
}

/* Moves behind the last line of the block before: 1 done, 0 there is none. */
static int step_back(struct spool_reader *r, struct err *err)
{
	struct spool_header h;
	int64_t end = r->pos.block, at = end - r->h.prev, from = end - (int64_t)BUFFER_SIZE;
	int got;

	if (r->h.prev == 0 || at < SPOOL_START)
		return 0;
	got = load(r, at, MAX(from, SPOOL_START), &h, err);
	if (got <= 0)
		return got < 0 ? -1
			       : err_set(err, ERR_MALFORMED, "log %s is damaged at byte %" PRId64,
					 r->path, at);
	r->h = h;
	r->pos = (struct spool_pos){at, h.len, h.line + h.lines};
	return 1;
}

int spool_next(struct spool_reader *r, struct spool_line *ret, struct err *err)
{
	struct view text, rest;
	const char *lf;
	int got = current(r, err);

	if (got <= 0)
		return got;
	if (r->h.flags & SPOOL_END) { /* an empty log that was ended */
		r->buf_len = 0;
		r->checked = 0;
		r->ended = true;
		return 0;
	}
	if (r->pos.at == (int64_t)r->h.len) {
		got = step_forward(r, err);
		if (got <= 0)
			return got;
	}
	text = block_text(r);
	rest = (struct view){text.p + r->pos.at, text.len - (size_t)r->pos.at};
	lf = memchr(rest.p, '\n', rest.len);
	*ret = (struct spool_line){.usec = r->h.usec,
		.number = r->pos.line,
		.text = {rest.p, lf ? (size_t)(lf - rest.p) : rest.len},
		.continues = !lf,
		.pos = r->pos};
	r->pos.at += (int64_t)(ret->text.len + (lf ? 1 : 0));
	r->pos.line++;
	return 1;
}

int spool_prev(struct spool_reader *r, struct spool_line *ret, struct err *err)
{
	struct view text;
	const char *lf;
	size_t end, start;
	int got = current(r, err);

	if (got <= 0)
		return got;
	r->ended = false;
	if (r->pos.at == 0) {
		got = step_back(r, err);
		if (got <= 0)
			return got;
	}
	text = block_text(r);
	end = (size_t)r->pos.at;
	*ret = (struct spool_line){.usec = r->h.usec};
	if (text.p[end - 1] == '\n')
		end--;
	else
		ret->continues = true;
	lf = memrchr(text.p, '\n', end);
	start = lf ? (size_t)(lf + 1 - text.p) : 0;
	r->pos.at = (int64_t)start;
	r->pos.line--;
	ret->text = (struct view){text.p + start, end - start};
	ret->number = r->pos.line;
	ret->pos = r->pos;
	return 1;
}

struct spool_pos spool_tell(const struct spool_reader *r)
{
	return r->pos;
}

bool spool_at_end(const struct spool_reader *r)
{
	return r->ended;
}

void spool_seek_start(struct spool_reader *r)
{
	r->pos = (struct spool_pos){SPOOL_START, 0, 0};
	r->ended = false;
}

int spool_seek(struct spool_reader *r, struct spool_pos pos, struct err *err)
{
	struct spool_pos before = r->pos;
	struct view text;
	int got;

	if (pos.block < SPOOL_START || pos.at < 0)
		return err_set(err, ERR_INVALID, "no place in log %s", r->path);
	r->pos = pos;
	r->ended = false;
	got = current(r, err);
	if (got < 0)
		return -1;
	if (got == 0 && pos.block == SPOOL_START && pos.at == 0 && pos.line == 0)
		return 0; /* nothing written yet */
	text = block_text(r);
	if (got == 0 || pos.at > (int64_t)r->h.len || pos.line < r->h.line ||
		pos.line > r->h.line + r->h.lines ||
		(pos.at > 0 && pos.at < (int64_t)r->h.len && text.p[pos.at - 1] != '\n')) {
		r->pos = before;
		return err_set(err, ERR_INVALID, "no place in log %s", r->path);
	}
	return 0;
}

enum seek_key { BY_LINE, BY_USEC, BY_NOTHING };

static bool entry_before(const struct spool_index_entry *e, enum seek_key key, int64_t value)
{
	if (key == BY_NOTHING)
		return true;
	/* By time strictly before: lines of one time may start in the block before. */
	return key == BY_LINE ? e->line <= value : e->usec < value;
}

/* Moves to the last indexed block whose key is before value, by bisection; to the start of the
 * log when there is no index or it is not of this file. */
static void seek_index(struct spool_reader *r, enum seek_key key, int64_t value)
{
	char *path CLEANUP(freep) = xasprintf("%s.idx", r->path);
	int fd CLEANUP_FD = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct spool_index_entry e, best = {0};
	struct stat st;
	int64_t low = 0, high;

	spool_seek_start(r);
	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	high = st.st_size / (int64_t)sizeof(e);
	while (low < high) {
		int64_t mid = low + (high - low) / 2;

		if (pread(fd, &e, sizeof(e), mid * (int64_t)sizeof(e)) != (ssize_t)sizeof(e))
			return;
		if (entry_before(&e, key, value)) {
			best = e;
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	if (best.block < SPOOL_START)
		return;
	r->pos = (struct spool_pos){best.block, 0, best.line};
	if (current(r, NULL) <= 0 || r->h.line != best.line)
		spool_seek_start(r);
}

/* Moves block by block while the next block still starts before the value. */
static int walk(struct spool_reader *r, enum seek_key key, int64_t value, struct err *err)
{
	struct spool_pos before;
	int got;

	while (true) {
		before = r->pos;
		got = step_forward(r, err);
		if (got <= 0)
			return got;
		if ((key == BY_LINE && r->h.line > value) ||
			(key == BY_USEC && r->h.usec >= value)) {
			r->pos = before;
			return current(r, err) < 0 ? -1 : 0;
		}
	}
}

int spool_seek_end(struct spool_reader *r, struct err *err)
{
	int got;

	seek_index(r, BY_NOTHING, 0);
	got = current(r, err);
	if (got <= 0)
		return got;
	if (r->h.flags & SPOOL_END)
		return 0;
	if (walk(r, BY_NOTHING, 0, err) < 0)
		return -1;
	r->pos.at = r->h.len;
	r->pos.line = r->h.line + r->h.lines;
	r->ended = false;
	return 0;
}

int spool_seek_line(struct spool_reader *r, int64_t line, struct err *err)
{
	struct spool_line skipped;
	int got;

	seek_index(r, BY_LINE, line);
	got = current(r, err);
	if (got <= 0 || walk(r, BY_LINE, line, err) < 0)
		return got < 0 ? -1 : 0;
	while (r->pos.line < line) {
		got = spool_next(r, &skipped, err);
		if (got <= 0)
			return got;
	}
	r->ended = false;
	return 0;
}

int spool_seek_time(struct spool_reader *r, int64_t usec, struct err *err)
{
	int got;

	seek_index(r, BY_USEC, usec);
	got = current(r, err);
	if (got <= 0)
		return got;
	if (r->h.usec >= usec || (r->h.flags & SPOOL_END))
		return 0;
	if (walk(r, BY_USEC, usec, err) < 0)
		return -1;
	/* All lines of this block are older; the next one, if any, starts what is asked for. */
	r->pos.at = r->h.len;
	r->pos.line = r->h.line + r->h.lines;
	r->ended = false;
	return 0;
}

int spool_stat(struct spool_reader *r, struct spool_stat *ret, struct err *err)
{
	struct spool_pos before = r->pos;
	bool ended = r->ended;
	int got;

	*ret = (struct spool_stat){0};
	spool_seek_start(r);
	got = current(r, err);
	if (got > 0) {
		ret->first_usec = r->h.usec;
		ret->ended = r->h.flags & SPOOL_END;
	}
	if (got > 0 && !ret->ended) {
		got = spool_seek_end(r, err);
		ret->lines = r->h.line + r->h.lines;
		ret->bytes = r->h.raw + r->h.len;
		ret->last_usec = r->h.usec;
		if (got >= 0 && step_forward(r, NULL) == 0)
			ret->ended = r->ended;
	}
	r->pos = before;
	r->ended = ended;
	return got < 0 ? -1 : 0;
}

struct spool_pos_text spool_pos_format(struct spool_pos pos)
{
	struct spool_pos_text t;

	snprintf(t.text, sizeof(t.text), "%" PRIx64 ".%" PRIx64 ".%" PRIx64, (uint64_t)pos.block,
		(uint64_t)pos.at, (uint64_t)pos.line);
	return t;
}

bool spool_pos_parse(const char *text, struct spool_pos *ret)
{
	struct spool_pos pos;
	int end = 0;

	if (sscanf(text, "%" SCNx64 ".%" SCNx64 ".%" SCNx64 "%n", (uint64_t *)&pos.block,
		    (uint64_t *)&pos.at, (uint64_t *)&pos.line, &end) != 3 ||
		text[end] != '\0')
		return false;
	*ret = pos;
	return streq(spool_pos_format(pos).text, text);
}

int spool_watch_fd(struct spool_reader *r, struct err *err)
{
	if (r->watch_fd >= 0)
		return r->watch_fd;
	r->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (r->watch_fd < 0 || inotify_add_watch(r->watch_fd, r->path,
				       IN_MODIFY | IN_MOVE_SELF | IN_DELETE_SELF) < 0) {
		fd_closep(&r->watch_fd);
		return err_errno(err, errno, "cannot watch log %s", r->path);
	}
	return r->watch_fd;
}

void spool_watch_clear(struct spool_reader *r)
{
	char events[4096] __attribute__((aligned(8)));

	while (r->watch_fd >= 0 && read(r->watch_fd, events, sizeof(events)) > 0)
		;
}

int spool_export(const char *path, int out_fd, struct err *err)
{
	struct spool_reader *r CLEANUP_SPOOL_READER = NULL;
	int got;

	if (spool_reader_open(path, &r, err) < 0)
		return -1;
	got = current(r, err);
	while (got > 0) {
		struct view text = block_text(r);

		if (fd_write_all(out_fd, text.p, text.len, err) < 0)
			return -1;
		got = r->h.flags & SPOOL_END ? 0 : step_forward(r, err);
	}
	return got;
}
