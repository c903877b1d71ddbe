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
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/path.h"

#define MOST_WAITING (64 * 1024 * 1024)
#define PAUSE_USEC (2 * 1000) /* records that come within it are synced together */

/* ---- the writer ---- */

static int open_file(struct audit_engine *e, const char *name, struct err *err)
{
	char *path CLEANUP(freep) = path_join(e->dir, name);

	if (e->fd >= 0)
		close(e->fd);
	e->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (e->fd < 0)
		return err_errno(err, errno, "%s", path);
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

static void chain_lines(struct audit_engine *e, struct view records, struct str *out)
{
	while (records.len) {
		struct view json = view_cut(&records, '\n');
		struct digest_text d = audit_digest(&e->chain, json);

		str_addf(out, "%s ", d.text);
		str_add_view(out, json);
		str_add_c(out, '\n');
		audit_chain_add(&e->chain, &d, AUDIT_DIGEST + 1 + json.len + 1);
	}
}

/* The head may lag behind what was written, never the other way round. */
static int write_head(struct audit_engine *e, struct err *err)
{
	char *path CLEANUP(freep) = path_join(e->dir, "head");
	struct str text CLEANUP_STR = STR_INIT;

	audit_head_write(&e->chain, &text);
	return file_replace(path, str_view(&text), 0600, err);
}

/* A head that cannot be written stays where it was: the chain itself is whole. */
static int keep_head(struct audit_engine *e)
{
	struct err err CLEANUP_ERR = ERR_INIT;

	if (write_head(e, &err) < 0)
		log_err("audit", &err, "the head of the audit");
	return 0;
}

/* What was written of a batch that failed is cut off again, so that it can be tried once more. */
static int write_batch(struct audit_engine *e, struct view records, struct err *err)
{
	struct audit_chain before;
	struct str out CLEANUP_STR = STR_INIT;

	if (open_today(e, err) < 0)
		return -1;
	before = e->chain;
	chain_lines(e, records, &out);
	if (write_all(e->fd, str_view(&out), e->chain.file, err) == 0 && fdatasync(e->fd) == 0)
		return keep_head(e);
	if (ftruncate(e->fd, before.end) < 0)
		log_error("audit", "%s cannot be cut back", e->chain.file);
	e->chain = before;
	return err && err->kind ? -1 : err_errno(err, errno, "%s", e->chain.file);
}

static void write_until_done(struct audit_engine *e, struct view records)
{
	struct timespec pause = {1, 0};

	for (int tries = 0;; tries++) {
		struct err err CLEANUP_ERR = ERR_INIT;

		if (write_batch(e, records, &err) == 0)
			return;
		if (tries % 60 == 0)
			log_err("audit", &err, "records wait to be written");
		if (e->stopping)
			return;
		nanosleep(&pause, NULL);
	}
}

static void *writer(void *arg)
{
	struct audit_engine *e = arg;
	struct timespec pause = {0, PAUSE_USEC * 1000};

	pthread_mutex_lock(&e->lock);
	for (;;) {
		struct str batch CLEANUP_STR = STR_INIT;
		uint64_t taken;

		while (!e->waiting.len && !e->stopping)
			pthread_cond_wait(&e->changed, &e->lock);
		if (!e->waiting.len)
			break;
		pthread_mutex_unlock(&e->lock);
		nanosleep(&pause, NULL);
		pthread_mutex_lock(&e->lock);
		batch = e->waiting;
		e->waiting = STR_INIT;
		taken = e->added;
		pthread_mutex_unlock(&e->lock);
		write_until_done(e, str_view(&batch));
		pthread_mutex_lock(&e->lock);
		e->written = taken;
		pthread_cond_broadcast(&e->changed);
	}
	pthread_mutex_unlock(&e->lock);
	return NULL;
}

void audit_add(struct audit_engine *e, struct view json)
{
	pthread_mutex_lock(&e->lock);
	while (e->waiting.len > MOST_WAITING && !e->stopping)
		pthread_cond_wait(&e->changed, &e->lock);
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
	while (e->written < wanted && !e->stopping)
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
	if (file_make_dirs(keys, 0700, err) < 0 || seal_key_load(key, &e->chain.key, err) < 0 ||
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
	explicit_bzero(&e->chain.key, sizeof(e->chain.key));
	pthread_mutex_destroy(&e->lock);
	pthread_cond_destroy(&e->changed);
	str_release(&e->waiting);
	free(e->dir);
	free(e);
	return NULL;
}
