/* SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
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

static bool fill_seeded(unsigned char *p, size_t n)
{
	bool seeded;

	pthread_mutex_lock(&lock);
	seeded = state != 0;
	for (size_t i = 0; seeded && i < n; i++)
		p[i] = (unsigned char)next_seeded();
	pthread_mutex_unlock(&lock);
	return seeded;
}

void id_random_bytes(void *buf, size_t n)
{
	unsigned char *p = buf;

	if (fill_seeded(p, n))
		return;
	while (n) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		BUG_ON(got <= 0);
		p += got;
		n -= (size_t)got;
	}
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
