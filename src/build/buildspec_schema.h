/* SPDX-License-Identifier: Apache-2.0 */
/* Walks a YAML mapping by a table of its keys. Private to build/buildspec*.c. */
#ifndef TOWPATH_BUILD_BUILDSPEC_SCHEMA_H
#define TOWPATH_BUILD_BUILDSPEC_SCHEMA_H

#include "codec/yaml.h"
#include "towpath.gen.h"

struct buildspec_reader {
	struct yaml_document *doc;
	struct arena *arena;
	bool old; /* version 0.1 */
};

/* Reads one value into field; name is the key as written. */
typedef int (*buildspec_read_fn)(struct buildspec_reader *r, const char *name,
	const struct yaml_node *v, void *field, struct err *err);

enum {
	KEY_REQUIRED = 1,
	KEY_ONLY_OLD = 2, /* version 0.1 */
	KEY_ONLY_NEW = 4, /* version 0.2 */
};

struct buildspec_key {
	const char *name;
	buildspec_read_fn read; /* NULL: known, read by somebody else */
	size_t offset;		/* of the field in the structure that is read */
	int flags;
};

/* Reads every key of a mapping into base; what names the mapping in messages ("phases.build").
 * Unknown keys and missing required ones are errors; keys that begin with "x-" are for the
 * user's own anchors and are passed over. */
int buildspec_read_keys(struct buildspec_reader *r, const char *what, const struct yaml_node *map,
	const struct buildspec_key *keys, size_t n_keys, void *base, struct err *err);

/* Readers. Fields: const char *, struct wire_bool, struct towpath_string_list,
 * struct towpath_leader_variables. */
int buildspec_read_text(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field, struct err *err);
int buildspec_read_bool(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field, struct err *err);
int buildspec_read_texts(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field, struct err *err);
int buildspec_read_variables(struct buildspec_reader *r, const char *name,
	const struct yaml_node *v, void *field, struct err *err);
/* A mapping or an error that says so. */
int buildspec_want_map(
	struct buildspec_reader *r, const char *name, const struct yaml_node *v, struct err *err);

/* The parts of the file, each in its own .c. */
int buildspec_read_phases(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field, struct err *err); /* struct towpath_leader_phases */
int buildspec_read_files(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *spec, struct err *err); /* struct towpath_buildspec: artifacts */
int buildspec_read_secondary(struct buildspec_reader *r, const char *name,
	const struct yaml_node *v, void *spec, struct err *err); /* top-level leniency */
int buildspec_read_reports(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field, struct err *err); /* struct towpath_leader_files_list */
int buildspec_read_cache(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field, struct err *err); /* struct towpath_buildspec_cache * */
/* The batch block; single builds do nothing with it. */
int buildspec_read_batch(struct buildspec_reader *r, const char *name, const struct yaml_node *v,
	void *field, struct err *err); /* struct towpath_buildspec_batch * */

#endif
