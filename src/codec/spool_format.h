/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a spool: shared by its writer and its reader only.
 *
 * File: 16 bytes of magic, then blocks. Block: header, then `len` bytes of text, cut into lines
 * by line feeds; all of them came in at one time. Index: one entry for every 64 KiB or so.
 *
 * Invariants
 * 1. A block is valid when its magic, its length and its digest agree with what is in the file;
 *    everything behind the first invalid block does not exist.
 * 2. usec, line and raw never fall from block to block.
 * 3. Only the last piece of a block may lack its line feed; then SPOOL_OPEN is set.
 * 4. A block with SPOOL_END has no text and is the last one. */
#ifndef TOWPATH_CODEC_SPOOL_FORMAT_H
#define TOWPATH_CODEC_SPOOL_FORMAT_H

#include "base/limits.h"
#include "base/macros.h"

#define SPOOL_MAGIC "towpath-spool-1\n"
#define SPOOL_START ((int64_t)(sizeof(SPOOL_MAGIC) - 1))
#define SPOOL_BLOCK_MAGIC 0x4b425053U /* "SPBK" */
#define SPOOL_TEXT_MAX LIMIT_LOG_LINE
#define SPOOL_INDEX_STEP ((int64_t)(64 * KIB))

enum { SPOOL_OPEN = 1, SPOOL_END = 2 };

struct spool_header {
	uint32_t magic, len;
	uint32_t lines; /* pieces that start in this block */
	uint32_t flags;
	uint32_t prev; /* bytes of the block before, header included; 0 for the first */
	uint32_t digest;
	int64_t usec, line, raw; /* time; number of the first piece; bytes of text before */
};

struct spool_index_entry {
	int64_t block, line, usec, raw;
};

_Static_assert(sizeof(struct spool_header) == 48, "the header has no holes");
_Static_assert(sizeof(struct spool_index_entry) == 32, "the entry has no holes");

/* Tells torn and zero-filled blocks from whole ones; a few gigabytes a second. The text comes in
 * two parts. h->digest counts as 0. */
uint32_t spool_digest(
	const struct spool_header *h, const char *a, size_t a_len, const char *b, size_t b_len);

#endif
