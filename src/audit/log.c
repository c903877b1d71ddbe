/* SPDX-License-Identifier: Apache-2.0 */
/* Taking records in, and the thread that writes them. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audit/engine.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/path.h"

#define MOST_WAITING (64 * MIB)
#define MOST_SPARE (64 * KIB)  /* memory that is kept while nothing comes */
#define PAUSE_USEC (10 * 1000) /* records that come within it are synced together */
#define HEAD_USEC (100 * 1000) /* between heads at least */

/* ---- the writer ---- */

static int open_file(struct audit_engine *e, const char *name, struct err *err)
{
	char *path CLEANUP(freep) = path_join(e->dir, name);

	if (e->fd >= 0)
		close(e->fd);
	e->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (e->fd < 0)
		return err_errno(err, errno, "%s", path);
	if (file_sync_dir(e->dir, err) < 0)
		return -1;
	if (!streq(e->chain.file, name)) {
		snprintf(e->chain.file, sizeof(e->chain.file), "%s", name);
		e->chain.end = 0;
	}
	return 0;
}

/* One file a day, by the world's clock. */
static int open_today(struct audit_engine *e, struct err *err)
{
	time_t now = time(NULL);
	struct tm tm;
	char name[32];

	gmtime_r(&now, &tm);
	strftime(name, sizeof(name), "%Y-%m-%d.log", &tm);
	/* a clock that was set back does not put records in front of others */
	if (e->fd >= 0 && strcmp(name, e->chain.file) <= 0)
		return 0;
	if (strcmp(name, e->chain.file) < 0)
		return open_file(e, e->chain.file, err);
	return open_file(e, name, err);
}

static int write_all(int fd, struct view bytes, const char *what, struct err *err)
{
	while (bytes.len) {
		ssize_t n = write(fd, bytes.p, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, errno, "%s", what);
		bytes.p += n;
		bytes.len -= (size_t)n;
	}
	return 0;
}

/* Puts in the digests. */
static void chain_lines(struct audit_engine *e, struct str *lines)
{
	char *at = lines->p, *end = lines->p + lines->len;

	while (at < end) {
		char *json = at + AUDIT_DIGEST + 1;
		char *line_end = memchr(json, '\n', (size_t)(end - json));
		struct digest_text d =
			audit_digest(&e->chain, (struct view){json, (size_t)(line_end - json)});

		memcpy(at, d.text, AUDIT_DIGEST);
		audit_chain_add(&e->chain, &d, (size_t)(line_end + 1 - at));
		at = line_end + 1;
	}
}

/* The head may lag behind what was written, never the other way round; and it is whole, or that of
 * before, whatever the power does. */
static int write_head(struct audit_engine *e, struct err *err)
{
	char *path CLEANUP(freep) = path_join(e->dir, "head");
	struct str text CLEANUP_STR = STR_INIT;

	audit_head_write(&e->chain, &text);
	return file_write_atomic(path, str_view(&text), 0600, err);
}

/* A head that cannot be written stays where it was: the chain itself is whole. */
static void keep_head(struct audit_engine *e)
{
	struct err err CLEANUP_ERR = ERR_INIT;

	if (write_head(e, &err) < 0)
		log_err("audit", &err, "the head of the audit");
	e->headed_usec = monotonic_usec();
	e->head_lags = false;
}

/* What was written of a batch that failed is cut off again, so that it can be tried once more. */
static int write_batch(struct audit_engine *e, struct str *lines, struct err *err)
{
	struct audit_chain before;

	if (open_today(e, err) < 0)
		return -1;
	before = e->chain;
	chain_lines(e, lines);
	if (write_all(e->fd, str_view(lines), e->chain.file, err) == 0 && fdatasync(e->fd) == 0)
		return 0;
	if (ftruncate(e->fd, before.end) < 0)
		log_error("audit", "%s cannot be cut back", e->chain.file);
	e->chain = before;
	return err && err->kind ? -1 : err_errno(err, errno, "%s", e->chain.file);
}

/* While the disk takes nothing, nobody waits for what it was given. */
static void set_failing(struct audit_engine *e)
{
	pthread_mutex_lock(&e->lock);
	e->failing = true;
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->lock);
}

static void write_until_done(struct audit_engine *e, struct str *lines)
{
	struct timespec pause = {1, 0};

	for (int tries = 0;; tries++) {
		struct err err CLEANUP_ERR = ERR_INIT;

		if (write_batch(e, lines, &err) == 0)
			return;
		set_failing(e);
		if (tries % 60 == 0)
			log_err("audit", &err, "records wait to be written");
		if (e->stopping)
			return;
		nanosleep(&pause, NULL);
	}
}

/* Under the lock: waits until records come or, where the head lags, until it is due, and writes
 * that. */
static void wait_for_records(struct audit_engine *e)
{
	int64_t due = e->headed_usec + HEAD_USEC;
	struct timespec until = {due / USEC_PER_SEC, due % USEC_PER_SEC * 1000};

	if (!e->head_lags) {
		pthread_cond_wait(&e->changed, &e->lock);
		return;
	}
	if (pthread_cond_clockwait(&e->changed, &e->lock, CLOCK_MONOTONIC, &until) != ETIMEDOUT)
		return;
	pthread_mutex_unlock(&e->lock);
	keep_head(e);
	pthread_mutex_lock(&e->lock);
}

/* Under the lock, which it lets go: writes what has come, and the head when that is due. */
static void write_waiting(struct audit_engine *e)
{
	struct str batch = e->waiting;
	uint64_t taken = e->added;
	bool quiet;

	e->waiting = e->spare;
	pthread_mutex_unlock(&e->lock);
	write_until_done(e, &batch);
	pthread_mutex_lock(&e->lock);
	quiet = !e->waiting.len;
	pthread_mutex_unlock(&e->lock);
	e->head_lags = true;
	if (monotonic_usec() - e->headed_usec >= HEAD_USEC)
		keep_head(e);
	if (quiet && batch.cap > MOST_SPARE)
		str_release(&batch);
	str_clear(&batch);
	e->spare = batch;
	pthread_mutex_lock(&e->lock);
	e->written = taken;
	e->failing = false;
	pthread_cond_broadcast(&e->changed);
}

static void *writer(void *arg)
{
	struct audit_engine *e = arg;
	struct timespec pause = {0, PAUSE_USEC * 1000};

	pthread_mutex_lock(&e->lock);
	for (;;) {
		while (!e->waiting.len && !e->stopping)
			wait_for_records(e);
		if (!e->waiting.len)
			break;
		pthread_mutex_unlock(&e->lock);
		nanosleep(&pause, NULL);
		pthread_mutex_lock(&e->lock);
		write_waiting(e);
	}
	pthread_mutex_unlock(&e->lock);
	if (e->head_lags)
		keep_head(e);
	return NULL;
}

void audit_add(struct audit_engine *e, struct view json)
{
	static const char digest[AUDIT_DIGEST] = {0}; /* its place */

	pthread_mutex_lock(&e->lock);
	while (e->waiting.len > MOST_WAITING && !e->stopping)
		pthread_cond_wait(&e->changed, &e->lock);
	str_add_n(&e->waiting, digest, sizeof(digest));
	str_add_c(&e->waiting, ' ');
	str_add_view(&e->waiting, json);
	str_add_c(&e->waiting, '\n');
	e->added++;
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->lock);
}

void audit_flush(struct audit_engine *e)
{
	uint64_t wanted;

	pthread_mutex_lock(&e->lock);
	wanted = e->added;
	while (e->written < wanted && !e->stopping && !e->failing)
		pthread_cond_wait(&e->changed, &e->lock);
	pthread_mutex_unlock(&e->lock);
}

/* ---- life ---- */

/* Appends what stands behind the head: a start does not read a day's records again. */
static int read_behind(const char *path, int64_t from, struct str *out, struct err *err)
{
	int fd CLEANUP_FD = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || lseek(fd, from, SEEK_SET) < 0)
		return err_errno(err, errno, "%s", path);
	if (st.st_size < from)
		return err_set(err, ERR_INVALID, "%s is shorter than it was", path);
	return fd_read_all(fd, SIZE_MAX, out, err) < 0 ? err_wrap(err, "%s", path) : 0;
}

/* Takes in what stands behind the head, cuts off what is no whole line of the chain there. */
static int recover_file(struct audit_engine *e, const char *name, struct err *err)
{
	char *path CLEANUP(freep) = path_join(e->dir, name);
	struct str text CLEANUP_STR = STR_INIT;
	bool same = streq(name, e->chain.file);
	struct view rest;

	if (!same) {
		snprintf(e->chain.file, sizeof(e->chain.file), "%s", name);
		e->chain.end = 0;
	}
	if (read_behind(path, e->chain.end, &text, err) < 0)
		return -1;
	rest = str_view(&text);
	while (rest.len) {
		const char *end = memchr(rest.p, '\n', rest.len);
		struct view line = {rest.p, end ? (size_t)(end - rest.p) : 0}, digest, json;
		struct digest_text d;

		if (!end || !audit_line_parse(line, &digest, &json))
			break;
		d = audit_digest(&e->chain, json);
		if (!view_eq_str(digest, d.text))
			break;
		audit_chain_add(&e->chain, &d, line.len + 1);
		rest.p += line.len + 1;
		rest.len -= line.len + 1;
	}
	if (rest.len)
		log_warn("audit", "%s: %zu bytes that a crash left are cut off", name, rest.len);
	return rest.len && truncate(path, e->chain.end) < 0 ? err_errno(err, errno, "%s", path) : 0;
}

static int recover(struct audit_engine *e, struct err *err)
{
	char *path CLEANUP(freep) = path_join(e->dir, "head");
	struct strv files CLEANUP_STRV = {0};
	struct str head CLEANUP_STR = STR_INIT;

	if (audit_files(e->dir, &files, err) < 0)
		return -1;
	if (file_exists(path) && file_read(path, 4096, &head, err) < 0)
		return -1;
	if (head.len && !audit_head_read(str_view(&head), &e->chain))
		return err_set(err, ERR_INVALID, "%s was not written with keys/audit.key", path);
	for (size_t i = 0; i < files.n; i++) {
		if (strcmp(files.v[i], e->chain.file) >= 0 && recover_file(e, files.v[i], err) < 0)
			return -1;
	}
	return 0;
}

int audit_engine_new(const char *data_dir, struct audit_engine **ret, struct err *err)
{
	struct audit_engine *e = xcalloc(1, sizeof(*e));
	char *keys CLEANUP(freep) = path_join(data_dir, "keys");
	char *key CLEANUP(freep) = path_join(keys, "audit.key");

	e->fd = -1;
	e->dir = path_join(data_dir, "audit");
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->changed, NULL);
	if (file_make_dirs(keys, 0700, err) < 0 || audit_chain_init(&e->chain, key, err) < 0 ||
		file_make_dirs(e->dir, 0700, err) < 0 || recover(e, err) < 0) {
		audit_engine_free(e);
		return -1;
	}
	if (pthread_create(&e->thread, NULL, writer, e) != 0) {
		audit_engine_free(e);
		return err_set(err, ERR_INTERNAL, "the audit's thread cannot be started");
	}
	e->has_thread = true;
	*ret = e;
	return 0;
}

struct audit_engine *audit_engine_free(struct audit_engine *e)
{
	if (!e)
		return NULL;
	pthread_mutex_lock(&e->lock);
	e->stopping = true;
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->lock);
	if (e->has_thread)
		pthread_join(e->thread, NULL);
	if (e->fd >= 0)
		close(e->fd);
	audit_chain_release(&e->chain);
	pthread_mutex_destroy(&e->lock);
	pthread_cond_destroy(&e->changed);
	str_release(&e->waiting);
	str_release(&e->spare);
	free(e->dir);
	free(e);
	return NULL;
}
