/* SPDX-License-Identifier: Apache-2.0 */
/* Random identifiers. The source can be seeded, for simulations only. */
#ifndef TOWPATH_BASE_ID_H
#define TOWPATH_BASE_ID_H

#include "base/macros.h"

struct uuid_text {
	char text[37];
};

/* Fills buf with n random bytes from the kernel (or from the seeded generator). */
void id_random_bytes(void *buf, size_t n);
/* Random UUID, version 4, lower case. */
struct uuid_text id_uuid(void);
/* n characters drawn evenly from alphabet, NUL-terminated; buf holds n + 1. */
void id_random_text(char *buf, size_t n, const char *alphabet);
/* Simulations only: from now on ids are a fixed sequence; 0 goes back to the kernel's. */
void id_seed(uint64_t seed);

#define ID_ALPHABET_HEX "0123456789abcdef"
#define ID_ALPHABET_UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define ID_ALPHABET_BASE62 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

#endif
