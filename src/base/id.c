/* SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "base/hex.h"
#include "base/macros.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t state; /* 0: the kernel's source is used */

void id_seed(uint64_t seed)
{
	pthread_mutex_lock(&lock);
	state = seed;
	pthread_mutex_unlock(&lock);
}

/* splitmix64: https://prng.di.unimi.it/splitmix64.c describes it. */
static uint64_t next_seeded(void)
{
	uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* Under the lock. */
static bool fill_seeded(unsigned char *p, size_t n)
{
	for (size_t i = 0; state && i < n; i++)
		p[i] = (unsigned char)next_seeded();
	return state;
}

static void fill_from_kernel(unsigned char *p, size_t n)
{
	while (n) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		BUG_ON(got <= 0);
		p += got;
		n -= (size_t)got;
	}
}

/* Bytes drawn ahead, since every request needs some and a call of the kernel costs more than all
 * else about them. They lie where a child process finds zeros, hence no bytes left: parent and
 * child never hand out the same. */
struct pool {
	size_t left;
	unsigned char bytes[1024];
};

#define MOST_OF_POOL 64 /* more at a time comes from the kernel directly */

static struct pool *pool_get(void)
{
	static struct pool *pool;
	void *p;

	if (pool)
		return pool;
	p = mmap(NULL, sizeof(*pool), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	if (madvise(p, sizeof(*pool), MADV_WIPEONFORK) < 0) {
		munmap(p, sizeof(*pool));
		return NULL;
	}
	return pool = p;
}

/* Under the lock. */
static bool fill_from_pool(unsigned char *p, size_t n)
{
	struct pool *pool = n <= MOST_OF_POOL ? pool_get() : NULL;

	if (!pool)
		return false;
	if (pool->left < n) {
		fill_from_kernel(pool->bytes, sizeof(pool->bytes));
		pool->left = sizeof(pool->bytes);
	}
	pool->left -= n;
	memcpy(p, pool->bytes + pool->left, n);
	explicit_bzero(pool->bytes + pool->left, n);
	return true;
}

void id_random_bytes(void *buf, size_t n)
{
	bool filled;

	pthread_mutex_lock(&lock);
	filled = fill_seeded(buf, n) || fill_from_pool(buf, n);
	pthread_mutex_unlock(&lock);
	if (!filled)
		fill_from_kernel(buf, n);
}

struct uuid_text id_uuid(void)
{
	static const size_t groups[] = {4, 2, 2, 2, 6}; /* RFC 4122 section 3 */
	unsigned char b[16];
	const unsigned char *from = b;
	struct uuid_text out;
	char *p = out.text;

	id_random_bytes(b, sizeof(b));
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		if (i > 0)
			*p++ = '-';
		p = hex_write(p, from, groups[i]);
		from += groups[i];
	}
	*p = '\0';
	return out;
}

void id_random_text(char *buf, size_t n, const char *alphabet)
{
	size_t letters = strlen(alphabet);
	unsigned limit = 256 - 256 % (unsigned)letters;
	size_t i = 0;

	while (i < n) {
		unsigned char b;

		id_random_bytes(&b, 1);
		if (b < limit)
			buf[i++] = alphabet[b % letters];
	}
	buf[n] = '\0';
}
