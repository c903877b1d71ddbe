/* SPDX-License-Identifier: Apache-2.0 */
/* The writing side of a spool; layout and invariants in spool_format.h. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"
#include "codec/spool.h"
#include "codec/spool_format.h"

struct spool_writer {
	int fd, index_fd;
	char *path;
	struct str pending; /* the start of a line, less than SPOOL_TEXT_MAX bytes */
	int64_t pending_usec;
	int64_t end;		 /* size of the valid file */
	int64_t line, raw, usec; /* of the next block */
	uint32_t prev;
	int64_t indexed; /* file offset of the last block in the index */
	bool open_line;	 /* the last byte in the file is not a line feed */
	bool dir_synced;
};

static uint64_t mix(uint64_t h, const char *p, size_t n)
{
	uint64_t word;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&word, p, 8);
		h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	if (n) {
		word = 0;
		memcpy(&word, p, n);
		h = (h ^ word ^ ((uint64_t)n << 56)) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	return h;
}

uint32_t spool_digest(
	const struct spool_header *h, const char *a, size_t a_len, const char *b, size_t b_len)
{
	struct spool_header copy = *h;
	char edge[8];
	size_t tail = a_len % 8, borrow;
	uint64_t d;

	copy.digest = 0;
	d = mix(1, (const char *)&copy, sizeof(copy));
	/* The same answer wherever the text is cut in two. */
	d = mix(d, a, a_len - tail);
	if (tail && b_len) {
		borrow = MIN(8 - tail, b_len);
		memcpy(edge, a + a_len - tail, tail);
		memcpy(edge + tail, b, borrow);
		d = mix(d, edge, tail + borrow);
		b += borrow;
		b_len -= borrow;
	} else {
		d = mix(d, a + a_len - tail, tail);
	}
	d = mix(d, b, b_len);
	return (uint32_t)(d ^ (d >> 32));
}

static uint32_t count_pieces(const char *p, size_t n)
{
	const char *end = p + n;
	uint32_t count = 0;

	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));

		count++;
		p = lf ? lf + 1 : end;
	}
	return count;
}

static int write_vectors(
	int fd, struct iovec *v, int n, int64_t at, const char *path, struct err *err)
{
	while (n > 0) {
		ssize_t done = pwritev(fd, v, n, at);

		if (done < 0) {
			if (errno == EINTR)
				continue;
			return err_errno(err, errno, "cannot write log %s", path);
		}
		at += done;
		while (n > 0 && (size_t)done >= v->iov_len) {
			done -= (ssize_t)v->iov_len;
			v++, n--;
		}
		if (n > 0) {
			v->iov_base = (char *)v->iov_base + done;
			v->iov_len -= (size_t)done;
		}
	}
	return 0;
}

static void index_block(struct spool_writer *w, const struct spool_header *h)
{
	struct spool_index_entry e = {w->end, h->line, h->usec, h->raw};

	if (w->index_fd < 0 || (w->indexed && w->end - w->indexed < SPOOL_INDEX_STEP))
		return;
	/* The index only speeds things up: a failure is not one of the log. */
	if (write(w->index_fd, &e, sizeof(e)) != sizeof(e))
		fd_closep(&w->index_fd);
	w->indexed = w->end;
}

/* Moves the writer's place behind a valid block. */
static void pass_block(struct spool_writer *w, const struct spool_header *h)
{
	w->end += (int64_t)(sizeof(*h) + h->len);
	w->line += h->lines;
	w->raw += h->len;
	w->usec = h->usec;
	w->prev = (uint32_t)(sizeof(*h) + h->len);
	w->open_line = h->flags & SPOOL_OPEN;
}

/* Writes pending and then the n bytes at p as one block. */
static int write_block(struct spool_writer *w, const char *p, size_t n, int64_t usec,
	uint32_t flags, struct err *err)
{
	struct spool_header h = {.magic = SPOOL_BLOCK_MAGIC,
		.len = (uint32_t)(w->pending.len + n),
		.flags = flags,
		.prev = w->prev,
		.usec = MAX(usec, w->usec),
		.line = w->line,
		.raw = w->raw};
	char last = n ? p[n - 1] : w->pending.len ? w->pending.p[w->pending.len - 1] : '\n';
	struct iovec v[3] = {{&h, sizeof(h)}, {w->pending.p, w->pending.len}, {(char *)p, n}};

	if (h.len && last != '\n')
		h.flags |= SPOOL_OPEN;
	/* The pending part holds no line feed, so it adds a piece only when nothing follows. */
	h.lines = n ? count_pieces(p, n) : w->pending.len > 0;
	h.digest = spool_digest(&h, str_text(&w->pending), w->pending.len, p, n);
	if (write_vectors(w->fd, v, 3, w->end, w->path, err) < 0)
		return -1;
	index_block(w, &h);
	pass_block(w, &h);
	str_clear(&w->pending);
	return 0;
}

int spool_write(struct spool_writer *w, struct view bytes, int64_t usec, struct err *err)
{
	while (bytes.len) {
		size_t room = SPOOL_TEXT_MAX - w->pending.len, take = MIN(room, bytes.len);
		const char *lf = memrchr(bytes.p, '\n', take);

		if (lf) {
			take = (size_t)(lf + 1 - bytes.p);
		} else if (take < room) {
			str_add_view(&w->pending, bytes);
			w->pending_usec = usec;
			return 0;
		}
		if (write_block(w, bytes.p, take, usec, 0, err) < 0)
			return -1;
		bytes.p += take;
		bytes.len -= take;
	}
	return 0;
}

int spool_flush(struct spool_writer *w, struct err *err)
{
	return w->pending.len ? write_block(w, NULL, 0, w->pending_usec, 0, err) : 0;
}

int spool_break_line(struct spool_writer *w, int64_t usec, struct err *err)
{
	if (!w->pending.len && !w->open_line)
		return 0;
	return spool_write(w, VIEW("\n"), usec, err);
}

int spool_sync(struct spool_writer *w, struct err *err)
{
	char *dir CLEANUP(freep) = NULL;
	const char *slash;

	if (fdatasync(w->fd) < 0)
		return err_errno(err, errno, "cannot sync log %s", w->path);
	if (w->dir_synced)
		return 0;
	w->dir_synced = true;
	slash = strrchr(w->path, '/');
	dir = slash ? xstrndup(w->path, (size_t)(slash + 1 - w->path)) : xstrdup(".");
	return file_sync_dir(dir, err);
}

int spool_finish(struct spool_writer *w, int64_t usec, struct err *err)
{
	if (spool_flush(w, err) < 0 || write_block(w, NULL, 0, usec, SPOOL_END, err) < 0)
		return -1;
	return spool_sync(w, err);
}

void spool_writer_free(struct spool_writer *w)
{
	if (!w)
		return;
	if (w->fd >= 0)
		spool_flush(w, NULL);
	fd_closep(&w->fd);
	fd_closep(&w->index_fd);
	str_release(&w->pending);
	free(w->path);
	free(w);
}

/* Reads and checks the block at the writer's end: 1 valid, 0 not. */
static int check_block(struct spool_writer *w, int64_t size, char *buf, struct spool_header *ret)
{
	int64_t room = size - w->end;

	if (room < (int64_t)sizeof(*ret) ||
		pread(w->fd, ret, sizeof(*ret), w->end) != (ssize_t)sizeof(*ret))
		return 0;
	if (ret->magic != SPOOL_BLOCK_MAGIC || ret->len > SPOOL_TEXT_MAX ||
		room < (int64_t)(sizeof(*ret) + ret->len) || ret->line != w->line ||
		ret->raw != w->raw || ret->prev != w->prev)
		return 0;
	if (pread(w->fd, buf, ret->len, w->end + (int64_t)sizeof(*ret)) != (ssize_t)ret->len)
		return 0;
	return spool_digest(ret, buf, ret->len, NULL, 0) == ret->digest;
}

/* Walks all blocks, makes the index anew, and cuts off the end marker and what is torn. */
static int recover(struct spool_writer *w, int64_t size, struct err *err)
{
	char *buf CLEANUP(freep) = xmalloc(SPOOL_TEXT_MAX);
	struct spool_header h;

	while (check_block(w, size, buf, &h) && !(h.flags & SPOOL_END)) {
		index_block(w, &h);
		pass_block(w, &h);
	}
	if (w->end < size && ftruncate(w->fd, w->end) < 0)
		return err_errno(err, errno, "cannot cut the torn end of log %s", w->path);
	return 0;
}

static int start_or_recover(struct spool_writer *w, struct err *err)
{
	char magic[SPOOL_START];
	struct stat st;

	if (flock(w->fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(
			err, ERR_CONFLICT, "log %s is being written by another process", w->path);
	if (fstat(w->fd, &st) < 0)
		return err_errno(err, errno, "cannot read log %s", w->path);
	w->end = SPOOL_START;
	if (st.st_size < SPOOL_START) {
		if (ftruncate(w->fd, 0) < 0)
			return err_errno(err, errno, "cannot cut the torn log %s", w->path);
		struct iovec v = {(char *)SPOOL_MAGIC, SPOOL_START};

		return write_vectors(w->fd, &v, 1, 0, w->path, err);
	}
	if (pread(w->fd, magic, sizeof(magic), 0) != (ssize_t)sizeof(magic) ||
		memcmp(magic, SPOOL_MAGIC, sizeof(magic)) != 0)
		return err_set(err, ERR_MALFORMED, "%s is not a log of Towpath", w->path);
	return recover(w, st.st_size, err);
}

int spool_writer_open(const char *path, struct spool_writer **ret, struct err *err)
{
	struct spool_writer *w CLEANUP_SPOOL_WRITER = xcalloc(1, sizeof(*w));
	char *index CLEANUP(freep) = xasprintf("%s.idx", path);

	w->index_fd = -1;
	w->path = xstrdup(path);
	w->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (w->fd < 0)
		return err_errno(err, errno, "cannot open log %s", path);
	w->index_fd = open(index, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0640);
	if (start_or_recover(w, err) < 0)
		return -1;
	*ret = TAKE_PTR(w);
	return 0;
}
