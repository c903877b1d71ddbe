/* SPDX-License-Identifier: Apache-2.0 */
/* An append-only spool of log lines with times: one writer, any number of readers, in the same
 * process or in others.
 *
 * Lines come out complete and in the order in which they went in. A line longer than
 * LIMIT_LOG_LINE is split (`continues` is set on all parts but the last). The raw export gives
 * back exactly the bytes that were written. After a crash of the writer readers stop at the last
 * whole block; opening for writing cuts the torn rest off. Beside the file PATH stands PATH.idx,
 * a sparse index that only speeds seeking up and is made anew when missing or wrong.
 *
 * Block: 48 bytes of header (see spool.c), then the text of whole lines, all of one time. */
#ifndef TOWPATH_CODEC_SPOOL_H
#define TOWPATH_CODEC_SPOOL_H

#include "base/err.h"
#include "base/str.h"
#include "base/view.h"

struct spool_writer;
struct spool_reader;

/* Opens for appending; makes the file when missing, recovers a torn tail and takes an end marker
 * away. One writer at a time: a second one gets ERR_CONFLICT. */
int spool_writer_open(const char *path, struct spool_writer **ret, struct err *err);
/* Syncs nothing, ends nothing: whole lines written so far are in the file. An open last line is
 * written out. NULL is fine. */
void spool_writer_free(struct spool_writer *w);
DEFINE_FREEP(struct spool_writer, spool_writer_free)
#define CLEANUP_SPOOL_WRITER CLEANUP(spool_writer_freep)

/* Appends bytes that came in at usec. Whole lines go to the file at once; the start of a line
 * waits for its end, for spool_flush(), or until it is longer than LIMIT_LOG_LINE. Times never go
 * back: an earlier one counts as the last one. */
int spool_write(struct spool_writer *w, struct view bytes, int64_t usec, struct err *err);
/* Puts a waiting start of a line into the file as it stands; what comes next continues it. */
int spool_flush(struct spool_writer *w, struct err *err);
/* Adds a line feed if the last byte written was not one. */
int spool_break_line(struct spool_writer *w, int64_t usec, struct err *err);
/* Everything written so far is on the disk when this returns. */
int spool_sync(struct spool_writer *w, struct err *err);
/* Writes the end marker and syncs: readers see that no more will come. */
int spool_finish(struct spool_writer *w, int64_t usec, struct err *err);

/* A place between two lines. Stays valid for the life of the file. */
struct spool_pos {
	int64_t block; /* file offset of a block */
	int64_t at;    /* bytes into its text */
	int64_t line;  /* number of the line that starts here, from 0 */
};

struct spool_pos_text {
	char text[72];
};
struct spool_pos_text spool_pos_format(struct spool_pos pos);
/* false when text was not made by spool_pos_format(). */
bool spool_pos_parse(const char *text, struct spool_pos *ret);

struct spool_line {
	int64_t usec;	      /* when it came in */
	int64_t number;	      /* from 0 */
	struct view text;     /* without the line feed; valid until the next call on the reader */
	bool continues;	      /* the next line is the rest of this one */
	struct spool_pos pos; /* before this line */
};

struct spool_stat {
	int64_t lines, bytes; /* bytes of text, line feeds included */
	int64_t first_usec, last_usec;
	bool ended; /* the end marker is there */
};

/* ERR_NOT_FOUND when there is no such file. Starts before the first line. */
int spool_reader_open(const char *path, struct spool_reader **ret, struct err *err);
void spool_reader_free(struct spool_reader *r);
DEFINE_FREEP(struct spool_reader, spool_reader_free)
#define CLEANUP_SPOOL_READER CLEANUP(spool_reader_freep)

/* 1: the line after the position, which moves behind it. 0: no more so far. */
int spool_next(struct spool_reader *r, struct spool_line *ret, struct err *err);
/* 1: the line before the position, which moves before it. 0: at the start. */
int spool_prev(struct spool_reader *r, struct spool_line *ret, struct err *err);
struct spool_pos spool_tell(const struct spool_reader *r);
/* True once spool_next() answered 0 at the end marker. */
bool spool_at_end(const struct spool_reader *r);

void spool_seek_start(struct spool_reader *r);
/* Behind the last whole line there is now. */
int spool_seek_end(struct spool_reader *r, struct err *err);
/* ERR_INVALID when pos is not of this file. */
int spool_seek(struct spool_reader *r, struct spool_pos pos, struct err *err);
/* Before line number `line` (behind the last one when there are fewer). */
int spool_seek_line(struct spool_reader *r, int64_t line, struct err *err);
/* Before the first line of time usec or later. */
int spool_seek_time(struct spool_reader *r, int64_t usec, struct err *err);
int spool_stat(struct spool_reader *r, struct spool_stat *ret, struct err *err);

/* A descriptor that polls readable when the file has grown (or was renamed, deleted). Borrowed;
 * call spool_watch_clear() before reading on. */
int spool_watch_fd(struct spool_reader *r, struct err *err);
void spool_watch_clear(struct spool_reader *r);

/* Writes the bytes exactly as they came in, from the start to the last whole block. */
int spool_export(const char *path, int out_fd, struct err *err);

#endif
