/* SPDX-License-Identifier: Apache-2.0 */
/* Log spools: order, splitting, seeking, following, crash recovery, raw export. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "codec/spool.h"

struct fixture {
	char dir[64];
	char path[96];
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/spool-test.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/log", f->dir);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	file_remove_tree(f->dir, NULL);
	free(f);
	return 0;
}

static struct spool_writer *writer(struct fixture *f)
{
	struct spool_writer *w = NULL;

	assert_int_equal(spool_writer_open(f->path, &w, NULL), 0);
	return w;
}

static struct spool_reader *reader(struct fixture *f)
{
	struct spool_reader *r = NULL;

	assert_int_equal(spool_reader_open(f->path, &r, NULL), 0);
	return r;
}

static void put(struct spool_writer *w, const char *text, int64_t usec)
{
	assert_int_equal(spool_write(w, view_of(text), usec, NULL), 0);
}

static void expect(struct spool_reader *r, const char *text, int64_t number, int64_t usec)
{
	struct spool_line line;

	assert_int_equal(spool_next(r, &line, NULL), 1);
	assert_int_equal(line.text.len, strlen(text));
	assert_memory_equal(line.text.p, text, line.text.len);
	assert_int_equal(line.number, number);
	assert_int_equal(line.usec, usec);
}

static void expect_none(struct spool_reader *r)
{
	struct spool_line line;

	assert_int_equal(spool_next(r, &line, NULL), 0);
}

static void lines_come_out_in_order(void **state)
{
	struct spool_writer *w = writer(*state);
	struct spool_reader *r = reader(*state);

	expect_none(r);
	put(w, "one\ntwo\n\nfo", 10);
	expect(r, "one", 0, 10);
	expect(r, "two", 1, 10);
	expect(r, "", 2, 10);
	expect_none(r);
	put(w, "ur\nfive\n", 20);
	expect(r, "four", 3, 20);
	expect(r, "five", 4, 20);
	put(w, "six\n", 5); /* a clock that went back */
	expect(r, "six", 5, 20);
	assert_false(spool_at_end(r));
	assert_int_equal(spool_finish(w, 30, NULL), 0);
	expect_none(r);
	assert_true(spool_at_end(r));
	spool_reader_free(r);
	spool_writer_free(w);
}

static void reads_backward(void **state)
{
	struct spool_writer *w = writer(*state);
	struct spool_reader *r = reader(*state);
	struct spool_line line;
	char text[32];

	for (int i = 0; i < 5000; i++) {
		snprintf(text, sizeof(text), "line %d\n", i);
		put(w, text, i / 7);
	}
	assert_int_equal(spool_seek_end(r, NULL), 0);
	for (int i = 4999; i >= 0; i--) {
		snprintf(text, sizeof(text), "line %d", i);
		assert_int_equal(spool_prev(r, &line, NULL), 1);
		assert_int_equal(line.number, i);
		assert_int_equal(line.text.len, strlen(text));
		assert_memory_equal(line.text.p, text, line.text.len);
	}
	assert_int_equal(spool_prev(r, &line, NULL), 0);
	expect(r, "line 0", 0, 0);
	spool_reader_free(r);
	spool_writer_free(w);
}

static void long_lines_are_split(void **state)
{
	struct fixture *f = *state;
	struct spool_writer *w = writer(f);
	struct spool_reader *r = reader(f);
	size_t n = 3 * LIMIT_LOG_LINE + 17, seen = 0;
	char *big CLEANUP(freep) = xmalloc(n + 1);
	struct spool_line line;

	memset(big, 'x', n);
	big[n] = '\n';
	put(w, "a", 1);
	assert_int_equal(spool_write(w, (struct view){big, n + 1}, 2, NULL), 0);
	put(w, "after\n", 3);
	do {
		assert_int_equal(spool_next(r, &line, NULL), 1);
		assert_true(line.text.len <= LIMIT_LOG_LINE);
		seen += line.text.len;
	} while (line.continues);
	assert_int_equal(seen, n + 1);
	expect(r, "after", line.number + 1, 3);
	assert_int_equal(spool_prev(r, &line, NULL), 1);
	assert_int_equal(spool_prev(r, &line, NULL), 1);
	assert_false(line.continues);
	assert_int_equal(spool_prev(r, &line, NULL), 1);
	assert_true(line.continues);
	spool_reader_free(r);
	spool_writer_free(w);
}

static void positions_last(void **state)
{
	struct spool_writer *w = writer(*state);
	struct spool_reader *r = reader(*state), *other;
	struct spool_pos pos, parsed;
	struct err err CLEANUP_ERR = ERR_INIT;

	put(w, "one\ntwo\n", 1);
	expect(r, "one", 0, 1);
	expect(r, "two", 1, 1);
	expect_none(r);
	pos = spool_tell(r);
	assert_true(spool_pos_parse(spool_pos_format(pos).text, &parsed));
	assert_false(spool_pos_parse("rubbish", &parsed));
	assert_false(spool_pos_parse("10.0.0x", &parsed));
	put(w, "three\n", 2);
	other = reader(*state);
	assert_int_equal(spool_seek(other, pos, NULL), 0);
	expect(other, "three", 2, 2);
	pos.block += 3;
	assert_int_equal(spool_seek(other, pos, &err), -1);
	assert_true(err_is(&err, ERR_INVALID));
	spool_reader_free(other);
	spool_reader_free(r);
	spool_writer_free(w);
}

static void seeks_by_line_and_time(void **state)
{
	struct fixture *f = *state;
	struct spool_writer *w = writer(f);
	struct spool_reader *r = reader(f);
	char text[64], index[128];

	for (int i = 0; i < 20000; i++) {
		snprintf(text, sizeof(text), "%050d\n", i);
		put(w, text, 1000 + i / 10 * 10);
	}
	snprintf(index, sizeof(index), "%s.idx", f->path);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 20000; i += 1237) {
			snprintf(text, sizeof(text), "%050d", i);
			assert_int_equal(spool_seek_line(r, i, NULL), 0);
			expect(r, text, i, 1000 + i / 10 * 10);
			snprintf(text, sizeof(text), "%050d", i / 10 * 10);
			assert_int_equal(spool_seek_time(r, 1000 + i / 10 * 10, NULL), 0);
			expect(r, text, i / 10 * 10, 1000 + i / 10 * 10);
		}
		unlink(index); /* all must work without the index as well */
	}
	assert_int_equal(spool_seek_line(r, 99999, NULL), 0);
	expect_none(r);
	assert_int_equal(spool_seek_time(r, 99999, NULL), 0);
	expect_none(r);
	assert_int_equal(spool_seek_time(r, 0, NULL), 0);
	snprintf(text, sizeof(text), "%050d", 0);
	expect(r, text, 0, 1000);
	spool_reader_free(r);
	spool_writer_free(w);
}

static void torn_tail_is_cut(void **state)
{
	struct fixture *f = *state;
	struct spool_writer *w = writer(f);
	struct spool_reader *r;
	struct stat st;

	put(w, "whole\n", 1);
	put(w, "torn block\n", 2);
	spool_writer_free(w);
	assert_int_equal(stat(f->path, &st), 0);
	for (off_t cut = 1; cut < 59; cut += 7) {
		assert_int_equal(truncate(f->path, st.st_size - cut), 0);
		r = reader(f);
		expect(r, "whole", 0, 1);
		expect_none(r);
		spool_reader_free(r);
	}
	/* Zeros as a crash of the machine leaves them. */
	assert_int_equal(truncate(f->path, st.st_size + 4096), 0);
	w = writer(f);
	put(w, "next\n", 3);
	r = reader(f);
	expect(r, "whole", 0, 1);
	expect(r, "next", 1, 3);
	expect_none(r);
	spool_reader_free(r);
	spool_writer_free(w);
}

static void appending_goes_on_after_the_end(void **state)
{
	struct fixture *f = *state;
	struct spool_writer *w = writer(f), *second = NULL;
	struct spool_reader *r;
	struct spool_stat st;
	struct err err CLEANUP_ERR = ERR_INIT;

	put(w, "one\npart", 1);
	assert_int_equal(spool_writer_open(f->path, &second, &err), -1);
	assert_true(err_is(&err, ERR_CONFLICT));
	assert_int_equal(spool_finish(w, 2, NULL), 0);
	spool_writer_free(w);
	r = reader(f);
	assert_int_equal(spool_stat(r, &st, NULL), 0);
	assert_true(st.ended);
	assert_int_equal(st.lines, 2);
	assert_int_equal(st.bytes, 8);
	w = writer(f);
	assert_int_equal(spool_break_line(w, 3, NULL), 0);
	assert_int_equal(spool_break_line(w, 3, NULL), 0);
	put(w, "two\n", 3);
	assert_int_equal(spool_stat(r, &st, NULL), 0);
	assert_false(st.ended);
	assert_int_equal(st.last_usec, 3);
	expect(r, "one", 0, 1);
	expect(r, "part", 1, 1);
	expect(r, "", 2, 3); /* the rest of the piece that was flushed */
	expect(r, "two", 3, 3);
	spool_reader_free(r);
	spool_writer_free(w);
}

static void export_gives_the_bytes_back(void **state)
{
	struct fixture *f = *state;
	struct spool_writer *w = writer(f);
	struct str in CLEANUP_STR = STR_INIT, out CLEANUP_STR = STR_INIT;
	int fd CLEANUP_FD = -1;
	unsigned seed = 7;

	for (int i = 0; i < 3000; i++) {
		char chunk[700];
		size_t n = (size_t)rand_r(&seed) % sizeof(chunk);

		for (size_t k = 0; k < n; k++)
			chunk[k] = (char)(rand_r(&seed) % 90 == 0 ? '\n' : rand_r(&seed));
		str_add_n(&in, chunk, n);
		assert_int_equal(spool_write(w, (struct view){chunk, n}, i, NULL), 0);
		if (i % 100 == 0)
			assert_int_equal(spool_flush(w, NULL), 0);
	}
	spool_writer_free(w);
	fd = open(f->dir, O_RDWR | O_TMPFILE, 0600);
	assert_int_equal(spool_export(f->path, fd, NULL), 0);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(fd_read_all(fd, 10 * MIB, &out, NULL), 0);
	assert_int_equal(out.len, in.len);
	assert_memory_equal(out.p, in.p, in.len);
}

static void growth_wakes_a_follower(void **state)
{
	struct spool_writer *w = writer(*state);
	struct spool_reader *r = reader(*state);
	struct pollfd p = {.events = POLLIN};

	p.fd = spool_watch_fd(r, NULL);
	assert_true(p.fd >= 0);
	assert_int_equal(poll(&p, 1, 0), 0);
	put(w, "hello\n", 1);
	assert_int_equal(poll(&p, 1, 1000), 1);
	spool_watch_clear(r);
	assert_int_equal(poll(&p, 1, 0), 0);
	expect(r, "hello", 0, 1);
	spool_reader_free(r);
	spool_writer_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lines_come_out_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_backward, setup, teardown),
		cmocka_unit_test_setup_teardown(long_lines_are_split, setup, teardown),
		cmocka_unit_test_setup_teardown(positions_last, setup, teardown),
		cmocka_unit_test_setup_teardown(seeks_by_line_and_time, setup, teardown),
		cmocka_unit_test_setup_teardown(torn_tail_is_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(appending_goes_on_after_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(export_gives_the_bytes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(growth_wakes_a_follower, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
