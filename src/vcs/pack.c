/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/pack.h"

#include <endian.h>
#include <zlib.h>

#include "crypto/digest.h"

#define HEADER 12
#define TRAILER 20
#define OFS_DELTA 6
#define REF_DELTA 7

/* A pack on its way through. */
struct reading {
	const unsigned char *begin, *p, *end; /* of the entries, without the trailer */
	git_odb *odb;
	struct arena *arena;
	size_t unpacked;
	struct pack *pack;
};

static bool take_byte(struct reading *r, unsigned *ret)
{
	if (r->p == r->end)
		return false;
	*ret = *r->p++;
	return true;
}

/* Memory for an object, as long as there is little of it. */
static char *reserve(struct reading *r, size_t n)
{
	if (n > PACK_UNPACKED_MAX - r->unpacked)
		return NULL;
	r->unpacked += n;
	return arena_alloc(r->arena, n + 1);
}

/* Kind and size at the head of an entry. */
static bool take_head(struct reading *r, unsigned *ret_kind, size_t *ret_size)
{
	unsigned c, shift = 4;

	if (!take_byte(r, &c))
		return false;
	*ret_kind = c >> 4 & 7;
	*ret_size = c & 15;
	for (; c & 0x80; shift += 7) {
		if (!take_byte(r, &c) || shift > 32)
			return false;
		*ret_size |= (size_t)(c & 0x7f) << shift;
	}
	return true;
}

/* Exactly size bytes. */
static bool take_zipped(struct reading *r, size_t size, struct view *ret)
{
	char *out = reserve(r, size);
	z_stream z = {.next_in = (unsigned char *)r->p, .avail_in = (uInt)(r->end - r->p)};
	bool whole;

	if (!out || inflateInit(&z) != Z_OK)
		return false;
	z.next_out = (unsigned char *)out;
	z.avail_out = (uInt)size + 1; /* room for a byte too much to show */
	whole = inflate(&z, Z_FINISH) == Z_STREAM_END && z.total_out == size;
	r->p = z.next_in;
	inflateEnd(&z);
	*ret = (struct view){out, size};
	return whole;
}

/* ---- objects told as a difference ---- */

static bool find_near(struct reading *r, size_t at, struct pack_object *ret)
{
	unsigned c;
	size_t back;

	if (!take_byte(r, &c))
		return false;
	back = c & 0x7f;
	while (c & 0x80) {
		if (!take_byte(r, &c) || back > PACK_BYTES_MAX)
			return false;
		back = (back + 1) << 7 | (c & 0x7f);
	}
	for (size_t i = 0; i < r->pack->n; i++) {
		if (back <= at && r->pack->v[i].at == at - back) {
			*ret = r->pack->v[i];
			return true;
		}
	}
	return false;
}

/* One that the repository has. */
static bool read_base(struct reading *r, const git_oid *id, struct pack_object *ret)
{
	git_odb_object *o = NULL;
	size_t size;
	char *copy;

	if (git_odb_read_header(&size, &ret->type, r->odb, id) < 0)
		return false;
	copy = reserve(r, size);
	if (!copy || git_odb_read(&o, r->odb, id) < 0)
		return false;
	if (git_odb_object_size(o) == size)
		memcpy(copy, git_odb_object_data(o), size);
	ret->bytes = (struct view){copy, git_odb_object_size(o) == size ? size : 0};
	git_odb_object_free(o);
	return true;
}

static bool find_named(struct reading *r, struct pack_object *ret)
{
	const struct pack_object *here;
	git_oid id;

	if ((size_t)(r->end - r->p) < sizeof(id.id) || git_oid_fromraw(&id, r->p) < 0)
		return false;
	r->p += sizeof(id.id);
	here = pack_find(r->pack, &id);
	if (!here)
		return read_base(r, &id, ret);
	*ret = *here;
	return true;
}

static bool take_size(struct view *delta, size_t *ret)
{
	unsigned char c = 0x80;

	*ret = 0;
	for (unsigned shift = 0; c & 0x80; shift += 7) {
		if (!delta->len || shift > 32)
			return false;
		c = (unsigned char)*delta->p++;
		delta->len--;
		*ret |= (size_t)(c & 0x7f) << shift;
	}
	return true;
}

/* The bytes of a number that the bits say are there, least significant first. */
static bool take_number(struct view *delta, unsigned bits, unsigned n, size_t *ret)
{
	*ret = 0;
	for (unsigned i = 0; i < n; i++) {
		if (!(bits & 1U << i))
			continue;
		if (!delta->len)
			return false;
		*ret |= (size_t)(unsigned char)*delta->p++ << 8 * i;
		delta->len--;
	}
	return true;
}

/* What the next instruction adds: a piece of the base, or of the delta itself. */
static bool next_piece(struct view *delta, struct view base, struct view *ret)
{
	unsigned char op = (unsigned char)*delta->p++;
	size_t from, n;

	delta->len--;
	if (op & 0x80) {
		if (!take_number(delta, op & 15, 4, &from) ||
			!take_number(delta, op >> 4 & 7, 3, &n))
			return false;
		n = n ? n : 0x10000;
		if (from > base.len || n > base.len - from)
			return false;
		*ret = (struct view){base.p + from, n};
		return true;
	}
	if (!op || op > delta->len)
		return false;
	*ret = (struct view){delta->p, op};
	delta->p += op;
	delta->len -= op;
	return true;
}

static bool apply(struct reading *r, struct view base, struct view delta, struct view *ret)
{
	size_t before, size, done = 0;
	struct view piece;
	char *out;

	if (!take_size(&delta, &before) || !take_size(&delta, &size) || before != base.len)
		return false;
	out = reserve(r, size);
	while (out && delta.len) {
		if (!next_piece(&delta, base, &piece) || piece.len > size - done)
			return false;
		memcpy(out + done, piece.p, piece.len);
		done += piece.len;
	}
	*ret = (struct view){out, size};
	return out && done == size;
}

/* ---- entries ---- */

static bool take_entry(struct reading *r)
{
	size_t at = (size_t)(r->p - r->begin), size;
	struct pack_object o = {.at = at}, base = {.type = GIT_OBJECT_INVALID};
	struct view delta;
	unsigned kind;

	if (!take_head(r, &kind, &size))
		return false;
	if (kind == OFS_DELTA || kind == REF_DELTA) {
		if (!(kind == OFS_DELTA ? find_near(r, at, &base) : find_named(r, &base)) ||
			!take_zipped(r, size, &delta) || !apply(r, base.bytes, delta, &o.bytes))
			return false;
		o.type = base.type;
	} else {
		o.type = (git_object_t)kind;
		if (kind < GIT_OBJECT_COMMIT || kind > GIT_OBJECT_TAG ||
			!take_zipped(r, size, &o.bytes))
			return false;
	}
	if (git_odb_hash(&o.id, o.bytes.p, o.bytes.len, o.type) < 0)
		return false;
	r->pack->v[r->pack->n++] = o;
	return true;
}

static bool is_whole(struct view bytes)
{
	struct digest_value v = digest_of(DIGEST_SHA1, (struct view){bytes.p, bytes.len - TRAILER});

	return memcmp(v.bytes, bytes.p + bytes.len - TRAILER, TRAILER) == 0;
}

bool pack_open(struct view bytes, git_odb *odb, struct arena *a, struct pack *ret)
{
	struct reading r = {.odb = odb, .arena = a, .pack = ret};
	uint32_t n;

	*ret = (struct pack){0};
	if (bytes.len < HEADER + TRAILER || bytes.len > PACK_BYTES_MAX ||
		memcmp(bytes.p, "PACK\0\0\0\2", 8) != 0 || !is_whole(bytes))
		return false;
	memcpy(&n, bytes.p + 8, sizeof(n));
	n = be32toh(n);
	if (n > PACK_OBJECTS_MAX)
		return false;
	ret->v = arena_new_n(a, n + 1, struct pack_object);
	r.begin = (const unsigned char *)bytes.p;
	r.p = r.begin + HEADER;
	r.end = r.begin + bytes.len - TRAILER;
	while (ret->n < n)
		if (!take_entry(&r))
			return false;
	return r.p == r.end;
}

struct pack_object *pack_find(const struct pack *p, const git_oid *id)
{
	for (size_t i = 0; i < p->n; i++)
		if (git_oid_equal(&p->v[i].id, id))
			return &p->v[i];
	return NULL;
}
