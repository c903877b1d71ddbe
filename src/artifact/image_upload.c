/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads of blobs under way (R4). A session's file is opened and its digest kept in memory while
 * requests come; a restart, or a long pause, only costs that the file is read once more. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "artifact/image_internal.h"
#include "artifact/image_upload.h"
#include "base/fd.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"

#define MAX_IDLE 64	       /* open files that wait for their next request */
#define WAIT_SEC 10	       /* for another request of the same upload */
#define WRITE_BEHIND (4 * MIB) /* so that the sync at the end finds little left to do */

struct image_sessions {
	pthread_mutex_t lock;
	pthread_cond_t freed;
	struct image_upload *first; /* the most recently used first */
};

struct image_sessions *image_sessions_new(void)
{
	struct image_sessions *s = xcalloc(1, sizeof(*s));

	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->freed, NULL);
	return s;
}

static void free_upload(struct image_upload *u)
{
	fd_closep(&u->fd);
	digest_release(&u->sha256);
	arena_release(&u->arena);
	free(u);
}

void image_sessions_free(struct image_sessions *s)
{
	if (!s)
		return;
	while (s->first) {
		struct image_upload *next = s->first->next;

		free_upload(s->first);
		s->first = next;
	}
	pthread_cond_destroy(&s->freed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* ---- the list; all under the lock ---- */

static struct image_upload *find_session(struct image_sessions *s, const char *id)
{
	struct image_upload *u = s->first;

	while (u && !streq(u->id, id))
		u = u->next;
	return u;
}

static void unlink_session(struct image_sessions *s, struct image_upload *u)
{
	struct image_upload **at = &s->first;

	while (*at && *at != u)
		at = &(*at)->next;
	if (*at)
		*at = u->next;
}

/* Closes the files of those that were not used for longest. */
static void trim_idle(struct image_sessions *s)
{
	struct image_upload *u = s->first, *next;
	size_t n = 0;

	for (; u; u = next) {
		next = u->next;
		if (u->busy || ++n <= MAX_IDLE)
			continue;
		unlink_session(s, u);
		free_upload(u);
	}
}

/* Takes the session for one request, making its place in memory; NULL: another has it for long. */
static struct image_upload *take_session(struct artifact_engine *e, const char *id)
{
	struct image_sessions *s = e->sessions;
	struct image_upload *u;
	struct timespec until;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_SEC;
	pthread_mutex_lock(&s->lock);
	while ((u = find_session(s, id)) && u->busy && r == 0)
		r = pthread_cond_timedwait(&s->freed, &s->lock, &until);
	if (u && u->busy) {
		pthread_mutex_unlock(&s->lock);
		return NULL;
	}
	if (!u) {
		u = xcalloc(1, sizeof(*u));
		u->e = e;
		u->fd = -1;
		u->id = arena_strdup(&u->arena, id);
	} else {
		unlink_session(s, u);
	}
	u->next = s->first;
	s->first = u;
	u->busy = true;
	pthread_mutex_unlock(&s->lock);
	return u;
}

void artifact_image_upload_close(struct image_upload *u)
{
	struct image_sessions *s;

	if (!u)
		return;
	s = u->e->sessions;
	pthread_mutex_lock(&s->lock);
	u->busy = false;
	if (u->ended) {
		unlink_session(s, u);
		free_upload(u);
	}
	trim_idle(s);
	pthread_cond_broadcast(&s->freed);
	pthread_mutex_unlock(&s->lock);
}

static bool is_busy(struct image_sessions *s, const char *id)
{
	struct image_upload *u;
	bool busy;

	pthread_mutex_lock(&s->lock);
	u = find_session(s, id);
	busy = u && u->busy;
	pthread_mutex_unlock(&s->lock);
	return busy;
}

/* ---- beginning ---- */

struct begin {
	struct artifact_engine *e;
	struct store_image_upload row;
};

static int begin_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct begin *b = arg;
	int64_t now = durable_now(b->e->durable);
	struct task expire = {.kind = IMAGE_TASK_UPLOAD,
		.subject = b->row.id,
		.token = "",
		.due_usec = now + IMAGE_UPLOAD_IDLE_USEC};

	b->row.created_usec = b->row.updated_usec = now;
	if (image_check_repository(b->e, tx, b->row.repository, err) < 0 ||
		store_image_upload_insert(tx, &b->row, err) < 0)
		return -1;
	return task_enqueue(b->e->durable, tx, &expire, err);
}

int artifact_image_upload_begin(struct artifact_engine *e, const char *repository, struct arena *a,
	const char **ret_id, struct err *err)
{
	struct blob_writer w CLEANUP_BLOB_WRITER = {.fd = -1};
	struct begin b = {
		.e = e, .row = {.id = arena_strdup(a, id_uuid().text), .repository = repository}};

	if (blob_create(&e->blobs, &w, err) < 0 || blob_sync(&w, err) < 0)
		return -1;
	b.row.file = w.id.text;
	if (image_write(e, begin_fn, &b, err) < 0)
		return -1;
	blob_keep(&w);
	*ret_id = b.row.id;
	return 0;
}

/* ---- opening ---- */

static int no_upload(const struct image_upload *u, const char *repository, struct err *err)
{
	return err_set_wire(err, "UploadNotFoundException",
		"An upload with id '%s' does not exist in the repository with name '%s' in the "
		"registry with id '%s'",
		u->id, repository, u->e->account);
}

struct find_row {
	struct image_upload *u;
	const char *repository;
	struct arena *a;
	struct store_image_upload row;
};

static int find_row(struct db_tx *tx, void *arg, struct err *err)
{
	struct find_row *f = arg;
	int r;

	if (image_check_repository(f->u->e, tx, f->repository, err) < 0)
		return -1;
	r = store_image_upload_get(tx, f->u->id, f->a, &f->row, err);
	if (r < 0 || (r > 0 && streq(f->row.repository, f->repository)))
		return MIN(r, 0);
	return no_upload(f->u, f->repository, err);
}

/* The first request after a restart: the file says how far it got. */
static int open_file(struct image_upload *u, const struct store_image_upload *row, struct err *err)
{
	struct stat st;

	u->row = (struct store_image_upload){
		.id = u->id,
		.repository = arena_strdup(&u->arena, row->repository),
		.file = arena_strdup(&u->arena, row->file),
		.created_usec = row->created_usec,
		.short_parts = row->short_parts,
	};
	if (blob_reopen(&u->e->blobs, row->file, &u->fd, err) < 0)
		return -1;
	if (fstat(u->fd, &st) < 0)
		return err_errno(err, errno, "upload %s", u->id);
	u->size = st.st_size;
	u->digested = 0;
	digest_init(&u->sha256, DIGEST_SHA256);
	return 0;
}

int artifact_image_upload_open(struct artifact_engine *e, const char *repository, const char *id,
	struct image_upload **ret, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct image_upload *u = take_session(e, id);
	struct find_row f = {.u = u, .repository = repository, .a = &a};

	if (!u)
		return err_set(err, ERR_BUSY,
			"Another request is at work on the upload %s; wait for its end", id);
	if (image_read(e, find_row, &f, err) < 0 || (u->fd < 0 && open_file(u, &f.row, err) < 0)) {
		u->ended = true; /* only its place in memory */
		artifact_image_upload_close(u);
		return -1;
	}
	*ret = u;
	return 0;
}

int64_t artifact_image_upload_size(const struct image_upload *u)
{
	return u->size;
}

/* ---- receiving ---- */

/* Digests what stands in the file and was not digested by this process. */
static int catch_up(struct image_upload *u, struct err *err)
{
	char buf[64 * 1024];

	while (u->digested < u->size) {
		size_t want = (size_t)MIN(u->size - u->digested, (int64_t)sizeof(buf));
		ssize_t n = pread(u->fd, buf, want, u->digested);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_errno(err, n ? errno : EIO, "reading the upload %s", u->id);
		digest_update(&u->sha256, buf, (size_t)n);
		u->digested += n;
	}
	return 0;
}

static int write_at(struct image_upload *u, const char *p, size_t n, struct err *err)
{
	int64_t at = u->size;

	while (n > 0) {
		ssize_t put = pwrite(u->fd, p, n, at);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0) {
			int failed = errno;

			if (ftruncate(u->fd, u->size) < 0)
				log_warn("artifact", "upload %s: cannot cut it back", u->id);
			return err_errno(err, failed, "storing the blob");
		}
		p += put;
		at += put;
		n -= (size_t)put;
	}
	return 0;
}

int artifact_image_upload_write(
	struct image_upload *u, const void *bytes, size_t n, struct err *err)
{
	if (catch_up(u, err) < 0 || write_at(u, bytes, n, err) < 0)
		return -1;
	digest_update(&u->sha256, bytes, n);
	u->size += (int64_t)n;
	u->digested = u->size;
	if (u->size - u->behind >= (int64_t)WRITE_BEHIND) {
		sync_file_range(u->fd, u->behind, u->size - u->behind, SYNC_FILE_RANGE_WRITE);
		u->behind = u->size;
	}
	return 0;
}

static int touch_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct image_upload *u = arg;
	int r;

	u->row.updated_usec = durable_now(u->e->durable);
	r = store_image_upload_touch(tx, &u->row, err);
	return r == 0 ? no_upload(u, u->row.repository, err) : MIN(r, 0);
}

int artifact_image_upload_sync(struct image_upload *u, struct err *err)
{
	if (fdatasync(u->fd) < 0)
		return err_errno(err, errno, "syncing the upload %s", u->id);
	return image_write(u->e, touch_fn, u, err);
}

/* ---- ending ---- */

/* The session without its file. */
static int drop_session(struct image_upload *u, struct db_tx *tx, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct store_image_upload row;
	int r = store_image_upload_get(tx, u->id, &a, &row, err);

	if (r <= 0)
		return r < 0 ? -1 : no_upload(u, u->row.repository, err);
	if (task_cancel(u->e->durable, tx, IMAGE_TASK_UPLOAD, u->id, NULL, err) < 0)
		return -1;
	return store_image_upload_delete(tx, u->id, err);
}

struct finish {
	struct image_upload *u;
	const char *digest;
	bool existed;
};

static int finish_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct finish *f = arg;
	struct image_upload *u = f->u;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct store_image_blob blob = {.digest = f->digest, .file = u->row.file, .size = u->size};
	struct store_image_blob present;
	int r;

	if (image_check_repository(u->e, tx, u->row.repository, err) < 0 ||
		drop_session(u, tx, err) < 0)
		return -1;
	r = store_image_link_get(tx, u->row.repository, f->digest, &a, &present, err);
	f->existed = r > 0;
	if (r == 0)
		r = store_image_blob_get(tx, f->digest, &a, &present, err);
	if (r < 0)
		return -1;
	if (r > 0 ? artifact_discard(u->e, tx, u->row.file, err) < 0
		  : store_image_blob_insert(tx, &blob, err) < 0)
		return -1;
	return image_link(u->e, tx, u->row.repository, f->digest, err);
}

static int cancel_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct image_upload *u = arg;

	if (drop_session(u, tx, err) < 0)
		return -1;
	return artifact_discard(u->e, tx, u->row.file, err);
}

int artifact_image_upload_cancel(struct image_upload *u, struct err *err)
{
	u->ended = true;
	return image_write(u->e, cancel_fn, u, err);
}

static int wrong_digest(struct image_upload *u, const char *said, const char *is, struct err *err)
{
	CLEANUP_ERR struct err ignored = ERR_INIT;

	if (artifact_image_upload_cancel(u, &ignored) < 0)
		log_warn("artifact", "upload %s: %s", u->id, err_message(&ignored));
	return err_set_wire(err, "InvalidLayerException",
		"The digest of what was received is sha256:%s, not %s; nothing of it was kept", is,
		said);
}

int artifact_image_upload_finish(
	struct image_upload *u, const char *digest, bool *ret_existed, struct err *err)
{
	struct finish f = {.u = u, .digest = digest};
	struct digest_value v;
	struct digest_text is;

	if (catch_up(u, err) < 0)
		return -1;
	v = digest_value(&u->sha256);
	is = digest_hex(&v);
	if (!streq(digest + strlen("sha256:"), is.text))
		return wrong_digest(u, digest, is.text, err);
	if (fdatasync(u->fd) < 0)
		return err_errno(err, errno, "syncing the upload %s", u->id);
	if (image_write(u->e, finish_fn, &f, err) < 0)
		return -1;
	u->ended = true;
	if (ret_existed)
		*ret_existed = f.existed;
	return 0;
}

/* ---- sessions that nobody goes on with ---- */

struct expire {
	struct artifact_engine *e;
	const struct task *task;
	struct arena *a;
};

static int expire_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct expire *x = arg;
	struct task again = {.kind = IMAGE_TASK_UPLOAD, .subject = x->task->subject, .token = ""};
	struct store_image_upload row;
	int r = store_image_upload_get(tx, x->task->subject, x->a, &row, err);

	if (r < 0 || task_done(x->e->durable, tx, x->task, err) < 0)
		return -1;
	if (r == 0)
		return 0;
	again.due_usec = row.updated_usec + IMAGE_UPLOAD_IDLE_USEC;
	if (is_busy(x->e->sessions, row.id))
		again.due_usec = durable_now(x->e->durable) + IMAGE_UPLOAD_IDLE_USEC;
	if (again.due_usec > durable_now(x->e->durable))
		return task_enqueue(x->e->durable, tx, &again, err);
	if (artifact_discard(x->e, tx, row.file, err) < 0)
		return -1;
	return store_image_upload_delete(tx, row.id, err);
}

static int expire_run(struct durable *d, const struct task *task, void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct expire x = {arg, task, &a};

	return durable_step(d, expire_fn, &x, err);
}

void image_upload_register(struct artifact_engine *e)
{
	struct task_kind kind = {.name = IMAGE_TASK_UPLOAD, .run = expire_run, .arg = e};

	task_register(e->durable, &kind);
}

int image_uploads_drop(struct artifact_engine *e, struct db_tx *tx, const char *repository,
	struct arena *a, struct err *err)
{
	struct store_image_upload *rows;
	size_t n;

	if (store_image_upload_list(tx, repository, a, &rows, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (artifact_discard(e, tx, rows[i].file, err) < 0 ||
			task_cancel(e->durable, tx, IMAGE_TASK_UPLOAD, rows[i].id, NULL, err) < 0 ||
			store_image_upload_delete(tx, rows[i].id, err) < 0)
			return -1;
	return 0;
}
