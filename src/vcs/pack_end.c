/* SPDX-License-Identifier: Apache-2.0 */
/* Where a pack ends when the connection stays open behind it: a pack ends with the SHA-1 of all
 * that stands before. Nothing may follow it (pack protocol, "Packfile transfer"), so that only the
 * end of what has come needs a look. */
#include "base/mem.h"
#include "crypto/digest.h"
#include "vcs/transport.h"

#define TRAILER 20
#define HEADER 12

struct vcs_pack_end {
	struct vcs_stream below;
	struct digest sha1;	     /* of all but the last bytes */
	unsigned char tail[TRAILER]; /* those */
	size_t n_tail;
	uint64_t total;
	bool expected; /* a pack comes at all */
};

static void take(struct vcs_pack_end *p, const unsigned char *bytes, size_t n)
{
	size_t from_tail, keep;

	p->total += n;
	if (n >= TRAILER) {
		digest_update(&p->sha1, p->tail, p->n_tail);
		digest_update(&p->sha1, bytes, n - TRAILER);
		memcpy(p->tail, bytes + n - TRAILER, TRAILER);
		p->n_tail = TRAILER;
		return;
	}
	from_tail = p->n_tail + n > TRAILER ? p->n_tail + n - TRAILER : 0;
	keep = p->n_tail - from_tail;
	digest_update(&p->sha1, p->tail, from_tail);
	memmove(p->tail, p->tail + from_tail, keep);
	memcpy(p->tail + keep, bytes, n);
	p->n_tail = keep + n;
}

static bool is_complete(const struct vcs_pack_end *p)
{
	struct digest_value v;

	if (!p->expected)
		return true;
	if (p->total < HEADER + TRAILER)
		return false;
	v = digest_value(&p->sha1);
	return memcmp(v.bytes, p->tail, TRAILER) == 0;
}

static ssize_t read_pack(void *arg, void *buf, size_t n, struct err *err)
{
	struct vcs_pack_end *p = arg;
	ssize_t got;

	if (is_complete(p))
		return 0;
	got = p->below.read(p->below.arg, buf, n, err);
	if (got > 0)
		take(p, buf, (size_t)got);
	return got;
}

static int write_through(void *arg, const void *bytes, size_t n, struct err *err)
{
	struct vcs_pack_end *p = arg;

	return p->below.write(p->below.arg, bytes, n, err);
}

struct vcs_pack_end *vcs_pack_end_new(
	const struct vcs_stream *below, struct view begun, bool expected)
{
	struct vcs_pack_end *p = xcalloc(1, sizeof(*p));

	p->below = *below;
	p->expected = expected;
	digest_init(&p->sha1, DIGEST_SHA1);
	take(p, (const unsigned char *)begun.p, begun.len);
	return p;
}

struct vcs_pack_end *vcs_pack_end_free(struct vcs_pack_end *p)
{
	if (p) {
		digest_release(&p->sha1);
		free(p);
	}
	return NULL;
}

struct vcs_stream vcs_pack_end_stream(struct vcs_pack_end *p)
{
	return (struct vcs_stream){read_pack, write_through, p};
}
