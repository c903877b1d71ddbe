/* SPDX-License-Identifier: Apache-2.0 */
/* Packing and unpacking; archives made to break out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"
#include "codec/archive.h"

static char dir[64]; /* holds in/, out/ and what archives must not reach */

static char *at(const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/towpath-archive-XXXXXX");
	assert_non_null(mkdtemp(dir));
	for (int i = 0; i < 2; i++) {
		CLEANUP(freep) char *path = at(i ? "in" : "out");

		assert_int_equal(mkdir(path, 0755), 0);
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return file_remove_tree(dir, NULL);
}

static void put(const char *name, const char *text, mode_t mode)
{
	CLEANUP(freep) char *path = at(name);

	assert_int_equal(file_write_atomic(path, view_of(text), mode, NULL), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void expect_file(const char *name, const char *text, mode_t mode)
{
	CLEANUP(freep) char *path = at(name);
	CLEANUP_STR struct str got = STR_INIT;
	struct stat st;

	assert_int_equal(file_read(path, 10000, &got, NULL), 0);
	assert_string_equal(str_text(&got), text);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, mode);
}

static void round_trip(void **state)
{
	static const enum archive_kind kinds[] = {
		ARCHIVE_KIND_ZIP, ARCHIVE_KIND_TAR, ARCHIVE_KIND_TGZ};
	CLEANUP(freep)
	char *in = at("in"), *sub = at("in/sub"), *out = at("out"), *link = at("in/sub/link"),
	     *got = at("out/sub/link");
	char target[64] = "";

	(void)state;
	assert_int_equal(mkdir(sub, 0755), 0);
	put("in/a.txt", "a", 0644);
	put("in/sub/run.sh", "#!/bin/sh\n", 0755);
	put("in/sub/na\xc3\xafve \xe2\x82\xac.txt", "u", 0600);
	put("in/empty", "", 0644);
	assert_int_equal(symlink("../a.txt", link), 0);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		CLEANUP(freep) char *file = at("packed");
		CLEANUP_FD int fd = open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		CLEANUP_ERR struct err err = ERR_INIT;
		struct archive_stats packed, unpacked;

		if (archive_pack_all(kinds[i], in, fd, &packed, &err) < 0)
			fail_msg("%s", err_message(&err));
		assert_int_equal(packed.entries, 6);
		for (int again = 0; again < 2; again++) { /* the second time over the first */
			assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
			if (archive_unpack(again ? ARCHIVE_KIND_AUTO : kinds[i], fd, out, NULL,
				    &unpacked, &err) < 0)
				fail_msg("kind %d: %s", (int)kinds[i], err_message(&err));
			assert_int_equal(unpacked.bytes, packed.bytes);
		}
		expect_file("out/a.txt", "a", 0644);
		expect_file("out/sub/run.sh", "#!/bin/sh\n", 0755);
		expect_file("out/sub/na\xc3\xafve \xe2\x82\xac.txt", "u", 0600);
		expect_file("out/empty", "", 0644);
		assert_int_equal(readlink(got, target, sizeof(target) - 1), 8);
		assert_string_equal(target, "../a.txt");
		assert_int_equal(file_remove_tree(out, NULL), 0);
		assert_int_equal(mkdir(out, 0755), 0);
	}
}

struct evil {
	const char *what;
	struct {
		const char *name, *target; /* target: of a link */
		unsigned type;		   /* AE_IF*, 0: hard link */
	} entries[4];
};

static int make_archive(const struct evil *e)
{
	CLEANUP(freep) char *path = at("evil.tar");
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct archive *a = archive_write_new();

	archive_write_set_format_ustar(a);
	assert_int_equal(archive_write_open_fd(a, fd), ARCHIVE_OK);
	for (size_t i = 0; i < ARRAY_SIZE(e->entries) && e->entries[i].name; i++) {
		struct archive_entry *entry = archive_entry_new();
		unsigned type = e->entries[i].type;

		archive_entry_set_pathname(entry, e->entries[i].name);
		archive_entry_set_filetype(entry, type ? type : AE_IFREG);
		archive_entry_set_perm(entry, 04755);
		archive_entry_set_size(entry, type == AE_IFREG ? 4 : 0);
		if (type == AE_IFLNK)
			archive_entry_set_symlink(entry, e->entries[i].target);
		if (!type)
			archive_entry_set_hardlink(entry, e->entries[i].target);
		assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
		if (type == AE_IFREG)
			assert_int_equal(archive_write_data(a, "evil", 4), 4);
		archive_entry_free(entry);
	}
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static void breaking_out(void **state)
{
	static const struct evil rows[] = {
		{"dots", {{"../secret", NULL, AE_IFREG}}},
		{"dots inside", {{"a/../../secret", NULL, AE_IFREG}}},
		{"absolute", {{"/tmp/towpath-evil", NULL, AE_IFREG}}},
		{"link out", {{"l", "../secret", AE_IFLNK}}},
		{"absolute link", {{"l", "/etc/passwd", AE_IFLNK}}},
		{"through a link",
			{{"d/x", NULL, AE_IFREG}, {"l", "d", AE_IFLNK}, {"l/y", NULL, AE_IFREG}}},
		{"link by a link", {{"s", ".", AE_IFLNK}, {"l", "s/../secret", AE_IFLNK}}},
		{"link over a folder", {{"d/x", NULL, AE_IFREG}, {"d", ".", AE_IFLNK}}},
		{"hard link out", {{"h", "../secret", 0}}},
		{"hard link to a link", {{"l", "d", AE_IFLNK}, {"h", "l", 0}}},
		{"device", {{"null", NULL, AE_IFCHR}}},
		{"pipe", {{"p", NULL, AE_IFIFO}}},
	};
	CLEANUP(freep) char *out = at("out");

	(void)state;
	put("secret", "secret", 0600);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_FD int fd = make_archive(&rows[i]);
		CLEANUP_ERR struct err err = ERR_INIT;

		if (archive_unpack(ARCHIVE_KIND_AUTO, fd, out, NULL, NULL, &err) == 0)
			fail_msg("%s was unpacked", rows[i].what);
		if (err.kind != ERR_MALFORMED && err.kind != ERR_IO)
			fail_msg("%s: %s", rows[i].what, err_message(&err));
		expect_file("secret", "secret", 0600);
		assert_false(file_exists("/tmp/towpath-evil"));
		assert_int_equal(file_remove_tree(out, NULL), 0);
		assert_int_equal(mkdir(out, 0755), 0);
	}
}

static void harmless(void **state)
{
	static const struct evil row = {
		"harmless", {{"./a/b", NULL, AE_IFREG}, {"a/h", "a/b", 0},
				    {"a/c/l", "../b", AE_IFLNK}, {"l", "a/b", AE_IFLNK}}};
	CLEANUP(freep) char *out = at("out");
	CLEANUP_FD int fd = make_archive(&row);
	CLEANUP_ERR struct err err = ERR_INIT;

	(void)state;
	if (archive_unpack(ARCHIVE_KIND_AUTO, fd, out, NULL, NULL, &err) < 0)
		fail_msg("%s", err_message(&err));
	expect_file("out/a/b", "evil", 0755); /* the set-uid bit is gone */
	expect_file("out/a/h", "evil", 0755);
	expect_file("out/a/c/l", "evil", 0755);
	expect_file("out/l", "evil", 0755);
}

static void limits(void **state)
{
	static const struct evil row = {"two", {{"a", NULL, AE_IFREG}, {"b", NULL, AE_IFREG}}};
	static const struct archive_limits entries = {.max_entries = 1}, bytes = {.max_bytes = 7};
	CLEANUP(freep) char *out = at("out");

	(void)state;
	for (int i = 0; i < 2; i++) {
		CLEANUP_FD int fd = make_archive(&row);
		CLEANUP_ERR struct err err = ERR_INIT;

		assert_int_equal(archive_unpack(ARCHIVE_KIND_TAR, fd, out, i ? &entries : &bytes,
					 NULL, &err),
			-1);
		assert_int_equal(err.kind, ERR_TOO_LARGE);
	}
}

static void no_archive(void **state)
{
	CLEANUP(freep) char *path = at("text"), *out = at("out");
	CLEANUP_ERR struct err err = ERR_INIT;

	(void)state;
	put("text", "this is no archive", 0600);
	for (int kind = ARCHIVE_KIND_AUTO; kind <= ARCHIVE_KIND_TGZ; kind++) {
		CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);

		assert_int_equal(
			archive_unpack((enum archive_kind)kind, fd, out, NULL, NULL, &err), -1);
		assert_int_equal(err.kind, ERR_MALFORMED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(round_trip, set_up, tear_down),
		cmocka_unit_test_setup_teardown(breaking_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(harmless, set_up, tear_down),
		cmocka_unit_test_setup_teardown(limits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_archive, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
