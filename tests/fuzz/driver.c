/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over its corpus and over fixed mutations of it, as a TAP test.
 * usage: fuzz-NAME CORPUS-FOLDER [MUTATIONS] */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

#define INPUT_LIMIT (1 * MIB)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t state;

/* xorshift64: the same sequence in every run. */
static uint64_t next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void run(const uint8_t *bytes, size_t n)
{
	uint8_t *copy = xmalloc(n ? n : 1); /* exact size, so that reading over it is noticed */

	if (n)
		memcpy(copy, bytes, n);
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

static void mutate_once(uint8_t *bytes, size_t *n)
{
	static const char interesting[] = "{}[]\"\\:,<>&%.0-9/\0\xff\x80";
	size_t at, run_length;

	if (!*n)
		return;
	at = next_random() % *n;
	run_length = 1 + next_random() % MIN(*n - at, (size_t)16);
	switch (next_random() % 6) {
	case 0:
		bytes[at] ^= (uint8_t)(1u << next_random() % 8);
		return;
	case 1:
		bytes[at] = (uint8_t)interesting[next_random() % (sizeof(interesting) - 1)];
		return;
	case 2: /* cut a piece out */
		memmove(bytes + at, bytes + at + run_length, *n - at - run_length);
		*n -= run_length;
		return;
	case 3: /* cut the end off */
		*n = at;
		return;
	case 4: /* copy a piece elsewhere */
		memmove(bytes + next_random() % (*n - run_length + 1), bytes + at, run_length);
		return;
	default:
		bytes[at] = (uint8_t)next_random();
	}
}

static void mutations(const struct str *input, int count)
{
	for (int i = 0; i < count; i++) {
		uint8_t *bytes = xmalloc(input->len + 1);
		size_t n = input->len;

		memcpy(bytes, str_text(input), n);
		for (uint64_t times = 1 + next_random() % 4; times; times--)
			mutate_once(bytes, &n);
		run(bytes, n);
		free(bytes);
	}
}

int main(int argc, char **argv)
{
	int count = argc > 2 ? atoi(argv[2]) : 1000, n;
	struct dirent **entries;
	int done = 0;

	if (argc < 2 || (n = scandir(argv[1], &entries, NULL, alphasort)) < 0) {
		printf("Bail out! no corpus\n");
		return 1;
	}
	for (int i = 0; i < n; i++) {
		CLEANUP(freep) char *path = xasprintf("%s/%s", argv[1], entries[i]->d_name);
		CLEANUP_STR struct str input = STR_INIT;

		if (entries[i]->d_name[0] != '.' &&
			file_read(path, INPUT_LIMIT, &input, NULL) == 0) {
			state = UINT64_C(88172645463325252);
			run((const uint8_t *)str_text(&input), input.len);
			mutations(&input, count);
			printf("ok %d - %s\n", ++done, entries[i]->d_name);
			fflush(stdout);
		}
		free(entries[i]);
	}
	free(entries);
	printf("1..%d\n", done);
	return done == 0;
}
