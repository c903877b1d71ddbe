/* SPDX-License-Identifier: Apache-2.0 */
/* A file as a reply. What a reader waits for is its own work on each byte (digests, writing), so it
 * is handed bytes that are warm in the cache: read into a buffer and sent from there on our side of
 * the socket, in pieces as large as the socket takes. sendfile() costs us less and the reader more:
 * it then copies from pages that no processor has touched lately. The buffers are few; replies that
 * find none left are sent by sendfile(), which needs none. */
#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "net/http_exchange.h"

struct file_source {
	struct http_server *server; /* stands as long as libmicrohttpd holds a reply */
	int fd;
	int64_t offset;
};

static ssize_t pull(void *arg, uint64_t pos, char *buf, size_t max)
{
	struct file_source *f = arg;
	ssize_t n;

	do
		n = pread(f->fd, buf, max, f->offset + (int64_t)pos);
	while (n < 0 && errno == EINTR);
	return n > 0 ? n : MHD_CONTENT_READER_END_WITH_ERROR; /* shorter than was promised */
}

static void end(void *arg)
{
	struct file_source *f = arg;

	__atomic_fetch_sub(&f->server->n_file_buffers, 1, __ATOMIC_RELAXED);
	fd_closep(&f->fd);
	free(f);
}

static bool take_buffer(struct http_server *s)
{
	if (__atomic_add_fetch(&s->n_file_buffers, 1, __ATOMIC_RELAXED) <= HTTP_FILE_BUFFERS)
		return true;
	__atomic_fetch_sub(&s->n_file_buffers, 1, __ATOMIC_RELAXED);
	return false;
}

struct MHD_Response *http_file_response(struct http_exchange *x)
{
	uint64_t length = (uint64_t)x->reply_length;
	struct MHD_Response *r;
	struct file_source *f;

	/* of the reply to a HEAD nothing is read */
	if (x->is_head || !take_buffer(x->server))
		return MHD_create_response_from_fd_at_offset64(
			length, TAKE_FD(x->reply_fd), (uint64_t)x->reply_offset);
	f = xmalloc(sizeof(*f));
	*f = (struct file_source){x->server, TAKE_FD(x->reply_fd), x->reply_offset};
	r = MHD_create_response_from_callback(
		length, MIN(MAX(length, 1), HTTP_FILE_BUFFER), pull, f, end);
	if (!r)
		end(f);
	return r;
}
